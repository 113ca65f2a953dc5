/* SPDX-License-Identifier: MIT
 *
 * `hayfork run`: job lines in, result lines out. One loop waits on the input, the output, signals and the pool; nothing in it
 * blocks. A run ends when every accepted job is settled and every result is written, or when results can no longer be written, or
 * when it is interrupted: then it takes what is finished along and ends by the same signal.
 */
#include "cli/run.h"
#include "cli/cli.h"
#include "cli/functions.h"
#include "cli/now.h"
#include "cli/roster.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "cli/signals.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* After an interrupt, a consumer that reads nothing is waited for this long; and so is a worker, once it was killed. */
#define RUN_PATIENCE_S 5.0

void run_on_idle(struct ev_loop *loop, struct ev_idle *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
}

uint64_t run_results(const struct run *run)
{
    uint64_t results = 0;
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        results += run->by_outcome[i];
    return results;
}

void run_record(struct run *run, const struct hay_result *result, uint64_t seq)
{
    control_tell(run, result, seq);
    run->by_outcome[result->outcome]++;
    run_observe_result(run, result, seq);
    if (run->abandoned)
        return;
    if (result->outcome == HAY_OUTCOME_SKIPPED && journal_was_skipped(&run->journal, seq, result->key))
        run_write_none(run, seq); /* its line is there: a file that is resumed again and again does not grow by it */
    else
        run_write(run, result, seq, (run->options->meta ? HAY_RESULT_META : 0u) | (run->journal.is_kept ? HAY_RESULT_KEY : 0u));
}

/* A signal to all processes, as service managers and batch systems send it, ends a command before the pool can ask it to end.
 * That is no failure of its own, and --resume has to run it. */
static void run_judge_interrupted(struct hay_result *result)
{
    static const char reason[] = "cancelled while it ran";
    if (result->outcome != HAY_OUTCOME_ERROR || !signals_count())
        return;
    result->outcome = HAY_OUTCOME_CANCELLED;
    result->message = (struct hay_span){ reason, sizeof reason - 1 };
}

static void run_on_result(void *context, const struct hay_result *result)
{
    struct run *run = context;
    struct hay_result judged = *result;
    run->settled++;
    control_judge(run, &judged);
    if (run->options->verb->judge)
        run->options->verb->judge(run, &judged);
    else if (judged.outcome != HAY_OUTCOME_OK)
        judged.value = (struct hay_span){ NULL, 0 }; /* of a job that was asked to end: a line has a result or an error */
    run_judge_interrupted(&judged);
    run_record(run, &judged, judged.tag);
}

static void run_on_room(void *context)
{
    struct run *run = context;
    run->pool_full = false;
    run_feed_wake(run);
}

static void run_on_log(void *context, int worker, const char *line, size_t size)
{
    struct run *run = context;
    run_observe_log(run, worker, line, size);
}

void run_give_up(struct run *run, const char *reason)
{
    if (!run->broken)
        say("%s", reason);
    run->broken = run->stopping = true;
}

static void run_on_broken(void *context, const char *reason)
{
    run_give_up(context, reason);
}

static void run_set_paused(struct run *run, bool paused)
{
    if (run->paused == paused)
        return;
    run->paused = paused;
    hay_pool_pause(run->pool, paused);
    if (!paused)
        run_feed_wake(run);
}

/* Who was killed and is still there is stuck in the kernel, and nobody knows for how long. */
static void run_on_stuck(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct run *run = watcher->data;
    (void)events;
    run->is_stuck = true;
    ev_break(loop, EVBREAK_ALL);
}

void run_expect_end(struct run *run)
{
    int64_t given_ms = run->options->pool.grace_ms;
    int64_t grace_ms = given_ms == HAY_POOL_NO_GRACE ? 0 : given_ms ? given_ms : HAY_POOL_GRACE_MS;
    if (run->options->is_inline)
        return;
    ev_timer_stop(run->loop, &run->stuck);
    ev_timer_set(&run->stuck, (double)grace_ms / 1e3 + RUN_PATIENCE_S, 0.0);
    ev_timer_start(run->loop, &run->stuck);
}

