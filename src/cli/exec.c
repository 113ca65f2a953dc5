/* SPDX-License-Identifier: MIT
 *
 * `hayfork exec COMMAND`: one command for each input line, or each word behind ":::", run by the function exec.run. The line
 * takes the place of {} in the words, or comes last; with -n several lines do, and with -C its columns. No shell is in between
 * unless --shell asks for it, and then lines are quoted for it. Bytes that are no UTF-8 pass through as they are, in base64 on
 * the way. The commands' own output comes out grouped, or as result lines; or live, which is the function's work: line by line,
 * or as the commands print it.
 */
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/grouped.h"
#include "cli/map.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "cli/words.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXEC_FUNCTION "exec.run"
#define EXEC_OUTPUT_IN_MEMORY (UINT64_C(64) << 20) /* for result lines by default, else at most where there is no folder */
#define EXEC_OUTPUT (UINT64_C(1) << 30)
#define EXEC_OUTPUT_JSON_MAX (UINT64_C(256) << 20)
#define EXEC_OUTPUT_MAX (UINT64_C(1) << 40)
#define EXEC_IN_MEMORY (UINT64_C(64) << 10) /* as exec.run has it */
#define EXEC_UNSET UINT64_MAX
#define EXEC_FDS 64
#define EXEC_LIVE_FDS 3         /* copies of stdout and stderr, and the lock of lines */
#define EXEC_LINES_MAX 1000000
#define EXEC_TAG_KEY ",\"tag\":\""  /* in no string, where a quote would be escaped */
#define EXEC_BLOCK ((size_t)1 << 20) /* of lines on standard input */
#define EXEC_ARGS_RESERVE 8192      /* for what the kernel adds */
#define EXEC_RESULT_MAX (UINT64_C(1) << 30)

enum {
    EXEC_SHELL = 4096,
    EXEC_JSON,
    EXEC_MAX_OUTPUT,
    EXEC_ID,
    EXEC_TAG,
    EXEC_PIPE,
    EXEC_LINES,
};

struct exec {
    struct run_verb verb;
    struct option_list given;
    struct words words;
    bool shell, json, tag;
    bool ungroup;               /* commands print by themselves, */
    bool lines_alone;           /* or their lines are passed on as they come */
    bool pipe;                  /* lines are the command's standard input, */
    bool has_count;             /* as many as -n says */
    bool is_product;            /* a job has a word of each of several lists */
    const char *place;          /* what alone stands for the line; NULL: the braces */
    const char *separator;      /* of the columns of a line; NULL: it has none */
    uint64_t max_output;        /* EXEC_UNSET: not given */
    int inherited[EXEC_FDS + EXEC_LIVE_FDS]; /* descriptors that the commands have too, and those for live output */
    size_t inherited_count;     /* without the latter */
    struct bytes tail;          /* of the args of each job, from the first job on */
    struct bytes spool;         /* before that, a number between them; empty: all output stays in memory */
    struct map_lines lines;
    struct bytes args;          /* of the job in hand */
    struct bytes columns;       /* of the line in hand, each but the last with a NUL behind it */
    struct bytes shown;         /* of a command or a line, as people read it */
    char reason[1024];          /* of the result in hand */
    struct grouped_flow flow;
};

static const struct option_spec exec_specs[] = {
    { EXEC_SHELL, "shell", false },
    { EXEC_JSON, "json", false },
    { EXEC_MAX_OUTPUT, "max-output", true },
    { EXEC_ID, "id", true },
    { EXEC_TAG, "tag", false },
    { EXEC_PIPE, "pipe", false },
    { EXEC_LINES, "line-buffer", false },
    { '0', "null", false },
    { 'a', "arg-file", true },
    { 'u', "ungroup", false },
    { 'n', "max-args", true },
    { 'C', "colsep", true },
    { 'I', "replace", true },
    { 0, NULL, false },
};

