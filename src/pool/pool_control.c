/* SPDX-License-Identifier: MIT
 *
 * Steering a pool that runs: what is cancelled, how many workers it has, and whether it sends jobs, reads results, lets its
 * workers run. Inline pools have nothing to steer.
 */
#include "pool/pool.h"

#include "base/error.h"

#include <signal.h>

enum hay_status hay_pool_cancel(struct hay_pool *pool, uint64_t number, struct hay_error *error)
{
    enum hay_status status = pool_check(pool, error);
    if (status)
        return status;
    if (!pool_is_live(pool) || master_cancel(&pool->master, number))
        return error_set(error, HAY_EUNKNOWN, "no job %llu is pending", (unsigned long long)number);
    return HAY_OK;
}

void hay_pool_cancel_all(struct hay_pool *pool, bool running)
{
    if (pool_is_live(pool))
        master_cancel_all(&pool->master, running);
}

enum hay_status hay_pool_cancel_signal(struct hay_pool *pool, int signal, struct hay_error *error)
{
    enum hay_status status = pool_check(pool, error);
    if (status)
        return status;
    if (signal != SIGTERM && signal != SIGINT)
        return error_set(error, HAY_EINVAL, "jobs are cancelled by SIGTERM or SIGINT, not by signal %d", signal);
    if (!pool_is_live(pool))
        return error_set(error, HAY_ESTATE, pool->is_started ? "an inline pool sends no signals" : "the pool has not started");
    pool->master.cancel_signal = signal;
    return HAY_OK;
}

void hay_pool_pause(struct hay_pool *pool, bool paused)
{
    if (pool_is_live(pool))
        master_pause(&pool->master, paused);
}

void hay_pool_hold(struct hay_pool *pool, bool held)
{
    if (pool_is_live(pool))
        master_hold(&pool->master, held);
}

void hay_pool_freeze(struct hay_pool *pool, bool frozen)
{
    if (pool_is_live(pool))
        master_freeze(&pool->master, frozen);
}

enum hay_status hay_pool_resize(struct hay_pool *pool, int workers, struct hay_error *error)
{
    enum hay_status status = pool_check(pool, error);
    if (status)
        return status;
    if (workers < 1 || workers > HAY_POOL_MAX_WORKERS)
        return error_set(error, HAY_EINVAL, "%d workers: 1 to %d are possible", workers, HAY_POOL_MAX_WORKERS);
    if (!pool_is_live(pool))
        return error_set(error, HAY_ESTATE, pool->is_inline ? "an inline pool has no workers" : "the pool has not started");
    uint64_t max_jobs = pool->has_default_jobs ? pool_default_jobs(workers) : pool->options.max_jobs;
    return master_resize(&pool->master, workers, max_jobs, error);
}
