/* SPDX-License-Identifier: MIT
 *
 * From lines to jobs. Before each sleep of the loop a batch of lines is scanned and submitted, until the pool is full, the
 * input has nothing now, or the output is too far behind. A line is never copied here and costs no allocation and no call to the
 * system: a job that the pool cannot take yet stays where it was read, and no further line is read.
 */
#include "cli/functions.h"
#include "cli/now.h"
#include "cli/pen.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/signals.h"

#include <stdio.h>
#include <string.h>

#define FEED_LINES 2048
#define FEED_LINES_PER_WORKER 256 /* where there are many: each should get a batch */
#define FEED_LINES_MAX 16384
#define FEED_BYTES ((uint64_t)1 << 20) /* both in one turn of the loop: other events are waiting */
#define FEED_REASON (2 * HAY_FUNCTION_NAME_MAX + 64)
#define FEED_INLINE_NS INT64_C(10000000)
#define FEED_LEFT_BYTES ((uint64_t)1 << 20) /* of a pipe, when nothing more is started */

/* The line number as a JSON token in run->default_id. */
static struct hay_span feed_default_id(struct run *run, uint64_t number)
{
    return (struct hay_span){ run->default_id, (size_t)(pen_number(run->default_id, number) - run->default_id) };
}

static void feed_reject(struct run *run, const struct input_line *line, struct hay_span id, const char *reason, size_t column)
{
    struct hay_result result = {
        .outcome = HAY_OUTCOME_REJECTED, .id = id, .message = { reason, strlen(reason) }, .exit_code = -1, .worker = -1,
        .line = line->number, .column = column, .key = run->key,
    };
    run->read++;
    control_note(run, run->read, line);
    if (run->options->dry_run) {
        run->by_outcome[HAY_OUTCOME_REJECTED]++;
        say("%s:%llu:%zu: %s", line->name, (unsigned long long)line->file_number, column, reason);
        return;
    }
    run_record(run, &result, run->read);
}

struct hay_span run_line_id(const struct input_line *line)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    hay_jobline_scan(line->at, line->size, &job, &fault);
    bool is_cut = line->too_long && job.id.at && job.id.at + job.id.size == line->at + line->size;
    return is_cut ? (struct hay_span){ NULL, 0 } : job.id;
}

static void feed_reject_too_long(struct run *run, const struct input_line *line)
{
    char reason[FEED_REASON];
    size_t column = input_explain_long(reason, sizeof reason);
    feed_reject(run, line, run_line_id(line), reason, column);
}

/* memcmp() would load more at once than the scanner has just stored at once, and wait for it. */
static inline bool feed_is_same(const char *a, const char *b, size_t size)
{
    if (size < 8)
        return !memcmp(a, b, size);
    for (size_t i = 0; i + 8 < size; i += 8)
        if (memcmp(a + i, b + i, 8))
            return false;
    return !memcmp(a + size - 8, b + size - 8, 8);
}

