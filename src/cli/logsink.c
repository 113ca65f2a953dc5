/* SPDX-License-Identifier: MIT
 *
 * The sink for workers' output. Whole lines only: a line that does not fit is dropped as a whole. Writing ends with the first
 * error; what comes later is counted as dropped.
 */
#include "cli/logsink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGSINK_PATIENCE_MS 1000

static void logsink_on_writable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    struct logsink *sink = watcher->data;
    (void)events;
    ev_io_stop(loop, watcher);
    sink->blocked = false;
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

void logsink_line(struct logsink *sink, const char *line, size_t size)
{
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
    memcpy(sink->bytes + sink->end, line, size);
    sink->end += size;
    sink->bytes[sink->end++] = '\n';
}

void logsink_flush(struct logsink *sink)
{
    while (sink->start < sink->end && !sink->blocked && sink->stream.fd >= 0) {
        ssize_t n = stream_write(&sink->stream, sink->bytes + sink->start, sink->end - sink->start);
        if (n > 0) {
            sink->start += (size_t)n;
        } else if (n == -EAGAIN) {
            sink->blocked = true;
            ev_io_start(sink->loop, &sink->writable);
        } else {
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
    sink->blocked = false;
    while (sink->start < sink->end && sink->stream.fd >= 0) {
        struct pollfd wait = { .fd = sink->stream.fd, .events = POLLOUT };
        int ready = poll(&wait, 1, LOGSINK_PATIENCE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        sink->blocked = false;
        logsink_flush(sink);
        ev_io_stop(sink->loop, &sink->writable);
    }
    logsink_give_up(sink);
    uint64_t dropped = sink->dropped;
    free(sink);
    return dropped;
}
