/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: a wall clock that is set forward all the time. With HURT_CLOCK it gains so many seconds in each. And a
 * monotonic clock that is not the kernel's, as under faketime(1): with HURT_MONOTONIC it is so many seconds ahead.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

typedef int clock_fn(clockid_t clock, struct timespec *now);

__attribute__((visibility("default")))
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static clock_fn *next;
    struct timespec since;
    const char *gain = getenv("HURT_CLOCK"), *ahead = getenv("HURT_MONOTONIC");
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "clock_gettime");
    if (clock == CLOCK_MONOTONIC && ahead) {
        int failure = next(clock, now);
        now->tv_sec += strtol(ahead, NULL, 10);
        return failure;
    }
    if (clock == CLOCK_REALTIME && gain && !next(CLOCK_MONOTONIC, &since)) {
        int failure = next(clock, now);
        now->tv_sec += strtol(gain, NULL, 10) * since.tv_sec;
        return failure;
    }
    return next(clock, now);
}

/* libev's */
__attribute__((visibility("default")))
int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec wall;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &wall))
        return -1;
    *now = (struct timeval){wall.tv_sec, wall.tv_nsec / 1000};
    return 0;
}