static bool exec_take(struct run_options *options, struct options *reader, int key)
{
    struct exec *exec = options->verb_state;
    int64_t count;
    switch (key) {
    case EXEC_SHELL:
        return exec->shell = true;
    case EXEC_JSON:
        return exec->json = true;
    case EXEC_TAG:
        return exec->tag = true;
    case EXEC_PIPE:
        return exec->pipe = true;
    case EXEC_LINES:
        return exec->lines_alone = true;
    case 'u':
        return exec->ungroup = true;
    case EXEC_MAX_OUTPUT:
        return options_size(reader, 0, EXEC_OUTPUT_MAX, &exec->max_output);
    case EXEC_ID:
        return map_read_id(&exec->lines, reader);
    case '0':
        return options->nul_ended = true;
    case 'n':
        if (!options_count(reader, 1, EXEC_LINES_MAX, &count))
            return false;
        options->group_lines = count > 1 ? (uint64_t)count : 0;
        return exec->has_count = true;
    case 'C':
        exec->separator = strcmp(reader->value, "\\t") ? reader->value : "\t";
        return true;
    case 'I':
        exec->place = reader->value;
        return true;
    case 'a':
        option_list_add(&options->files, reader->value);
        return true;
    default: /* from the command on all words are its own */
        reader->ended = true;
        option_list_add(&exec->given, reader->value);
        return true;
    }
}

static bool exec_is_live(const struct exec *exec)
{
    return exec->ungroup || exec->lines_alone;
}

/* How much of each stream can be part of a result. */
static uint64_t exec_in_memory(const struct exec *exec)
{
    return exec->json || exec->max_output < EXEC_OUTPUT_IN_MEMORY ? exec->max_output : EXEC_OUTPUT_IN_MEMORY;
}

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
        bytes_put_text(&exec->tail, exec->lines_alone ? text : "");
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

/* What contradicts itself, whatever the lines are. */
static int exec_check_options(const struct run_options *options)
{
    const struct exec *exec = options->verb_state;
    bool is_json = exec->json || options->output;
    if (options->function)
        return say_usage("-f is not for exec: the function is " EXEC_FUNCTION);
    if (options->group_lines && exec->lines.id_is_line)
        return say_usage("--id line is not for commands that have several lines (-n)");
    if (exec->separator && (options->group_lines || !*exec->separator))
        return say_usage("--colsep is at least one character, and for commands of one line each, so not with -n");
    if (exec->separator && exec->separator[1] && strchr(exec->separator, '\\'))
        return say_usage("--colsep is a text, not a pattern; of what has a backslash only '\\t', a tab, is known");
    if (exec->place && !*exec->place)
        return say_usage("-I is at least one character");
    if (exec->pipe && (exec->separator || exec->place || exec->tag || exec->lines.id_is_line))
        return say_usage("--pipe is for blocks of lines, so not with -C, -I, --tag or --id line");
    if (exec->ungroup && (exec->tag || options->keep_order || exec->max_output != EXEC_UNSET || (exec->json && !options->output)))
        return say_usage("-u is for commands that print at once, as they like, so not with -k, --tag, --max-output or --json");
    if (exec->lines_alone && (exec->ungroup || options->keep_order || exec->max_output != EXEC_UNSET ||
                              (exec->json && !options->output)))
        return say_usage("--line-buffer is for lines that are printed at once, so not with -k, -u, --max-output or --json");
    if (exec->tag && is_json && !exec->lines_alone)
        return say_usage("--tag is for plain output, not for result lines, which --json and -o ask for");
    if (is_json && exec->max_output != EXEC_UNSET && exec->max_output > EXEC_OUTPUT_JSON_MAX)
        return say_usage("--max-output is at most 256M for result lines, which --json and -o ask for");
    return CLI_OK;
}

/* The lists behind the command. */
static int exec_take_arguments(struct run_options *options, const char *const *words, size_t count)
{
    struct exec *exec = options->verb_state;
    size_t lists = arguments_lists(words, count);
    if (!count)
        return CLI_OK;
    if (options->files.count)
        return say_usage("the arguments come behind ':::' or from -a FILE, but not from both");
    if (exec->pipe && !arguments_only_file(words, count))
        return say_usage("--pipe is for the lines of files and of standard input, not for arguments");
    exec->is_product = lists > 1;
    if (exec->is_product && (options->group_lines || exec->separator || exec->lines.id_is_line))
        return say_usage("of several lists a command has one argument each, so not with -n, -C or --id line");
    options->group_lines = exec->is_product ? lists : options->group_lines;
    return map_take_list(options, words, count);
}

/* How much the lines of one command may be: less where the limit of the stack lets it have few words (execve(2)). */
static size_t exec_words_bytes(const struct words *words)
{
    struct words_cost cost = words_cost(words);
    long most = sysconf(_SC_ARG_MAX);
    uint64_t used = EXEC_ARGS_RESERVE + cost.own, all = most > 0 ? (uint64_t)most : UINT64_MAX;
    for (char **at = environ; at && *at; at++)
        used += strlen(*at) + 1 + sizeof *at;
    uint64_t bytes = all > used ? (all - used) / cost.per_byte : 0;
    return bytes > INPUT_GROUP_BYTES ? INPUT_GROUP_BYTES : bytes ? (size_t)bytes : 1;
}

