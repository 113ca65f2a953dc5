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
    if (pool->options->on_log)
        pool->options->on_log(pool->options->context, 0, line, size);
}

static void on_progress(void *context, const void *bytes, size_t size)
{
    struct inline_pool *pool = context;
    if (pool->options->on_progress && hay_json_check(bytes, size, HAY_JOBLINE_DEPTH, NULL) == HAY_OK)
        pool->options->on_progress(pool->options->context, pool->running, bytes, size);
}

static void open_task(struct inline_pool *pool, struct task *task)
{
    task_init(task, &(struct task_options){.max_result_bytes = pool->options->max_result_bytes,
                                           .watch_clock = true,
                                           .context = pool,
                                           .on_progress = on_progress,
                                           .on_log = on_log});
}

void inline_init(struct inline_pool *pool, struct registry *registry, const struct hay_pool_options *options,
                 struct retry_policy retry)
{
    *pool = (struct inline_pool){.registry = registry, .retry = retry, .options = options};
    pool->wall_offset_ns = clock_wall_offset_ns(0);
    open_task(pool, &pool->task);
}

void inline_release(struct inline_pool *pool)
{
    task_release(&pool->task);
}

/* One job, from its submission to its result. */
struct inline_job {
    struct inline_pool *pool;
    struct task *task;
    int64_t timeout_ms;         /* 0 or less: none */
    struct hay_result result;
    char text[256];             /* the message of a result that is judged here */
};

static void judge(struct inline_job *job)
{
    struct hay_result *result = &job->result;
    const struct task *task = job->task;
    struct hay_jobline_fault fault;
    if (result->outcome == HAY_OUTCOME_OK)
        result->value = (struct hay_span){(const char *)buffer_at(&task->result), buffer_size(&task->result)};
    else
        result->message = task->message;
    if (result->value.at && !job->pool->options->raw_results &&
        hay_json_check(result->value.at, result->value.size, JSON_RESULT_DEPTH, &fault) != HAY_OK) {
        snprintf(job->text, sizeof job->text, "the result is not one line of JSON: %s at byte %zu", fault.reason, fault.column);
        result->outcome = HAY_OUTCOME_ERROR;
        result->value = (struct hay_span){NULL, 0};
        result->message = hay_span_of(job->text);
    }
    if (job->timeout_ms > 0 && result->run_ns >= job->timeout_ms * NS_PER_MS) {
        /* Nobody ended it, but with workers this would be the outcome. */
        char seconds[CLOCK_SECONDS_SIZE];
        snprintf(job->text, sizeof job->text, "timed out after %s s", clock_seconds(seconds, job->timeout_ms * NS_PER_MS));
        result->outcome = HAY_OUTCOME_TIMEOUT;
        result->message = hay_span_of(job->text);
    }
}

/* All of it, whatever signals the program handles meanwhile: none of them is known to be meant for the job. */
static void wait_for_retry(int64_t delay_ns)
{
    struct timespec left = {delay_ns / NS_PER_S, delay_ns % NS_PER_S};
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
}

static void run_attempt(struct inline_job *job, bool is_retried)
{
    struct inline_pool *pool = job->pool;
    struct hay_result *result = &job->result;
    int64_t start_ns = clock_now_ns();
    int64_t deadline_ns = job->timeout_ms > 0 ? clock_add(start_ns, job->timeout_ms * NS_PER_MS) : TIME_NEVER;
    result->outcome = HAY_OUTCOME_OK; /* as long as it runs */
    result->value = result->message = (struct hay_span){NULL, 0};
    result->attempts++;
    result->start_ns = start_ns + pool->wall_offset_ns;
    result->pid = getpid();
    pool->started++;
    pool->retried += result->attempts > 1;
    task_begin(job->task, result->number, result->attempts, is_retried, deadline_ns);
    uint64_t owner = owner_token();
    result->outcome = task_run(job->task, registry_call(pool->registry, result->function), result->args.at, result->args.size);
    if (owner_token() != owner)
        _exit(EXIT_FAILURE); /* the function has forked, and returned in the child too: what follows is for one of us */
    result->run_ns = clock_now_ns() - start_ns;
    judge(job);
}

static void run_attempts(struct inline_job *job, int64_t retries)
{
    struct retry_policy *policy = &job->pool->retry;
    struct hay_result *result = &job->result;
    struct job budget = {0};
    int64_t delay_ns;
    bool again;
    retry_init(policy, &budget, retries);
    do {
        run_attempt(job, retry_is_due(policy, &budget));
        budget.attempts = result->attempts;
        again = result->outcome != HAY_OUTCOME_OK && retry_take(policy, &budget, result->outcome, &delay_ns);
        if (again && delay_ns)
            wait_for_retry(delay_ns);
    } while (again);
}

void inline_run(struct inline_pool *pool, uint32_t function, const struct hay_job *wanted, int64_t retries, uint64_t *number)
{
    const struct hay_result *outer = pool->running;
    struct task nested;
    struct inline_job job = {
        .pool = pool,
        .task = outer ? &nested : &pool->task,
        .timeout_ms = wanted->timeout_ms ? wanted->timeout_ms : pool->options->timeout_ms,
        .result = {.number = ++pool->accepted, .tag = wanted->tag, .key = wanted->key, .id = wanted->id,
                   .args = wanted->args.at ? wanted->args : (struct hay_span){"null", 4},
                   .function = function, .exit_code = -1},
    };
    if (outer)
        open_task(pool, &nested);
    pool->running = &job.result;
    if (number)
        *number = job.result.number;
    run_attempts(&job, retries);
    pool->by_outcome[job.result.outcome]++;
    if (wanted->on_done)
        wanted->on_done(wanted->done_context, &job.result);
    else if (pool->options->on_result)
        pool->options->on_result(pool->options->context, &job.result);
    task_end(job.task);
    pool->running = outer;
    if (outer)
        task_release(&nested);
}
