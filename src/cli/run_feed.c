/* SPDX-License-Identifier: MIT
 *
 * From lines to jobs. Before each sleep of the loop a batch of lines is scanned and submitted, until the pool is full, the
 * input has nothing now, or the output is too far behind. A line is never copied here and costs no allocation and no call to the
 * system: a job that the pool cannot take yet stays where it was read, and no further line is read.
 */
#include "cli/cli.h"
#include "cli/functions.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/signals.h"

#include <stdio.h>
#include <string.h>

#define FEED_LINES 512
#define FEED_INLINE_NS INT64_C(10000000)

/* The line number as a JSON token in run->default_id. */
static struct hay_span feed_default_id(struct run *run, uint64_t number)
{
    char *end = run->default_id + sizeof run->default_id, *at = end;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    return (struct hay_span){ at, (size_t)(end - at) };
}

static void feed_reject(struct run *run, const struct input_line *line, struct hay_span id, const char *reason, size_t column)
{
    struct hay_result result = {
        .outcome = HAY_OUTCOME_REJECTED, .id = id, .message = { reason, strlen(reason) }, .exit_code = -1, .worker = -1,
        .line = line->number, .column = column,
    };
    run->read++;
    run_record(run, &result, run->read);
}

/* The part of a line that is too long can still hold its id, unless the cut went through it. */
static void feed_reject_too_long(struct run *run, const struct input_line *line)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    char reason[64];
    hay_jobline_scan(line->at, line->size, &job, &fault);
    if (job.id.at && job.id.at + job.id.size == line->at + line->size)
        job.id = (struct hay_span){ NULL, 0 };
    snprintf(reason, sizeof reason, "the line is longer than %u MiB", CLI_LINE_MAX >> 20);
    feed_reject(run, line, job.id, reason, (size_t)CLI_LINE_MAX + 1);
}

/* The index of the line's function; -1 with `reason` filled. */
static int feed_function(struct run *run, const struct hay_jobline *job, char *reason, size_t capacity)
{
    if (!job->fn_column) {
        if (run->function < 0)
            snprintf(reason, capacity, "no function: the line has no \"fn\", and there is no -f");
        return run->function;
    }
    if (run->last.index >= 0 && run->last.size == job->fn_size && !memcmp(run->last.name, job->fn, job->fn_size))
        return run->last.index;
    int index = hay_pool_find(run->pool, job->fn, job->fn_size);
    if (index < 0) {
        functions_explain(run->pool, job->fn, job->fn_size, reason, capacity);
        return -1;
    }
    memcpy(run->last.name, job->fn, job->fn_size);
    run->last.size = job->fn_size;
    run->last.index = index;
    return index;
}

/* Make run->job of a line and hold it, or write the line off as rejected. */
static void feed_line(struct run *run, const struct input_line *line)
{
    struct hay_jobline scanned;
    struct hay_jobline_fault fault;
    char reason[2 * HAY_FUNCTION_NAME_MAX + 64];
    if (line->too_long) {
        feed_reject_too_long(run, line);
        return;
    }
    if (hay_jobline_scan(line->at, line->size, &scanned, &fault) != HAY_OK) {
        feed_reject(run, line, scanned.id, fault.reason, fault.column);
        return;
    }
    struct hay_span id = scanned.id.at ? scanned.id : feed_default_id(run, line->number);
    int index = feed_function(run, &scanned, reason, sizeof reason);
    if (index < 0) {
        feed_reject(run, line, id, reason, scanned.fn_column ? scanned.fn_column : 1);
        return;
    }
    run->job = (struct hay_job){
        .index = index, .args = scanned.args, .id = id, .tag = run->read + 1, .timeout_ms = scanned.timeout_ms,
        .retries = scanned.retries < 0 ? 0 : scanned.retries ? scanned.retries : HAY_JOB_NO_RETRY, .priority = scanned.priority,
    };
    run->held = true;
}

/* The pool refused a job for good: the line still gets its result, and the run ends if it was not the job's fault. */
static void feed_refused(struct run *run, enum hay_status status, const struct hay_error *error)
{
    struct hay_result result = {
        .outcome = HAY_OUTCOME_SKIPPED, .id = run->job.id, .message = { error->text, strlen(error->text) }, .exit_code = -1,
        .worker = -1,
    };
    run->held = false;
    run->read++;
    run_record(run, &result, run->read);
    if (status == HAY_EMSGSIZE)
        return;
    if (!run->broken)
        say("the pool stopped: %s", error->text);
    run->broken = run->stopping = true;
}

/* Hand the job in hand to the pool. */
static void feed_submit(struct run *run)
{
    struct hay_error error; /* filled on failure only: clearing it would be the dearest thing here */
    run->read++;
    run->accepted++;
    enum hay_status status = hay_pool_submit(run->pool, &run->job, 0, NULL, &error);
    if (status == HAY_OK) {
        run->held = false;
        return;
    }
    run->read--;
    run->accepted--;
    if (status == HAY_EFULL)
        run->pool_full = true;
    else
        feed_refused(run, status, &error);
}

/* Take the next line in hand; false: there is none now. */
static bool feed_next(struct run *run)
{
    struct input_line line;
    switch (input_next(&run->input, &line)) {
    case INPUT_LINE:
        feed_line(run, &line);
        return true;
    case INPUT_AGAIN:
        run->input_waiting = true;
        ev_io_set(&run->readable, input_fd(&run->input), EV_READ);
        ev_io_start(run->loop, &run->readable);
        return false;
    case INPUT_FAILED:
        run->stopping = true;
        break;
    case INPUT_END:
        break;
    }
    run->input_done = true;
    return false;
}

static bool feed_may(const struct run *run)
{
    return !run->stopping && !run->pool_full && (run->held || (!run->input_done && !run->input_waiting)) &&
           !output_is_full(&run->output) && !run->output.failure && !signals_count();
}

static void feed_on_prepare(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    struct run *run = watcher->data;
    int64_t begin_ns = run->options->is_inline ? run_now_ns() : 0;
    (void)events;
    for (int lines = 0; lines < FEED_LINES && feed_may(run); lines++) {
        if (!run->held && !feed_next(run))
            break;
        if (!run->held)
            continue;
        feed_submit(run);
        if (run->options->is_inline && run_now_ns() - begin_ns > FEED_INLINE_NS)
            break;
    }
    if (feed_may(run))
        ev_idle_start(loop, &run->spin);
    else
        ev_idle_stop(loop, &run->spin);
}

static void feed_on_idle(struct ev_loop *loop, struct ev_idle *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
}

static void feed_on_readable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    struct run *run = watcher->data;
    (void)events;
    ev_io_stop(loop, watcher);
    run->input_waiting = false;
}

void run_feed_wake(struct run *run)
{
    ev_idle_start(run->loop, &run->spin);
}

void run_feed_start(struct run *run)
{
    ev_prepare_init(&run->feed, feed_on_prepare);
    ev_set_priority(&run->feed, EV_MAXPRI);
    ev_idle_init(&run->spin, feed_on_idle);
    ev_set_priority(&run->spin, EV_MINPRI);
    ev_init(&run->readable, feed_on_readable);
    run->feed.data = run->readable.data = run;
    run->last.index = -1;
    ev_prepare_start(run->loop, &run->feed);
}

void run_feed_stop(struct run *run)
{
    ev_prepare_stop(run->loop, &run->feed);
    ev_idle_stop(run->loop, &run->spin);
    ev_io_stop(run->loop, &run->readable);
    run->held = false;
}
