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
    struct hay_future *future = calloc(1, sizeof *future);
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

enum hay_status hay_future_wait(struct hay_future *future, int timeout_ms)
{
    if (!future)
        return HAY_EINVAL;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    enum hay_status status = HAY_OK;
    future->holders++;
    while (future->pool && status == HAY_OK) {
        status = hay_pool_turn(future->pool, clock_left_ms(deadline_ns));
        if (status == HAY_OK && clock_now_ns() >= deadline_ns)
            break;
    }
    status = future->pool ? HAY_ETIMEDOUT : HAY_OK;
    release(future);
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
