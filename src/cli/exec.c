/* SPDX-License-Identifier: MIT
 *
 * `hayfork exec COMMAND`: one command for each input line, or each word behind ":::", run by the function exec.run. The line
 * takes the place of {} in the words, or comes last; with -n several lines do, and with -C its columns. No shell is in between
 * unless --shell asks for it, and then lines are quoted for it. Bytes that are no UTF-8 pass through as they are, in base64 on
 * the way. The commands' own output comes out grouped, or as result lines; or live, which is the function's work: line by line,
 * or as the commands print it.
 */
#include "cli/exec.h"

#include "cli/cli.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define EXEC_IN_MEMORY (UINT64_C(64) << 10) /* as exec.run has it */
#define EXEC_TAG_KEY ",\"tag\":\""  /* in no string, where a quote would be escaped */

/* What the args of all jobs end with. The last attempt brings a result in any case, because it has the output. */
static bool exec_make_tail(struct exec *exec)
{
    char text[128];
    uint64_t most = exec->json || exec->spool.size ? exec->max_output : exec_in_memory(exec);
    if (exec->spool.size)
        bytes_put_text(&exec->tail, "\"");
    for (size_t i = 0; i < exec->inherited_count; i++) {
        snprintf(text, sizeof text, "%s%d%s", i ? "," : ",\"fds\":[", exec->inherited[i],
                 i + 1 == exec->inherited_count ? "]" : "");
        bytes_put_text(&exec->tail, text);
    }
    if (exec_is_live(exec)) {
        const int *copies = exec->inherited + exec->inherited_count;
        snprintf(text, sizeof text, ",\"output_fds\":[%d,%d]", copies[0], copies[1]);
        bytes_put_text(&exec->tail, text);
        snprintf(text, sizeof text, ",\"line_lock\":%d", copies[2]);
        bytes_put_text(&exec->tail, exec->by_line ? text : "");
    }
    snprintf(text, sizeof text, ",\"max_output\":%" PRIu64 ",\"check\":\"retried\"%s}", most,
             exec->json ? "" : ",\"encoding\":\"base64\"");
    bytes_put_text(&exec->tail, text);
    return !exec->tail.failed;
}

/* Before the first job: where does output go that is too long for memory? A run that may keep less than that needs no folder. */
static bool exec_begin(struct exec *exec, struct run *run)
{
    if (!exec->json && !exec_is_live(exec) && !run->options->dry_run && exec->max_output > EXEC_IN_MEMORY) {
        spool_open(&run->spool, exec->max_output);
        if (!run->spool.failure) {
            bytes_put_text(&exec->spool, ",\"spool\":\"");
            bytes_put_json(&exec->spool, run->spool.path.at, run->spool.path.size);
            bytes_put_text(&exec->spool, "/");
        }
    }
    return exec_make_tail(exec) && !exec->spool.failed;
}

/* Of no interest to the function, but it comes back with the result. */
static void exec_put_tag(struct exec *exec, struct hay_span text)
{
    bytes_clear(&exec->shown);
    bytes_put(&exec->shown, text.at, text.size);
    for (size_t i = 0; i < exec->shown.size; i++)
        if (!exec->shown.at[i])
            exec->shown.at[i] = ' ';
    bytes_put_text(&exec->args, EXEC_TAG_KEY);
    bytes_put_base64(&exec->args, exec->shown.at, exec->shown.size);
    bytes_put_text(&exec->args, "\"");
    exec->args.failed = exec->args.failed || exec->shown.failed;
}

/* Each job has names of its own for its files. */
static void exec_put_spool(struct exec *exec, uint64_t number)
{
    char digits[24];
    if (!exec->spool.size)
        return;
    bytes_put(&exec->args, exec->spool.at, exec->spool.size);
    bytes_put(&exec->args, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number));
}

/* The lines as standard input: each ends as it did, but for the last, which may not have. */
static void exec_put_stdin(struct exec *exec, struct hay_span text, bool is_text, bool is_nul_ended)
{
    struct bytes *args = &exec->args, *block = &exec->columns;
    if (is_text && !is_nul_ended && !memchr(text.at, 0, text.size)) {
        bytes_put_text(args, ",\"stdin\":\"");
        bytes_put_json(args, text.at, text.size);
        bytes_put_json(args, "\n", 1);
        bytes_put_text(args, "\"");
        return;
    }
    bytes_clear(block);
    bytes_put(block, text.at, text.size);
    bytes_put(block, is_nul_ended ? "" : "\n", 1);
    bytes_put_text(args, ",\"stdin_encoding\":\"base64\",\"stdin\":\"");
    if (!block->failed)
        bytes_put_base64(args, block->at, block->size);
    bytes_put_text(args, "\"");
    args->failed = args->failed || block->failed;
}

/* The command, with the lines where its words have them. */
static void exec_put_command(struct exec *exec, struct hay_span text, uint64_t number, bool is_text)
{
    struct words_job job = { text, number, exec->separator || exec->is_product, !is_text };
    if (exec->separator)
        job.text = words_split(text, exec->separator, &exec->columns);
    words_put(&exec->words, &job, &exec->args);
    exec->args.failed = exec->args.failed || exec->columns.failed;
}

