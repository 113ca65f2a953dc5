/* SPDX-License-Identifier: MIT */
#include "cli/arguments.h"
#include "cli/bytes.h"
#include "cli/input.h"
#include "cli/say.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGUMENTS_LISTS 64
#define ARGUMENTS_PIECE ((size_t)64 << 10)
#define ARGUMENTS_MAX ((size_t)1 << 30) /* of all combinations, which are held in memory */

struct arguments_list {
    const char *const *words;
    size_t count, at;
};

struct arguments {
    struct arguments_list lists[ARGUMENTS_LISTS];
    size_t count;
    struct bytes out;
    size_t written;
    int fd;
};

/* GNU parallel's, of which only the first is known here. */
static bool arguments_is_separator(const char *word)
{
    return !strcmp(word, ":::") || !strcmp(word, ":::+") || !strcmp(word, "::::") || !strcmp(word, "::::+");
}

size_t arguments_begin(const char *const *words, size_t count)
{
    size_t at = 0;
    while (at < count && !arguments_is_separator(words[at]))
        at++;
    return at;
}

static bool arguments_fault(const char *text)
{
    say_usage("%s", text);
    return false;
}

static bool arguments_read(struct arguments *arguments, const char *const *words, size_t count)
{
    for (size_t at = 0, size; at < count; at += size) {
        size = 1 + arguments_begin(words + at + 1, count - at - 1);
        if (words[at][3])
            return arguments_fault("of GNU parallel's separators only ':::' is known; the lines of a file are taken by -a FILE");
        if (arguments->count == ARGUMENTS_LISTS)
            return arguments_fault("there are more than 64 lists of arguments behind ':::'");
        arguments->lists[arguments->count++] = (struct arguments_list){ words + at + 1, size - 1, 0 };
    }
    return true;
}

/* The words of the combination in hand. */
static bool arguments_put(struct arguments *arguments)
{
    size_t before = arguments->out.size;
    for (size_t i = 0; i < arguments->count; i++) {
        const char *word = arguments->lists[i].words[arguments->lists[i].at];
        bytes_put(&arguments->out, word, strlen(word) + 1);
    }
    if (arguments->count > 1 && arguments->out.size - before > INPUT_GROUP_BYTES)
        return arguments_fault("the words of several lists behind ':::' are together at most 64 KiB a command");
    return true;
}

/* To the next combination; false: that was the last. */
static bool arguments_advance(struct arguments *arguments)
{
    for (size_t i = arguments->count; i-- > 0; arguments->lists[i].at = 0)
        if (++arguments->lists[i].at < arguments->lists[i].count)
            return true;
    return false;
}

static bool arguments_flush(struct arguments *arguments)
{
    struct bytes *out = &arguments->out;
    arguments->written += out->size;
    if (arguments->written > ARGUMENTS_MAX)
        return arguments_fault("the combinations of the lists behind ':::' take more than 1 GiB");
    int r = out->failed ? -ENOMEM : bytes_wait_write(arguments->fd, out->at, out->size);
    if (r)
        say("cannot keep the arguments behind ':::': %s", strerror(-r));
    bytes_clear(out);
    return !r;
}

static bool arguments_write(struct arguments *arguments)
{
    for (size_t i = 0; i < arguments->count; i++)
        if (!arguments->lists[i].count)
            return true; /* and so there is no combination */
    do
        if (!arguments_put(arguments) || (arguments->out.size >= ARGUMENTS_PIECE && !arguments_flush(arguments)))
            return false;
    while (arguments_advance(arguments));
    return arguments_flush(arguments);
}

size_t arguments_to_stdin(const char *const *words, size_t count)
{
    struct arguments arguments = { .count = 0, .fd = memfd_create("arguments", MFD_CLOEXEC) };
    bool is_made = arguments.fd >= 0;
    bool is_stdin = is_made && arguments_read(&arguments, words, count) && arguments_write(&arguments);
    if (is_stdin)
        is_stdin = is_made = lseek(arguments.fd, 0, SEEK_SET) == 0 && dup2(arguments.fd, STDIN_FILENO) == STDIN_FILENO;
    if (!is_made)
        say("cannot keep the arguments behind ':::': %s", strerror(errno));
    if (arguments.fd >= 0)
        close(arguments.fd);
    bytes_release(&arguments.out);
    return is_stdin ? arguments.count : 0;
}
