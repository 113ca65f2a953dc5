/* SPDX-License-Identifier: MIT */
#include "cli/control.h"
#include "cli/cli.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONTROL_LEFT_BYTES ((uint64_t)1 << 20) /* of a pipe, in which another line may stand */
#define CONTROL_EASE_S 0.2

/* ---- ending early ---- */

/* No more is started, for this reason. */
static void control_halt(struct run *run, bool now, const char *reason)
{
    struct control *control = &run->control;
    if (control->halted || run->stopping)
        return;
    control->halted = control->cancel_due = true;
    run->stopping = true;
    control_hold(run); /* at once: the worker that is free now gets no job before the turn ends */
    snprintf(control->reason, sizeof control->reason, "%s", reason);
    control->halt.when = now ? HALT_NOW : HALT_SOON;
    say("%s: no more jobs are started%s", reason, now ? ", and those that run are cancelled" : "");
}

const struct hay_result *control_judge(struct run *run, const struct hay_result *result, struct hay_result *changed)
{
    struct control *control = &run->control;
    if (!control->halted || result->outcome != HAY_OUTCOME_CANCELLED)
        return result;
    control->unrun++;
    if (result->attempts)
        return result;
    *changed = *result;
    changed->outcome = HAY_OUTCOME_SKIPPED;
    changed->message = (struct hay_span){ control->reason, strlen(control->reason) };
    return changed;
}

void control_tell(struct run *run, const struct hay_result *result, uint64_t seq)
{
    struct control *control = &run->control;
    char reason[sizeof control->reason];
    if (control->after)
        after_settle(control->after, seq, result->outcome);
    if (control->halt.when == HALT_NEVER || !halt_tell(&control->halt, result->outcome, result->attempts))
        return;
    halt_reason(&control->halt, reason, sizeof reason);
    control_halt(run, control->halt.when == HALT_NOW, reason);
}

/* As many of make's slots as there are jobs that could run. What is too much goes back when it has been so for a moment: a
 * worker is not ended and forked again for each gap between two lines. */
static void control_want(struct run *run)
{
    struct control *control = &run->control;
    struct hay_pool_stats stats;
    hay_pool_stats(run->pool, &stats);
    uint64_t jobs = run->accepted - run->settled + run->held - stats.waiting;
    int most = control->jobserver.most, want = jobs < (uint64_t)most ? (int)jobs : most;
    if (control->throttle.held)
        want = 1;
    if (want >= jobserver_slots()) {
        ev_timer_stop(run->loop, &control->ease);
        jobserver_want(&control->jobserver, want);
    } else if (!ev_is_active(&control->ease)) {
        control->ease_to = want;
        ev_timer_set(&control->ease, CONTROL_EASE_S, 0.0);
        ev_timer_start(run->loop, &control->ease);
    } else if (want > control->ease_to) {
        control->ease_to = want;
    }
}

static void control_on_ease(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct run *run = watcher->data;
    (void)loop, (void)events;
    jobserver_want(&run->control.jobserver, run->control.ease_to);
}

/* What was kept is not started any more. */
static void control_abandon(struct run *run, const char *reason)
{
    struct control *control = &run->control;
    if (run->held && control->kept)
        run->held = false;
    after_abandon(control->after, reason);
    while (control->kept || control_has_next(run)) {
        if (!control->kept)
            control_next(run);
        struct after_job *kept = control->kept;
        const char *why = kept->skip ? kept->reason : reason;
        struct hay_result result = {
            .outcome = HAY_OUTCOME_SKIPPED, .tag = kept->job.tag, .key = kept->job.key, .id = kept->job.id,
            .args = kept->job.args, .message = { why, strlen(why) }, .exit_code = -1, .worker = -1, .function = (uint32_t)kept->job.index,
        };
        control->unrun += control->halted;
        run_record(run, &result, kept->seq);
        control_drop(run);
    }
}

/* A halt is met inside a result's callback, and carried out here. */
void control_turn(struct run *run)
{
    struct control *control = &run->control;
    if (control->halted) {
        /* Again at each turn: what fails meanwhile is not tried again either. */
        hay_pool_cancel_all(run->pool, control->cancel_due && control->halt.when == HALT_NOW);
        if (control->cancel_due)
            run_feed_wake(run);
        control->cancel_due = false;
    }
    if (run->stopping && control->after && after_count(control->after))
        control_abandon(run, control->halted ? control->reason : run->broken ? "the pool had to stop" : "the run was interrupted");
    if (control->has_jobserver)
        control_want(run);
}

