/* SPDX-License-Identifier: MIT
 *
 * A condition: tickets and grants, all changed under the condition's mutex, and a word to sleep on.
 *
 * Each waiter has a ticket, in order of arrival. notify(n) adds n grants, for tickets given so far; a waiter takes the oldest
 * grant that is for it, so that later ones leave those to who waited before them. So exactly n leave, and a waiter that is killed
 * leaves its grant to the others that it is for. notify_all releases all tickets so far, and with that forgets the killed ones in
 * `waiting`. A waiter that finds the holder dead says so: the notify may have died with it.
 */
#include "base/clock.h"
#include "base/error.h"
#include "sync/futex.h"
#include "sync/mutex.h"

/* That so many places are in use takes as many notifies, each with a new waiter before it, while one whose grant was there at
 * the first does not come for it: stopped, or killed. */
#define CONDITION_GRANTS 32

/* A place for grants of one limit. */
struct grants {
    _Atomic uint64_t before;        /* lower tickets may take one */
    _Atomic int64_t count;          /* 0: the place is free */
};

struct hay_condition {
    struct hay_mutex *mutex;
    _Atomic uint32_t bell;          /* slept on; counts notifies */
    _Atomic uint64_t next_ticket;
    _Atomic uint64_t all_before;    /* lower tickets are released */
    struct grants grants[CONDITION_GRANTS];
    _Atomic int64_t waiting;        /* and not released by notify_all; too many by those who were killed */
    struct mapping mapping;
};

struct hay_condition *hay_condition_new(struct hay_mutex *mutex, struct hay_error *error)
{
    if (!mutex) {
        error_set(error, HAY_EINVAL, "a condition needs a mutex");
        return NULL;
    }
    struct hay_condition *condition =
        mapping_new(sizeof *condition, offsetof(struct hay_condition, mapping), "a condition", error);
    if (!condition)
        return NULL;
    condition->mutex = mutex;
    return condition;
}

void hay_condition_free(struct hay_condition *condition)
{
    if (!condition)
        return;
    mapping_close_own(condition->mapping);
}

/* The grants with the lowest limit above `ticket`, NULL: there are none. */
static struct grants *oldest_grants(struct hay_condition *condition, uint64_t ticket)
{
    struct grants *oldest = NULL;
    for (struct grants *at = condition->grants; at < condition->grants + CONDITION_GRANTS; at++)
        if (atomic_load(&at->count) > 0 && ticket < atomic_load(&at->before)
            && (!oldest || atomic_load(&at->before) < atomic_load(&oldest->before)))
            oldest = at;
    return oldest;
}

/* A look without the mutex, which may be wrong a moment later. */
static bool seems_released(struct hay_condition *condition, uint64_t ticket)
{
    return ticket < atomic_load(&condition->all_before) || oldest_grants(condition, ticket);
}

static bool take_release(struct hay_condition *condition, uint64_t ticket)
{
    if (ticket < atomic_load(&condition->all_before))
        return true;
    struct grants *grants = oldest_grants(condition, ticket);
    if (!grants)
        return false;
    atomic_fetch_sub(&grants->count, 1);
    atomic_fetch_sub(&condition->waiting, 1);
    return true;
}

/* From the mutex let go to the mutex held again. */
static enum hay_status sleep_until(struct hay_condition *condition, uint64_t ticket, int64_t deadline_ns, uint32_t depth)
{
    for (;;) {
        uint32_t seen = atomic_load(&condition->bell);
        int64_t patience_ns = TIME_NEVER;
        bool is_late = false;
        if (!seems_released(condition, ticket)) {
            int rc = futex_wait(&condition->bell, seen, deadline_ns);
            is_late = clock_now_ns() >= deadline_ns;
            if (!is_late && !seems_released(condition, ticket)) {
                if (rc == 0)
                    continue;
                /* A look now and then, if the mutex is free: who was to notify may have died with it held. */
                patience_ns = 0;
            }
        }
        enum hay_status status = mutex_retake(condition->mutex, patience_ns, depth);
        if (status == HAY_ETIMEDOUT)
            continue;
        if (status != HAY_OK && status != HAY_EOWNERDEAD)
            return status;
        if (take_release(condition, ticket))
            return status;
        if (is_late || status == HAY_EOWNERDEAD) {
            atomic_fetch_sub(&condition->waiting, 1);
            return status == HAY_OK ? HAY_ETIMEDOUT : status;
        }
        depth = mutex_release_all(condition->mutex);
    }
}

