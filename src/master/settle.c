/* SPDX-License-Identifier: MIT */
#include "master/settle.h"

#include "base/clock.h"
#include "config.h"
#include "job/json.h"
#include "master/master.h"

#include <assert.h>
#include <stdio.h>

/* ---- the result ---- */

/* Every member is set by hand: clearing a structure of this size first costs more than filling it. */
void settle_describe(const struct master *master, const struct job *job, struct hay_result *result)
{
    bool ran = job->worker >= 0, has_id = job->id_size != JOB_NO_ID;
    result->outcome = HAY_OUTCOME_OK;
    result->number = job->number;
    result->tag = job->tag;
    result->key = job->key;
    result->id.at = has_id ? (const char *)job->bytes : NULL;
    result->id.size = has_id ? job->id_size : 0;
    result->args.at = (const char *)job->bytes + result->id.size;
    result->args.size = job->args_size;
    result->value = result->message = (struct hay_span){NULL, 0};
    result->has_cause = false;
    result->signal = 0;
    result->exit_code = -1;
    result->attempts = job->attempts;
    result->worker = job->worker;
    result->pid = ran ? job->pid : 0;
    result->start_ns = ran ? job->start_ns + master->wall_offset_ns : 0;
    result->run_ns = job->run_ns;
    result->function = job->function;
    result->line = result->column = 0;
}

static void settle(struct master *master, struct job *job, const struct attempt_end *end)
{
    struct hay_result result;
    settle_describe(master, job, &result);
    result.outcome = end->outcome;
    result.value = end->value;
    result.message = end->message;
    result.has_cause = end->has_cause;
    result.signal = end->signal;
    result.exit_code = end->exit_code;
    job_move(&master->store, job, JOB_DONE);
#ifdef HAY_SANITIZED
    assert(job_store_is_sound(&master->store));
#endif
    master->recorder.by_outcome[end->outcome]++;
    if (!master_pending(master))
        master_mark_dirty(master); /* a closed pool stops its workers now */
    master->callback_depth++;
    if (job->on_done)
        job->on_done(job->done_context, &result);
    else if (master->options.on_result)
        master->options.on_result(master->options.context, &result);
    master->callback_depth--;
    job_free(&master->store, job);
    if (master->is_room_wanted)
        master_tell_room(master);
}

void settle_skip(struct master *master, struct job *job)
{
    char text[JOB_FAILURE_SIZE + 64];
    struct attempt_end end = {.outcome = HAY_OUTCOME_SKIPPED, .message = hay_span_of(master->broken_reason), .exit_code = -1};
    if (job->failure) {
        snprintf(text, sizeof text, "the pool had to stop before it was tried again: %s", job->failure);
        end.message = hay_span_of(text);
        end.has_cause = true;
    }
    settle(master, job, &end);
}

void settle_no_memory(struct master *master, struct job *job)
{
    settle(master, job, &(struct attempt_end){.outcome = HAY_OUTCOME_SKIPPED, .message = hay_span_of("out of memory"),
                                              .exit_code = -1, .has_cause = true});
}

void settle_cancel(struct master *master, struct job *job)
{
    char text[JOB_FAILURE_SIZE + 64];
    snprintf(text, sizeof text, "cancelled before it %s%s%s", job->attempts ? "was tried again" : "started",
             job->failure ? ": " : "", job->failure ? job->failure : "");
    settle(master, job, &(struct attempt_end){.outcome = HAY_OUTCOME_CANCELLED, .message = hay_span_of(text), .exit_code = -1,
                                              .has_cause = job->failure != NULL});
}

/* ---- the queue again ---- */

/* False: there was no memory for it, and it is settled. */
static bool enqueue(struct master *master, struct job *job)
{
    if (!queue_return(&master->queue, job))
        return true;
    settle_no_memory(master, job);
    return false;
}

static bool queue_or_drop(struct master *master, struct job *job)
{
    job_move(&master->store, job, JOB_QUEUED);
    master_mark_dirty(master);
    if (!job->needs_fresh)
        return enqueue(master, job);
    list_push_tail(&master->fresh, &job->node);
    return true;
}

void settle_release_fresh(struct master *master)
{
    while (!list_empty(&master->fresh)) {
        struct job *job = LIST_ITEM(list_pop_head(&master->fresh), struct job, node);
        job->needs_fresh = false;
        enqueue(master, job);
    }
    master_mark_dirty(master);
}

static bool may_not_run(const struct master *master, const struct job *job)
{
    return master->is_broken || master->is_terminating || job->is_cancelled;
}

bool settle_return(struct master *master, struct job *job)
{
    if (!may_not_run(master, job))
        return queue_or_drop(master, job);
    if (master->is_broken)
        settle_skip(master, job);
    else
        settle_cancel(master, job);
    return false;
}

