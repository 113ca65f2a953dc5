/* SPDX-License-Identifier: MIT
 *
 * --dry-run: every line goes the way of a real run up to the job, which is then printed instead of run. Plugins are loaded,
 * so that functions are known; no worker is started, no output is opened.
 */
#include "cli/cli.h"
#include "cli/run.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void dry_show(const struct run *run, const struct hay_job *job, struct bytes *text)
{
    const struct hay_pool_function *function = hay_pool_function(run->pool, job->index);
    char member[48];
    if (run->options->verb->show) {
        run->options->verb->show(run, job, text);
        return;
    }
    bytes_put_text(text, "{\"id\":");
    bytes_put(text, job->id.at, job->id.size);
    bytes_put_text(text, ",\"fn\":\"");
    if (function)
        bytes_put_json(text, function->name, strlen(function->name));
    bytes_put_text(text, "\"");
    if (job->args.at) {
        bytes_put_text(text, ",\"args\":");
        bytes_put(text, job->args.at, job->args.size);
    }
    if (job->timeout_ms > 0) {
        snprintf(member, sizeof member, ",\"timeout\":%" PRId64 ".%03d", job->timeout_ms / 1000, (int)(job->timeout_ms % 1000));
        bytes_put_text(text, member);
    }
    if (job->retries) {
        snprintf(member, sizeof member, ",\"retries\":%" PRId64, job->retries > 0 ? job->retries : 0);
        bytes_put_text(text, member);
    }
    if (job->priority) {
        snprintf(member, sizeof member, ",\"priority\":%d", job->priority);
        bytes_put_text(text, member);
    }
    bytes_put_text(text, "}");
}

/* What a job line has and a job has not: whom it waits for. */
static void dry_put_after(const struct run *run, const struct input_line *line, struct bytes *text)
{
    struct hay_jobline scanned;
    struct hay_jobline_fault fault;
    if (run->options->verb->make || hay_jobline_scan(line->at, line->size, &scanned, &fault) != HAY_OK || !scanned.after.at)
        return;
    text->size--;
    bytes_put_text(text, ",\"after\":");
    bytes_put(text, scanned.after.at, scanned.after.size);
    bytes_put_text(text, "}");
}

/* 0, or an exit code. */
static int dry_line(struct run *run, const struct input_line *line, struct bytes *text)
{
    run_feed_line(run, line);
    control_look(run);
    if (!run->held || run->broken)
        return run->broken ? CLI_STOPPED : CLI_OK;
    run->held = false;
    run->read++;
    bytes_clear(text);
    dry_show(run, &run->job, text);
    dry_put_after(run, line, text);
    bytes_put_text(text, "\n");
    if (text->failed)
        return say_no_memory();
    fwrite(text->at, 1, text->size, stdout);
    return ferror(stdout) ? CLI_OUTPUT : CLI_OK;
}

int run_dry(struct run *run)
{
    struct input_line line;
    struct bytes text = { .at = NULL };
    enum input_event event;
    int code = CLI_OK;
    while (!code && !run->refused && ((event = input_next(&run->input, &line)) == INPUT_LINE || event == INPUT_AGAIN)) {
        if (event == INPUT_LINE)
            code = dry_line(run, &line, &text);
        else if (fflush(stdout))
            code = CLI_OUTPUT;
        else
            input_wait(&run->input);
    }
    if (run->input.failure)
        code = input_say_failure(&run->input);
    else if (!code && !run->refused)
        run_journal_end(run);
    if (!code && run->refused)
        code = CLI_INPUT;
    if (!code && run->by_outcome[HAY_OUTCOME_REJECTED])
        code = CLI_NOT_OK;
    if (code != CLI_STOPPED)
        code = say_stream_done(stdout, code);
    bytes_release(&text);
    return code;
}
