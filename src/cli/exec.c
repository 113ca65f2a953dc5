/* SPDX-License-Identifier: MIT
 *
 * `hayfork exec COMMAND`: one command for each input line, or each word behind ":::", run by the function exec.run. The line
 * takes the place of {} in the words, or comes last; no shell is in between unless --shell asks for it, and then the line is
 * quoted for it. Bytes that are no UTF-8 pass through as they are, in base64 on the way. The commands' own output comes out
 * grouped, or as result lines.
 */
#include "cli/cli.h"
#include "cli/grouped.h"
#include "cli/map.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "cli/template.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXEC_FUNCTION "exec.run"
#define EXEC_OUTPUT (UINT64_C(64) << 20)
#define EXEC_OUTPUT_MAX (UINT64_C(256) << 20)
#define EXEC_FDS 64
#define EXEC_TAG_KEY ",\"tag\":\""  /* in no string, where a quote would be escaped */
#define EXEC_RESULT_MAX (UINT64_C(1) << 30)

enum {
    EXEC_SHELL = 4096,
    EXEC_JSON,
    EXEC_MAX_OUTPUT,
    EXEC_ID,
    EXEC_TAG,
};

struct exec {
    struct run_verb verb;
    struct option_list words;
    struct template *templates; /* of the words, or of the one shell script */
    size_t count;
    struct bytes script;
    bool shell, json, tag;
    bool is_binary;             /* a word is not UTF-8 */
    uint64_t max_output;
    int inherited[EXEC_FDS];    /* descriptors that the commands have too */
    struct bytes tail;          /* of the args of each job */
    struct map_lines lines;
    struct bytes word, args;    /* of the job in hand */
    struct bytes shown;
    char reason[1024];          /* of the result in hand */
};

static const struct option_spec exec_specs[] = {
    { EXEC_SHELL, "shell", false },
    { EXEC_JSON, "json", false },
    { EXEC_MAX_OUTPUT, "max-output", true },
    { EXEC_ID, "id", true },
    { EXEC_TAG, "tag", false },
    { '0', "null", false },
    { 'a', "arg-file", true },
    { 0, NULL, false },
};

static bool exec_take(struct run_options *options, struct options *reader, int key)
{
    struct exec *exec = options->verb_state;
    switch (key) {
    case EXEC_SHELL:
        return exec->shell = true;
    case EXEC_JSON:
        return exec->json = true;
    case EXEC_TAG:
        return exec->tag = true;
    case EXEC_MAX_OUTPUT:
        return options_size(reader, 0, EXEC_OUTPUT_MAX, &exec->max_output);
    case EXEC_ID:
        return map_read_id(&exec->lines, reader);
    case '0':
        return options->nul_ended = true;
    case 'a':
        option_list_add(&options->files, reader->value);
        return true;
    default: /* from the command on all words are its own */
        reader->ended = true;
        option_list_add(&exec->words, reader->value);
        return true;
    }
}

/* The templates of the words; of a shell script all are one. A command without any place gets one at its end. */
static bool exec_parse(struct exec *exec)
{
    size_t words = (size_t)exec->words.count;
    bool has_place = false;
    exec->templates = calloc(words + 1, sizeof *exec->templates);
    if (!exec->templates)
        return false;
    for (size_t i = 0; i < words; i++) {
        const char *word = exec->words.items[i];
        exec->is_binary = exec->is_binary || bytes_utf8(word, strlen(word)) < strlen(word);
        if (template_parse(&exec->templates[exec->count++], word))
            return false;
        has_place = has_place || exec->templates[i].has_place;
    }
    if (!exec->shell)
        return has_place || !template_parse(&exec->templates[exec->count++], "{}");
    for (size_t i = 0; i < words; i++) {
        template_release(&exec->templates[i]);
        bytes_put_text(&exec->script, exec->words.items[i]);
        bytes_put_text(&exec->script, i + 1 < words ? " " : has_place ? "" : " {}");
    }
    bytes_put(&exec->script, "", 1);
    exec->count = 1;
    return !exec->script.failed && !template_parse(exec->templates, exec->script.at);
}

static bool exec_fault(const char *text)
{
    say_usage("%s", text);
    return false;
}

/* What the args of all jobs end with. The last attempt brings a result in any case, because it has the output. */
static bool exec_make_tail(struct exec *exec, const struct hay_pool_options *pool)
{
    char text[128];
    int checked = pool->final_errors ? 0 : pool->retries;
    for (size_t i = 0; i < pool->keep_count; i++) {
        snprintf(text, sizeof text, "%s%d", i ? "," : ",\"fds\":[", pool->keep_fds[i]);
        bytes_put_text(&exec->tail, text);
    }
    snprintf(text, sizeof text, "%s,\"max_output\":%" PRIu64 ",\"check\":%d%s}", pool->keep_count ? "]" : "", exec->max_output,
             checked, exec->json ? "" : ",\"encoding\":\"base64\"");
    bytes_put_text(&exec->tail, text);
    return !exec->tail.failed;
}

