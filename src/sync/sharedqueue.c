/* SPDX-License-Identifier: MIT
 *
 * The queue: put, get, close, and the waits between them.
 *
 * Sleepers and wakes. A put into an empty queue wakes one getter, and a getter that leaves items behind wakes the next, so a
 * busy queue costs no wakes at all. A putter that found no room waits for half of it to be free, so that a full queue does
 * not change hands at every item; after LAZY_NS it waits for any room. Who sleeps has looked after it was counted as a
 * listener; a wake that dies with its sender is made good by the bell's RECHECK_NS. Before all that both sides spin for a
 * moment, if there is another processor.
 */
#include "base/clock.h"
#include "sync/robust.h"
#include "sync/sharedqueue.h"

#include <errno.h>
#include <stdlib.h>

#define LAZY_NS NS_PER_MS
/* Pauses between two looks at a lock: each look takes its cache line from who works under it, and each change of hands costs more
 * than a dozen puts or gets. */
#define SPIN_MIN 8
#define SPIN_MAX 128

/* A timeout that reads the clock only when somebody has to wait. */
struct patience {
    int timeout_ms;
    int64_t deadline_ns;    /* 0: not known yet */
};

/* Where a taken item goes. */
struct sink {
    void *bytes;
    size_t capacity;
    size_t size;
    bool is_new;            /* allocate `bytes` */
};

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static int64_t patience_deadline(struct patience *patience)
{
    if (!patience->deadline_ns)
        patience->deadline_ns = clock_deadline_ns(patience->timeout_ms);
    return patience->deadline_ns;
}

/* ---- the lock of one side ---- */

__attribute__((noinline))
static int lock_slowly(struct side *side, int64_t deadline_ns, int64_t spin_ns)
{
    int64_t now_ns = clock_now_ns(), spin_until_ns = now_ns + spin_ns;
    int64_t grace_ns = now_ns + QUEUE_LOCK_GRACE_NS;
    for (int pauses = SPIN_MIN; now_ns < spin_until_ns; now_ns = clock_now_ns()) {
        for (int i = 0; i < pauses; i++)
            relax();
        int rc = atomic_load_explicit(&side->is_busy, memory_order_relaxed) ? EBUSY : pthread_mutex_trylock(&side->lock);
        if (rc != EBUSY) /* also EOWNERDEAD, which holds it */
            return -rc;
        if (pauses < SPIN_MAX)
            pauses *= 2;
    }
    return robust_lock(&side->lock, deadline_ns > grace_ns ? deadline_ns : grace_ns);
}

enum hay_status side_lock(struct side *side, int64_t deadline_ns, int64_t spin_ns)
{
    int rc = -pthread_mutex_trylock(&side->lock);
    if (rc == -EBUSY)
        rc = lock_slowly(side, deadline_ns, spin_ns);
    if (rc == -EOWNERDEAD) {
        pthread_mutex_consistent(&side->lock);
        rc = 0;
    }
    if (rc)
        return rc == -ETIMEDOUT ? HAY_ETIMEDOUT : rc == -EDEADLK ? HAY_EBUSY : HAY_ESYSTEM;
    atomic_store_explicit(&side->is_busy, true, memory_order_relaxed);
    return HAY_OK;
}

void side_unlock(struct side *side)
{
    atomic_store_explicit(&side->is_busy, false, memory_order_relaxed);
    robust_unlock(&side->lock);
}

/* ---- wakes ---- */

static bool is_heard(struct doorbell *bell)
{
    return atomic_load(&bell->listeners) != atomic_load(&bell->answered);
}

static void wake_putters(struct shared_queue *shared, uint64_t head)
{
    if (is_heard(&shared->room_now))
        doorbell_ring(&shared->room_now, atomic_load(&shared->is_short_of_bytes) ? FUTEX_ALL : 1);
    if (is_heard(&shared->room_soon)) {
        struct ring_fill fill = ring_fill(&shared->ring, head, queue_tail(shared));
        if (fill.items <= shared->ring.max_items / 2 && fill.units <= shared->ring.max_units / 2)
            doorbell_ring(&shared->room_soon, FUTEX_ALL);
    }
}

static void wake_everybody(struct shared_queue *shared)
{
    doorbell_ring(&shared->items, FUTEX_ALL);
    doorbell_ring(&shared->room_now, FUTEX_ALL);
    doorbell_ring(&shared->room_soon, FUTEX_ALL);
}

/* ---- put ---- */

