/* SPDX-License-Identifier: MIT
 *
 * The public pool: joins the registry of functions, the master and the worker's main (handed down as a function pointer, so that
 * neither side knows the other).
 */
#include <hayfork/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "plugin/plugin_load.h"
#include "pool/pool.h"
#include "pool/probe.h"
#include "process/family.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX (16u << 20) /* bytes of a plugin's configuration */

/* ---- set-up ---- */

/* No number from 0 to 2 is the loop's, whether or not the program has something there: it may put it there later. */
static struct ev_loop *make_loop(void)
{
    int low[3], count = fd_fill_low(low);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    while (count)
        fd_close(&low[--count]);
    return loop;
}

struct hay_pool *hay_pool_new(const struct hay_pool_options *options, struct hay_error *error)
{
    struct hay_pool *pool = calloc(1, sizeof *pool);
    if (!pool) {
        error_set(error, HAY_ENOMEM, "out of memory");
        return NULL;
    }
    pool->owner = owner_token();
    pool->thread = pthread_self();
    registry_init(&pool->registry);
    buffer_init(&pool->table);
    if (options)
        pool->options = *options;
    pool->registry.program = (struct registry_program){.worker_start = pool->options.worker_start,
                                                       .worker_stop = pool->options.worker_stop,
                                                       .context = pool->options.context};
    pool->has_default_jobs = !pool->options.max_jobs;
    pool->has_default_bytes = !pool->options.max_bytes;
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
    pool->loop = pool->options.loop;
    if (!pool->loop && !pool->is_inline) {
        pool->loop = make_loop();
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
        return; /* a child's copy: what it stands for is its parent's; or another thread is at it */
    if (pool->is_started && pool->is_inline) {
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
        return error_set(error, HAY_ESTATE, "the pool has started");
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

enum hay_status hay_pool_configure(struct hay_pool *pool, const char *plugin, const char *json, struct hay_error *error)
{
    struct hay_jobline_fault fault;
    enum hay_status status = refuse_started(pool, error);
    if (status)
        return status;
    int index = plugin ? registry_find_plugin(&pool->registry, plugin, strlen(plugin)) : -1;
    if (index < 0)
        return error_set(error, HAY_EUNKNOWN, "no plugin \"%.64s\" is loaded", plugin ? plugin : "");
    if (!registry_plugin(&pool->registry, index)->is_configurable)
        return error_set(error, HAY_EINVAL, "plugin %s takes no configuration", plugin);
    size_t size = json ? strnlen(json, CONFIG_MAX + 1) : 0;
    if (size > CONFIG_MAX)
        return error_set(error, HAY_EINVAL, "the configuration of plugin %s is longer than %u MiB", plugin, CONFIG_MAX >> 20);
    if (json && hay_json_check(json, size, HAY_JOBLINE_DEPTH, &fault))
        return error_set(error, HAY_EINVAL, "the configuration of plugin %s is not JSON: column %zu: %s", plugin, fault.column,
                         fault.reason);
    if (registry_configure(&pool->registry, index, json))
        return error_set(error, HAY_ENOMEM, "out of memory");
    return HAY_OK;
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
    struct worker_setup setup = {.ledger = given->ledger,
                                 .fd = given->fd,
                                 .index = given->index,
                                 .max_result_bytes = pool->options.max_result_bytes,
                                 .table = &pool->registry,
                                 .limits = pool->options.limits};
    family_be_worker(given->index, getppid());
    return worker_main(&setup);
}

static struct retry_policy retry_policy(const struct hay_pool_options *options)
{
    return (struct retry_policy){.retries = options->retries,
                                 .crash_retries = options->crash_retries,
                                 .retry_timeouts = options->retry_timeouts,
                                 .final_errors = options->final_errors,
                                 .delay_ns = options->retry_delay_ms * NS_PER_MS,
                                 .max_delay_ns = options->retry_delay_max_ms * NS_PER_MS,
                                 .jitter_state = (uint64_t)clock_now_ns() | 1};
}

static enum hay_status start_inline(struct hay_pool *pool, struct hay_error *error)
{
    struct hay_error local;
    struct hay_error *report = error ? error : &local;
    if (registry_start_all(&pool->registry, report))
        return report->status;
    inline_init(&pool->inline_pool, &pool->registry, &pool->options, retry_policy(&pool->options));
    return HAY_OK;
}

static enum hay_status start_master(struct hay_pool *pool, struct hay_error *error)
{
    const struct hay_pool_options *options = &pool->options;
    if (registry_pack(&pool->registry, 0, &pool->table))
        return error_set(error, HAY_ENOMEM, "out of memory");
    struct master_options master_options = {
        .loop = pool->loop,
        .workers = options->workers,
        .function_count = (uint32_t)pool->registry.function_count,
        .max_jobs = options->max_jobs,
        .max_bytes = options->max_bytes,
        .ahead_bytes = pool->has_default_jobs && pool->has_default_bytes ? POOL_AHEAD_BYTES : 0,
        .max_result_bytes = options->max_result_bytes,
        .timeout_ns = options->timeout_ms * NS_PER_MS,
        .start_timeout_ns = options->start_timeout_ms * NS_PER_MS,
        .grace_ns = options->grace_ms * NS_PER_MS,
        .retry = retry_policy(options),
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
    if (pool->is_closed)
        return error_set(error, HAY_ESTATE, "the pool was closed before it started");
    status = pool->is_inline ? start_inline(pool, error) : start_master(pool, error);
    pool->is_started = !status;
    return status;
}
