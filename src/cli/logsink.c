/* SPDX-License-Identifier: MIT
 *
 * The sink for workers' output. Whole lines only: a line that does not fit is dropped as a whole. Writing ends with the first
 * error; what comes later is counted as dropped.
 */
#include "cli/logsink.h"
#include "cli/rewatch.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGSINK_PATIENCE_MS 1000

static void logsink_on_writable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    struct logsink *sink = watcher->data;
    ev_io_stop(loop, watcher);
    rewatch(watcher, events);
    logsink_flush(sink);
}

struct logsink *logsink_open(struct ev_loop *loop)
{
    struct logsink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return NULL;
    sink->loop = loop;
    if (stream_inherit(&sink->stream, STDERR_FILENO, true))
        sink->stream.fd = -1;
    ev_io_init(&sink->writable, logsink_on_writable, sink->stream.fd < 0 ? 0 : sink->stream.fd, EV_WRITE);
    sink->writable.data = sink;
    return sink;
}

int logsink_redirect(struct logsink *sink, const char *path)
{
    struct stream stream;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
    int failure = fd < 0 ? -errno : stream_adopt(&stream, fd, true);
    if (failure) {
        say_unwritable(path, failure);
        return failure;
    }
    stream_close(&sink->stream);
    sink->stream = stream;
    sink->path = path;
    ev_io_set(&sink->writable, stream.fd, EV_WRITE);
    return 0;
}

static uint64_t logsink_count_lines(const char *bytes, size_t size)
{
    uint64_t lines = 0;
    for (const char *at = bytes; (at = memchr(at, '\n', size - (size_t)(at - bytes))); at++)
        lines++;
    return lines;
}

static void logsink_give_up(struct logsink *sink)
{
    sink->dropped += logsink_count_lines(sink->bytes + sink->start, sink->end - sink->start);
    sink->start = sink->end = 0;
    stream_close(&sink->stream);
    sink->stream.fd = -1;
}

void logsink_begin(struct logsink *sink)
{
    if (!sink->path || !S_ISREG(sink->stream.mode) || !ftruncate(sink->stream.fd, 0))
        return;
    say_written_no_further(sink->path, -errno);
    logsink_give_up(sink);
}

void logsink_line(struct logsink *sink, const char *line, size_t size)
{
    logsink_tagged_line(sink, "", line, size);
}

void logsink_tagged_line(struct logsink *sink, const char *tag, const char *line, size_t line_size)
{
    size_t tag_size = strlen(tag), size = tag_size + line_size;
    if (sink->stream.fd >= 0 && LOGSINK_SIZE - sink->end <= size) {
        logsink_flush(sink);
        memmove(sink->bytes, sink->bytes + sink->start, sink->end - sink->start);
        sink->end -= sink->start;
        sink->start = 0;
    }
    if (sink->stream.fd < 0 || LOGSINK_SIZE - sink->end <= size) {
        sink->dropped++;
        return;
    }
    memcpy(sink->bytes + sink->end, tag, tag_size);
    memcpy(sink->bytes + sink->end + tag_size, line, line_size);
    sink->end += size;
    sink->bytes[sink->end++] = '\n';
}

void logsink_flush(struct logsink *sink)
{
    if (sink->start < sink->end && !sink->path)
        say_make_way(false);
    while (sink->start < sink->end && !ev_is_active(&sink->writable) && sink->stream.fd >= 0) {
        ssize_t n = stream_write(&sink->stream, sink->bytes + sink->start, sink->end - sink->start);
        if (n > 0) {
            sink->start += (size_t)n;
        } else if (n == -EAGAIN) {
            ev_io_start(sink->loop, &sink->writable);
        } else {
            if (sink->path)
                say_written_no_further(sink->path, n ? (int)n : -EIO);
            logsink_give_up(sink);
        }
    }
    if (sink->start == sink->end)
        sink->start = sink->end = 0;
}

uint64_t logsink_close(struct logsink *sink)
{
    if (!sink)
        return 0;
    ev_io_stop(sink->loop, &sink->writable);
    while (sink->start < sink->end && sink->stream.fd >= 0) {
        struct pollfd wait = { .fd = sink->stream.fd, .events = POLLOUT };
        int ready = poll(&wait, 1, LOGSINK_PATIENCE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        logsink_flush(sink);
        ev_io_stop(sink->loop, &sink->writable);
    }
    logsink_give_up(sink);
    uint64_t dropped = sink->dropped;
    free(sink);
    return dropped;
}
