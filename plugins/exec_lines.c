/* SPDX-License-Identifier: MIT */
#include "exec_lines.h"
#include "exec_start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXEC_LINE_MAX ((size_t)1 << 20)
#define EXEC_ROOM_MS 500        /* how often to try a descriptor that does not wait, whatever poll() says */

/* Lines on their way out, as many at once as a pipe takes in one piece: then nobody else's are within, lock or not. */
struct exec_pen {
    int fd;
    int error;
    size_t size;
    char bytes[PIPE_BUF];
};

static void exec_pen_write(struct exec_pen *pen, const char *bytes, size_t size)
{
    struct pollfd room = { .fd = pen->fd, .events = POLLOUT };
    while (size && !pen->error) {
        ssize_t wrote = write(pen->fd, bytes, size);
        if (wrote < 0 && errno == EAGAIN)
            poll(&room, 1, EXEC_ROOM_MS);
        else if (wrote < 0 && errno != EINTR)
            pen->error = errno;
        bytes += wrote > 0 ? wrote : 0;
        size -= wrote > 0 ? (size_t)wrote : 0;
    }
}

static void exec_pen_flush(struct exec_pen *pen)
{
    exec_pen_write(pen, pen->bytes, pen->size);
    pen->size = 0;
}

static void exec_pen_put(struct exec_pen *pen, const char *bytes, size_t size)
{
    if (size <= sizeof pen->bytes - pen->size) {
        memcpy(pen->bytes + pen->size, bytes, size);
        pen->size += size;
    } else {
        exec_pen_flush(pen);
        exec_pen_write(pen, bytes, size);
    }
}

/* A line, or a piece of one, with what is in front of it. */
static void exec_pen_put_line(struct exec_pen *pen, const char *tag, size_t tag_size, const char *line, size_t size)
{
    if (tag_size + size > sizeof pen->bytes - pen->size)
        exec_pen_flush(pen);
    if (tag_size)
        exec_pen_put(pen, tag, tag_size);
    exec_pen_put(pen, line, size);
}

/* Where no lock is to be had, lines go out without. */
static void exec_lines_lock(const struct exec_lines *lines, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    while (fcntl(lines->lock_fd, F_SETLKW, &lock) && errno == EINTR)
        ;
}

/* A writer's signals, which in a program that runs jobs itself nothing holds off, become errors. */
static void exec_lines_begin(const struct exec_lines *lines, sigset_t *signals, sigset_t *before)
{
    sigemptyset(signals);
    sigaddset(signals, SIGPIPE);
    sigaddset(signals, SIGXFSZ);
    sigprocmask(SIG_BLOCK, signals, before);
    exec_lines_lock(lines, F_WRLCK);
}

static void exec_lines_finish(const struct exec_lines *lines, int error, const sigset_t *signals, const sigset_t *before)
{
    const struct timespec now = { 0, 0 };
    exec_lines_lock(lines, F_UNLCK);
    while (error && sigtimedwait(signals, NULL, &now) > 0)
        ;
    sigprocmask(SIG_SETMASK, before, NULL);
}

/* Whole lines, or a piece of one that is too long or the last. */
static int exec_lines_write(struct exec_lines *lines, const char *bytes, size_t size)
{
    struct exec_pen pen = { .fd = lines->fd, .size = 0 };
    const char *end = bytes + size;
    sigset_t signals, before;
    exec_lines_begin(lines, &signals, &before);
    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes)), *past = newline ? newline + 1 : end;
        exec_pen_put_line(&pen, lines->tag, lines->in_line ? 0 : lines->tag_size, bytes, (size_t)(past - bytes));
        lines->in_line = !newline;
        bytes = past;
    }
    exec_pen_flush(&pen);
    exec_lines_finish(lines, pen.error, &signals, &before);
    return pen.error;
}

int exec_lines_end(struct exec_lines *lines)
{
    size_t size = lines->size;
    lines->size = 0;
    return size ? exec_lines_write(lines, lines->bytes, size) : 0;
}

/* Keep the begin of a line until its end comes, or until it is too long. */
static int exec_lines_keep(struct exec_lines *lines, const char *bytes, size_t size)
{
    int error = lines->size + size > EXEC_LINE_MAX ? exec_lines_end(lines) : 0;
    if (error || !size)
        return error;
    if (exec_reserve(&lines->bytes, &lines->capacity, lines->size + size)) {
        error = exec_lines_end(lines);
        return error ? error : exec_lines_write(lines, bytes, size);
    }
    memcpy(lines->bytes + lines->size, bytes, size);
    lines->size += size;
    return 0;
}

int exec_lines_put(struct exec_lines *lines, const char *bytes, size_t size)
{
    const char *first = lines->size ? memchr(bytes, '\n', size) : NULL, *last = memrchr(bytes, '\n', size);
    size_t begun = first ? (size_t)(first + 1 - bytes) : 0, whole = last ? (size_t)(last + 1 - bytes) : 0;
    int error = begun ? exec_lines_keep(lines, bytes, begun) : 0;
    if (!error && begun)
        error = exec_lines_end(lines);
    if (!error && whole > begun)
        error = exec_lines_write(lines, bytes + begun, whole - begun);
    return error ? error : exec_lines_keep(lines, bytes + whole, size - whole);
}

void exec_lines_close(struct exec_lines *lines)
{
    free(lines->bytes);
    lines->bytes = NULL;
    lines->size = lines->capacity = 0;
}
