/* SPDX-License-Identifier: MIT
 *
 * The public pool: joins the registry of functions, the master and the worker's main (handed down as a function pointer, so that
 * neither side knows the other), and turns the loop for the calls that block.
 */
#include <hayfork/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "plugin/plugin_load.h"
#include "pool/pool.h"
#include "pool/probe.h"
#include "worker/worker.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- set-up ---- */

struct hay_pool *hay_pool_new(const struct hay_pool_options *options, struct hay_error *error)
{
    struct hay_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        error_set(error, HAY_ENOMEM, "out of memory");
        return NULL;
    }
    pool->owner = owner_token();
    registry_init(&pool->registry);
    buffer_init(&pool->table);
    if (options)
        pool->options = *options;
    pool->has_default_jobs = !pool->options.max_jobs;
    if (pool_options_fill(&pool->options, error))
        goto fail;
    pool->is_inline = pool->options.workers == HAY_POOL_INLINE;
    pool->keep = malloc((pool->options.keep_count + 1) * sizeof *pool->keep);
    if (!pool->keep) {
        error_set(error, HAY_ENOMEM, "out of memory");
        goto fail;
    }
    if (pool->options.keep_count)
        memcpy(pool->keep + 1, pool->options.keep_fds, pool->options.keep_count * sizeof *pool->keep);
    pool->retry = (struct retry_policy){.retries = pool->options.retries,
                                        .crash_retries = pool->options.crash_retries,
                                        .retry_timeouts = pool->options.retry_timeouts,
                                        .final_errors = pool->options.final_errors,
                                        .delay_ns = pool->options.retry_delay_ms * NS_PER_MS,
                                        .max_delay_ns = pool->options.retry_delay_max_ms * NS_PER_MS,
                                        .jitter_state = (uint64_t)clock_now_ns() | 1};
    pool->loop = pool->options.loop;
    if (!pool->loop && !pool->is_inline) {
        pool->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
        pool->owns_loop = true;
        if (!pool->loop) {
            error_set(error, HAY_ENOMEM, "no event loop can be made");
            goto fail;
        }
    }
    return pool;
fail:
    hay_pool_free(pool);
    return NULL;
}

void hay_pool_free(struct hay_pool *pool)
{
    if (!pool || !pool_is_ours(pool))
        return; /* a child's copy: what it stands for is its parent's */
    if (pool->is_started && pool->is_inline) {
        if (pool->options.worker_stop)
            pool->options.worker_stop(pool->options.context, 0);
        registry_stop_all(&pool->registry);
        inline_release(&pool->inline_pool);
    } else if (pool->is_started) {
        pool->master.is_closed = true; /* before the callbacks of what is cancelled */
        master_cancel_all(&pool->master, false);
        master_release(&pool->master);
    }
    if (pool->owns_loop && pool->loop)
        ev_loop_destroy(pool->loop);
    buffer_release(&pool->table);
    registry_release(&pool->registry);
    free(pool->keep);
    free(pool);
}

/* ---- functions ---- */

static enum hay_status refuse_started(const struct hay_pool *pool, struct hay_error *error)
{
    enum hay_status status = pool_check(pool, error);
    if (!status && pool->is_started)
        return error_set(error, HAY_ESTATE, "the pool has started: functions are added before");
    return status;
}

enum hay_status hay_pool_load(struct hay_pool *pool, const char *plugin, struct hay_error *error)
{
    enum hay_status status = refuse_started(pool, error);
    if (status)
        return status;
    if (!plugin || !*plugin)
        return error_set(error, HAY_EINVAL, "no plugin's name");
    /* Inline pools are for debuggers: what breaks while it is loaded should break under the debugger's eyes. */
    if (!pool->is_inline)
        return probe_plugin(plugin, &pool->registry, error);
    struct hay_error local;
    struct hay_error *report = error ? error : &local;
    return plugin_load(plugin, &pool->registry, report) ? report->status : HAY_OK;
}