/* The index of the line's function; -1 with `reason` filled. */
static int feed_function(struct run *run, const struct hay_jobline *job, char *reason, size_t capacity)
{
    if (!job->fn_column) {
        if (run->function < 0)
            snprintf(reason, capacity, "%s", FUNCTIONS_NONE);
        return run->function;
    }
    if (run->last.index >= 0 && run->last.size == job->fn_size && feed_is_same(run->last.name, job->fn, job->fn_size))
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

static struct hay_span feed_bytes(const struct input_line *line)
{
    return (struct hay_span){ line->at, line->size };
}

void run_skip(struct run *run, const struct hay_job *job, uint64_t seq, const char *reason)
{
    struct hay_result result = {
        .outcome = HAY_OUTCOME_SKIPPED, .tag = seq, .key = job->key, .id = job->id, .args = job->args,
        .message = { reason, strlen(reason) }, .exit_code = -1, .worker = -1, .function = (uint32_t)job->index,
    };
    run_record(run, &result, seq);
}

/* The job in hand will not run. One that was kept has its place in the order, a new one gets it. */
static void feed_skip(struct run *run, const char *reason)
{
    const struct after_job *kept = run->control.kept;
    uint64_t seq = kept ? kept->seq : ++run->read;
    run->held = false;
    run_skip(run, &run->job, seq, reason);
    control_drop(run);
}

/* run->job is made of a new line: may it start? */
static void feed_ask(struct run *run, const struct input_line *line, struct hay_span after)
{
    char reason[FEED_REASON];
    switch (control_ask(run, run->read + 1, after, reason, sizeof reason)) {
    case AFTER_READY:
        run->held = true;
        break;
    case AFTER_WAITS:
        run->read++;
        break;
    case AFTER_SKIP:
        feed_skip(run, reason);
        break;
    case AFTER_REJECT:
        feed_reject(run, line, run->job.id, reason, 1);
        break;
    }
}

/* As run_feed_line(), where the verb makes the job. */
static void feed_make(struct run *run, const struct input_line *line)
{
    char reason[FEED_REASON];
    size_t column = 1;
    struct hay_span id = feed_default_id(run, run->options->group_lines ? run->read + 1 : line->number);
    run->job = (struct hay_job){ .index = run->function, .id = id, .tag = run->read + 1 };
    enum run_made made = RUN_UNFIT;
    if (line->too_long)
        column = input_explain_long(reason, sizeof reason);
    else
        made = run->options->verb->make(run, line, reason, sizeof reason, &column);
    if (made == RUN_NO_MEMORY) {
        run_give_up(run, "out of memory");
        return;
    }
    if (!run_journal_admit(run, line, made == RUN_MADE ? (struct hay_span){ run->job.args.at, run->keyed } : feed_bytes(line)))
        return;
    if (made == RUN_MADE) {
        run_journal_name(run);
        run->job.key = run->key;
        feed_ask(run, line, (struct hay_span){ NULL, 0 });
    } else {
        feed_reject(run, line, id, reason, column);
    }
}

void run_feed_line(struct run *run, const struct input_line *line)
{
    struct hay_jobline scanned;
    struct hay_jobline_fault fault;
    char reason[FEED_REASON];
    if (run->options->verb->make) {
        feed_make(run, line);
        return;
    }
    if (!run_journal_admit(run, line, feed_bytes(line)))
        return;
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
    if (!scanned.fn_column)
        run_journal_name(run);
    run->job = (struct hay_job){
        .index = index, .args = scanned.args, .id = id, .tag = run->read + 1, .key = run->key, .timeout_ms = scanned.timeout_ms,
        .retries = scanned.retries < 0 ? 0 : scanned.retries ? scanned.retries : HAY_JOB_NO_RETRY, .priority = scanned.priority,
    };
    feed_ask(run, line, scanned.after);
}

/* The pool refused a job for good: the line still gets its result, and the run ends if it was not the job's fault. */
static void feed_refused(struct run *run, enum hay_status status, const struct hay_error *error)
{
    feed_skip(run, error->text);
    if (status != HAY_EMSGSIZE)
        run_give_up(run, error->text);
}

/* Hand the job in hand to the pool. */
static void feed_submit(struct run *run)
{
    struct hay_error error; /* filled on failure only: clearing it would be the dearest thing here */
    bool is_new = !run->control.kept;
    if (!control_may_begin(run))
        return;
    control_begin(run);
    run->read += is_new;
    run->accepted++;
    enum hay_status status = hay_pool_submit(run->pool, &run->job, 0, NULL, &error);
    if (status == HAY_OK) {
        run->held = false;
        if (!is_new)
            control_drop(run);
        return;
    }
    control_take_back(run);
    run->read -= is_new;
    run->accepted--;
    if (status == HAY_EFULL)
        run->pool_full = true;
    else
        feed_refused(run, status, &error);
}

/* A job that waited for others, and does no longer. */
static void feed_kept(struct run *run)
{
    control_next(run);
    if (run->control.kept->skip)
        feed_skip(run, run->control.kept->reason);
    else
        run->held = true;
}

/* Take the next line in hand; false: there is none now. */
static bool feed_next(struct run *run)
{
    struct input_line line;
    if (control_has_next(run)) {
        feed_kept(run);
        return true;
    }
    switch (input_next(&run->input, &line)) {
    case INPUT_LINE:
        run_feed_line(run, &line);
        return true;
    case INPUT_AGAIN:
        if (!run->input.turn_bytes)
            return false;
        ev_io_set(&run->readable, input_fd(&run->input), EV_READ);
        ev_io_start(run->loop, &run->readable);
        return false;
    case INPUT_FAILED:
        break; /* what was accepted is run to its end */
    case INPUT_END:
        run_journal_end(run);
        break;
    }
    run->input_done = true;
    return false;
}

/* After a halt the lines that are left get their result too, where the input ends for certain: a pipe may stay open for ever. */
bool run_feed_skips(const struct run *run)
{
    return run->control.halted && !run->broken && !signals_count() && !run->output.failure &&
           (run->held || (!run->input_done && input_is_finite(&run->input)));
}

/* Has this line its result from before? It is counted then, or refused. */
static bool feed_was_done(struct run *run, const struct input_line *line)
{
    char reason[FEED_REASON];
    size_t column;
    struct hay_span bytes = feed_bytes(line);
    if (run->options->verb->make && !line->too_long &&
        run->options->verb->make(run, line, reason, sizeof reason, &column) == RUN_MADE)
        bytes = (struct hay_span){ run->job.args.at, run->keyed };
    return !run_journal_admit(run, line, bytes);
}

void run_feed_left(struct run *run)
{
    struct input_line line;
    enum input_event event = INPUT_END;
    if (!run->control.halted || run->control.unrun || run->broken || signals_count() || run->output.failure)
        return;
    input_begin_turn(&run->input, FEED_LEFT_BYTES);
    while (!run->input_done && (event = input_next(&run->input, &line)) == INPUT_LINE)
        if (!feed_was_done(run, &line)) {
            run->control.unrun++;
            return;
        }
    if (event == INPUT_AGAIN)
        run->control.unrun++; /* nobody knows what the pipe would still have brought */
    else if (!run->input_done && event == INPUT_END)
        run_journal_end(run);
    run->input_done = true;
}

/* What is in hand, or waited for others, has its place in the order already; a new line needs one. */
static bool feed_has_job(struct run *run)
{
    return run->held || control_has_next(run) || (!run->input_done && !ev_is_active(&run->readable) && !control_is_full(run) &&
                                                  order_has_room(&run->order, run->read + 1));
}

/* While the next job has to wait for its time, its line is in hand: the end of the input is seen. */
static bool feed_may_submit(struct run *run)
{
    return !run->held || control_may_begin(run);
}

static bool feed_may(struct run *run)
{
    bool skips = run_feed_skips(run), submits = !run->stopping && !run->pool_full && feed_may_submit(run);
    return (skips || submits) && feed_has_job(run) && !run_write_is_full(run) && !run_observe_is_full(run) &&
           !run->output.failure && !signals_count();
}

/* In one turn. */
static int feed_lines(const struct run *run)
{
    int wanted = run->options->pool.workers < FEED_LINES_MAX / FEED_LINES_PER_WORKER ?
                     run->options->pool.workers * FEED_LINES_PER_WORKER : FEED_LINES_MAX;
    return wanted > FEED_LINES ? wanted : FEED_LINES;
}

static void feed_on_prepare(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    struct run *run = watcher->data;
    int64_t begin_ns = run->options->is_inline ? now_ns() : 0;
    (void)events;
    input_begin_turn(&run->input, FEED_BYTES);
    for (int lines = feed_lines(run); lines > 0 && feed_may(run); lines--) {
        if (!run->held && !feed_next(run))
            break;
        if (!run->held)
            continue;
        if (run->control.halted) {
            run->control.unrun++;
            feed_skip(run, run->control.reason);
            continue;
        }
        feed_submit(run);
        if (run->options->is_inline && now_ns() - begin_ns > FEED_INLINE_NS)
            break;
    }
    control_look(run);
    if (feed_may(run))
        ev_idle_start(loop, &run->spin);
    else
        ev_idle_stop(loop, &run->spin);
}

static void feed_on_readable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void)events;
    ev_io_stop(loop, watcher);
}

void run_feed_wake(struct run *run)
{
    ev_idle_start(run->loop, &run->spin);
}

void run_feed_look(struct run *run)
{
    if (feed_may(run))
        run_feed_wake(run);
}

void run_feed_start(struct run *run)
{
    ev_prepare_init(&run->feed, feed_on_prepare);
    ev_set_priority(&run->feed, EV_MAXPRI);
    ev_idle_init(&run->spin, run_on_idle);
    ev_set_priority(&run->spin, EV_MINPRI);
    ev_init(&run->readable, feed_on_readable);
    run->feed.data = run;
    ev_prepare_start(run->loop, &run->feed);
}

void run_feed_stop(struct run *run)
{
    ev_prepare_stop(run->loop, &run->feed);
    ev_idle_stop(run->loop, &run->spin);
    ev_io_stop(run->loop, &run->readable);
    run->held = false;
}