/* The first asks the jobs to end, the second ends the loop: run_finish() kills what is left. */
static void run_on_signal(void *context, int count)
{
    struct run *run = context;
    run->stopping = true;
    run_set_paused(run, false);
    if (count == 1) {
        const char *name = sigabbrev_np(signals_first());
        say("SIG%s: no more jobs are started, and those that run are asked to end%s", name ? name : "?",
            run->output.path ? "; --resume goes on with what is left" : "");
        hay_pool_cancel_signal(run->pool, signals_first(), NULL);
        hay_pool_cancel_all(run->pool, true);
        run_expect_end(run);
    } else {
        ev_break(run->loop, EVBREAK_ALL);
    }
}

static void run_be_patient(struct run *run)
{
    run->patience_steps = run->flow.steps;
    ev_timer_again(run->loop, &run->patience);
}

/* One that takes a long result a piece at a time is waited for on and on, but no longer than until a second signal. */
static void run_on_patience(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct run *run = watcher->data;
    (void)events;
    if (run->patience_steps != run->flow.steps && signals_count() < 2) {
        run_be_patient(run);
        return;
    }
    run->abandoned = true;
    ev_break(loop, EVBREAK_ALL);
}

/* All accepted jobs are settled and no more will come. */
static bool run_is_settled(const struct run *run)
{
    return ((run->stopping && !run_feed_skips(run)) || (run->input_done && !run->held)) && run->accepted == run->settled &&
           !after_count(run->control.after);
}

/* Results cannot be written: end at once, but for a run that is hung up and has jobs that run. A terminal that is closed may be
 * heard of by this before SIGHUP comes. */
static void run_on_unwritable(struct run *run)
{
    if (run->output.on_terminal && run->output.failure == -EIO)
        control_hang_up(run);
    if (run->control.hung_up) {
        control_turn(run);
        run_set_paused(run, false);
        if (!run_is_settled(run))
            return;
    }
    run->stopping = run->abandoned = true;
    ev_break(run->loop, EVBREAK_ALL);
}

static void run_on_turn_end(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    struct run *run = watcher->data;
    (void)events;
    control_turn(run);
    logsink_flush(run->logs);
    run_write_flush(run, false);
    run_observe_turn(run);
    if (run->output.failure) {
        run_on_unwritable(run);
        return;
    }
    if ((run_write_is_full(run) || run_observe_is_full(run)) && !signals_count())
        run_set_paused(run, true);
    else if (run_write_is_low(run) && !run_observe_is_full(run))
        run_set_paused(run, false);
    run_feed_look(run);
    if (!run_is_settled(run))
        return;
    if (!run->end_ns)
        run->end_ns = now_ns();
    if (!run_write_pending(run))
        ev_break(loop, EVBREAK_ALL);
    else if (signals_count() && !ev_is_active(&run->patience))
        run_be_patient(run);
}

/* Why results could not be written, and the exit code for that. */
static int run_say_output(const struct output *output)
{
    if (output->failure == -ENOMEM) {
        say("out of memory for results");
        return CLI_STOPPED;
    }
    if (output->failure == -ESTALE)
        say("'%s' was removed, cut or written to by others during the run: results may be missing there", output->path);
    else if (output->path)
        say("cannot write '%s': %s", output->path, strerror(-output->failure));
    else
        say("cannot write to standard output: %s", strerror(-output->failure));
    return CLI_OUTPUT;
}

bool run_open_input(const struct run_options *options, struct input *input, int stdin_fd)
{
    bool is_open = input_open(input, options->files.items, options->files.count, stdin_fd);
    if (options->nul_ended)
        input_use_nul(input);
    if (options->group_is_block)
        input_use_blocks(input, options->group_lines, options->group_bytes);
    else
        input_use_groups(input, options->group_lines, options->group_bytes);
    return is_open;
}