enum hay_status hay_pool_register(struct hay_pool *pool, const char *name, const char *summary, hay_run_fn *run,
                                  void (*data)(void), struct hay_error *error)
{
    enum hay_status status = refuse_started(pool, error);
    if (status)
        return status;
    if (!name || !run)
        return error_set(error, HAY_EINVAL, "a function needs a name and code");
    int index = registry_register(&pool->registry, name, summary, run, data);
    switch (index < 0 ? index : 0) {
    case 0:
        return HAY_OK;
    case -EEXIST:
        return error_set(error, HAY_EINVAL, "function \"%.64s\" is there already", name);
    case -E2BIG:
        return error_set(error, HAY_ERANGE, "too many functions, or too long a text");
    case -ENOMEM:
        return error_set(error, HAY_ENOMEM, "out of memory");
    default:
        return error_set(error, HAY_EINVAL, "\"%.64s\" is not a function's name: it has the form group.name", name);
    }
}

const struct hay_pool_function *hay_pool_function(const struct hay_pool *pool, int index)
{
    return pool ? registry_function(&pool->registry, index) : NULL;
}

const struct hay_pool_plugin *hay_pool_plugin(const struct hay_pool *pool, int index)
{
    return pool ? registry_plugin(&pool->registry, index) : NULL;
}

int hay_pool_find(const struct hay_pool *pool, const char *name, size_t size)
{
    return pool && name ? registry_find(&pool->registry, name, size) : -1;
}

/* ---- start ---- */

static int run_worker(struct master_worker *given)
{
    struct hay_pool *pool = given->context;
    struct worker_setup setup = {.mapping = given->mapping,
                                 .ledger = given->ledger,
                                 .fd = given->fd,
                                 .index = given->index,
                                 .max_result_bytes = pool->options.max_result_bytes,
                                 .table = &pool->registry,
                                 .limits = pool->options.limits,
                                 .start = pool->options.worker_start,
                                 .stop = pool->options.worker_stop,
                                 .hook_context = pool->options.context};
    return worker_main(&setup);
}

static enum hay_status start_inline(struct hay_pool *pool, struct hay_error *error)
{
    struct hay_error local;
    struct hay_error *report = error ? error : &local;
    if (registry_start_all(&pool->registry, report))
        return report->status;
    int code = pool->options.worker_start ? pool->options.worker_start(pool->options.context, 0) : 0;
    if (code) {
        registry_stop_all(&pool->registry);
        return error_set(error, HAY_EPLUGIN, "the program's worker_start() refused with %d", code);
    }
    inline_init(&pool->inline_pool, &pool->registry, &pool->options, &pool->retry);
    return HAY_OK;
}

static enum hay_status start_master(struct hay_pool *pool, struct hay_error *error)
{
    const struct hay_pool_options *options = &pool->options;
    if (registry_pack(&pool->registry, 0, &pool->table))
        return error_set(error, HAY_ENOMEM, "out of memory");
    struct master_options master_options = {
        .loop = pool->loop,
        .is_default_loop = !pool->owns_loop && ev_is_default_loop(pool->loop),
        .workers = options->workers,
        .function_count = (uint32_t)pool->registry.function_count,
        .max_jobs = options->max_jobs,
        .max_bytes = options->max_bytes,
        .max_result_bytes = options->max_result_bytes,
        .timeout_ns = options->timeout_ms * NS_PER_MS,
        .start_timeout_ns = options->start_timeout_ms * NS_PER_MS,
        .grace_ns = options->grace_ms * NS_PER_MS,
        .retry = pool->retry,
        .max_jobs_per_worker = options->max_jobs_per_worker,
        .max_worker_bytes = options->max_worker_bytes,
        .max_worker_age_ns = options->max_worker_age_ms * NS_PER_MS,
        .raw_results = options->raw_results,
        .worker_main = run_worker,
        .worker_context = pool,
        .keep = pool->keep,
        .keep_count = pool->options.keep_count,
        .ready_bytes = buffer_at(&pool->table),
        .ready_size = buffer_size(&pool->table),
        .context = options->context,
        .on_result = options->on_result,
        .on_room = options->on_room,
        .on_log = options->on_log,
        .on_progress = options->on_progress,
        .on_broken = options->on_broken,
    };
    int failed = master_init(&pool->master, &master_options);
    enum hay_status status = failed ? error_system(error, -failed, "the pool's master") : master_start(&pool->master, error);
    if (status) {
        master_release(&pool->master);
        buffer_release(&pool->table);
    }
    return status;
}

