/* SPDX-License-Identifier: MIT
 *
 * Who holds which tasks of a queue: a count for each process, and one of all that are done.
 *
 * A get counts its task before it takes the item. So under get.lock the counts of living processes are exact, and what was
 * taken, is not done and is held by none of them, is lost. A dead process's count is never used, so nothing has to be
 * repaired.
 */
#include "base/clock.h"
#include "sync/sharedqueue.h"

#define LOCK_PATIENCE_NS (10 * NS_PER_S)

static struct life life_of(const struct task_holder *holder)
{
    return (struct life){atomic_load_explicit(&holder->start, memory_order_relaxed),
                         atomic_load_explicit(&holder->pid, memory_order_relaxed)};
}

static struct task_holder *find_holder(struct shared_queue *shared, struct life life)
{
    uint32_t used = atomic_load(&shared->holders_used);
    for (uint32_t i = 0; i < used; i++)
        if (life_is_same(life_of(&shared->holders[i]), life))
            return &shared->holders[i];
    return NULL;
}

/* A place that was never used, else that of a process that holds nothing (it will look for another), else a dead one's. */
static struct task_holder *free_holder(struct shared_queue *shared)
{
    uint32_t used = atomic_load(&shared->holders_used);
    if (used < QUEUE_TASK_HOLDERS) {
        atomic_store(&shared->holders_used, used + 1);
        return &shared->holders[used];
    }
    for (uint32_t i = 0; i < used; i++)
        if (!atomic_load(&shared->holders[i].held))
            return &shared->holders[i];
    for (uint32_t i = 0; i < used; i++)
        if (life_is_over(life_of(&shared->holders[i])))
            return &shared->holders[i];
    return NULL;
}

static struct task_holder *claim_holder(struct hay_queue *queue, struct life life)
{
    struct shared_queue *shared = queue->shared;
    struct task_holder *holder = find_holder(shared, life);
    if (!holder) {
        holder = free_holder(shared);
        if (!holder)
            return &shared->others;
        atomic_store(&holder->held, 0);
        atomic_store(&holder->start, life.start);
        atomic_store(&holder->pid, life.pid);
    }
    atomic_store(&queue->holder, (uint32_t)(holder - shared->holders));
    return holder;
}

void tasks_hold_one(struct hay_queue *queue)
{
    struct life life = life_own();
    struct task_holder *holder = &queue->shared->holders[atomic_load_explicit(&queue->holder, memory_order_relaxed)];
    if (!life_is_same(life_of(holder), life))
        holder = claim_holder(queue, life);
    uint32_t held = atomic_load_explicit(&holder->held, memory_order_relaxed);
    atomic_store_explicit(&holder->held, held + 1, memory_order_relaxed);
}

/* Without the lock, which a stopped process may have for long: its place is a dead process's from now on. */
void tasks_let_go(struct hay_queue *queue)
{
    struct life life = life_own();
    struct task_holder *holder = find_holder(queue->shared, life);
    if (holder && atomic_load(&holder->held))
        atomic_compare_exchange_strong(&holder->pid, &life.pid, 0);
}

static uint32_t taken_count(const struct shared_queue *shared)
{
    return (mark_number(queue_head(shared)) - atomic_load(&shared->done)) & MARK_NUMBERS;
}

/* Without the lock, as it takes 10 us for each process that holds tasks. Who dies later is found by the next look. */
static bool is_nobody_dead(const struct shared_queue *shared)
{
    uint32_t used = atomic_load(&shared->holders_used);
    for (uint32_t i = 0; i < used; i++)
        if (atomic_load(&shared->holders[i].held) && life_is_over(life_of(&shared->holders[i])))
            return false;
    return true;
}

/* Under get.lock. */
static uint32_t lost_count(const struct shared_queue *shared, bool nobody_is_dead)
{
    uint32_t taken = taken_count(shared), held = atomic_load(&shared->others.held);
    uint32_t used = atomic_load(&shared->holders_used);
    for (uint32_t i = 0; i < used && held < taken; i++) {
        uint32_t more = atomic_load(&shared->holders[i].held);
        if (more && (nobody_is_dead || !life_is_over(life_of(&shared->holders[i]))))
            held += more;
    }
    return taken > held ? taken - held : 0;
}

/* The caller holds no task and none is lost: whose is it then? */
static struct task_holder *other_holder(struct shared_queue *shared)
{
    uint32_t used = atomic_load(&shared->holders_used);
    for (uint32_t i = 0; i < used; i++)
        if (atomic_load(&shared->holders[i].held) && !life_is_over(life_of(&shared->holders[i])))
            return &shared->holders[i];
    return atomic_load(&shared->others.held) ? &shared->others : NULL;
}

static bool finish_one(struct hay_queue *queue)
{
    struct shared_queue *shared = queue->shared;
    if (!taken_count(shared))
        return false;
    struct task_holder *holder = find_holder(shared, life_own());
    if (!holder || !atomic_load(&holder->held))
        holder = lost_count(shared, false) ? NULL : other_holder(shared);
    /* In this order, a kill in between leaves the task with a dead process: lost, not done. */
    if (holder)
        atomic_fetch_sub(&holder->held, 1);
    atomic_store(&shared->done, (atomic_load(&shared->done) + 1) & MARK_NUMBERS);
    return true;
}

static bool is_all_done(const struct shared_queue *shared)
{
    uint32_t done = atomic_load(&shared->done);
    return mark_number(queue_tail(shared)) == done;
}

enum hay_status hay_queue_task_done(struct hay_queue *queue)
{
    if (!queue)
        return HAY_EINVAL;
    struct shared_queue *shared = queue->shared;
    enum hay_status status = side_lock(&shared->get, clock_now_ns() + LOCK_PATIENCE_NS, shared->spin_ns);
    if (status)
        return status;
    status = finish_one(queue) ? HAY_OK : HAY_ERANGE;
    side_unlock(&shared->get);
    if (is_all_done(shared))
        doorbell_ring(&shared->finished, FUTEX_ALL);
    return status;
}

size_t hay_queue_lost(struct hay_queue *queue)
{
    bool nobody_is_dead = queue && is_nobody_dead(queue->shared);
    if (!queue || side_lock(&queue->shared->get, 0, queue->shared->spin_ns))
        return 0;
    uint32_t lost = lost_count(queue->shared, nobody_is_dead);
    side_unlock(&queue->shared->get);
    return lost;
}

enum hay_status hay_queue_join(struct hay_queue *queue, int timeout_ms)
{
    if (!queue)
        return HAY_EINVAL;
    struct shared_queue *shared = queue->shared;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    for (;;) {
        uint32_t seen = doorbell_listen(&shared->finished);
        if (is_all_done(shared))
            return HAY_OK;
        if (hay_queue_lost(queue))
            return HAY_EOWNERDEAD;
        if (clock_now_ns() >= deadline_ns)
            return HAY_ETIMEDOUT;
        doorbell_wait(&shared->finished, seen, deadline_ns);
    }
}