/* GNU parallel's, of which only the first is known here. */
static bool exec_is_separator(const char *word)
{
    return !strcmp(word, ":::") || !strcmp(word, ":::+") || !strcmp(word, "::::") || !strcmp(word, "::::+");
}

/* The words behind a ":::" take the place of stdin, each as a line, which NUL ends because it may have newlines. */
static bool exec_take_list(struct run_options *options, int at)
{
    struct exec *exec = options->verb_state;
    struct bytes lines = { .at = NULL };
    if (options->nul_ended || options->files.count || exec->words.items[at][3])
        return exec_fault("the arguments come behind one ':::', from -a FILE or -0 stdin, but not from two of these");
    for (int i = at + 1; i < exec->words.count; i++)
        bytes_put(&lines, exec->words.items[i], strlen(exec->words.items[i]) + 1);
    int fd = lines.failed ? -1 : memfd_create("arguments", MFD_CLOEXEC);
    bool is_stdin = fd >= 0 && write(fd, lines.at, lines.size) == (ssize_t)lines.size && lseek(fd, 0, SEEK_SET) == 0 &&
                    dup2(fd, STDIN_FILENO) == STDIN_FILENO;
    if (!is_stdin)
        say("cannot keep the arguments behind ':::': %s", strerror(lines.failed ? ENOMEM : errno));
    if (fd >= 0)
        close(fd);
    bytes_release(&lines);
    exec->words.count = at;
    options->nul_ended = true;
    return is_stdin;
}

static bool exec_check(struct run_options *options)
{
    struct exec *exec = options->verb_state;
    struct hay_pool_options *pool = &options->pool;
    if (options->function)
        return exec_fault("-f is not for exec: the function is " EXEC_FUNCTION);
    if (!exec->words.count || !exec->words.items[0][0] || exec_is_separator(exec->words.items[0]))
        return exec_fault("a command is needed");
    for (int i = exec->words.count - 1; i > 0; i--)
        if (exec_is_separator(exec->words.items[i]) && !exec_take_list(options, i))
            return false;
    if (!exec_parse(exec)) {
        say("out of memory");
        return false;
    }
    exec->json = exec->json || options->output;
    if (exec->tag && exec->json)
        return exec_fault("--tag is for plain output, not for result lines, which --json and -o ask for");
    if (exec->json) {
        exec->verb.render = NULL;
        exec->verb.write = NULL;
    }
    pool->keep_fds = exec->inherited;
    pool->keep_count = setup_inherited(exec->inherited, EXEC_FDS);
    if (!exec_make_tail(exec, pool)) {
        say("out of memory");
        return false;
    }
    if (!pool->max_result_bytes) {
        uint64_t most = 3 * exec->max_output + (UINT64_C(1) << 16);
        pool->max_result_bytes = most < EXEC_RESULT_MAX ? most : EXEC_RESULT_MAX;
    }
    options->function = EXEC_FUNCTION;
    return true;
}

/* One word of the job, as a JSON string. */
static void exec_put_word(struct exec *exec, const struct template *template, struct hay_span line, uint64_t number,
                          bool is_binary)
{
    char scratch[24];
    struct bytes *word = &exec->word, *args = &exec->args;
    bytes_clear(word);
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        struct hay_span part = template_piece(piece, line, number, scratch);
        if (exec->shell && piece->kind != TEMPLATE_TEXT)
            bytes_put_quoted(word, part.at, part.size);
        else
            bytes_put(word, part.at, part.size);
    }
    bytes_put(args, "\"", 1);
    if (is_binary)
        bytes_put_base64(args, word->at, word->size);
    else
        bytes_put_json(args, word->at, word->size);
    bytes_put(args, "\"", 1);
    args->failed = args->failed || word->failed;
}

static bool exec_make(struct run *run, const struct input_line *line, char *reason, size_t capacity, size_t *column)
{
    struct exec *exec = run->options->verb_state;
    struct hay_span text = { line->at, line->size };
    struct bytes *args = &exec->args;
    bool is_text = bytes_utf8(text.at, text.size) == text.size, is_binary = exec->is_binary || !is_text;
    if (memchr(text.at, 0, text.size) || (!is_text && exec->json && exec->lines.id_is_line)) {
        *column = map_bad_byte(text, reason, capacity);
        if (*column)
            return false;
        *column = 1;
    }
    bytes_clear(args);
    bytes_put_text(args, exec->shell ? "{\"shell\":" : "{\"argv\":[");
    for (size_t i = 0; i < exec->count; i++) {
        bytes_put(args, ",", i > 0);
        exec_put_word(exec, &exec->templates[i], text, run->read + 1, is_binary);
    }
    bytes_put_text(args, exec->shell ? "" : "]");
    bytes_put_text(args, is_binary ? ",\"argv_encoding\":\"base64\"" : "");
    run->keyed = args->size; /* what --max-output and --retries say is no part of the job */
    if (exec->tag) { /* of no interest to the function, but it comes back with the result */
        bytes_put_text(args, EXEC_TAG_KEY);
        bytes_put_base64(args, text.at, text.size);
        bytes_put_text(args, "\"");
    }
    bytes_put(args, exec->tail.at, exec->tail.size);
    run->job.args = bytes_span(args);
    if (!args->failed)
        return !is_text || map_make_id(&exec->lines, run, text, reason, capacity);
    snprintf(reason, capacity, "out of memory");
    return false;
}

