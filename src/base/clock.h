/* SPDX-License-Identifier: MIT
 *
 * The monotonic clock in nanoseconds. All deadlines are absolute times of this clock; TIME_NEVER is "no deadline".
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#define TIME_NEVER INT64_MAX
#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

static inline int64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static inline int64_t clock_wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* CLOCK_REALTIME - CLOCK_MONOTONIC. What was known stays as long as it may be true: a process that did not run between two of
 * these looks sees a wide span, not another offset. */
static inline int64_t clock_wall_offset_ns(int64_t known_ns)
{
    int64_t before_ns = clock_now_ns(), wall_ns = clock_wall_ns();
    int64_t lowest_ns = wall_ns - clock_now_ns(), highest_ns = wall_ns - before_ns;
    return known_ns < lowest_ns ? lowest_ns : known_ns > highest_ns ? highest_ns : known_ns;
}

/* base + span without overflow; either may be TIME_NEVER. */
static inline int64_t clock_add(int64_t base_ns, int64_t span_ns)
{
    return base_ns > TIME_NEVER - span_ns ? TIME_NEVER : base_ns + span_ns;
}

/* The deadline of a public `timeout_ms`: -1 (any negative) for ever, 0 now. */
static inline int64_t clock_deadline_ns(int timeout_ms)
{
    return timeout_ms < 0 ? TIME_NEVER : clock_now_ns() + timeout_ms * NS_PER_MS;
}

/* What is left of a deadline as a poll() timeout: -1, or 0 and up, rounded up so that it never returns early. */
static inline int clock_left_ms(int64_t deadline_ns)
{
    if (deadline_ns == TIME_NEVER)
        return -1;
    int64_t left_ns = deadline_ns - clock_now_ns();
    if (left_ns <= 0)
        return 0;
    int64_t left_ms = (left_ns + NS_PER_MS - 1) / NS_PER_MS;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

#define CLOCK_SECONDS_SIZE 32

/* A duration for people, to the millisecond: "0.25". With a point in every locale, as programs may set one. Returns `text`. */
static inline const char *clock_seconds(char text[CLOCK_SECONDS_SIZE], int64_t ns)
{
    int64_t ms = ns / NS_PER_MS;
    int size = snprintf(text, CLOCK_SECONDS_SIZE, "%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    while (text[size - 1] == '0')
        size--;
    text[text[size - 1] == '.' ? size - 1 : size] = '\0';
    return text;
}

#endif