/* Lines that were not read are left unrun too. */
bool control_left_unrun(struct run *run)
{
    struct input_line line;
    enum input_event event = INPUT_END;
    uint64_t seq = run->read;
    if (!run->control.halted || run->control.unrun)
        return run->control.halted;
    input_begin_turn(&run->input, input_is_finite(&run->input) ? UINT64_MAX : CONTROL_LEFT_BYTES);
    while (!run->input_done && (event = input_next(&run->input, &line)) == INPUT_LINE)
        if (!journal_is_done(&run->journal, ++seq))
            return true;
    return event == INPUT_AGAIN; /* nobody knows what the pipe would still have brought */
}

/* ---- dependencies ---- */

/* The whole input once more, up to where `each` says false. False: it cannot be read. */
static bool control_read_again(const struct run *run, bool (*each)(void *context, const struct input_line *line), void *context)
{
    struct input again;
    struct input_line line;
    int stdin_fd = input_stdin_again(&run->input);
    bool fine = run_open_input(run->options, &again, stdin_fd);
    while (fine && input_next(&again, &line) == INPUT_LINE && each(context, &line))
        continue;
    fine = fine && !again.failure;
    input_close(&again);
    if (stdin_fd >= 0)
        close(stdin_fd);
    return fine;
}

struct control_number {
    char digits[24];
};

/* By which id others can come after this line: its own, else its number. */
static struct hay_span control_line_id(const struct input_line *line, struct control_number *number)
{
    struct hay_span id = run_line_id(line);
    if (id.at)
        return id;
    int size = snprintf(number->digits, sizeof number->digits, "%llu", (unsigned long long)line->number);
    return (struct hay_span){ number->digits, (size_t)size };
}

struct control_lesson {
    struct after *after;
    uint64_t seq, last;
    bool failed;
};

static bool control_learn(void *context, const struct input_line *line)
{
    struct control_lesson *lesson = context;
    struct control_number number;
    if (lesson->seq > lesson->last)
        return false;
    lesson->failed = !after_learn(lesson->after, ++lesson->seq, control_line_id(line, &number));
    return !lesson->failed;
}

/* Lines up to the first one with a dependency are read once more, for their ids. */
static bool control_replay(void *context, struct after *after)
{
    struct run *run = context;
    struct control_lesson lesson = { .after = after, .last = run->read };
    return control_read_again(run, control_learn, &lesson) && !lesson.failed;
}

static bool control_count(void *context, const struct input_line *line)
{
    (void)line;
    ++*(uint64_t *)context;
    return true;
}

/* Jobs of the whole input, where it can be read twice; else 0. */
static uint64_t control_count_lines(struct run *run)
{
    uint64_t count = 0;
    if (input_is_replayable(&run->input))
        control_read_again(run, control_count, &count);
    return count;
}

static struct after *control_new_after(struct run *run)
{
    bool is_kept = input_is_replayable(&run->input) && !run->options->verb->make;
    uint64_t most = run->options->pool.max_jobs ? run->options->pool.max_jobs : 65536;
    return after_new(most, is_kept ? control_replay : NULL, run);
}

void control_note(struct run *run, uint64_t seq, const struct input_line *line)
{
    struct control_number number;
    /* What is kept of ids is learned when it is asked for, where that can be. */
    if (run->control.after)
        after_note(run->control.after, seq,
                   after_keeps_ids(run->control.after) ? control_line_id(line, &number) : (struct hay_span){ "\"\"", 2 });
}

void control_note_done(struct run *run, uint64_t seq, const struct input_line *line, enum hay_outcome outcome)
{
    control_note(run, seq, line);
    halt_leave_out(&run->control.halt);
    if (run->control.after)
        after_settle(run->control.after, seq, outcome);
}

bool control_is_full(const struct run *run)
{
    return run->control.after && after_is_full(run->control.after);
}

enum control_answer control_ask(struct run *run, uint64_t seq, struct hay_span list, char *reason, size_t capacity)
{
    struct after *after = run->control.after;
    if (!after)
        return CONTROL_GO;
    if (!after_note(after, seq, run->job.id)) {
        snprintf(reason, capacity, "out of memory");
        return CONTROL_SKIP;
    }
    if (!list.at)
        return CONTROL_GO;
    switch (after_ask(after, &run->job, seq, list, reason, capacity)) {
    case AFTER_READY:
        return CONTROL_GO;
    case AFTER_WAITS:
        return CONTROL_KEPT;
    case AFTER_REJECT:
        return CONTROL_REJECT;
    case AFTER_NO_MEMORY:
        snprintf(reason, capacity, "out of memory");
        break;
    case AFTER_SKIP:
        break;
    }
    return CONTROL_SKIP;
}

