/* SPDX-License-Identifier: MIT
 *
 * The pool as its own files see it; what users see is hayfork/pool.h.
 */
#ifndef POOL_POOL_H
#define POOL_POOL_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/owner.h"
#include "master/master.h"
#include "plugin/registry.h"
#include "pool/inline.h"

#include <hayfork/pool.h>

#include <pthread.h>

#define POOL_JOBS_PER_WORKER 4096
#define POOL_JOBS_MAX (UINT64_C(1) << 18) /* by default: the records alone are 64 MiB */
#define POOL_AHEAD_BYTES (UINT64_C(512) << 10)
#define POOL_MAX_MS (INT64_MAX / NS_PER_MS / 4)

struct hay_pool {
    struct hay_pool_options options;
    uint64_t owner;              /* the process that made it: workers, ledgers and loop are its alone */
    pthread_t thread;            /* that made it, and is the only one to turn the loop; of no meaning inline */
    bool has_default_jobs;       /* max_jobs follows the number of workers */
    bool has_default_bytes;
    struct registry registry;
    struct buffer table;         /* the registry as bytes: what READY has to say */
    struct ev_loop *loop;
    bool owns_loop;
    bool is_started;
    bool is_inline;
    bool is_closed;              /* where no master knows it: inline, or before the start */
    bool is_turning;             /* a call turns the loop: callbacks do not turn it again */
    struct inline_pool inline_pool;
    int *keep;                   /* options.keep_fds behind a place for a worker's own */
    struct master master;
};

/* Check them and fill in the defaults. HAY_EINVAL. */
enum hay_status pool_options_fill(struct hay_pool_options *options, struct hay_error *error);

static inline uint64_t pool_default_jobs(int workers)
{
    uint64_t jobs = POOL_JOBS_PER_WORKER * (uint64_t)(workers > 0 ? workers : 1);
    return jobs < POOL_JOBS_MAX ? jobs : POOL_JOBS_MAX;
}

static inline bool pool_is_ours(const struct hay_pool *pool)
{
    return pool->owner == owner_token() && (pool->is_inline || pthread_equal(pool->thread, pthread_self()));
}

/* Started, with workers, and not that of a parent or another thread. */
static inline bool pool_is_live(const struct hay_pool *pool)
{
    return pool && pool->is_started && !pool->is_inline && pool_is_ours(pool);
}

/* Inside a callback, or a call that turns the loop: no other call may turn it. */
static inline bool pool_is_inside(const struct hay_pool *pool)
{
    return pool->is_turning || pool->master.callback_depth || (pool->is_inline && pool->inline_pool.running) ||
           master_is_calling_in(pool->loop);
}

static inline enum hay_status pool_refuse_foreign(const struct hay_pool *pool, struct hay_error *error)
{
    return error_set(error, HAY_ESTATE, "the pool belongs to the %s that made it",
                     pool->owner == owner_token() ? "thread" : "process");
}

/* HAY_OK: there is a pool, and it is ours. */
static inline enum hay_status pool_check(const struct hay_pool *pool, struct hay_error *error)
{
    if (!pool)
        return error_set(error, HAY_EINVAL, "no pool");
    return pool_is_ours(pool) ? HAY_OK : pool_refuse_foreign(pool, error);
}

#endif