/* The string after the opening quote at `at`, as it was before exec_put_word() encoded it. */
static void exec_get_word(struct bytes *word, const char *at, size_t size, bool is_binary)
{
    bytes_clear(word);
    if (!bytes_reserve(word, size))
        return;
    ssize_t plain = is_binary ? bytes_from_base64(word->at, at, size) : (ssize_t)hay_json_unescape(at, size, word->at, size);
    word->size = plain > 0 ? (size_t)plain : 0;
}

/* Where the string that begins at `at` ends: at its closing quote. */
static const char *exec_string_end(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at;
}

/* The command of a job, as a shell would take it: read back from the args that exec_make() has made. */
static void exec_show(const struct run *run, const struct hay_job *job, struct bytes *text)
{
    struct exec *exec = run->options->verb_state;
    const char *end = job->args.at + job->args.size;
    const char *begin = job->args.at + (exec->shell ? strlen("{\"shell\":") : strlen("{\"argv\":["));
    bool is_binary = job->args.at && memmem(job->args.at, job->args.size, "\"argv_encoding\":", 16);
    for (const char *at = begin; job->args.at && at < end && *at == '"';) {
        const char *past = exec_string_end(at + 1, end);
        exec_get_word(&exec->word, at + 1, (size_t)(past - at - 1), is_binary);
        if (at > begin)
            bytes_put(text, " ", 1);
        if (exec->shell)
            bytes_put(text, exec->word.at, exec->word.size);
        else
            bytes_put_quoted(text, exec->word.at, exec->word.size);
        at = past + 1 < end && past[1] == ',' && !exec->shell ? past + 2 : end;
    }
    text->failed = text->failed || exec->word.failed;
}

/* What exec_make() has put there, in base64. */
static struct hay_span exec_get_tag(const struct exec *exec, struct hay_span args)
{
    const char *key = exec->tag && args.at ? memmem(args.at, args.size, EXEC_TAG_KEY, strlen(EXEC_TAG_KEY)) : NULL;
    if (!key)
        return (struct hay_span){ NULL, 0 };
    const char *at = key + strlen(EXEC_TAG_KEY);
    return (struct hay_span){ at, (size_t)(exec_string_end(at, args.at + args.size) - at) };
}

static void exec_judge(struct run *run, struct hay_result *result)
{
    struct exec *exec = run->options->verb_state;
    if (exec->json)
        grouped_judge_json(result, exec->reason, sizeof exec->reason);
    else
        grouped_judge(result, exec->reason, sizeof exec->reason);
}

static size_t exec_render(struct run *run, char *out, size_t capacity, const struct hay_result *result, uint64_t seq)
{
    struct exec *exec = run->options->verb_state;
    struct hay_job job = { .args = result->args };
    (void)seq;
    bytes_clear(&exec->shown);
    if (result->outcome != HAY_OUTCOME_OK && result->args.at)
        exec_show(run, &job, &exec->shown);
    return grouped_render(out, capacity, result, bytes_span(&exec->shown), exec_get_tag(exec, result->args));
}

int exec_main(int argc, char **argv)
{
    struct exec exec = {
        .max_output = EXEC_OUTPUT,
        .verb = {
            .name = "exec", .specs = exec_specs, .take = exec_take, .check = exec_check, .make = exec_make, .judge = exec_judge,
            .render = exec_render, .write = grouped_write, .show = exec_show,
        },
    };
    int code = CLI_STOPPED;
    if (option_list_init(&exec.words, argc))
        code = run_verb(&exec.verb, &exec, argc, argv);
    else
        say("out of memory");
    for (size_t i = 0; i < exec.count; i++)
        template_release(&exec.templates[i]);
    free(exec.templates);
    option_list_release(&exec.words);
    bytes_release(&exec.script);
    bytes_release(&exec.tail);
    bytes_release(&exec.word);
    bytes_release(&exec.args);
    bytes_release(&exec.shown);
    bytes_release(&exec.lines.id);
    return code;
}
