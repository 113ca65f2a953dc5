/* SPDX-License-Identifier: MIT
 *
 * Jobs that come after others, and what else needs the input a second time. The ids of earlier lines are learned from it when the
 * first line asks for one, where that can be: then runs without dependencies keep none.
 */
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/pen.h"
#include "cli/run.h"
#include "cli/say.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONTROL_WAITING 65536 /* jobs, without --queue */

/* The whole input once more, up to where `each` says false. 0, or the -errno for which it cannot be read. */
static int control_read_again(const struct run *run, bool (*each)(void *context, const struct input_line *line), void *context)
{
    struct input again;
    struct input_line line;
    int stdin_fd = input_stdin_again(&run->input);
    enum input_event event;
    if (run_open_input(run->options, &again, stdin_fd))
        do
            event = input_next(&again, &line);
        while (event == INPUT_AGAIN || (event == INPUT_LINE && each(context, &line)));
    int failure = again.failure;
    input_close(&again);
    if (stdin_fd >= 0)
        close(stdin_fd);
    return failure;
}

/* By which id others can come after this line: its own, else its number, whose digits go to `scratch`. */
static struct hay_span control_line_id(const struct input_line *line, char scratch[PEN_NUMBER_MAX])
{
    struct hay_span id = run_line_id(line);
    return id.at ? id : (struct hay_span){ scratch, (size_t)(pen_number(scratch, line->number) - scratch) };
}

struct control_lesson {
    struct after *after;
    uint64_t seq, last;
};

static bool control_learn(void *context, const struct input_line *line)
{
    struct control_lesson *lesson = context;
    char scratch[PEN_NUMBER_MAX];
    if (lesson->seq > lesson->last)
        return false;
    return after_learn(lesson->after, ++lesson->seq, control_line_id(line, scratch));
}

/* Lines up to the first one with a dependency are read once more, for their ids. */
static int control_replay(void *context, struct after *after)
{
    struct run *run = context;
    struct control_lesson lesson = { .after = after, .last = run->read };
    return control_read_again(run, control_learn, &lesson);
}

static bool control_count(void *context, const struct input_line *line)
{
    (void)line;
    ++*(uint64_t *)context;
    return true;
}

int control_count_lines(const struct run *run, uint64_t *count)
{
    *count = 0;
    int failure = input_is_replayable(&run->input) ? control_read_again(run, control_count, count) : 0;
    if (failure)
        say("cannot read the input a second time, to know how many jobs there are: %s", strerror(-failure));
    return failure ? CLI_INPUT : CLI_OK;
}

bool control_open_after(struct run *run)
{
    uint64_t most = run->options->pool.max_jobs ? run->options->pool.max_jobs : CONTROL_WAITING;
    if (run->options->verb->make) /* the jobs that it makes come after none */
        return true;
    run->control.after = after_new(most, input_is_replayable(&run->input) ? control_replay : NULL, run);
    return run->control.after;
}

/* Where nothing runs nothing is waited for. */
static void control_pass(struct run *run, uint64_t seq, struct hay_span id)
{
    after_note(run->control.after, seq, id);
    if (run->options->dry_run)
        after_settle(run->control.after, seq, HAY_OUTCOME_OK);
}

void control_note(struct run *run, uint64_t seq, const struct input_line *line)
{
    char scratch[PEN_NUMBER_MAX];
    /* What is kept of ids is learned when it is asked for, where that can be. */
    if (run->control.after)
        control_pass(run, seq,
                     after_keeps_ids(run->control.after) ? control_line_id(line, scratch) : (struct hay_span){ "\"\"", 2 });
}

void control_note_done(struct run *run, uint64_t seq, const struct input_line *line, enum hay_outcome outcome)
{
    control_note(run, seq, line);
    halt_leave_out(&run->control.halt);
    if (run->control.after)
        after_settle(run->control.after, seq, outcome);
}

void control_look(struct run *run)
{
    char text[128];
    int failure = run->control.after ? after_failure(run->control.after) : 0;
    if (failure == -ENOMEM)
        run_give_up(run, "out of memory");
    else if (failure) {
        snprintf(text, sizeof text, "cannot read the input a second time, for the ids in it: %s", strerror(-failure));
        run_give_up(run, text);
    }
}

bool control_is_full(const struct run *run)
{
    return run->control.after && after_is_full(run->control.after);
}

enum after_verdict control_ask(struct run *run, uint64_t seq, struct hay_span list, char *reason, size_t capacity)
{
    struct after *after = run->control.after;
    if (!after)
        return AFTER_READY;
    control_pass(run, seq, run->job.id);
    enum after_verdict verdict = list.at ? after_ask(after, &run->job, seq, list, reason, capacity) : AFTER_READY;
    return run->options->dry_run && verdict == AFTER_SKIP ? AFTER_READY : verdict;
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

void control_abandon(struct run *run, const char *reason)
{
    struct control *control = &run->control;
    if (run->held && control->kept)
        run->held = false;
    while (control->kept || control_has_next(run) || after_abandon(control->after)) {
        if (!control->kept)
            control_next(run);
        struct after_job *kept = control->kept;
        control->unrun += control->halted && !kept->skip; /* else it would not have run in any case */
        run_skip(run, &kept->job, kept->seq, kept->skip ? kept->reason : reason);
        control_drop(run);
    }
}
