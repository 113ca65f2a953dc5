/* SPDX-License-Identifier: MIT
 *
 * What the command line of `hayfork exec` asks for: its own options, the command's words, the lists behind ":::", and what the
 * workers inherit. What contradicts itself is told here, before anything is started.
 */
#include "cli/exec.h"

#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/say.h"
#include "cli/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXEC_OUTPUT (UINT64_C(1) << 30)
#define EXEC_OUTPUT_JSON_MAX (UINT64_C(256) << 20)
#define EXEC_OUTPUT_MAX (UINT64_C(1) << 40)
#define EXEC_LINES_MAX 1000000
#define EXEC_BLOCK ((size_t)1 << 20) /* of lines on standard input */
#define EXEC_ARGS_RESERVE 8192      /* for what the kernel adds */

enum {
    EXEC_SHELL = 4096,
    EXEC_JSON,
    EXEC_MAX_OUTPUT,
    EXEC_ID,
    EXEC_TAG,
    EXEC_PIPE,
    EXEC_LINES,
};

const struct option_spec exec_specs[] = {
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

bool exec_options_take(struct run_options *options, struct options *reader, int key)
{
    struct exec *exec = options->verb_state;
    uint64_t count;
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
        return exec->by_line = true;
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
        options->group_lines = count > 1 ? count : 0;
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

/* What contradicts itself, whatever the lines are. */
static int exec_check_conflicts(const struct run_options *options)
{
    const struct exec *exec = options->verb_state;
    bool is_json = exec->json || options->output;
    bool is_grouped = options->keep_order || exec->max_output != EXEC_UNSET || (exec->json && !options->output);
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
    if (exec->ungroup && (exec->tag || is_grouped))
        return say_usage("-u is for commands that print at once, as they like, so not with -k, --tag, --max-output or --json");
    if (exec->by_line && (exec->ungroup || is_grouped))
        return say_usage("--line-buffer is for lines that are printed at once, so not with -k, -u, --max-output or --json");
    if (exec->tag && is_json && !exec->by_line)
        return say_usage("--tag is for plain output, not for result lines, which --json and -o ask for");
    if (is_json && exec->max_output != EXEC_UNSET && exec->max_output > EXEC_OUTPUT_JSON_MAX)
        return say_usage("--max-output is at most 256M for result lines, which --json and -o ask for");
    return CLI_OK;
}

/* The lists behind the command. */
static int exec_read_lists(struct run_options *options, const char *const *words, size_t count)
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

static int exec_read_words(struct run_options *options, size_t count)
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
    for (int i = 0; i < EXEC_LIVE_FDS && (exec->by_line || (exec->ungroup && i < 2)); i++) {
        int fd = exec_open_live(i);
        if (fd < 0) {
            say("cannot hand on what commands print to: %s", strerror(errno));
            return CLI_STOPPED;
        }
        exec->inherited[pool->keep_count++] = fd;
    }
    return CLI_OK;
}

int exec_options_check(struct run_options *options)
{
    struct exec *exec = options->verb_state;
    struct hay_pool_options *pool = &options->pool;
    size_t given = (size_t)exec->given.count, count = arguments_begin(exec->given.items, given);
    if (!count || !exec->given.items[0][0])
        return say_usage("a command is needed; for lines that are commands themselves: hayfork exec sh -c");
    int code = exec_check_conflicts(options);
    if (!code)
        code = exec_read_lists(options, exec->given.items + count, given - count);
    if (!code)
        code = exec_read_words(options, count);
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
        pool->max_result_bytes = most < HAY_POOL_MAX_RESULT_BYTES ? most : HAY_POOL_MAX_RESULT_BYTES;
    }
    options->function = EXEC_FUNCTION;
    return CLI_OK;
}
