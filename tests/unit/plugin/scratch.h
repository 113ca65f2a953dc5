/* SPDX-License-Identifier: MIT
 *
 * A directory of its own for a test program, below the current one, with small helpers to fill it. Removed by scratch_remove().
 */
#ifndef TESTS_UNIT_PLUGIN_SCRATCH_H
#define TESTS_UNIT_PLUGIN_SCRATCH_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch[PATH_MAX - 300];

static inline bool scratch_make(void)
{
    char name[] = "plugin-test-XXXXXX", here[PATH_MAX - 400];
    if (!getcwd(here, sizeof here) || !mkdtemp(name))
        return false;
    snprintf(scratch, sizeof scratch, "%s/%s", here, name);
    return true;
}

/* The path of a file in it; good until the eighth call after. */
static inline const char *scratch_path(const char *name)
{
    static char paths[8][PATH_MAX];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, PATH_MAX, "%s/%s", scratch, name);
    return path;
}

/* Write a file with these bytes and this mode, whatever the umask. */
static inline bool scratch_write(const char *name, const void *bytes, size_t size, mode_t mode)
{
    int fd = open(scratch_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool done = write(fd, bytes, size) == (ssize_t)size && fchmod(fd, mode) == 0;
    close(fd);
    return done;
}

static inline int scratch_remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static inline void scratch_remove(void)
{
    nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
