/* SPDX-License-Identifier: MIT
 *
 * Futures: a job's result, held for the program until it asks.
 *
 * A future is alive as long as someone needs it: the program, its pending job, and each call that waits for it. So it may be
 * freed at any time, from any callback, and outlives its pool: a pool that is freed settles its jobs first, and a settled future
 * never touches the pool again. If there is no memory for the result, the outcome is an error that says so.
 */
#include <hayfork/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "pool/keep.h"

#include <stdlib.h>

struct hay_future {
    struct hay_pool *pool;       /* NULL: settled */
    uint64_t number;
    struct hay_result result;
    char *bytes;                 /* what it points to */
    int holders;                 /* the program, the pending job, waiting calls */
    void (*on_done)(void *context, const struct hay_result *result);
    void *done_context;
};

static void release(struct hay_future *future)
{
    if (--future->holders)
        return;
    free(future->bytes);
    free(future);
}

/* The program's callback comes last: it may free the future. */
static void settle(void *context, const struct hay_result *result)
{
    struct hay_future *future = context;
    void (*on_done)(void *context, const struct hay_result *result) = future->on_done;
    void *done_context = future->done_context;
    future->pool = NULL;
    future->result = *result;
    if (future->holders > 1) {
        future->bytes = malloc(keep_size(result));
        if (future->bytes)
            keep_move(&future->result, future->bytes);
        else
            keep_lose(&future->result);
    }
    release(future);
    if (on_done)
        on_done(done_context, result);
}

struct hay_future *hay_pool_future(struct hay_pool *pool, const struct hay_job *job, int timeout_ms, struct hay_error *error)
{
    if (!pool || !job) {
        error_set(error, HAY_EINVAL, "no pool, or no job");
        return NULL;
    }
    struct hay_future *future = malloc(sizeof *future);
    if (!future) {
        error_set(error, HAY_ENOMEM, "out of memory");
        return NULL;
    }
    *future = (struct hay_future){.pool = pool, .holders = 2, .on_done = job->on_done, .done_context = job->done_context};
    struct hay_job ours = *job;
    ours.on_done = settle;
    ours.done_context = future;
    if (hay_pool_submit(pool, &ours, timeout_ms, &future->number, error)) {
        free(future);
        return NULL;
    }
    return future;
}

uint64_t hay_future_number(const struct hay_future *future)
{
    return future ? future->number : 0;
}

/* ---- waiting ---- */

struct watch {
    struct hay_future *const *futures;
    size_t count;
    enum hay_futures_mode mode;
    size_t first;            /* all before it are settled and ok, or need not be */
};

/* Is what is waited for there? */
static bool watch_is_met(struct watch *watch)
{
    bool is_settled = false;
    while (watch->first < watch->count && !watch->futures[watch->first]->pool &&
           (watch->mode == HAY_FUTURES_ALL || watch->futures[watch->first]->result.outcome == HAY_OUTCOME_OK)) {
        is_settled = true;
        watch->first++;
    }
    if (watch->first == watch->count || (is_settled && watch->mode == HAY_FUTURES_FIRST))
        return true;
    for (size_t i = watch->first; watch->mode != HAY_FUTURES_ALL && i < watch->count; i++) {
        const struct hay_future *future = watch->futures[i];
        if (!future->pool && (watch->mode == HAY_FUTURES_FIRST || future->result.outcome != HAY_OUTCOME_OK))
            return true;
    }
    return false;
}

/* The pool of those that are pending: NULL where there is none, or more than one. */
static struct hay_pool *watch_pool(const struct watch *watch)
{
    struct hay_pool *pool = NULL;
    for (size_t i = 0; i < watch->count; i++) {
        struct hay_pool *one = watch->futures[i]->pool;
        if (one && pool && one != pool)
            return NULL;
        pool = one ? one : pool;
    }
    return pool;
}

/* Turn the pool until the watch is met; one that is met already does not touch it. */
static enum hay_status watch_turn(struct watch *watch, struct hay_pool *pool, int timeout_ms)
{
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    enum hay_status status = HAY_OK;
    while (!watch_is_met(watch)) {
        if (status != HAY_OK)
            return status == HAY_ESTATE ? HAY_ESTATE : HAY_ETIMEDOUT;
        status = hay_pool_turn(pool, clock_left_ms(deadline_ns));
        if (status == HAY_OK && clock_now_ns() >= deadline_ns)
            status = HAY_ETIMEDOUT;
    }
    return HAY_OK;
}

enum hay_status hay_future_wait(struct hay_future *future, int timeout_ms)
{
    if (!future)
        return HAY_EINVAL;
    struct watch watch = {&future, 1, HAY_FUTURES_ALL, 0};
    future->holders++;
    enum hay_status status = watch_turn(&watch, future->pool, timeout_ms);
    release(future);
    return status;
}

enum hay_status hay_futures_wait(struct hay_future *const *futures, size_t count, enum hay_futures_mode mode, int timeout_ms)
{
    struct watch watch = {futures, count, mode, 0};
    if ((count && !futures) || mode < HAY_FUTURES_ALL || mode > HAY_FUTURES_FIRST_FAILURE)
        return HAY_EINVAL;
    for (size_t i = 0; i < count; i++)
        if (!futures[i])
            return HAY_EINVAL;
    if (watch_is_met(&watch))
        return HAY_OK;
    struct hay_pool *pool = watch_pool(&watch);
    if (!pool)
        return HAY_EINVAL;
    /* A callback may free them meanwhile, and make room in the program's array. */
    struct hay_future **held = malloc(count * sizeof *held);
    if (!held)
        return HAY_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        held[i] = futures[i];
        held[i]->holders++;
    }
    watch.futures = held;
    enum hay_status status = watch_turn(&watch, pool, timeout_ms);
    for (size_t i = 0; i < count; i++)
        release(held[i]);
    free(held);
    return status;
}

const struct hay_result *hay_future_result(const struct hay_future *future)
{
    return future && !future->pool ? &future->result : NULL;
}

enum hay_status hay_future_cancel(struct hay_future *future, struct hay_error *error)
{
    if (!future)
        return error_set(error, HAY_EINVAL, "no future");
    if (!future->pool)
        return error_set(error, HAY_EUNKNOWN, "the job is settled already");
    return hay_pool_cancel(future->pool, future->number, error);
}

void hay_future_free(struct hay_future *future)
{
    if (future)
        release(future);
}