/* Open both ends; the output is changed last, when nothing else can be wrong. */
static int run_open(struct run *run, const int fds[2])
{
    const struct run_options *options = run->options;
    if (!run_open_input(options, &run->input, fds[0]))
        return input_say_failure(&run->input);
    int code = functions_load(run->pool, &options->plugins, &options->configs, options->function, &run->function);
    if (!code)
        code = run_journal_check(options);
    if (!code && options->dry_run && !(code = run_journal_open(run)) && !control_open_after(run))
        code = say_no_memory();
    if (code || options->dry_run)
        return code;
    if (run_write_open(run, fds[1]))
        return run_say_output(&run->output);
    const char *same = input_same_file(&run->input, &run->output.stream);
    if (same)
        return say_usage("'%s' is both input and output", strcmp(same, "-") ? same : "standard input");
    if ((code = run_observe_check(run, run->output.path, &run->output.stream)) || (code = run_journal_open(run)) ||
        (code = run_observe_open(run)))
        return code;
    return control_open(run);
}

static int run_start(struct run *run)
{
    struct hay_error error = { .status = HAY_OK };
    int workers = run->options->pool.workers;
    int possible = run->options->is_inline ? workers : setup_open_files(workers);
    if (possible < workers)
        say("descriptors (ulimit -n) are enough for about %d of %d workers only", possible, workers);
    reaper_init(&run->reaper);
    signals_start(run->loop, run->options->is_inline ? 1 : 2, run_on_signal, run);
    run->begin_ns = now_ns();
    enum hay_status status = hay_pool_start(run->pool, &error);
    if (status != HAY_OK) {
        say("%s", error.text);
        return status == HAY_EPLUGIN ? CLI_PLUGIN : CLI_STOPPED;
    }
    if (!run->options->is_inline)
        reaper_start(&run->reaper, run->loop, run->pool);
    ev_timer_init(&run->patience, run_on_patience, 0.0, RUN_PATIENCE_S);
    ev_init(&run->stuck, run_on_stuck);
    ev_prepare_init(&run->turn_end, run_on_turn_end);
    ev_set_priority(&run->turn_end, EV_MINPRI);
    run->turn_end.data = run->patience.data = run->stuck.data = run;
    ev_prepare_start(run->loop, &run->turn_end);
    run_feed_start(run);
    run_observe_start(run);
    control_start(run);
    return CLI_OK;
}

/* Write what there is. A reader that lags behind is waited for a little: half a line is no result. */
static void run_drain(struct run *run)
{
    run_write_flush(run, true);
    run_be_patient(run);
    while (run_write_pending(run) && !run->output.failure && !run->abandoned) {
        ev_run(run->loop, EVRUN_ONCE);
        run_write_flush(run, true);
    }
    ev_timer_stop(run->loop, &run->patience);
}

/* A function that runs in this process has called exit(): what was given before is written. */
static void run_on_exit(void *context)
{
    struct run *run = context;
    say("a function has ended this process by exit()");
    if (!ev_is_active(&run->turn_end))
        return;
    run_feed_stop(run);
    ev_prepare_stop(run->loop, &run->turn_end);
    run_drain(run);
    run_observe_finish(run);
    spool_close(&run->spool);
}

/* End the workers: in good order, or at once after a second signal; not at all when nobody wants results, as freeing kills. */
static void run_finish(struct run *run)
{
    run_feed_stop(run);
    ev_prepare_stop(run->loop, &run->turn_end);
    ev_timer_stop(run->loop, &run->patience);
    ev_timer_stop(run->loop, &run->stuck);
    if (run->abandoned)
        return;
    setup_end_workers(run->pool, run->is_stuck);
    run_drain(run);
}

