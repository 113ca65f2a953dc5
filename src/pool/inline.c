/* SPDX-License-Identifier: MIT */
#include "pool/inline.h"

#include "base/clock.h"
#include "base/owner.h"
#include "job/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_log(void *context, const char *line, size_t size)
{
    struct inline_pool *pool = context;
    if (pool->options.on_log)
        pool->options.on_log(pool->options.context, 0, line, size);
}

static int on_progress(void *context, const void *bytes, size_t size)
{
    struct inline_pool *pool = context;
    if (pool->options.on_progress && hay_json_check(bytes, size, HAY_JOBLINE_DEPTH, NULL) == HAY_OK)
        pool->options.on_progress(pool->options.context, pool->running, bytes, size);
    return 0;
}

static void open_task(struct inline_pool *pool, struct task *task)
{
    task_init(task, &(struct task_options){.max_result_bytes = pool->options.max_result_bytes,
                                           .watch_clock = true,
                                           .context = pool,
                                           .on_progress = on_progress,
                                           .on_log = on_log});
}

void inline_init(struct inline_pool *pool, struct registry *registry, const struct hay_pool_options *options,
                 const struct retry_policy *retry)
{
    *pool = (struct inline_pool){.registry = registry, .retry = *retry, .options = *options};
    pool->wall_offset_ns = clock_wall_offset_ns(0);
    open_task(pool, &pool->task);
}

void inline_release(struct inline_pool *pool)
{
    task_release(&pool->task);
}

static void fill_result(const struct inline_pool *pool, const struct task *task, int64_t timeout_ms, struct hay_result *result,
                        char *text, size_t size)
{
    struct hay_jobline_fault fault;
    bool is_late = timeout_ms > 0 && result->run_ns >= timeout_ms * NS_PER_MS;
    if (result->outcome == HAY_OUTCOME_OK)
        result->value = (struct hay_span){(const char *)buffer_at(&task->result), buffer_size(&task->result)};
    else
        result->message = task->message;
    if (result->value.at && !pool->options.raw_results &&
        hay_json_check(result->value.at, result->value.size, JSON_RESULT_DEPTH, &fault) != HAY_OK) {
        snprintf(text, size, "the result is not one line of JSON: %s at byte %zu", fault.reason, fault.column);
        result->outcome = HAY_OUTCOME_ERROR;
        result->value = (struct hay_span){NULL, 0};
        result->message = hay_span_of(text);
    }
    if (is_late) {
        /* Nobody ended it, but with workers this would be the outcome. */
        snprintf(text, size, "timed out after %g s", (double)timeout_ms / 1000);
        result->outcome = HAY_OUTCOME_TIMEOUT;
        result->message = hay_span_of(text);
    }
}

/* All of it, whatever signals the program handles meanwhile: none of them is known to be meant for the job. */
static void wait_for_retry(int64_t delay_ns)
{
    struct timespec left = {delay_ns / NS_PER_S, delay_ns % NS_PER_S};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static void run_attempt(struct inline_pool *pool, struct task *task, bool is_retried, int64_t timeout_ms,
                        struct hay_result *result, char *text, size_t size)
{
    int64_t start_ns = clock_now_ns();
    int64_t deadline_ns = timeout_ms > 0 ? clock_add(start_ns, timeout_ms * NS_PER_MS) : TIME_NEVER;
    result->outcome = HAY_OUTCOME_OK; /* as long as it runs */
    result->value = result->message = (struct hay_span){NULL, 0};
    result->attempts++;
    result->start_ns = start_ns + pool->wall_offset_ns;
    result->pid = getpid();
    pool->started++;
    pool->retried += result->attempts > 1;
    task_begin(task, result->number, result->attempts, 0, deadline_ns);
    task->is_retried = is_retried;
    uint64_t owner = owner_token();
    result->outcome = task_run(task, registry_call(pool->registry, result->function), result->args.at, result->args.size);
    if (owner_token() != owner)
        _exit(EXIT_FAILURE); /* the function has forked, and returned in the child too: what follows is for one of us */
    result->run_ns = clock_now_ns() - start_ns;
    fill_result(pool, task, timeout_ms, result, text, size);
}

static void run(struct inline_pool *pool, struct task *task, uint32_t function, const struct hay_job *job, int64_t retries,
                uint64_t *number)
{
    struct job budget = {0};
    struct hay_result result = {.number = ++pool->accepted, .tag = job->tag, .key = job->key, .id = job->id,
                                .args = job->args.at ? job->args : (struct hay_span){"null", 4},
                                .function = function, .exit_code = -1};
    const struct hay_result *outer = pool->running;
    int64_t timeout_ms = job->timeout_ms ? job->timeout_ms : pool->options.timeout_ms;
    char text[256];
    int64_t delay_ns;
    bool again;
    pool->running = &result;
    retry_init(&pool->retry, &budget, retries);
    if (number)
        *number = result.number;
    do {
        run_attempt(pool, task, retry_is_due(&pool->retry, &budget), timeout_ms, &result, text, sizeof text);
        budget.attempts = result.attempts;
        again = result.outcome != HAY_OUTCOME_OK && retry_take(&pool->retry, &budget, result.outcome, &delay_ns);
        if (again && delay_ns)
            wait_for_retry(delay_ns);
    } while (again);
    pool->by_outcome[result.outcome]++;
    if (job->on_done)
        job->on_done(job->done_context, &result);
    else if (pool->options.on_result)
        pool->options.on_result(pool->options.context, &result);
    task_end(task);
    pool->running = outer;
}

void inline_run(struct inline_pool *pool, uint32_t function, const struct hay_job *job, int64_t retries, uint64_t *number)
{
    if (!pool->running) {
        run(pool, &pool->task, function, job, retries, number);
        return;
    }
    struct task nested;
    open_task(pool, &nested);
    run(pool, &nested, function, job, retries, number);
    task_release(&nested);
}
