/* SPDX-License-Identifier: MIT
 *
 * Sleeping on a 32-bit word in shared memory, on the monotonic clock. No sleep is longer than RECHECK_NS: whoever should have
 * woken us may have been killed between its store and its wake. Callers loop and look at their own state.
 */
#ifndef SYNC_FUTEX_H
#define SYNC_FUTEX_H

#include "base/clock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECHECK_NS (100 * NS_PER_MS)
#define FUTEX_ALL INT_MAX

/* Sleeps while *word is `seen`, until `deadline_ns` or RECHECK_NS at most, whatever signals come. 0: woken, or the word changed;
 * -ETIMEDOUT: neither. */
static inline int futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t deadline_ns)
{
    int64_t until_ns = clock_now_ns() + RECHECK_NS;
    if (deadline_ns < until_ns)
        until_ns = deadline_ns;
    long rc;
    do {
        /* What is left, not the time: faketime(1) shows us another clock than the kernel's. */
        int64_t left_ns = until_ns - clock_now_ns();
        left_ns = left_ns > 0 ? left_ns : 0;
        /* SYS_futex takes longs, whatever the C library's time_t is. */
        struct { long s, ns; } left = {(long)(left_ns / NS_PER_S), (long)(left_ns % NS_PER_S)};
        rc = syscall(SYS_futex, word, FUTEX_WAIT, seen, &left, NULL, 0);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 && errno == ETIMEDOUT ? -ETIMEDOUT : 0;
}

/* How many were woken. */
static inline long futex_wake(_Atomic uint32_t *word, int count)
{
    int saved = errno;
    long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
    errno = saved;
    return woken;
}

#endif
