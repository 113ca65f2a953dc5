/* SPDX-License-Identifier: MIT
 *
 * The C library's robust, process-shared, error-checking mutex, with deadlines of the monotonic clock. The kernel releases it
 * when its holder dies. It is always made consistent again: what a death means is the caller's business.
 */
#ifndef SYNC_ROBUST_H
#define SYNC_ROBUST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* 0 or -errno. */
int robust_init(pthread_mutex_t *lock);

/* What is left to do after pthread_mutex_trylock() said `rc`; of 0, nothing. */
int robust_lock_slowly(pthread_mutex_t *lock, int64_t deadline_ns, int rc);

/* Held: 0, or -EOWNERDEAD: the last holder died. Not held: -ETIMEDOUT, -EDEADLK (this thread holds it already), or another
 * -errno. A deadline in the past still tries once. */
static inline int robust_lock(pthread_mutex_t *lock, int64_t deadline_ns)
{
    int rc = pthread_mutex_trylock(lock);
    return rc == 0 ? 0 : robust_lock_slowly(lock, deadline_ns, rc);
}

/* By the thread that holds it. */
static inline void robust_unlock(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
}

#endif