static enum hay_status put_locked(struct hay_queue *queue, const void *bytes, size_t size, bool *was_empty)
{
    struct shared_queue *shared = queue->shared;
    struct side *put = &shared->put;
    uint32_t units = ring_units_of(size);
    uint64_t tail = atomic_load_explicit(&put->mark, memory_order_relaxed);
    if (tail & MARK_CLOSED)
        return HAY_ESTATE;
    struct ring_fill fill = ring_fill(&shared->ring, atomic_load_explicit(&put->seen, memory_order_relaxed), tail);
    if (!ring_has_room(&shared->ring, fill, units)) {
        uint64_t head = queue_head(shared);
        atomic_store_explicit(&put->seen, head, memory_order_relaxed);
        fill = ring_fill(&shared->ring, head, tail);
        if (!ring_has_room(&shared->ring, fill, units)) {
            if (units > shared->ring.max_units - fill.units)
                atomic_store(&shared->is_short_of_bytes, true);
            return HAY_EFULL;
        }
    }
    ring_write(&shared->ring, tail, bytes, size);
    poll_announce(queue);
    /* The one step that puts it in. Nobody else moves the tail, but close may mark it. */
    uint64_t before = tail;
    if (!atomic_compare_exchange_strong(&put->mark, &before, ring_after(&shared->ring, tail, units)))
        return HAY_ESTATE;
    *was_empty = is_heard(&shared->items) && ring_is_empty(queue_head(shared), tail);
    return HAY_OK;
}

/* The clock is read only when the lock is kept from us for longer than anybody should; that time counts then. */
static enum hay_status lock_patiently(struct shared_queue *shared, struct side *side, struct patience *patience)
{
    enum hay_status status = side_lock(side, 0, shared->spin_ns);
    if (status != HAY_ETIMEDOUT || !patience->timeout_ms)
        return status;
    if (!patience->deadline_ns && patience->timeout_ms > 0)
        patience->deadline_ns = clock_deadline_ns(patience->timeout_ms) - QUEUE_LOCK_GRACE_NS;
    if (clock_left_ms(patience_deadline(patience)) == 0)
        return status;
    return side_lock(side, patience_deadline(patience), 0);
}

static enum hay_status put_once(struct hay_queue *queue, const void *bytes, size_t size, struct patience *patience)
{
    struct shared_queue *shared = queue->shared;
    bool was_empty = false;
    enum hay_status status = lock_patiently(shared, &shared->put, patience);
    if (status)
        return status;
    status = put_locked(queue, bytes, size, &was_empty);
    side_unlock(&shared->put);
    if (was_empty)
        doorbell_ring(&shared->items, 1);
    return status;
}

/* Without the lock the head may pass the tail that was read before it. That reads as no room, and is looked at again. */
static bool may_put(const struct shared_queue *shared, uint32_t units)
{
    uint64_t tail = queue_tail(shared);
    return (tail & MARK_CLOSED) || ring_has_room(&shared->ring, ring_fill(&shared->ring, queue_head(shared), tail), units);
}

static void wait_for_room(struct shared_queue *shared, uint32_t units, struct patience *patience, int64_t *lazy_until_ns)
{
    int64_t now_ns = clock_now_ns(), deadline_ns = patience_deadline(patience), spin_until_ns = now_ns + shared->spin_ns;
    if (!*lazy_until_ns)
        *lazy_until_ns = now_ns + LAZY_NS;
    for (; now_ns < spin_until_ns; now_ns = clock_now_ns())
        for (int i = 0; i < 16; i++, relax())
            if (may_put(shared, units))
                return;
    bool is_lazy = now_ns < *lazy_until_ns;
    struct doorbell *bell = is_lazy ? &shared->room_soon : &shared->room_now;
    uint32_t seen = doorbell_listen(bell);
    if (!may_put(shared, units))
        doorbell_wait(bell, seen, is_lazy && *lazy_until_ns < deadline_ns ? *lazy_until_ns : deadline_ns);
}

enum hay_status hay_queue_put(struct hay_queue *queue, const void *bytes, size_t size, int timeout_ms)
{
    if (!queue || (!bytes && size))
        return HAY_EINVAL;
    if (size > queue->shared->max_bytes)
        return HAY_EMSGSIZE;
    struct patience patience = {timeout_ms, 0};
    int64_t lazy_until_ns = 0;
    for (;;) {
        bool is_late = patience.deadline_ns && clock_now_ns() >= patience.deadline_ns;
        enum hay_status status = put_once(queue, bytes, size, &patience);
        if (status != HAY_EFULL || !timeout_ms)
            return status;
        if (is_late)
            return HAY_ETIMEDOUT;
        wait_for_room(queue->shared, ring_units_of(size), &patience, &lazy_until_ns);
    }
}

/* ---- get ---- */

/* Is there an item of a size that can be? */
static enum hay_status look_locked(struct shared_queue *shared, uint64_t *head, size_t *size)
{
    struct side *get = &shared->get;
    *head = atomic_load_explicit(&get->mark, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&get->seen, memory_order_relaxed);
    if (ring_is_empty(*head, tail)) {
        tail = queue_tail(shared);
        atomic_store_explicit(&get->seen, tail, memory_order_relaxed);
        if (ring_is_empty(*head, tail))
            return tail & MARK_CLOSED ? HAY_EOF : HAY_EEMPTY;
    }
    uint64_t stored = ring_size_at(&shared->ring, *head);
    struct ring_fill fill = ring_fill(&shared->ring, *head, tail);
    if (stored > shared->max_bytes || ring_units_of((size_t)stored) > fill.units)
        return HAY_EBROKEN;
    *size = (size_t)stored;
    return HAY_OK;
}

