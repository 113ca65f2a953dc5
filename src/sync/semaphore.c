/* SPDX-License-Identifier: MIT
 *
 * A semaphore: a count and a bell; or, tracked, a table of holders and the same bell.
 *
 * A plain unit is one compare-and-swap, so a kill is before it or after it. A tracked waiter looks for dead holders when it has
 * slept FIRST_NAP_NS, and then at each look: units on their way from one living process to the next cost no such search.
 */
#include "base/clock.h"
#include "base/error.h"
#include "base/mapping.h"
#include "sync/doorbell.h"
#include "sync/holders.h"

#include <hayfork/sync.h>

#define DEFAULT_HOLDERS 1024
#define HOLDERS_LIMIT 65536
#define FIRST_NAP_NS (5 * NS_PER_MS)
#define LOCK_GRACE_NS (100 * NS_PER_MS)     /* a try must not fail because the inner lock is busy for a moment */
#define LOCK_PATIENCE_NS (10 * NS_PER_S)

struct hay_semaphore {
    struct doorbell bell;
    _Atomic uint32_t count;     /* not used when tracked */
    uint32_t max;
    struct holders *holders;    /* behind this in the mapping; NULL: not tracked */
    struct mapping mapping;
};

static enum hay_status check_options(const struct hay_semaphore_options *options, struct hay_error *error)
{
    unsigned max = options->max ? options->max : HAY_SEMAPHORE_MAX;
    if (max > HAY_SEMAPHORE_MAX)
        return error_set(error, HAY_EINVAL, "a semaphore's max is at most %u, not %u", HAY_SEMAPHORE_MAX, max);
    if (options->value > max)
        return error_set(error, HAY_EINVAL, "a semaphore cannot start at %u with a max of %u", options->value, max);
    if (options->max_holders > HOLDERS_LIMIT)
        return error_set(error, HAY_EINVAL, "max_holders is at most %d, not %u", HOLDERS_LIMIT, options->max_holders);
    return HAY_OK;
}

struct hay_semaphore *hay_semaphore_new(const struct hay_semaphore_options *options, struct hay_error *error)
{
    static const struct hay_semaphore_options defaults;
    int rc = 0;
    options = options ? options : &defaults;
    if (check_options(options, error) != HAY_OK)
        return NULL;
    uint32_t capacity = options->max_holders ? options->max_holders : DEFAULT_HOLDERS;
    size_t table = options->tracked ? holders_size(capacity) : 0;
    struct hay_semaphore *semaphore =
        mapping_new(sizeof *semaphore + table, offsetof(struct hay_semaphore, mapping), "a semaphore", error);
    if (!semaphore)
        return NULL;
    semaphore->max = options->max ? options->max : HAY_SEMAPHORE_MAX;
    atomic_init(&semaphore->count, options->value);
    if (options->tracked) {
        semaphore->holders = (struct holders *)(semaphore + 1);
        rc = holders_init(semaphore->holders, options->value, semaphore->max, capacity);
    }
    if (rc < 0) {
        mapping_close_own(semaphore->mapping);
        error_system(error, -rc, "cannot make a semaphore's lock");
        return NULL;
    }
    return semaphore;
}

void hay_semaphore_free(struct hay_semaphore *semaphore)
{
    if (!semaphore)
        return;
    mapping_close_own(semaphore->mapping);
}

static bool take_unit(struct hay_semaphore *semaphore)
{
    uint32_t count = atomic_load(&semaphore->count);
    while (count > 0)
        if (atomic_compare_exchange_weak(&semaphore->count, &count, count - 1))
            return true;
    return false;
}

static enum hay_status wait_plain(struct hay_semaphore *semaphore, int timeout_ms)
{
    if (take_unit(semaphore))
        return HAY_OK;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    while (clock_now_ns() < deadline_ns) {
        uint32_t seen = doorbell_listen(&semaphore->bell);
        if (take_unit(semaphore))
            return HAY_OK;
        doorbell_wait(&semaphore->bell, seen, deadline_ns);
        if (take_unit(semaphore))
            return HAY_OK;
    }
    return HAY_ETIMEDOUT;
}

