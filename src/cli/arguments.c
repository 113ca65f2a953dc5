/* SPDX-License-Identifier: MIT */
#include "cli/arguments.h"
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/say.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS_PIECE ((size_t)64 << 10)
#define ARGUMENTS_MAX ((size_t)1 << 30) /* of a file, and of all combinations, which are held in memory */

struct arguments_list {
    const char *const *words;
    size_t count, at;
    const char **lines;         /* the words, where they are a file's, */
    struct bytes text;          /* in here */
};

struct arguments {
    struct arguments_list lists[ARGUMENTS_LISTS];
    size_t count;
    struct arguments_files *files;
    struct bytes out;
    size_t written;
    int fd;
};

/* GNU parallel's, of which the first and the third are known here. */
static bool arguments_is_separator(const char *word)
{
    return !strcmp(word, ":::") || !strcmp(word, ":::+") || !strcmp(word, "::::") || !strcmp(word, "::::+");
}

static bool arguments_is_of_files(const char *separator)
{
    return separator[3] == ':';
}

size_t arguments_begin(const char *const *words, size_t count)
{
    size_t at = 0;
    while (at < count && !arguments_is_separator(words[at]))
        at++;
    return at;
}

const char *arguments_only_file(const char *const *words, size_t count)
{
    return count == 2 && !strcmp(words[0], "::::") && !arguments_is_separator(words[1]) ? words[1] : NULL;
}

/* Each ":::" begins one, each word behind "::::" is one. */
size_t arguments_lists(const char *const *words, size_t count)
{
    bool is_of_files = false;
    size_t lists = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_separator = arguments_is_separator(words[i]);
        is_of_files = is_separator ? arguments_is_of_files(words[i]) : is_of_files;
        lists += is_separator != is_of_files;
    }
    return lists;
}

static int arguments_fail(int error)
{
    say("cannot keep the arguments: %s", strerror(error));
    return CLI_STOPPED;
}

/* ---- from files ---- */

static int arguments_take_line(struct arguments_list *list, const struct input_line *line)
{
    if (line->too_long || memchr(line->at, 0, line->size)) {
        say("line %llu of '%s' %s", (unsigned long long)line->file_number, line->name,
            line->too_long ? "is over 16 MiB" : "has a NUL byte (for lines that end with NUL there is --null)");
        return CLI_INPUT;
    }
    bytes_put(&list->text, line->at, line->size);
    bytes_put(&list->text, "", 1);
    list->count++;
    if (list->text.failed)
        return arguments_fail(ENOMEM);
    if (list->text.size > ARGUMENTS_MAX)
        return say_usage("'%s' has more than 1 GiB, too much for a list of several", line->name);
    return CLI_OK;
}

static int arguments_read_file(struct arguments_list *list, const char *path, bool nul_ended, struct stream *stream)
{
    struct input input;
    struct input_line line;
    int code = CLI_OK;
    enum input_event event = input_open(&input, &path, 1, STDIN_FILENO) ? INPUT_AGAIN : INPUT_FAILED;
    if (nul_ended)
        input_use_nul(&input);
    while (!code && (event == INPUT_AGAIN || event == INPUT_LINE)) {
        event = input_next(&input, &line);
        if (event == INPUT_LINE)
            code = arguments_take_line(list, &line);
        else if (event == INPUT_AGAIN)
            input_wait(&input);
    }
    if (event == INPUT_FAILED)
        code = input_say_failure(&input);
    else
        *stream = input.sources[0].stream;
    input_close(&input);
    if (code)
        return code;
    list->words = list->lines = calloc(list->count + 1, sizeof *list->lines);
    if (!list->lines)
        return arguments_fail(ENOMEM);
    const char *at = list->text.at;
    for (size_t i = 0; i < list->count; at += strlen(at) + 1)
        list->lines[i++] = at;
    return CLI_OK;
}

/* ---- all lists ---- */

