/* SPDX-License-Identifier: MIT */
#include "worker/limits.h"

#include "base/error.h"
#include "base/statm.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

/* Soft and hard, so that a plugin without privileges cannot undo it; `spare` keeps the hard one above, where the soft one only
 * sends a signal. A soft one that was below the limit is raised to it, as far as the hard one lets it. */
static int limit_one(int resource, uint64_t limit, uint64_t spare)
{
    struct rlimit now;
    if (!limit)
        return 0;
    if (getrlimit(resource, &now) < 0)
        return -errno;
    rlim_t hard = limit < RLIM_INFINITY - spare ? (rlim_t)(limit + spare) : RLIM_INFINITY;
    if (hard > now.rlim_max)
        hard = now.rlim_max;
    now.rlim_cur = limit < hard ? (rlim_t)limit : hard;
    now.rlim_max = hard;
    return setrlimit(resource, &now) < 0 ? -errno : 0;
}

int limits_apply(const struct hay_limits *limits, struct hay_error *error)
{
    /* A worker begins with all that its master has mapped, which may be more than the limit when it replaces another. */
    uint64_t memory = limits->memory_bytes, mapped = memory ? statm_read(0).mapped_bytes : 0;
    memory = memory < UINT64_MAX - mapped ? memory + mapped : UINT64_MAX;
    const struct {
        int resource;
        uint64_t limit, spare;
        const char *name;
    } wanted[] = {
        {RLIMIT_CPU, limits->cpu_s, 1, "CPU time"}, /* a second between SIGXCPU and SIGKILL */
        {RLIMIT_FSIZE, limits->file_bytes, 0, "file size"},
        {RLIMIT_NOFILE, limits->files, 0, "open files"},
        {RLIMIT_AS, memory, 0, "memory"},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        int status = limit_one(wanted[i].resource, wanted[i].limit, wanted[i].spare);
        if (status) {
            error_system(error, -status, "the limit of %s", wanted[i].name);
            return status;
        }
    }
    errno = 0;
    if (limits->nice && nice(limits->nice) == -1 && errno) {
        int status = -errno;
        error_system(error, errno, "nice");
        return status;
    }
    return 0;
}