static enum run_made exec_make(struct run *run, const struct input_line *line, char *reason, size_t capacity, size_t *column)
{
    struct exec *exec = run->options->verb_state;
    struct hay_span text = { line->at, line->size };
    struct bytes *args = &exec->args;
    bool is_text = bytes_are_utf8(text);
    if (!exec->tail.size && !exec_begin(exec, run))
        return RUN_NO_MEMORY;
    bool has_nul = line->lines == 1 && !exec->pipe && memchr(text.at, 0, text.size);
    if (has_nul || (!is_text && exec->json && exec->lines.id_is_line)) {
        *column = map_bad_byte(text, reason, capacity);
        if (*column)
            return RUN_UNFIT;
    }
    bytes_clear(args);
    exec_put_command(exec, exec->pipe ? (struct hay_span){ "", 0 } : text, run->read + 1, is_text || exec->pipe);
    if (exec->pipe)
        exec_put_stdin(exec, text, is_text, run->options->nul_ended);
    run->keyed = args->size; /* what --max-output and --retries say is no part of the job */
    if (exec->tag)
        exec_put_tag(exec, text);
    exec_put_spool(exec, run->read + 1);
    bytes_put(args, exec->tail.at, exec->tail.size);
    run->job.args = bytes_span(args);
    return !args->failed && (!is_text || map_make_id(&exec->lines, run, text)) ? RUN_MADE : RUN_NO_MEMORY;
}

static void exec_show(const struct run *run, const struct hay_job *job, struct bytes *text)
{
    struct exec *exec = run->options->verb_state;
    words_show(&exec->words, job->args, text);
}

/* What exec_put_tag() has put there, in base64. */
static struct hay_span exec_get_tag(const struct exec *exec, struct hay_span args)
{
    const char *key = exec->tag && args.at ? memmem(args.at, args.size, EXEC_TAG_KEY, strlen(EXEC_TAG_KEY)) : NULL;
    if (!key)
        return (struct hay_span){ NULL, 0 };
    const char *at = key + strlen(EXEC_TAG_KEY);
    return (struct hay_span){ at, (size_t)(bytes_string_end(at, args.at + args.size) - at) };
}

/* Does nobody read any more what commands print live? They alone hear of it, and may not care. */
static bool exec_is_unread(const struct exec *exec)
{
    struct pollfd out = { .fd = exec->inherited[exec->inherited_count] };
    return exec_is_live(exec) && poll(&out, 1, 0) == 1 && out.revents & POLLERR;
}

static void exec_judge(struct run *run, struct hay_result *result)
{
    struct exec *exec = run->options->verb_state;
    if (exec->json)
        grouped_judge_json(run, result, exec->reason, sizeof exec->reason);
    else
        grouped_judge(run, result, exec->reason, sizeof exec->reason);
    bool has_ended = result->outcome == HAY_OUTCOME_OK || result->outcome == HAY_OUTCOME_ERROR;
    if (has_ended && !run->options->output && exec_is_unread(exec))
        run->output.failure = run->output.on_terminal ? -EIO : -EPIPE; /* as a write would say */
}

static size_t exec_render(struct run *run, char *out, size_t capacity, const struct hay_result *result, uint64_t seq)
{
    struct exec *exec = run->options->verb_state;
    (void)seq;
    bytes_clear(&exec->shown);
    if (result->outcome != HAY_OUTCOME_OK)
        words_show(&exec->words, result->args, &exec->shown);
    return grouped_render(out, capacity, result, bytes_span(&exec->shown), exec_get_tag(exec, result->args));
}

static enum run_flow exec_write(struct run *run, struct hay_span bytes)
{
    struct exec *exec = run->options->verb_state;
    return grouped_write(run, &exec->flow, bytes);
}

static enum run_flow exec_flow(struct run *run)
{
    struct exec *exec = run->options->verb_state;
    return grouped_continue(run, &exec->flow);
}

int exec_main(int argc, char **argv)
{
    struct exec exec = {
        .max_output = EXEC_UNSET,
        .flow.fd = -1,
        .verb = {
            .name = "exec",
            .specs = exec_specs, .take = exec_options_take, .check = exec_options_check, .make = exec_make,
            .show = exec_show, .judge = exec_judge, .render = exec_render, .write = exec_write, .flow = exec_flow,
        },
    };
    int code = option_list_init(&exec.given, argc) ? run_verb(&exec.verb, &exec, argc, argv) : say_no_memory();
    words_release(&exec.words);
    option_list_release(&exec.given);
    grouped_release(&exec.flow);
    bytes_release(&exec.tail);
    bytes_release(&exec.spool);
    bytes_release(&exec.args);
    bytes_release(&exec.columns);
    bytes_release(&exec.shown);
    bytes_release(&exec.lines.id);
    return code;
}
