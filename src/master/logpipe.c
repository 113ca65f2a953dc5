/* SPDX-License-Identifier: MIT */
#include "master/logpipe.h"

#include "base/clock.h"
#include "base/fd.h"
#include "base/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BITE_MAX 16384
#define BITE_MIN 256
#define BITE_NS (4 * NS_PER_MS)

static void hand_up(struct log_pipe *log)
{
    log->last_size = log->used < sizeof log->last ? log->used : sizeof log->last;
    memcpy(log->last, log->line, log->last_size);
    log->on_line(log->context, log->line, log->used);
    log->used = 0;
}

static void split(struct log_pipe *log, const char *bytes, size_t size)
{
    while (size) {
        if (!log->used)
            log->line_ns = log->read_ns;
        const char *end = memchr(bytes, '\n', size);
        size_t part = end ? (size_t)(end - bytes) : size;
        size_t room = LOG_LINE_MAX - log->used;
        size_t take = log->is_cut ? 0 : part < room ? part : room;
        memcpy(log->line + log->used, bytes, take);
        log->used += take;
        if (take < part && !log->is_cut) {
            log->is_cut = true;
            log->cut_lines++;
            hand_up(log);
        }
        if (end) {
            if (!log->is_cut)
                hand_up(log);
            log->is_cut = false;
            part++;
        }
        bytes += part;
        size -= part;
    }
}

/* Returns the bytes read, 0 when there are none or at the end. */
static size_t bite(struct log_pipe *log, size_t size)
{
    char bytes[BITE_MAX];
    ssize_t n;
    do
        n = read(log->fd, bytes, size);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        log->newest_ns = clock_now_ns();
        split(log, bytes, (size_t)n);
        return (size_t)n;
    }
    if (n == 0 || errno != EAGAIN)
        ev_io_stop(log->loop, &log->readable);
    return 0;
}

/* After a bite that began then. One that was not full has emptied the pipe. */
static void note_read(struct log_pipe *log, size_t wanted, size_t got, int64_t begin_ns)
{
    int queued = 0;
    if (got == wanted && log->ahead > got) {
        log->ahead -= got;
        return;
    }
    if (log->ahead)
        log->read_ns = log->ahead_ns;
    if (got == wanted && (ioctl(log->fd, FIONREAD, &queued) < 0 || queued > 0))
        log->ahead_ns = begin_ns;
    else
        log->read_ns = begin_ns;
    log->ahead = (size_t)queued;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct log_pipe *log = watcher->data;
    if (log->owner != owner_token())
        return;
    if (events & EV_ERROR) {
        /* The kernel could not watch it. Tried again, for who prints must not wait for ever; set anew, or libev believes it
         * is. */
        ev_io_set(watcher, watcher->fd, EV_READ);
        ev_io_start(loop, watcher);
    }
    /* All this time the master looks after nothing else: where lines are taken slowly, bites are small. */
    int64_t begin_ns = clock_now_ns();
    if (log->turns->count - log->turn > 1)
        log->read_ns = log->turns->before_ns; /* there was nothing to read in that turn */
    log->turn = log->turns->count;
    size_t got = bite(log, log->bite_size);
    note_read(log, log->bite_size, got, begin_ns);
    if (clock_now_ns() - begin_ns > BITE_NS)
        log->bite_size = log->bite_size > BITE_MIN ? log->bite_size / 2 : BITE_MIN;
    else if (log->bite_size < BITE_MAX)
        log->bite_size *= 2;
}

struct log_pipe *log_pipe_open(struct ev_loop *loop, const struct log_turns *turns, int fd, void *context,
                               void (*on_line)(void *context, const char *line, size_t size))
{
    struct log_pipe *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->loop = loop;
    log->turns = turns;
    log->turn = turns->count;
    log->fd = fd;
    log->owner = owner_token();
    log->bite_size = BITE_MAX;
    log->context = context;
    log->on_line = on_line;
    ev_io_init(&log->readable, on_readable, fd, EV_READ);
    log->readable.data = log;
    ev_io_start(loop, &log->readable);
    return log;
}

void log_pipe_drain(struct log_pipe *log)
{
    int queued = 0;
    if (ioctl(log->fd, FIONREAD, &queued) == 0)
        for (size_t n; queued > 0 && (n = bite(log, BITE_MAX)); queued -= (int)n)
            continue;
    if (log->used)
        hand_up(log);
}

void log_pipe_leave(struct log_pipe *log)
{
    ev_io_stop(log->loop, &log->readable);
}

void log_pipe_close(struct log_pipe *log)
{
    if (!log)
        return;
    log_pipe_leave(log);
    fd_close(&log->fd);
    free(log);
}