/* What the run comes to, once all is over. Ends by signal where that is the answer. */
static int run_verdict(struct run *run)
{
    uint64_t results = run_results(run);
    /* The signal first: a reader that the same Ctrl-C ended is no other end. */
    if (signals_first())
        signals_raise(signals_first());
    if (run->output.failure == -EPIPE)
        signals_raise(SIGPIPE);
    if (run->output.failure)
        return run_say_output(&run->output);
    if (results + run->done_before != run->read) {
        say("internal error: %llu lines were read, %llu results were written", (unsigned long long)run->read,
            (unsigned long long)(results + run->done_before));
        return CLI_STOPPED;
    }
    if (run->broken)
        return CLI_STOPPED;
    if (run->lost)
        return CLI_OUTPUT;
    if (run->refused)
        return CLI_INPUT;
    if (run->input.failure)
        return input_say_failure(&run->input);
    if (run->control.unrun)
        return CLI_UNRUN;
    return run->by_outcome[HAY_OUTCOME_OK] == results && !run->failed_before ? CLI_OK : CLI_NOT_OK;
}

/* From an open pool to the exit code. */
static int run_jobs(struct run *run, const int fds[2])
{
    struct hay_pool_stats stats = { .workers = 0 };
    int code = run_open(run, fds);
    if (!code && run->options->dry_run)
        code = run_dry(run);
    if (run->options->is_inline)
        setup_guard_exit(run_on_exit, run);
    bool started = !code && !run->options->dry_run && !(code = run_start(run));
    if (started) {
        ev_run(run->loop, 0);
        run_feed_left(run);
        run_finish(run);
        hay_pool_stats(run->pool, &stats);
        run_observe_settled(run);
    }
    reaper_stop(&run->reaper);
    control_stop(run);
    hay_pool_free(run->pool);
    run->pool = NULL;
    if (started && !run->abandoned)
        run_drain(run); /* what that has settled */
    setup_guard_exit(NULL, NULL);
    reaper_finish(&run->reaper);
    control_release(run);
    run_observe_finish(run);
    run_write_close(run);
    uint64_t dropped = logsink_close(run->logs) + stats.log_dropped;
    if (dropped)
        say("%llu line%s of the workers' output cut or dropped", (unsigned long long)dropped, dropped == 1 ? "" : "s");
    if (started && run->options->observe.summary && run->output.failure != -EPIPE)
        run_summary(run, &stats);
    run_observe_release(run);
    if (started)
        code = run_verdict(run);
    journal_close(&run->journal);
    input_close(&run->input);
    return code;
}

/* From good options to the exit code. */
static int run_with(struct run_options *options)
{
    struct run run = {
        .options = options, .output.stream.fd = -1, .errors.stream.fd = -1, .spool.folder = -1, .last.index = -1,
    };
    struct hay_error error = { .text = "out of memory" };
    int fds[2] = { 0, 1 }, code = CLI_STOPPED;
    if (!options->dry_run)
        setup_write_errors();
    if (options->is_inline && !options->dry_run)
        setup_guard_stdio(fds);
    run.loop = ev_loop_new(EVFLAG_AUTO);
    run.logs = run.loop ? logsink_open(run.loop) : NULL;
    options->pool.loop = run.loop;
    options->pool.context = &run;
    options->pool.on_result = run_on_result;
    options->pool.on_room = run_on_room;
    options->pool.on_log = run_on_log;
    options->pool.on_broken = run_on_broken;
    run.pool = run.logs ? hay_pool_new(&options->pool, &error) : NULL;
    if (run.pool) {
        code = run_jobs(&run, fds);
    } else {
        say("cannot start: %s", error.text);
        logsink_close(run.logs);
    }
    signals_stop();
    if (run.loop)
        ev_loop_destroy(run.loop);
    return code;
}

int run_verb(const struct run_verb *verb, void *state, int argc, char **argv)
{
    struct run_options options;
    roster_expect();
    int code = run_options_read(&options, verb, state, argc, argv);
    if (code < 0)
        code = run_with(&options);
    run_options_release(&options);
    return code;
}

int run_main(int argc, char **argv)
{
    static const struct run_verb verb = { .name = "run" };
    return run_verb(&verb, NULL, argc, argv);
}
