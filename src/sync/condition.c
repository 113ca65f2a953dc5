/* SPDX-License-Identifier: MIT
 *
 * A condition: tickets and grants, all changed under the condition's mutex, and a word to sleep on.
 *
 * Each waiter has a ticket, in order of arrival. notify(n) adds n grants, for tickets given so far; a waiter that finds a grant
 * takes it. So exactly n leave, and a waiter that is killed leaves its grant to the others. notify_all releases all tickets so
 * far, and with that forgets the killed ones in `waiting`. A waiter that finds the holder dead says so: the notify may have
 * died with it.
 */
#include "base/clock.h"
#include "base/error.h"
#include "sync/futex.h"
#include "sync/mutex.h"

struct hay_condition {
    struct hay_mutex *mutex;
    _Atomic uint32_t bell;          /* slept on; counts notifies */
    _Atomic uint64_t next_ticket;
    _Atomic uint64_t all_before;    /* lower tickets are released */
    _Atomic uint64_t grants_before; /* lower tickets may take a grant */
    _Atomic int64_t grants;
    _Atomic int64_t waiting;        /* and not released by notify_all; too many by those who were killed */
    struct mapping mapping;
};

struct hay_condition *hay_condition_new(struct hay_mutex *mutex, struct hay_error *error)
{
    struct mapping mapping;
    if (!mutex) {
        error_set(error, HAY_EINVAL, "a condition needs a mutex");
        return NULL;
    }
    int rc = mapping_open(&mapping, sizeof(struct hay_condition));
    if (rc < 0) {
        error_system(error, -rc, "cannot map a condition");
        return NULL;
    }
    struct hay_condition *condition = mapping.at;
    condition->mutex = mutex;
    condition->mapping = mapping;
    return condition;
}

void hay_condition_free(struct hay_condition *condition)
{
    if (!condition)
        return;
    mapping_close_own(condition->mapping);
}

/* A look without the mutex, which may be wrong a moment later. */
static bool seems_released(struct hay_condition *condition, uint64_t ticket)
{
    return ticket < atomic_load(&condition->all_before)
        || (ticket < atomic_load(&condition->grants_before) && atomic_load(&condition->grants) > 0);
}

static bool take_release(struct hay_condition *condition, uint64_t ticket)
{
    if (ticket < atomic_load(&condition->all_before))
        return true;
    if (ticket >= atomic_load(&condition->grants_before) || atomic_load(&condition->grants) <= 0)
        return false;
    atomic_fetch_sub(&condition->grants, 1);
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

enum hay_status hay_condition_notify(struct hay_condition *condition, int count)
{
    if (!condition || count < 0)
        return HAY_EINVAL;
    if (!mutex_is_mine(condition->mutex))
        return HAY_ESTATE;
    int64_t hopeful = atomic_load(&condition->waiting) - atomic_load(&condition->grants);
    int released = hopeful < count ? (int)hopeful : count;
    if (released <= 0)
        return HAY_OK;
    atomic_store(&condition->grants_before, atomic_load(&condition->next_ticket));
    atomic_fetch_add(&condition->grants, released);
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
    atomic_store(&condition->waiting, 0);
    atomic_store(&condition->grants, 0);
    atomic_fetch_add(&condition->bell, 1);
    futex_wake(&condition->bell, FUTEX_ALL);
    return HAY_OK;
}