bool control_has_next(const struct run *run)
{
    return run->control.after && after_has_next(run->control.after);
}

void control_next(struct run *run)
{
    run->control.kept = after_next(run->control.after);
    if (run->control.kept)
        run->job = run->control.kept->job;
}

void control_drop(struct run *run)
{
    if (run->control.kept)
        after_drop(run->control.after, run->control.kept);
    run->control.kept = NULL;
}

/* ---- how many ---- */

/* Called back with how many workers there are to be. */
static void control_resize(void *context, int workers)
{
    struct run *run = context;
    struct hay_error error;
    run_feed_wake(run);
    if (hay_pool_resize(run->pool, workers, &error) != HAY_OK && error.status != HAY_ESTATE)
        say("the number of workers stays: %s", error.text);
}

void control_hold(struct run *run)
{
    hay_pool_hold(run->pool, run->control.throttle.held || run->crowded || run->control.halted);
}

static void control_on_throttle(void *context, bool held)
{
    struct run *run = context;
    if (held && !run->control.throttle_told)
        say("no job is started while %s", run->control.throttle.why);
    run->control.throttle_told |= held;
    control_hold(run);
    run_feed_wake(run);
}

/* ---- signals ---- */

static void control_on_drain(struct ev_loop *loop, struct ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    control_halt(watcher->data, false, "hung up");
}

/* Stop as the terminal asked, workers and clocks included; all goes on when we do. By the signal's own default, which the kernel
 * leaves out where no shell is there to continue us. */
static void control_on_suspend(struct ev_loop *loop, struct ev_signal *watcher, int events)
{
    struct run *run = watcher->data;
    (void)events;
    hay_pool_freeze(run->pool, true);
    ev_ref(loop);
    ev_signal_stop(loop, watcher);
    raise(SIGTSTP);
    ev_signal_start(loop, watcher);
    ev_unref(loop);
    hay_pool_freeze(run->pool, false);
}

/* A signal that was ignored when the command started (nohup) stays ignored. */
static void control_watch(struct ev_loop *loop, struct ev_signal *watcher, void (*call)(struct ev_loop *, struct ev_signal *, int),
                          int number, struct run *run)
{
    struct sigaction old;
    ev_signal_init(watcher, call, number);
    watcher->data = run;
    if (sigaction(number, NULL, &old) || old.sa_handler == SIG_IGN)
        return;
    ev_signal_start(loop, watcher);
    ev_unref(loop);
}

static void control_unwatch(struct ev_loop *loop, struct ev_signal *watcher)
{
    if (!ev_is_active(watcher))
        return;
    ev_ref(loop);
    ev_signal_stop(loop, watcher);
}

/* ---- life ---- */

int control_open(struct run *run)
{
    const struct control_options *options = &run->options->control;
    struct control *control = &run->control;
    control->halt = options->halt;
    if (control->halt.percent > 0)
        control->halt.total = control_count_lines(run);
    control->after = control_new_after(run);
    if (!control->after) {
        say("out of memory");
        return CLI_STOPPED;
    }
    return CLI_OK;
}

void control_start(struct run *run)
{
    const struct control_options *options = &run->options->control;
    struct control *control = &run->control;
    control_watch(run->loop, &control->drain, control_on_drain, SIGHUP, run);
    if (run->options->is_inline)
        return;
    control_watch(run->loop, &control->suspend, control_on_suspend, SIGTSTP, run);
    if (options->jobs && *options->jobs == '@')
        jobs_watch(&control->jobs_file, run->loop, options->jobs + 1, run->options->pool.workers, control_resize, run);
    if (!options->jobs && jobserver_open(&control->jobserver, run->loop, control_resize, run)) {
        control->has_jobserver = true;
        ev_timer_init(&control->ease, control_on_ease, CONTROL_EASE_S, 0.0);
        control->ease.data = run;
        control_resize(run, jobserver_slots());
    } else if (!options->jobs && jobserver_is_serial()) {
        control_resize(run, 1);
    }
    control->throttle.load_max = options->load_max;
    control->throttle.memory_least = options->memory_least;
    throttle_start(&control->throttle, run->loop, control_on_throttle, run);
}

void control_stop(struct run *run)
{
    struct control *control = &run->control;
    control_unwatch(run->loop, &control->drain);
    control_unwatch(run->loop, &control->suspend);
    jobs_unwatch(&control->jobs_file, run->loop);
    throttle_stop(&control->throttle, run->loop);
    ev_timer_stop(run->loop, &control->ease);
    jobserver_close(&control->jobserver);
}

void control_release(struct run *run)
{
    struct control *control = &run->control;
    control_drop(run);
    after_free(control->after);
    control->after = NULL;
}