static int exec_take_words(struct run_options *options, size_t count)
{
    struct exec *exec = options->verb_state;
    uint64_t most = exec->separator ? UINT32_MAX : options->group_lines ? options->group_lines : 1;
    const struct words_style style = { exec->shell, !exec->pipe, exec->place };
    for (size_t i = 0; i < count && !exec->pipe && !exec->place; i++)
        if (strstr(exec->given.items[i], "{%}"))
            return say_usage("'{%%}' is not known here: a command finds its slot, from 0, in the environment as HAYFORK_WORKER");
    if (!words_parse(&exec->words, exec->given.items, count, &style))
        return say_no_memory();
    if (exec->separator && !bytes_are_utf8(hay_span_of(exec->separator)))
        exec->words.is_binary = true; /* the columns of a line that is text need not be */
    if (exec->words.last_line > most)
        return say_usage("'{%" PRIu32 "}' stands for nothing: a command has %" PRIu64 " here; more come by -n, -C or more ':::'",
                         exec->words.last_line, most);
    options->group_is_block = exec->pipe;
    options->group_bytes = exec->pipe ? EXEC_BLOCK - 1 /* and the end of the last line */ : exec_words_bytes(&exec->words);
    if (exec->pipe && !options->group_lines)
        options->group_lines = exec->has_count ? 1 : UINT64_MAX;
    if (exec->shell && !exec->pipe && !exec->is_product) /* a script is one word, and each place has all lines, quoted */
        options->group_bytes /= 2 * (exec->words.places ? exec->words.places : 1);
    return CLI_OK;
}

/* Which of EXEC_LIVE_FDS; an empty file in memory is the lock. */
static int exec_open_live(int which)
{
    int fd = which ? STDERR_FILENO : STDOUT_FILENO;
    return which < 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : memfd_create("hayfork-lines", MFD_CLOEXEC);
}

/* What the workers have of ours: the descriptors that we inherited, for the commands too, and those for live output. */
static int exec_inherit(struct exec *exec, struct hay_pool_options *pool)
{
    exec->inherited_count = setup_inherited(exec->inherited, EXEC_FDS);
    pool->keep_fds = exec->inherited;
    pool->keep_count = exec->inherited_count;
    for (int i = 0; i < EXEC_LIVE_FDS && (exec->lines_alone || (exec->ungroup && i < 2)); i++) {
        int fd = exec_open_live(i);
        if (fd < 0) {
            say("cannot hand on what commands print to: %s", strerror(errno));
            return CLI_STOPPED;
        }
        exec->inherited[pool->keep_count++] = fd;
    }
    return CLI_OK;
}

static int exec_check(struct run_options *options)
{
    struct exec *exec = options->verb_state;
    struct hay_pool_options *pool = &options->pool;
    size_t given = (size_t)exec->given.count, count = arguments_begin(exec->given.items, given);
    if (!count || !exec->given.items[0][0])
        return say_usage("a command is needed; for lines that are commands themselves: hayfork exec sh -c");
    int code = exec_check_options(options);
    if (!code)
        code = exec_take_arguments(options, exec->given.items + count, given - count);
    if (!code)
        code = exec_take_words(options, count);
    if (!code)
        code = exec_inherit(exec, pool);
    if (code)
        return code;
    exec->json = exec->json || options->output;
    if (exec->json) {
        exec->verb.render = NULL;
        exec->verb.write = NULL;
        exec->verb.flow = NULL;
    }
    if (exec->max_output == EXEC_UNSET)
        exec->max_output = exec->json ? EXEC_OUTPUT_IN_MEMORY : EXEC_OUTPUT;
    if (exec_is_live(exec) && options->observe.progress == PROGRESS_AUTO)
        options->observe.progress = PROGRESS_NONE; /* the commands would print into it */
    if (!pool->max_result_bytes) { /* of two streams: a byte is 6 in JSON at most, 3 become 4 in base64 */
        uint64_t most = (exec->json ? 12 : 3) * exec_in_memory(exec) + (UINT64_C(1) << 16);
        pool->max_result_bytes = most < EXEC_RESULT_MAX ? most : EXEC_RESULT_MAX;
    }
    options->function = EXEC_FUNCTION;
    return CLI_OK;
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
            .name = "exec", .specs = exec_specs, .take = exec_take, .check = exec_check, .make = exec_make, .judge = exec_judge,
            .render = exec_render, .write = exec_write, .flow = exec_flow, .show = exec_show,
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
