/* SPDX-License-Identifier: MIT
 *
 * The result writer of the command. A line is composed right in the buffer; 64 KiB of them go out at once, up to a multiple of
 * 64 KiB in the file, because the kernel keeps such a piece as a whole and takes a third less time for it. The loop's turn
 * flushes the rest. What is longer than the buffer is not copied into it, and a buffer that one huge result has made larger is
 * given back.
 */
#include "cli/output.h"
#include "cli/rewatch.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUTPUT_FLUSH ((size_t)64 << 10)
#define OUTPUT_USUAL ((size_t)128 << 10)

static void output_on_writable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    struct output *output = watcher->data;
    ev_io_stop(loop, watcher);
    rewatch(watcher, events);
    output->blocked = false;
    output_flush(output);
}

int output_open(struct output *output, struct ev_loop *loop, const char *path, int stdout_fd)
{
    *output = (struct output){ .loop = loop, .stream.fd = -1 };
    if (path && strcmp(path, "-"))
        output->path = path;
    if (!pages_resize(&output->buffer, OUTPUT_USUAL))
        return output->failure = -ENOMEM;
    if (output->path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644);
        output->failure = fd < 0 ? -errno : stream_adopt(&output->stream, fd, true);
    } else {
        output->failure = stream_inherit(&output->stream, stdout_fd, true);
    }
    if (!output->failure) {
        output->on_terminal = isatty(output->stream.fd);
        ev_io_init(&output->writable, output_on_writable, output->stream.fd, EV_WRITE);
        output->writable.data = output;
    }
    return output->failure;
}

static void output_on_synced(void *context, int failure)
{
    struct output *output = context;
    if (failure && !output->failure)
        output->failure = failure;
    output->syncing = output->blocked = false;
    output_flush(output);
}

void output_sync(struct output *output, enum filesync_level level)
{
    struct stat now;
    output->is_ours = !fstat(output->stream.fd, &now);
    if (output->is_ours) {
        output->at = (size_t)now.st_size;
        output->is_named = now.st_nlink;
    }
    filesync_open(&output->sync, output->loop, output->stream.fd, level, output_on_synced, output);
}

/* The pending bytes up to the last multiple of OUTPUT_FLUSH in the file; 0: they do not reach one. */
static size_t output_even(const struct output *output)
{
    size_t pending = output_pending(output), beyond = (output->at + pending) % OUTPUT_FLUSH;
    return pending > beyond ? pending - beyond : 0;
}

/* One write; how much of it the descriptor took. */
static size_t output_put(struct output *output, const char *bytes, size_t size)
{
    ssize_t n = stream_write(&output->stream, bytes, size);
    if (n <= 0) {
        output->blocked = n == -EAGAIN;
        if (output->blocked)
            ev_io_start(output->loop, &output->writable);
        else
            output->failure = n ? (int)n : -EIO;
        return 0;
    }
    off_t at = output->at || output->is_ours ? -1 : lseek(output->stream.fd, 0, SEEK_CUR);
    output->at = at < 0 ? output->at + (size_t)n : (size_t)at;
    output->syncing = output->blocked = filesync_wrote(&output->sync, (size_t)n);
    return (size_t)n;
}

static bool output_may(const struct output *output)
{
    return !output->blocked && !output->failure;
}

/* Before bytes are written of which this is the last. */
static void output_begin(struct output *output, char last)
{
    if (output->before)
        output->before(output->context);
    if (output->on_terminal)
        say_make_way(last != '\n');
}

/* Write what the descriptor takes: everything, or whole pieces only. */
static void output_write(struct output *output, bool all)
{
    size_t even;
    if (output->start < output->end)
        output_begin(output, output->buffer.at[output->end - 1]);
    while (((even = output_even(output)) || (all && output->start < output->end)) && output_may(output))
        output->start += output_put(output, output->buffer.at + output->start, even ? even : output_pending(output));
    if (output->start < output->end)
        return;
    output->start = output->end = 0;
    if (output->buffer.size > 2 * OUTPUT_USUAL)
        pages_resize(&output->buffer, OUTPUT_USUAL);
}

void output_flush(struct output *output)
{
    output_write(output, true);
}

/* Room for `size` bytes behind `end`. */
static bool output_make_room(struct output *output, size_t size)
{
    size_t pending = output_pending(output);
    if (output->start) {
        memmove(output->buffer.at, output->buffer.at + output->start, pending);
        output->start = 0;
        output->end = pending;
    }
    return pages_reserve(&output->buffer, pending + size);
}

void output_result(struct output *output, const struct hay_result *result, uint64_t seq, unsigned flags)
{
    if (output->failure)
        return;
    size_t room = output->buffer.size - output->end;
    size_t size = hay_result_write(output->buffer.at + output->end, room, result, seq, flags);
    if (size > room) {
        if (!output_make_room(output, size)) {
            output->failure = -ENOMEM;
            return;
        }
        size = hay_result_write(output->buffer.at + output->end, output->buffer.size - output->end, result, seq, flags);
    }
    output->end += size;
    if (output_even(output))
        output_write(output, false);
}

/* What would need a larger buffer is written from where it is, as far as the descriptor takes it. */
static size_t output_long(struct output *output, const char *bytes, size_t size)
{
    size_t written = 0;
    output_flush(output);
    if (!output_pending(output) && output_may(output))
        output_begin(output, bytes[size - 1]);
    while (written < size && !output_pending(output) && output_may(output))
        written += output_put(output, bytes + written, size - written);
    return written;
}

void output_bytes(struct output *output, const char *bytes, size_t size)
{
    if (size > OUTPUT_USUAL) {
        size_t written = output_long(output, bytes, size);
        bytes += written;
        size -= written;
    }
    if (output->failure || !size)
        return;
    if (output->buffer.size - output->end < size && !output_make_room(output, size)) {
        output->failure = -ENOMEM;
        return;
    }
    memcpy(output->buffer.at + output->end, bytes, size);
    output->end += size;
    if (output_even(output))
        output_write(output, false);
}

/* 0, or -ESTALE where the file does not end, or is no longer, where we wrote. */
static int output_verify(const struct output *output)
{
    struct stat now;
    if (!output->is_ours || fstat(output->stream.fd, &now))
        return 0;
    return (now.st_nlink || !output->is_named) && (uintmax_t)now.st_size == output->at ? 0 : -ESTALE;
}

int output_close(struct output *output)
{
    if (output->loop && output->stream.fd >= 0)
        ev_io_stop(output->loop, &output->writable);
    while (output->syncing && !output->failure) {
        output->failure = filesync_wait(&output->sync);
        output->blocked = output->syncing = false;
        output_flush(output);
    }
    int failures[] = { filesync_close(&output->sync), output_verify(output), stream_close(&output->stream) };
    for (size_t i = 0; i < sizeof failures / sizeof failures[0] && !output->failure; i++)
        output->failure = failures[i];
    pages_release(&output->buffer);
    output->start = output->end = 0;
    return output->failure;
}