enum hay_status hay_pool_start(struct hay_pool *pool, struct hay_error *error)
{
    enum hay_status status = refuse_started(pool, error);
    if (status)
        return status;
    if (pool->is_inline_closed)
        return error_set(error, HAY_ESTATE, "the pool was closed before it started");
    status = pool->is_inline ? start_inline(pool, error) : start_master(pool, error);
    pool->is_started = !status;
    return status;
}

/* ---- jobs ---- */

static void on_deadline(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)watcher, (void)events; /* only wakes the loop */
}

/* Turn the loop until the condition holds or the time is up. */
static bool turn_until(struct hay_pool *pool, bool (*holds)(const struct hay_pool *pool, uint64_t value), uint64_t value, int timeout_ms)
{
    ev_timer timer;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    if (holds(pool, value) || pool->is_turning || pool->master.callback_depth)
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
    return pool->master.delivered != before;
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
        return !pool->is_inline_closed;
    return !pool->master.is_broken && !pool->master.is_closed && master_has_room(&pool->master, size);
}

static enum hay_status find_function(const struct hay_pool *pool, const struct hay_job *job, uint32_t *function, struct hay_error *error)
{
    int index = job->function ? registry_find(&pool->registry, job->function, strlen(job->function)) : job->index;
    if (index < 0 || index >= pool->registry.function_count)
        return error_set(error, HAY_EUNKNOWN, "unknown function \"%.100s\"", job->function ? job->function : "");
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
        return pool_refuse_foreign(error);
    if (!pool->is_started)
        return error_set(error, HAY_ESTATE, "the pool has not started");
    enum hay_status status = find_function(pool, job, &function, error);
    if (status)
        return status;
    if (job->timeout_ms < HAY_JOB_NO_TIMEOUT || job->timeout_ms > POOL_MAX_MS)
        return error_set(error, HAY_EINVAL, "a job's timeout is out of range");
    if (pool->is_inline) {
        if (pool->is_inline_closed)
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
    if (!pool)
        return HAY_EINVAL;
    if (!pool_is_ours(pool))
        return HAY_ESTATE;
    if (!pool_is_live(pool) || !master_pending(&pool->master))
        return HAY_EOF;
    return turn_until(pool, has_delivered, pool->master.delivered, timeout_ms) ? HAY_OK : HAY_ETIMEDOUT;
}

/* ---- end ---- */

void hay_pool_close(struct hay_pool *pool)
{
    if (pool_is_live(pool))
        master_close(&pool->master);
    else if (pool && pool_is_ours(pool))
        pool->is_inline_closed = true;
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
    if (!pool)
        return HAY_EINVAL;
    if (!pool_is_ours(pool))
        return HAY_ESTATE;
    if (!pool_is_live(pool))
        return pool->is_inline_closed || !pool->is_started ? HAY_OK : HAY_ESTATE;
    if (!pool->master.is_closed && !pool->master.is_broken)
        return HAY_ESTATE;
    if (timeout_ms < 0 && !pool->is_turning && !pool->master.callback_depth)
        do
            end_standstill(pool);
        while (turn_until(pool, is_done_or_stuck, 0, -1) && !is_done(pool, 0));
    return turn_until(pool, is_done, 0, timeout_ms) ? HAY_OK : HAY_ETIMEDOUT;
}

enum hay_status hay_pool_terminate(struct hay_pool *pool, int64_t grace_ms)
{
    if (!pool)
        return HAY_EINVAL;
    if (!pool_is_ours(pool))
        return HAY_ESTATE;
    if (!pool_is_live(pool)) {
        hay_pool_close(pool);
        return HAY_OK;
    }
    if (grace_ms < 0 || grace_ms > POOL_MAX_MS)
        grace_ms = 0;
    master_terminate(&pool->master, grace_ms * NS_PER_MS);
    return HAY_OK;
}
