/* SPDX-License-Identifier: MIT
 *
 * A queue's shared part, and how its four files (sharedqueue, queue_open, queue_tasks, queue_poll) work on it together.
 *
 * Who puts holds put.lock, who takes holds get.lock; so the two never wait for each other. What happened is what the two marks
 * say: tail moves by one compare-and-swap at the end of a put, head by one store at the end of a get. All else in here is a
 * bound, a hint, or counted anew, so the death of a lock's holder needs no repair.
 */
#ifndef SYNC_SHAREDQUEUE_H
#define SYNC_SHAREDQUEUE_H

#include "base/handle.h"
#include "base/mapping.h"
#include "sync/doorbell.h"
#include "sync/life.h"
#include "sync/queue_ring.h"

#include <hayfork/queue.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define QUEUE_LINE 64                       /* bytes of a cache line */
#define QUEUE_LOCK_GRACE_NS (100 * NS_PER_MS)
#define QUEUE_TASK_HOLDERS 4096

struct side {
    _Alignas(QUEUE_LINE) pthread_mutex_t lock;
    atomic_bool is_busy;                    /* a hint for those who spin */
    _Atomic uint64_t seen;                  /* the other side's mark as it once was; written by the holder */
    _Alignas(QUEUE_LINE) _Atomic uint64_t mark;
};

/* Tasks of one process, written under get.lock. A dead one's `held` means nothing. */
struct task_holder {
    _Atomic uint64_t start;
    _Atomic int32_t pid;                    /* 0: nobody */
    _Atomic uint32_t held;
};

struct shared_queue {
    struct mapping mapping;
    struct ring ring;                       /* its address is the same in all related processes */
    size_t max_bytes;
    int64_t spin_ns;
    struct side put, get;                   /* put.mark: tail, get.mark: head */
    _Alignas(QUEUE_LINE) struct doorbell items;     /* for getters */
    struct doorbell room_now, room_soon;    /* for putters: at any room; only when half the queue is free */
    struct doorbell finished;               /* for hay_queue_join() */
    atomic_bool is_short_of_bytes;          /* a put once found no room for its bytes */
    _Alignas(QUEUE_LINE) atomic_bool is_polled;     /* somebody has asked for the descriptor */
    atomic_bool is_signalled;               /* it is readable; under put.lock */
    _Alignas(QUEUE_LINE) _Atomic uint32_t done;     /* tasks, modulo MARK_NUMBERS + 1; under get.lock */
    _Atomic uint32_t holders_used;
    struct task_holder holders[QUEUE_TASK_HOLDERS];
    struct task_holder others;              /* those for whom there was no place: never called dead */
};

/* Of each process; a child has a copy of its parent's. */
struct hay_queue {
    struct handle handle;                   /* first */
    struct shared_queue *shared;
    dev_t fd_device;                        /* what the descriptor was when it was made */
    ino_t fd_inode;
    mode_t fd_mode;
    _Atomic uint32_t holder;                /* where our tasks were counted last: a hint */
};

static inline uint64_t queue_tail(const struct shared_queue *shared)
{
    return atomic_load(&shared->put.mark);
}

static inline uint64_t queue_head(const struct shared_queue *shared)
{
    return atomic_load(&shared->get.mark);
}

static inline bool queue_has_news(const struct shared_queue *shared)
{
    uint64_t tail = queue_tail(shared);
    return (tail & MARK_CLOSED) || !ring_is_empty(queue_head(shared), tail);
}

/* HAY_OK; HAY_ETIMEDOUT, HAY_EBUSY (this thread holds it), HAY_ESYSTEM. Tries for QUEUE_LOCK_GRACE_NS even after the deadline. */
enum hay_status side_lock(struct side *side, int64_t deadline_ns, int64_t spin_ns);
void side_unlock(struct side *side);

/* queue_tasks: under get.lock, before head moves: the caller holds one more. */
void tasks_hold_one(struct hay_queue *queue);
/* What the caller holds is lost from now on. Takes no lock. */
void tasks_let_go(struct hay_queue *queue);

/* queue_poll: 0 or -errno. */
int poll_open(struct hay_queue *queue);
void poll_close(struct hay_queue *queue);
/* Under put.lock, before something becomes visible to getters. */
void poll_announce(struct hay_queue *queue);
/* The queue was found empty: undo it if the descriptor is readable, under put.lock. */
void poll_settle(struct hay_queue *queue);
/* Without any lock, when it cannot be had: readable, perhaps for nothing. */
void poll_wake(struct hay_queue *queue);

#endif
