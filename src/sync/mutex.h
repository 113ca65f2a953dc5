/* SPDX-License-Identifier: MIT
 *
 * The mutex as other objects hold one inside themselves, and what a condition needs of it. The word `dead` outlives the C
 * library's own mark: a death stays a status for every locker until somebody says that the data is in order.
 */
#ifndef SYNC_MUTEX_H
#define SYNC_MUTEX_H

#include "base/mapping.h"

#include <hayfork/sync.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct hay_mutex {
    pthread_mutex_t lock;
    _Atomic uint32_t again;     /* how often its holder has it beyond the first time; 0 when it is free */
    atomic_bool dead;           /* a holder died, and nobody has repaired the data */
    bool is_recursive;
    bool is_inner;              /* part of another object */
    struct mapping mapping;
};

/* For zeroed memory. 0 or -errno. */
int mutex_init(struct hay_mutex *mutex, bool is_recursive);
/* Whether the calling thread holds it. */
bool mutex_is_mine(struct hay_mutex *mutex);
/* By its holder: let go at once, however often it has it, which is returned for mutex_retake(). */
uint32_t mutex_release_all(struct hay_mutex *mutex);
enum hay_status mutex_retake(struct hay_mutex *mutex, int64_t deadline_ns, uint32_t again);

/* When pthread_mutex_trylock() said `rc`, and when `again` is not 0. */
enum hay_status mutex_lock_slowly(struct hay_mutex *mutex, int timeout_ms, int rc);
enum hay_status mutex_unlock_one(struct hay_mutex *mutex, uint32_t again);

/* Inline, as are the public functions that call them: a lock that is free costs little more than the C library's. */
static inline enum hay_status mutex_lock(struct hay_mutex *mutex, int timeout_ms)
{
    int rc = pthread_mutex_trylock(&mutex->lock);
    if (__builtin_expect(rc != 0, 0))
        return mutex_lock_slowly(mutex, timeout_ms, rc);
    return atomic_load_explicit(&mutex->dead, memory_order_relaxed) ? HAY_EOWNERDEAD : HAY_OK;
}

static inline enum hay_status mutex_unlock(struct hay_mutex *mutex)
{
    uint32_t again = atomic_load_explicit(&mutex->again, memory_order_relaxed);
    if (__builtin_expect(again, 0))
        return mutex_unlock_one(mutex, again);
    return pthread_mutex_unlock(&mutex->lock) == 0 ? HAY_OK : HAY_ESTATE;
}

#endif
