/* SPDX-License-Identifier: MIT */
#include "sync/holders.h"

#include "sync/life.h"
#include "sync/robust.h"

#include <errno.h>

static struct life life_of(const struct holder *holder)
{
    return (struct life){atomic_load(&holder->start), atomic_load(&holder->pid)};
}

size_t holders_size(uint32_t capacity)
{
    return sizeof(struct holders) + capacity * sizeof(struct holder);
}

int holders_init(struct holders *holders, uint32_t total, uint32_t max, uint32_t capacity)
{
    atomic_init(&holders->total, total);
    holders->max = max;
    holders->capacity = capacity;
    return robust_init(&holders->lock);
}

static int holders_lock(struct holders *holders, int64_t deadline_ns)
{
    int rc = robust_lock(&holders->lock, deadline_ns);
    if (rc != -EOWNERDEAD)
        return rc;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < atomic_load(&holders->used); i++)
        taken += atomic_load(&holders->at[i].units);
    atomic_store(&holders->taken, taken);
    return 0;
}

/* The caller's place. If it has none, the first free one, or NULL. */
static struct holder *find_holder(struct holders *holders, struct life life)
{
    struct holder *free_one = NULL;
    uint32_t used = atomic_load(&holders->used);
    for (uint32_t i = 0; i < used; i++) {
        struct holder *holder = &holders->at[i];
        if (!atomic_load(&holder->units))
            free_one = free_one ? free_one : holder;
        else if (life_is_same(life_of(holder), life))
            return holder;
    }
    return free_one || used == holders->capacity ? free_one : &holders->at[used];
}

static int take_locked(struct holders *holders)
{
    if (atomic_load(&holders->taken) >= atomic_load(&holders->total))
        return -EAGAIN;
    struct life life = life_own();
    struct holder *holder = find_holder(holders, life);
    if (!holder)
        return -ENOSPC;
    if (!atomic_load(&holder->units)) {
        uint32_t index = (uint32_t)(holder - holders->at);
        atomic_store(&holder->pid, life.pid);
        atomic_store(&holder->start, life.start);
        if (index >= atomic_load(&holders->used))
            atomic_store(&holders->used, index + 1);
    }
    atomic_fetch_add(&holder->units, 1);
    atomic_fetch_add(&holders->taken, 1);
    return 0;
}

static int give_locked(struct holders *holders)
{
    struct holder *holder = find_holder(holders, life_own());
    if (holder && atomic_load(&holder->units)) {
        atomic_fetch_sub(&holder->units, 1);
        atomic_fetch_sub(&holders->taken, 1);
        return 0;
    }
    if (atomic_load(&holders->total) >= holders->max)
        return -ERANGE;
    atomic_fetch_add(&holders->total, 1);
    return 0;
}

static int change(struct holders *holders, int64_t deadline_ns, int (*change_locked)(struct holders *holders))
{
    int rc = holders_lock(holders, deadline_ns);
    if (rc < 0)
        return rc;
    rc = change_locked(holders);
    robust_unlock(&holders->lock);
    return rc;
}

int holders_take(struct holders *holders, int64_t deadline_ns)
{
    return change(holders, deadline_ns, take_locked);
}

int holders_give(struct holders *holders, int64_t deadline_ns)
{
    return change(holders, deadline_ns, give_locked);
}

bool holders_search_is_due(struct holders *holders, int64_t now_ns, int64_t every_ns)
{
    int64_t last_ns = atomic_load(&holders->searched_ns);
    return now_ns - last_ns >= every_ns && atomic_compare_exchange_strong(&holders->searched_ns, &last_ns, now_ns);
}

static bool is_dead(const struct holder *holder)
{
    return atomic_load(&holder->units) && life_is_over(life_of(holder));
}

/* Looked for without the lock, as it takes 10 us for each that holds units, and looked at again with it. */
int64_t holders_reclaim(struct holders *holders, int64_t deadline_ns)
{
    int rc;
    uint32_t used = atomic_load(&holders->used);
    for (uint32_t i = 0; i < used; i++) {
        if (!is_dead(&holders->at[i]))
            continue;
        rc = holders_lock(holders, deadline_ns);
        if (rc < 0)
            return rc;
        if (is_dead(&holders->at[i]))
            atomic_fetch_sub(&holders->taken, atomic_exchange(&holders->at[i].units, 0));
        robust_unlock(&holders->lock);
    }
    rc = holders_lock(holders, deadline_ns);
    if (rc < 0)
        return rc;
    int64_t left = (int64_t)atomic_load(&holders->total) - atomic_load(&holders->taken);
    robust_unlock(&holders->lock);
    return left;
}
