/* SPDX-License-Identifier: MIT
 *
 * For tests that kill processes at random instants: how often, when, and with which seed.
 *
 * Each kind of call is met by 2,000 kills. Under a sanitizer a process takes many times as long to be made, so there it is one
 * of KILL_FACTOR; what was done is printed.
 */
#ifndef TESTS_UNIT_SYNC_KILL_H
#define TESTS_UNIT_SYNC_KILL_H

#include "unit/sync/related.h"

#if defined __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define KILL_FACTOR 4
#endif
#endif
#if !defined KILL_FACTOR && (defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__)
#define KILL_FACTOR 4
#endif
#ifndef KILL_FACTOR
#define KILL_FACTOR 1
#endif

#define KILLS (2000 / KILL_FACTOR)
#define MOST_US 120     /* from a victim's first call to its death */

static inline unsigned kill_seed(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    unsigned seed = (unsigned)getpid() ^ (unsigned)now.tv_nsec;
    printf("# seed %u, %d kills (2,000 / %d)\n", seed, KILLS, KILL_FACTOR);
    return seed;
}

static inline void kill_at_random(pid_t pid, unsigned *seed)
{
    struct timespec from, now;
    long us = rand_r(seed) % MOST_US;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - from.tv_sec) * 1000000000L + now.tv_nsec - from.tv_nsec < us * 1000);
    related_kill(pid);
}

#endif
