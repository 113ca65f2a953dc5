/* SPDX-License-Identifier: MIT
 *
 * Where waiters sleep until a state elsewhere changes, with no system call for a ring that nobody hears.
 *
 * Waiter: seen = doorbell_listen(); look at the state; if it will not do, doorbell_wait(seen); again from the start.
 * Ringer: change the state (sequentially consistent); doorbell_ring().
 *
 * `listeners` only grows, so a killed waiter leaves no debt. Each waiter reads `rings` before it is counted; so when a ring has
 * woken nobody, none of those counted before that ring can still fall asleep on its old value, and they are all `answered`.
 * Async-signal-safe.
 */
#ifndef SYNC_DOORBELL_H
#define SYNC_DOORBELL_H

#include "sync/futex.h"

struct doorbell {
    _Atomic uint32_t rings;
    _Atomic uint32_t listeners;
    _Atomic uint32_t answered;  /* a value of listeners */
};

static inline uint32_t doorbell_listen(struct doorbell *bell)
{
    uint32_t seen = atomic_load(&bell->rings);
    atomic_fetch_add(&bell->listeners, 1);
    return seen;
}

static inline void doorbell_wait(struct doorbell *bell, uint32_t seen, int64_t deadline_ns)
{
    futex_wait(&bell->rings, seen, deadline_ns);
}

static inline void doorbell_ring(struct doorbell *bell, int count)
{
    uint32_t listeners = atomic_load(&bell->listeners);
    if (listeners == atomic_load(&bell->answered))
        return;
    atomic_fetch_add(&bell->rings, 1);
    if (futex_wake(&bell->rings, count) == 0)
        atomic_store(&bell->answered, listeners);
}

#endif
