/* SPDX-License-Identifier: MIT
 *
 * The two clocks of the command: one for spans, which nobody sets, and one for people, which is also that of a job's start.
 */
#ifndef CLI_NOW_H
#define CLI_NOW_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline int64_t now_ns(void)
{
    return now_of(CLOCK_MONOTONIC);
}

static inline int64_t now_wall_ns(void)
{
    return now_of(CLOCK_REALTIME);
}

#endif
