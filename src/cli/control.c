/* SPDX-License-Identifier: MIT */
#include "cli/control.h"
#include "cli/cli.h"
#include "cli/run.h"
#include "cli/say.h"
#include "cli/signals.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

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

void control_judge(struct run *run, struct hay_result *result)
{
    struct control *control = &run->control;
    if (!control->halted || result->outcome != HAY_OUTCOME_CANCELLED)
        return;
    control->unrun++;
    if (result->attempts)
        return;
    result->outcome = HAY_OUTCOME_SKIPPED;
    result->message = (struct hay_span){ control->reason, strlen(control->reason) };
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

/* As many workers as are wanted and slots are there for, of which those have one each that are only to end their job; and no more
 * slots than that. `wanted` counts their jobs too; `now` are the pool's workers without them. */
static void control_fit(struct run *run, int now)
{
    struct control *control = &run->control;
    int slots = jobserver_slots(), limit = slots < control->wanted ? slots : control->wanted;
    int workers = control->jobserver.most, leaving = 0;
    while (workers > 1 && workers + leaving > limit)
        leaving += hay_pool_worker_pid(run->pool, --workers) > 0;
    if (workers != now)
        control_resize(run, workers);
    int asked = workers + leaving > control->wanted ? workers + leaving : control->wanted;
    if (asked == control->asked)
        return;
    control->asked = asked;
    jobserver_want(&control->jobserver, asked);
}

/* The next turn fits the workers to them. */
static void control_on_slots(void *context)
{
    run_feed_wake(context);
}

/* As many of make's slots as there are jobs that could run. What is too much goes back when it has been so for a moment: a
 * worker is not ended and forked again for each gap between two lines. */
static void control_want(struct run *run)
{
    struct control *control = &run->control;
    struct hay_pool_stats stats;
    hay_pool_stats(run->pool, &stats);
    bool comes = run->held && !ev_is_active(&control->delay);
    uint64_t jobs = run->accepted - run->settled + comes - stats.waiting;
    int most = control->jobserver.most, want = jobs < (uint64_t)most ? (int)jobs : most;
    if (control->throttle.held || want < 1)
        want = 1;
    if (want >= control->wanted) {
        ev_timer_stop(run->loop, &control->ease);
        control->wanted = want;
    } else if (!ev_is_active(&control->ease)) {
        control->ease_to = want;
        ev_timer_set(&control->ease, CONTROL_EASE_S, 0.0);
        ev_timer_start(run->loop, &control->ease);
    } else if (want > control->ease_to) {
        control->ease_to = want;
    }
    control_fit(run, stats.workers);
}

static void control_on_ease(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct run *run = watcher->data;
    (void)loop, (void)events;
    run->control.wanted = run->control.ease_to;
}

static bool control_is_held(const struct run *run)
{
    return run->control.throttle.held || run->crowded || run->control.halted;
}

void control_hold(struct run *run)
{
    hay_pool_hold(run->pool, control_is_held(run));
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

/* ---- --delay ---- */

static void control_on_delay(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    (void)loop, (void)watcher, (void)events; /* what it waited for is looked at before the loop sleeps */
}

/* A job that the pool has to queue would start when it likes: there has to be a worker with nothing to do. */
bool control_may_begin(struct run *run)
{
    struct control *control = &run->control;
    struct hay_pool_stats stats;
    if (!run->options->control.delay_ms)
        return true;
    if (ev_is_active(&control->delay) || control_is_held(run))
        return false;
    if (run->options->is_inline)
        return true;
    hay_pool_stats(run->pool, &stats);
    return run->accepted - run->settled - stats.waiting < (uint64_t)stats.workers_ready;
}

void control_begin(struct run *run)
{
    int64_t delay_ms = run->options->control.delay_ms;
    if (!delay_ms)
        return;
    ev_now_update(run->loop);
    ev_timer_set(&run->control.delay, (double)delay_ms / 1000, 0.0);
    ev_timer_start(run->loop, &run->control.delay);
}

void control_take_back(struct run *run)
{
    if (run->options->control.delay_ms)
        ev_timer_stop(run->loop, &run->control.delay);
}

/* ---- each turn ---- */

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
    if (run->stopping && after_count(control->after))
        control_abandon(run, control->halted ? control->reason
                             : run->broken   ? "the pool had to stop"
                                             : "the run was interrupted");
    if (control->jobserver.loop)
        control_want(run);
}

/* ---- signals ---- */

void control_hang_up(struct run *run)
{
    run->control.hung_up = true;
    control_halt(run, false, "hung up");
}

static void control_on_drain(struct ev_loop *loop, struct ev_signal *watcher, int events)
{
    (void)loop, (void)events;
    control_hang_up(watcher->data);
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
    if (ev_is_active(&run->stuck)) {
        ev_now_update(loop); /* the time that we stood still is nobody's */
        run_expect_end(run);
    }
}

/* A signal that was ignored when the command started (nohup) stays ignored. */
static void control_watch(struct ev_loop *loop, struct ev_signal *watcher,
                          void (*call)(struct ev_loop *, struct ev_signal *, int), int number, struct run *run)
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
    if (watcher->signum == SIGHUP)
        signal(SIGHUP, SIG_IGN); /* nothing is left to start, and what is finished has still to be written */
}

/* ---- life ---- */

int control_open(struct run *run)
{
    const struct control_options *options = &run->options->control;
    struct control *control = &run->control;
    control->halt = options->halt;
    int code = control->halt.percent > 0 ? control_count_lines(run, &control->halt.total) : CLI_OK;
    if (code)
        return code;
    return control_open_after(run) ? CLI_OK : say_no_memory();
}

void control_start(struct run *run)
{
    const struct control_options *options = &run->options->control;
    struct control *control = &run->control;
    control_watch(run->loop, &control->drain, control_on_drain, SIGHUP, run);
    ev_init(&control->delay, control_on_delay);
    if (run->options->is_inline)
        return;
    control_watch(run->loop, &control->suspend, control_on_suspend, SIGTSTP, run);
    if (options->jobs && *options->jobs == '@')
        jobs_watch(&control->jobs_file, run->loop, options->jobs + 1, run->options->pool.workers, control_resize, run);
    if (!options->jobs && jobserver_open(&control->jobserver, run->loop, control_on_slots, run)) {
        ev_timer_init(&control->ease, control_on_ease, CONTROL_EASE_S, 0.0);
        control->ease.data = run;
        control->wanted = control->asked = 1;
        control_resize(run, 1);
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
    ev_timer_stop(run->loop, &control->delay);
    jobserver_close(&control->jobserver);
}

void control_release(struct run *run)
{
    struct control *control = &run->control;
    control_drop(run);
    after_free(control->after);
    control->after = NULL;
}