static int64_t lock_deadline(int64_t deadline_ns)
{
    int64_t grace_ns = clock_now_ns() + LOCK_GRACE_NS;
    return deadline_ns > grace_ns ? deadline_ns : grace_ns;
}

static enum hay_status status_of(int rc)
{
    return rc == 0 ? HAY_OK : rc == -ETIMEDOUT ? HAY_ETIMEDOUT : rc == -ENOSPC ? HAY_EFULL : rc == -ERANGE ? HAY_ERANGE
        : rc == -EDEADLK ? HAY_ESTATE : HAY_ESYSTEM;
}

static enum hay_status wait_tracked(struct hay_semaphore *semaphore, int timeout_ms)
{
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    int64_t search_ns = timeout_ms ? clock_now_ns() + FIRST_NAP_NS : 0;
    int first = holders_take(semaphore->holders, lock_deadline(deadline_ns));
    if (first != -EAGAIN && first != -ENOSPC)
        return status_of(first);
    for (;;) {
        uint32_t seen = doorbell_listen(&semaphore->bell);
        int rc = holders_take(semaphore->holders, lock_deadline(deadline_ns));
        int64_t now_ns = clock_now_ns();
        bool is_late = now_ns >= deadline_ns, is_due = now_ns >= search_ns;
        if (is_due)
            search_ns = now_ns + RECHECK_NS;
        if (rc == -ENOSPC || (rc == -EAGAIN && (is_late ||
                                                (is_due && holders_search_is_due(semaphore->holders, now_ns, RECHECK_NS))))) {
            int64_t left = holders_reclaim(semaphore->holders, lock_deadline(deadline_ns));
            if (left > 1)
                doorbell_ring(&semaphore->bell, FUTEX_ALL);
            if (left >= 0)
                rc = holders_take(semaphore->holders, lock_deadline(deadline_ns));
        }
        if (rc == -ENOSPC)
            doorbell_ring(&semaphore->bell, 1); /* the unit is for who holds some already */
        if (rc != -EAGAIN)
            return status_of(rc);
        if (is_late)
            return HAY_ETIMEDOUT;
        doorbell_wait(&semaphore->bell, seen, search_ns < deadline_ns ? search_ns : deadline_ns);
    }
}

enum hay_status hay_semaphore_wait(struct hay_semaphore *semaphore, int timeout_ms)
{
    if (!semaphore)
        return HAY_EINVAL;
    return semaphore->holders ? wait_tracked(semaphore, timeout_ms) : wait_plain(semaphore, timeout_ms);
}

enum hay_status hay_semaphore_post(struct hay_semaphore *semaphore)
{
    if (!semaphore)
        return HAY_EINVAL;
    if (semaphore->holders) {
        int rc = holders_give(semaphore->holders, clock_now_ns() + LOCK_PATIENCE_NS);
        if (rc < 0)
            return status_of(rc);
    } else {
        uint32_t count = atomic_load(&semaphore->count);
        do {
            if (count >= semaphore->max)
                return HAY_ERANGE;
        } while (!atomic_compare_exchange_weak(&semaphore->count, &count, count + 1));
    }
    doorbell_ring(&semaphore->bell, 1);
    return HAY_OK;
}

enum hay_status hay_semaphore_value(struct hay_semaphore *semaphore, unsigned *value)
{
    if (!semaphore || !value)
        return HAY_EINVAL;
    if (!semaphore->holders) {
        *value = atomic_load(&semaphore->count);
        return HAY_OK;
    }
    int64_t left = holders_reclaim(semaphore->holders, clock_now_ns() + LOCK_PATIENCE_NS);
    if (left < 0)
        return status_of((int)left);
    if (left > 0)
        doorbell_ring(&semaphore->bell, FUTEX_ALL);
    *value = (unsigned)left;
    return HAY_OK;
}