/* One separator and what stands behind it. */
static int arguments_read_part(struct arguments *arguments, const char *const *words, size_t count, bool nul_ended)
{
    int code = CLI_OK;
    if (strchr(words[0], '+'))
        return say_usage("'%s' is not known here: for pairs, 'paste' two files and use -C", words[0]);
    if (!arguments_is_of_files(words[0])) {
        arguments->lists[arguments->count++] = (struct arguments_list){ .words = words + 1, .count = count - 1 };
        return CLI_OK;
    }
    if (count == 1)
        return say_usage("a file is needed behind '::::'");
    for (size_t i = 1; i < count && !code; i++) {
        bool is_stdin = !strcmp(words[i], "-");
        if (is_stdin && arguments->files->have_stdin)
            return say_usage("standard input can be one list, not two");
        arguments->files->have_stdin = arguments->files->have_stdin || is_stdin;
        code = arguments_read_file(&arguments->lists[arguments->count++], words[i], nul_ended,
                                   &arguments->files->streams[arguments->files->count++]);
    }
    return code;
}

static int arguments_read(struct arguments *arguments, const char *const *words, size_t count, bool nul_ended)
{
    bool has_files = false;
    int code = CLI_OK;
    for (size_t at = 0, size; at < count && !code; at += size) {
        size = 1 + arguments_begin(words + at + 1, count - at - 1);
        has_files = has_files || arguments_is_of_files(words[at]);
        code = arguments_read_part(arguments, words + at, size, nul_ended);
    }
    if (!code && nul_ended && !has_files)
        return say_usage("-0 is for lines of files and of standard input, not for arguments behind ':::'");
    return code;
}

/* The words of the combination in hand. */
static int arguments_put(struct arguments *arguments)
{
    size_t before = arguments->out.size;
    for (size_t i = 0; i < arguments->count; i++) {
        const char *word = arguments->lists[i].words[arguments->lists[i].at];
        bytes_put(&arguments->out, word, strlen(word) + 1);
    }
    if (arguments->count > 1 && arguments->out.size - before > INPUT_GROUP_BYTES)
        return say_usage("the arguments of several lists are together at most 64 KiB a command");
    return CLI_OK;
}

/* To the next combination; false: that was the last. */
static bool arguments_advance(struct arguments *arguments)
{
    for (size_t i = arguments->count; i-- > 0; arguments->lists[i].at = 0)
        if (++arguments->lists[i].at < arguments->lists[i].count)
            return true;
    return false;
}

static int arguments_flush(struct arguments *arguments)
{
    struct bytes *out = &arguments->out;
    arguments->written += out->size;
    if (arguments->written > ARGUMENTS_MAX)
        return say_usage("the combinations of several lists take more than 1 GiB");
    int failure = out->failed ? -ENOMEM : bytes_wait_write(arguments->fd, out->at, out->size);
    bytes_clear(out);
    return failure ? arguments_fail(-failure) : CLI_OK;
}

static int arguments_write(struct arguments *arguments)
{
    int code = CLI_OK;
    for (size_t i = 0; i < arguments->count; i++)
        if (!arguments->lists[i].count)
            return CLI_OK; /* and so there is no combination */
    do {
        code = arguments_put(arguments);
        if (!code && arguments->out.size >= ARGUMENTS_PIECE)
            code = arguments_flush(arguments);
    } while (!code && arguments_advance(arguments));
    return code ? code : arguments_flush(arguments);
}

static void arguments_release(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++) {
        free(arguments->lists[i].lines);
        bytes_release(&arguments->lists[i].text);
    }
    bytes_release(&arguments->out);
    if (arguments->fd >= 0)
        close(arguments->fd);
}

int arguments_to_stdin(const char *const *words, size_t count, bool nul_ended, struct arguments_files *files)
{
    if (arguments_lists(words, count) > ARGUMENTS_LISTS)
        return say_usage("there are more than %d lists of arguments", ARGUMENTS_LISTS);
    struct arguments arguments = { .files = files, .fd = memfd_create("arguments", MFD_CLOEXEC) };
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    int code = arguments.fd < 0 ? arguments_fail(errno) : arguments_read(&arguments, words, count, nul_ended);
    if (!code)
        code = arguments_write(&arguments);
    if (!code && (lseek(arguments.fd, 0, SEEK_SET) || dup2(arguments.fd, STDIN_FILENO) < 0))
        code = arguments_fail(errno);
    signal(SIGXFSZ, before);
    arguments_release(&arguments);
    return code;
}

bool arguments_have_file(const struct arguments_files *files, const struct stream *stream)
{
    for (size_t i = 0; i < files->count; i++)
        if (stream_same_file(&files->streams[i], stream))
            return true;
    return false;
}