static enum hay_status get_locked(struct hay_queue *queue, struct sink *sink, uint64_t *after)
{
    struct shared_queue *shared = queue->shared;
    uint64_t head;
    enum hay_status status = look_locked(shared, &head, &sink->size);
    if (status)
        return status;
    if (sink->is_new) {
        sink->bytes = malloc(sink->size + 1);
        if (!sink->bytes)
            return HAY_ENOMEM;
        ((char *)sink->bytes)[sink->size] = '\0';
    } else if (sink->size > sink->capacity) {
        return HAY_EMSGSIZE;
    }
    ring_read(&shared->ring, head, sink->bytes, sink->size);
    tasks_hold_one(queue);
    /* The one step that takes it out. */
    *after = ring_after(&shared->ring, head, ring_units_of(sink->size));
    atomic_store(&shared->get.mark, *after);
    return HAY_OK;
}

static enum hay_status get_once(struct hay_queue *queue, struct sink *sink, struct patience *patience)
{
    struct shared_queue *shared = queue->shared;
    uint64_t after = 0;
    enum hay_status status = lock_patiently(shared, &shared->get, patience);
    if (!status) {
        status = get_locked(queue, sink, &after);
        side_unlock(&shared->get);
        if (!status)
            wake_putters(shared, after);
    }
    /* Whatever stands between us and the next item, it must not wait for us: a wake may have been meant for it. */
    if (status != HAY_EEMPTY && is_heard(&shared->items) && !ring_is_empty(queue_head(shared), queue_tail(shared)))
        doorbell_ring(&shared->items, 1);
    return status;
}

static void wait_for_item(struct shared_queue *shared, struct patience *patience)
{
    int64_t now_ns = clock_now_ns(), deadline_ns = patience_deadline(patience), spin_until_ns = now_ns + shared->spin_ns;
    for (; now_ns < spin_until_ns; now_ns = clock_now_ns())
        for (int i = 0; i < 16; i++, relax())
            if (queue_has_news(shared))
                return;
    uint32_t seen = doorbell_listen(&shared->items);
    if (!queue_has_news(shared))
        doorbell_wait(&shared->items, seen, deadline_ns);
}

static enum hay_status get_to(struct hay_queue *queue, struct sink *sink, int timeout_ms)
{
    struct patience patience = {timeout_ms, 0};
    for (;;) {
        bool is_late = !timeout_ms || (patience.deadline_ns && clock_now_ns() >= patience.deadline_ns);
        enum hay_status status = get_once(queue, sink, &patience);
        if (status != HAY_EEMPTY)
            return status;
        if (is_late) {
            /* A put makes the descriptor readable just before its last step; settling has waited for that. */
            poll_settle(queue);
            status = queue_has_news(queue->shared) ? get_once(queue, sink, &patience) : HAY_EEMPTY;
            return status == HAY_EEMPTY && timeout_ms ? HAY_ETIMEDOUT : status;
        }
        wait_for_item(queue->shared, &patience);
    }
}

enum hay_status hay_queue_get(struct hay_queue *queue, void *buffer, size_t capacity, size_t *size, int timeout_ms)
{
    struct sink sink = {.bytes = buffer, .capacity = capacity};
    if (!queue || (!buffer && capacity))
        return HAY_EINVAL;
    enum hay_status status = get_to(queue, &sink, timeout_ms);
    if (size)
        *size = status == HAY_OK || status == HAY_EMSGSIZE ? sink.size : 0;
    return status;
}

enum hay_status hay_queue_take(struct hay_queue *queue, void **bytes, size_t *size, int timeout_ms)
{
    struct sink sink = {.is_new = true};
    if (!bytes)
        return HAY_EINVAL;
    *bytes = NULL;
    enum hay_status status = queue ? get_to(queue, &sink, timeout_ms) : HAY_EINVAL;
    if (!status)
        *bytes = sink.bytes;
    if (size)
        *size = status ? 0 : sink.size;
    return status;
}

/* ---- the whole queue ---- */

enum hay_status hay_queue_close(struct hay_queue *queue)
{
    if (!queue)
        return HAY_EINVAL;
    struct shared_queue *shared = queue->shared;
    bool is_locked = side_lock(&shared->put, 0, shared->spin_ns) == HAY_OK;
    if (is_locked)
        poll_announce(queue);
    atomic_fetch_or(&shared->put.mark, MARK_CLOSED);
    if (is_locked)
        side_unlock(&shared->put);
    else
        poll_wake(queue);
    wake_everybody(shared);
    return HAY_OK;
}

bool hay_queue_closed(const struct hay_queue *queue)
{
    return queue && (queue_tail(queue->shared) & MARK_CLOSED);
}

static struct ring_fill fill_now(const struct shared_queue *shared)
{
    uint64_t head = queue_head(shared);
    for (;;) {
        uint64_t tail = queue_tail(shared), again = queue_head(shared);
        if (head == again)
            return ring_fill(&shared->ring, head, tail);
        head = again;
    }
}

size_t hay_queue_length(const struct hay_queue *queue)
{
    return queue ? fill_now(queue->shared).items : 0;
}

size_t hay_queue_bytes(const struct hay_queue *queue)
{
    return queue ? (size_t)fill_now(queue->shared).units * RING_UNIT : 0;
}