static enum hay_status wait_until(struct hay_condition *condition, int64_t deadline_ns)
{
    if (!mutex_is_mine(condition->mutex))
        return HAY_ESTATE;
    uint64_t ticket = atomic_fetch_add(&condition->next_ticket, 1);
    atomic_fetch_add(&condition->waiting, 1);
    uint32_t depth = mutex_release_all(condition->mutex);
    return sleep_until(condition, ticket, deadline_ns, depth);
}

enum hay_status hay_condition_wait(struct hay_condition *condition, int timeout_ms)
{
    return condition ? wait_until(condition, clock_deadline_ns(timeout_ms)) : HAY_EINVAL;
}

enum hay_status hay_condition_wait_for(struct hay_condition *condition, bool (*predicate)(void *context), void *context,
    int timeout_ms)
{
    if (!condition || !predicate)
        return HAY_EINVAL;
    if (!mutex_is_mine(condition->mutex))
        return HAY_ESTATE;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    enum hay_status status = HAY_OK;
    while (!predicate(context)) {
        if (status != HAY_OK)
            return status;
        status = wait_until(condition, deadline_ns);
        if (status != HAY_OK && status != HAY_ETIMEDOUT)
            return status;
    }
    return HAY_OK;
}

static int64_t count_grants(struct hay_condition *condition)
{
    int64_t count = 0;
    for (int i = 0; i < CONDITION_GRANTS; i++)
        count += atomic_load(&condition->grants[i].count);
    return count;
}

/* No place is free: the grants with the lowest limit become some of the next one's. */
static struct grants *free_grants(struct hay_condition *condition)
{
    struct grants *oldest = oldest_grants(condition, 0), *next = oldest_grants(condition, atomic_load(&oldest->before));
    atomic_fetch_add(&next->count, atomic_load(&oldest->count));
    atomic_store(&oldest->count, 0);
    return oldest;
}

/* For all who wait now. */
static void add_grants(struct hay_condition *condition, int count)
{
    uint64_t before = atomic_load(&condition->next_ticket);
    struct grants *place = NULL;
    for (struct grants *at = condition->grants; at < condition->grants + CONDITION_GRANTS; at++) {
        bool is_free = !atomic_load(&at->count);
        if (!is_free && atomic_load(&at->before) == before) {
            place = at;
            break;
        }
        place = is_free ? at : place;
    }
    place = place ? place : free_grants(condition);
    atomic_store(&place->before, before);
    atomic_fetch_add(&place->count, count);
}

enum hay_status hay_condition_notify(struct hay_condition *condition, int count)
{
    if (!condition || count < 0)
        return HAY_EINVAL;
    if (!mutex_is_mine(condition->mutex))
        return HAY_ESTATE;
    int64_t hopeful = atomic_load(&condition->waiting) - count_grants(condition);
    int released = hopeful < count ? (int)hopeful : count;
    if (released <= 0)
        return HAY_OK;
    add_grants(condition, released);
    atomic_fetch_add(&condition->bell, 1);
    futex_wake(&condition->bell, released);
    return HAY_OK;
}

enum hay_status hay_condition_notify_all(struct hay_condition *condition)
{
    if (!condition)
        return HAY_EINVAL;
    if (!mutex_is_mine(condition->mutex))
        return HAY_ESTATE;
    if (atomic_load(&condition->waiting) <= 0)
        return HAY_OK;
    atomic_store(&condition->all_before, atomic_load(&condition->next_ticket));
    /* In this order: killed in between, too many seem to wait, and not too few. */
    for (int i = 0; i < CONDITION_GRANTS; i++)
        atomic_store(&condition->grants[i].count, 0);
    atomic_store(&condition->waiting, 0);
    atomic_fetch_add(&condition->bell, 1);
    futex_wake(&condition->bell, FUTEX_ALL);
    return HAY_OK;
}