void settle_unqueue(struct master *master, struct job *job)
{
    if (job->state == JOB_WAITING || job->needs_fresh)
        list_remove(&job->node);
    else
        queue_remove(&master->queue, job);
}

/* The due ones first move to a list of their own, from which a callback may take any of them. */
int64_t settle_queue_due(struct master *master, int64_t now_ns)
{
    struct list due, *node;
    list_init(&due);
    int64_t next_ns = delay_take(&master->delay, now_ns, &due);
    while ((node = list_pop_head(&due)))
        queue_or_drop(master, LIST_ITEM(node, struct job, node));
    return next_ns;
}

/* ---- attempts ---- */

void settle_started(struct master *master, struct slot *slot, struct job *job)
{
    job_move(&master->store, job, JOB_STARTED);
    job->attempts++;
    job->worker = slot->index;
    job->pid = slot->pid;
    job->start_ns = slot->first_sight_ns;
    master->recorder.started++;
    master->recorder.retried += job->attempts > 1;
}

void settle_unstarted(struct master *master, struct job *job)
{
    master->recorder.started--;
    master->recorder.retried -= job->attempts > 1;
    if (!--job->attempts)
        job->worker = -1;
}

void settle_charge_queued(struct master *master, struct slot *slot, struct job *job)
{
    settle_unqueue(master, job);
    job_move(&master->store, job, JOB_SENT);
    job_move(&master->store, job, JOB_STARTED);
    job->worker = slot->index;
    job->pid = slot->pid;
    job->start_ns = clock_now_ns(); /* it hid the true one */
    job->run_ns = 0;
}

static void supply_message(const struct job *job, struct attempt_end *end, char *text, size_t size)
{
    char seconds[CLOCK_SECONDS_SIZE];
    if (end->outcome == HAY_OUTCOME_OK || end->message.at)
        return;
    if (end->outcome == HAY_OUTCOME_TIMEOUT)
        snprintf(text, size, "timed out after %s s", clock_seconds(seconds, job->timeout_ns));
    else
        snprintf(text, size, "%s", end->outcome == HAY_OUTCOME_CANCELLED ? "cancelled while it ran" : "failed");
    end->message = hay_span_of(text);
}

/* One that has not simply succeeded: it may run again, and where it would but must not, it ends as one that waits to. */
__attribute__((noinline))
static bool settle_failed(struct master *master, struct job *job, struct attempt_end *end)
{
    char text[256];
    int64_t delay_ns;
    supply_message(job, end, text, sizeof text);
    if (master->is_broken && end->outcome == HAY_OUTCOME_CRASH)
        *end = (struct attempt_end){.outcome = HAY_OUTCOME_SKIPPED, .message = hay_span_of(master->broken_reason),
                                    .exit_code = -1};
    if (!retry_take(&master->options.retry, job, end->outcome, &delay_ns)) {
        if (!job->attempts) { /* see settle_charge_queued() */
            job->attempts = 1;
            master->recorder.started++;
        }
        settle(master, job, end);
        return true;
    }
    if (end->message.at)
        job_keep_failure(&master->store, job, end->message.at, end->message.size);
    if (!delay_ns || may_not_run(master, job))
        return !settle_return(master, job);
    job->due_ns = clock_now_ns() + delay_ns;
    job_move(&master->store, job, JOB_WAITING);
    master_want_tick(master, delay_put(&master->delay, job));
    return false;
}

/* The result's bytes come from a worker: nothing that is not one line of JSON is handed up as JSON. */
__attribute__((noinline, cold))
static bool settle_no_json(struct master *master, struct job *job, struct attempt_end *end)
{
    struct hay_jobline_fault fault;
    char text[sizeof fault.reason + 64];
    hay_json_check(end->value.at, end->value.size, JSON_RESULT_DEPTH, &fault);
    int n = snprintf(text, sizeof text, "the result is not one line of JSON: %s at byte %zu", fault.reason, fault.column);
    *end = (struct attempt_end){.outcome = HAY_OUTCOME_ERROR, .message = {text, n < 0 ? 0 : (size_t)n}, .exit_code = -1};
    return settle_failed(master, job, end);
}

bool settle_attempt(struct master *master, struct job *job, struct attempt_end *end)
{
    bool has_value = end->outcome == HAY_OUTCOME_OK || end->value.at;
    bool is_bad = has_value && !master->options.raw_results &&
                  hay_json_check(end->value.at, end->value.size, JSON_RESULT_DEPTH, NULL) != HAY_OK;
    if (end->outcome == HAY_OUTCOME_OK && is_bad)
        return settle_no_json(master, job, end);
    if (is_bad)
        end->value = (struct hay_span){NULL, 0};
    if (end->outcome != HAY_OUTCOME_OK)
        return settle_failed(master, job, end);
    settle(master, job, end);
    return true;
}
