/* SPDX-License-Identifier: MIT
 *
 * The line reader. Bytes come in chunks of 256 KiB into one area; lines are found in it by memchr(), each byte looked at once.
 * The area grows only for a line that does not fit, and shrinks again behind it. All files are opened up front, so that nothing
 * runs when one is missing; past the first INPUT_KEEP only pipes stay open, and files are opened again in their turn.
 */
#include "cli/input.h"
#include "cli/cli.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define INPUT_CHUNK ((size_t)256 << 10)
#define INPUT_KEEP 256 /* or a quarter of the limit, where that is less */
/* Room for what does not count: a BOM in front, CR LF behind. */
#define INPUT_SLACK 5

static int input_keep(void)
{
    struct rlimit limit;
    bool is_less = !getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur / 4 < INPUT_KEEP;
    return is_less ? (int)(limit.rlim_cur / 4) : INPUT_KEEP;
}

static int input_open_path(struct input_source *source)
{
    int fd = open(source->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd < 0 ? -errno : stream_adopt(&source->stream, fd, false);
}

static bool input_fail(struct input *input, const struct input_source *source, int failure)
{
    input->failed = source && source->path ? source->path : "-";
    input->failure = failure;
    return false;
}

/* What is left to read in a regular file; -1: it is none. */
static off_t input_size(const struct stream *stream)
{
    struct stat status;
    off_t at = S_ISREG(stream->mode) ? lseek(stream->fd, 0, SEEK_CUR) : -1;
    if (at < 0 || fstat(stream->fd, &status))
        return -1;
    return status.st_size > at ? status.st_size - at : 0;
}

bool input_open(struct input *input, const char *const *paths, int count, int stdin_fd)
{
    static const char *const only_stdin[] = { "-" };
    bool sized = true;
    int keep = input_keep();
    *input = (struct input){ .at_start = true, .turn_bytes = UINT64_MAX, .line_end = '\n' };
    if (!count) {
        paths = only_stdin;
        count = 1;
    }
    input->sources = calloc((size_t)count, sizeof *input->sources);
    if (!input->sources)
        return input_fail(input, NULL, -ENOMEM);
    for (int i = 0; i < count; i++) {
        struct input_source *source = &input->sources[input->count++];
        source->stream.fd = -1;
        if (strcmp(paths[i], "-"))
            source->path = paths[i];
        int failure = source->path ? input_open_path(source) : stream_inherit(&source->stream, stdin_fd, false);
        if (failure)
            return input_fail(input, source, failure);
        off_t size = input_size(&source->stream);
        source->begin = size < 0 || source->path ? 0 : lseek(source->stream.fd, 0, SEEK_CUR);
        sized = sized && size >= 0;
        input->total_bytes += size > 0 ? (uint64_t)size : 0;
        if (i >= keep && source->path && source->stream.way == STREAM_DIRECT)
            stream_close(&source->stream);
    }
    if (!sized)
        input->total_bytes = 0;
    if (!pages_resize(&input->buffer, INPUT_CHUNK))
        return input_fail(input, NULL, -ENOMEM);
    return true;
}

int input_say_failure(const struct input *input)
{
    if (input->failure == -ENOMEM)
        return say_no_memory();
    if (strcmp(input->failed, "-"))
        say("cannot read '%s': %s", input->failed, strerror(-input->failure));
    else
        say("cannot read standard input: %s", strerror(-input->failure));
    return CLI_INPUT;
}

size_t input_explain_long(char *text, size_t capacity)
{
    snprintf(text, capacity, "the line is longer than %u MiB", CLI_LINE_MAX >> 20);
    return (size_t)CLI_LINE_MAX + 1;
}

void input_close(struct input *input)
{
    for (size_t i = 0; i < input->count; i++)
        stream_close(&input->sources[i].stream);
    free(input->sources);
    input->sources = NULL;
    input->count = input->current = 0;
    pages_release(&input->buffer);
    bytes_release(&input->group);
}

void input_use_nul(struct input *input)
{
    input->line_end = '\0';
    input->as_is = true;
}

void input_use_groups(struct input *input, uint64_t lines, size_t bytes)
{
    input->group_lines = lines;
    input->group_bytes = bytes;
}

void input_use_blocks(struct input *input, uint64_t lines, size_t bytes)
{
    input_use_groups(input, lines, bytes);
    input->group_joint = input->line_end;
    input->as_is = true;
}

int input_stdin_again(const struct input *input)
{
    size_t i = 0;
    while (i < input->count && input->sources[i].path)
        i++;
    if (i == input->count || !S_ISREG(input->sources[i].stream.mode))
        return -1;
    int fd = stream_reopen(input->sources[i].stream.fd, O_RDONLY);
    if (fd >= 0 && lseek(fd, input->sources[i].begin, SEEK_SET) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

bool input_is_replayable(const struct input *input)
{
    bool has_stdin = false;
    for (size_t i = 0; i < input->count; i++) {
        if (!S_ISREG(input->sources[i].stream.mode))
            return false;
        has_stdin = has_stdin || !input->sources[i].path;
    }
    int fd = has_stdin ? input_stdin_again(input) : -1;
    if (fd >= 0)
        close(fd);
    return !has_stdin || fd >= 0;
}

bool input_is_finite(const struct input *input)
{
    for (size_t i = 0; i < input->count; i++)
        if (!S_ISREG(input->sources[i].stream.mode))
            return false;
    return true;
}

int input_fd(const struct input *input)
{
    return input->current < input->count ? input->sources[input->current].stream.fd : -1;
}

void input_wait(struct input *input)
{
    struct pollfd wait = { .fd = input_fd(input), .events = POLLIN };
    if (poll(&wait, 1, -1) < 0 && errno != EINTR)
        input_fail(input, &input->sources[input->current], -errno);
}

const char *input_same_file(const struct input *input, const struct stream *stream)
{
    for (size_t i = 0; i < input->count; i++)
        if (stream_same_file(&input->sources[i].stream, stream))
            return input->sources[i].path ? input->sources[i].path : "-";
    return NULL;
}

/* Room for at least half a chunk behind `end`: bytes move to the front, the area grows or shrinks. */
static bool input_make_room(struct input *input)
{
    size_t kept = input->end - input->start;
    bool small = kept < INPUT_CHUNK / 2;
    if (input->buffer.size - input->end < INPUT_CHUNK / 2 || !kept || (small && input->buffer.size > INPUT_CHUNK)) {
        memmove(input->buffer.at, input->buffer.at + input->start, kept);
        input->searched -= input->start;
        input->end = kept;
        input->start = 0;
    }
    if (small && input->buffer.size > INPUT_CHUNK)
        pages_resize(&input->buffer, INPUT_CHUNK); /* where that fails it stays as large as it is */
    if (input->buffer.size - input->end >= INPUT_CHUNK / 2)
        return true;
    size_t most = CLI_LINE_MAX + INPUT_CHUNK;
    return pages_resize(&input->buffer, input->buffer.size * 2 > most ? most : input->buffer.size * 2);
}

/* More bytes of the current file: their count, 0 at its end, or -errno. */
static ssize_t input_fill(struct input *input)
{
    struct input_source *source = &input->sources[input->current];
    if (source->stream.fd < 0) {
        int failure = input_open_path(source);
        if (failure)
            return failure;
    }
    if (!input_make_room(input))
        return -ENOMEM;
    ssize_t n = stream_read(&source->stream, input->buffer.at + input->end, input->buffer.size - input->end);
    if (n > 0) {
        input->end += (size_t)n;
        input->read_bytes += (uint64_t)n;
        input->turn_bytes -= (uint64_t)n < input->turn_bytes ? (uint64_t)n : input->turn_bytes;
    }
    return n;
}

static void input_next_file(struct input *input)
{
    stream_close(&input->sources[input->current].stream);
    input->current++;
    input->at_start = true;
    input->skipping = input->ended = false;
    input->file_number = 0;
}

/* One line of `size` bytes at `start`, its end removed: count it and fill `line`; false: it is empty, and nothing says
 * that this is meant. */
static bool input_take(struct input *input, size_t size, struct input_line *line)
{
    const struct input_source *source = &input->sources[input->current];
    const char *at = input->buffer.at + input->start;
    if (input->at_start && !input->as_is && size >= 3 && !memcmp(at, "\xef\xbb\xbf", 3)) {
        at += 3;
        size -= 3;
    }
    input->at_start = false;
    line->number = ++input->number;
    line->file_number = ++input->file_number;
    line->name = source->path ? source->path : "-";
    line->at = at;
    line->too_long = size > CLI_LINE_MAX;
    line->size = line->too_long ? CLI_LINE_MAX : size;
    /* What is too long may be blank only as far as it was read. */
    bool is_plain = input->as_is || line->too_long || (size && at[0] == '{');
    bool taken = is_plain || !bytes_is_blank(at, size);
    line->lines = taken;
    return taken;
}

/* What `size` bytes at the start are without the carriage return of a line end. */
static size_t input_without_cr(const struct input *input, size_t size)
{
    return size && !input->as_is && input->buffer.at[input->start + size - 1] == '\r' ? size - 1 : size;
}

/* A line that ends at `newline`. */
static bool input_take_ended(struct input *input, const char *newline, struct input_line *line)
{
    const char *at = input->buffer.at + input->start;
    size_t size = (size_t)(newline - at);
    bool taken = false;
    if (input->skipping)
        input->skipping = false;
    else
        taken = input_take(input, input_without_cr(input, size), line);
    input->start += (size_t)(newline - at) + 1;
    input->searched = input->start;
    return taken;
}

/* What is there has no newline. True: it makes a line all the same, being too long or the last of its file. */
static bool input_take_open(struct input *input, struct input_line *line)
{
    size_t size = input->end - input->start;
    bool taken = false;
    if (!input->skipping && size >= CLI_LINE_MAX + INPUT_SLACK) {
        taken = input_take(input, size, line);
        input->skipping = true;
    } else if (!input->skipping) {
        if (!input->ended || !size)
            return false;
        taken = input_take(input, input_without_cr(input, size), line);
    }
    input->start = input->searched = input->end;
    return taken;
}

static inline enum input_event input_next_line(struct input *input, struct input_line *line)
{
    while (input->current < input->count && !input->failure) {
        char *from = input->buffer.at + input->searched;
        char *newline = input->searched < input->end ? memchr(from, input->line_end, input->end - input->searched) : NULL;
        if (newline) {
            if (input_take_ended(input, newline, line))
                return INPUT_LINE;
            continue;
        }
        input->searched = input->end;
        if (input_take_open(input, line))
            return INPUT_LINE;
        if (input->ended) {
            input_next_file(input);
            continue;
        }
        ssize_t n = input->turn_bytes ? input_fill(input) : -EAGAIN;
        if (n == -EAGAIN)
            return INPUT_AGAIN;
        if (n < 0)
            input_fail(input, &input->sources[input->current], (int)n);
        input->ended = n == 0;
    }
    return input->failure ? INPUT_FAILED : INPUT_END;
}

/* ---- groups ---- */

/* Put the line that is read with the group, if it may be there. */
static bool input_join(struct input *input)
{
    const struct input_line *next = &input->next;
    if (next->too_long || (!input->as_is && memchr(next->at, 0, next->size)))
        return false;
    if (!input->grouped.lines) {
        bytes_clear(&input->group);
        input->grouped = *next;
    } else if (input->group.size + next->size >= input->group_bytes) {
        return false;
    } else {
        bytes_put(&input->group, &input->group_joint, 1);
        input->grouped.lines++;
    }
    bytes_put(&input->group, next->at, next->size);
    input->grouped.at = input->group.at ? input->group.at : ""; /* one that is empty has needed no memory */
    input->grouped.size = input->group.size;
    input->next.lines = 0;
    return true;
}

__attribute__((noinline))
static enum input_event input_next_group(struct input *input, struct input_line *line)
{
    enum input_event event;
    do
        event = input->next.lines ? INPUT_LINE : input_next_line(input, &input->next);
    while (event == INPUT_LINE && input_join(input) && input->grouped.lines < input->group_lines);
    if (input->group.failed) {
        input_fail(input, NULL, -ENOMEM);
        return INPUT_FAILED;
    }
    if (event == INPUT_AGAIN || (!input->grouped.lines && !input->next.lines))
        return event;
    struct input_line *whole = input->grouped.lines ? &input->grouped : &input->next;
    *line = *whole;
    whole->lines = 0;
    return INPUT_LINE;
}

enum input_event input_next(struct input *input, struct input_line *line)
{
    return input->group_lines ? input_next_group(input, line) : input_next_line(input, line);
}
