/* SPDX-License-Identifier: MIT
 *
 * Jobs of a pool, from their submission to the pool's end: the calls that turn its loop where they block.
 */
#include "pool/pool.h"

#include "base/clock.h"
#include "base/error.h"

#include <string.h>

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)watcher, (void)events; /* only wakes the loop */
}

/* Turn the loop until the condition holds or the time is up. */
static bool turn_until(struct hay_pool *pool, bool (*holds)(const struct hay_pool *pool, uint64_t value), uint64_t value,
                       int timeout_ms)
{
    ev_timer timer;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    if (holds(pool, value) || pool_is_inside(pool))
        return holds(pool, value);
    pool->is_turning = true;
    master_arrive(&pool->master);
    if (timeout_ms > 0) {
        ev_now_update(pool->loop);
        ev_timer_init(&timer, on_deadline, timeout_ms / 1000., 0.);
        ev_timer_start(pool->loop, &timer);
    }
    do
        ev_run(pool->loop, timeout_ms == 0 ? EVRUN_NOWAIT : EVRUN_ONCE);
    while (!holds(pool, value) && (timeout_ms < 0 || clock_now_ns() < deadline_ns));
    if (timeout_ms > 0)
        ev_timer_stop(pool->loop, &timer);
    pool->is_turning = false;
    return holds(pool, value);
}

static bool has_room_for(const struct hay_pool *pool, uint64_t size)
{
    return master_has_room(&pool->master, size) || pool->master.is_broken || pool->master.is_closed;
}

static bool has_delivered(const struct hay_pool *pool, uint64_t before)
{
    return master_delivered(&pool->master) != before;
}

static bool is_done(const struct hay_pool *pool, uint64_t unused)
{
    (void)unused;
    return master_is_done(&pool->master);
}

bool hay_pool_has_room(const struct hay_pool *pool, size_t size)
{
    if (!pool || !pool->is_started || !pool_is_ours(pool))
        return false;
    if (pool->is_inline)
        return !pool->is_closed;
    return !pool->master.is_broken && !pool->master.is_closed && master_has_room(&pool->master, size);
}

static enum hay_status find_function(const struct hay_pool *pool, const struct hay_job *job, uint32_t *function,
                                     struct hay_error *error)
{
    int index = job->function ? registry_find(&pool->registry, job->function, strlen(job->function)) : job->index;
    if (index < 0 && job->function)
        return error_set(error, HAY_EUNKNOWN, "unknown function \"%.100s\"", job->function);
    if (index < 0 || index >= pool->registry.function_count)
        return error_set(error, HAY_EUNKNOWN, "there is no function %d", index);
    *function = (uint32_t)index;
    return HAY_OK;
}

/* As the policy wants it: below 0 is the pool's. */
static int64_t wanted_retries(const struct hay_job *job)
{
    return job->retries == 0 ? -1 : job->retries < 0 ? 0 : job->retries;
}

enum hay_status hay_pool_submit(struct hay_pool *pool, const struct hay_job *job, int timeout_ms, uint64_t *number,
                                struct hay_error *error)
{
    uint32_t function = 0;
    if (!pool || !job)
        return error_set(error, HAY_EINVAL, "no pool, or no job");
    if (!pool_is_ours(pool))
        return pool_refuse_foreign(pool, error);
    if (!pool->is_started)
        return error_set(error, HAY_ESTATE, "the pool has not started");
    enum hay_status status = find_function(pool, job, &function, error);
    if (status)
        return status;
    if (job->timeout_ms < HAY_JOB_NO_TIMEOUT || job->timeout_ms > POOL_MAX_MS)
        return error_set(error, HAY_EINVAL, "a job's timeout is out of range");
    if (pool->is_inline) {
        if (pool->is_closed)
            return error_set(error, HAY_ESTATE, "the pool is closed");
        inline_run(&pool->inline_pool, function, job, wanted_retries(job), number);
        return HAY_OK;
    }
    struct master_submission submission = {
        .function = function,
        .id = job->id,
        .args = job->args.at ? job->args : (struct hay_span){"null", 4},
        .tag = job->tag,
        .key = job->key,
        .timeout_ns = job->timeout_ms == 0 ? -1 : job->timeout_ms == HAY_JOB_NO_TIMEOUT ? 0 : job->timeout_ms * NS_PER_MS,
        .retries = wanted_retries(job),
        .priority = job->priority,
        .on_done = job->on_done,
        .done_context = job->done_context,
    };
    status = master_submit(&pool->master, &submission, number, error);
    if (status != HAY_EFULL || timeout_ms == 0)
        return status;
    if (!turn_until(pool, has_room_for, job->id.size + submission.args.size, timeout_ms))
        return error_set(error, HAY_ETIMEDOUT, "the queue stayed full");
    return master_submit(&pool->master, &submission, number, error);
}

enum hay_status hay_pool_turn(struct hay_pool *pool, int timeout_ms)
{
    enum hay_status status = pool_check(pool, NULL);
    if (status)
        return status;
    if (!pool_is_live(pool) || !master_pending(&pool->master))
        return HAY_EOF;
    return turn_until(pool, has_delivered, master_delivered(&pool->master), timeout_ms) ? HAY_OK : HAY_ETIMEDOUT;
}

/* ---- end ---- */

void hay_pool_close(struct hay_pool *pool)
{
    if (pool_is_live(pool))
        master_close(&pool->master);
    else if (pool && pool_is_ours(pool))
        pool->is_closed = true;
}

static void end_standstill(struct hay_pool *pool)
{
    master_hold(&pool->master, false);
    master_pause(&pool->master, false);
    master_freeze(&pool->master, false);
}

/* In a loop of the pool's own nobody could end a standstill while join waits for ever; in the program's its watchers can. */
static bool is_done_or_stuck(const struct hay_pool *pool, uint64_t unused)
{
    const struct master *master = &pool->master;
    return is_done(pool, unused) || (pool->owns_loop && (master->is_held || master->paused_ns || master->frozen_ns));
}

enum hay_status hay_pool_join(struct hay_pool *pool, int timeout_ms)
{
    enum hay_status status = pool_check(pool, NULL);
    if (status)
        return status;
    if (!pool_is_live(pool))
        return pool->is_closed || !pool->is_started ? HAY_OK : HAY_ESTATE;
    if (!pool->master.is_closed && !pool->master.is_broken)
        return HAY_ESTATE;
    if (timeout_ms < 0 && !pool_is_inside(pool))
        do
            end_standstill(pool);
        while (turn_until(pool, is_done_or_stuck, 0, -1) && !is_done(pool, 0));
    return turn_until(pool, is_done, 0, timeout_ms) ? HAY_OK : HAY_ETIMEDOUT;
}

enum hay_status hay_pool_terminate(struct hay_pool *pool, int64_t grace_ms)
{
    enum hay_status status = pool_check(pool, NULL);
    if (status)
        return status;
    if (!pool_is_live(pool)) {
        hay_pool_close(pool);
        return HAY_OK;
    }
    grace_ms = grace_ms < POOL_MAX_MS ? grace_ms : POOL_MAX_MS;
    master_terminate(&pool->master, grace_ms > 0 ? grace_ms * NS_PER_MS : 0);
    return HAY_OK;
}
