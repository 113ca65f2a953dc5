/* SPDX-License-Identifier: MIT
 *
 * A file that grows by one byte whenever a job of the fault plugin passes its `beacon`: tells a test that something has begun.
 */
#ifndef FAULTS_BEACON_H
#define FAULTS_BEACON_H

#include "harness.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct beacon {
    int fd;
    char path[128];
    char variable[160];             /* HAY_FAULT_BEACON=path */
    const char *environment[4];     /* for run_start(); room for two more */
};

static inline bool beacon_open(struct beacon *beacon)
{
    const char *folder = getenv("TMPDIR");
    snprintf(beacon->path, sizeof beacon->path, "%.80s/hayfork-beacon-XXXXXX", folder ? folder : "/tmp");
    beacon->fd = mkostemp(beacon->path, O_CLOEXEC);
    snprintf(beacon->variable, sizeof beacon->variable, "HAY_FAULT_BEACON=%s", beacon->path);
    beacon->environment[0] = beacon->variable;
    beacon->environment[1] = beacon->environment[2] = beacon->environment[3] = NULL;
    return beacon->fd >= 0 || note("no beacon file");
}

static inline long beacon_count(const struct beacon *beacon)
{
    struct stat status;
    return fstat(beacon->fd, &status) == 0 ? (long)status.st_size : -1;
}

/* False when it takes too long, or the run ends before. */
static inline bool beacon_await(const struct beacon *beacon, const struct run *run, long count)
{
    int64_t since_ns = now_ns();
    while (beacon_count(beacon) < count) {
        if (elapsed_ms(since_ns) > patience_ms() || process_state(run->pid, NULL) == 'Z')
            return note("only %ld of %ld jobs have begun", beacon_count(beacon), count);
        nap();
    }
    return true;
}

static inline void beacon_close(struct beacon *beacon)
{
    unlink(beacon->path);
    close(beacon->fd);
}

#endif
