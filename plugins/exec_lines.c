/* SPDX-License-Identifier: MIT */
#include "exec_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXEC_LINE_MAX ((size_t)1 << 20)
#define EXEC_PEN 16384
#define EXEC_ROOM_MS 500        /* how often to try a descriptor that does not wait, whatever poll() says */

/* Bytes on their way out: many short lines, with their tags, are one write. */
struct exec_pen {
    int fd;
    int error;
    size_t size;
    char bytes[EXEC_PEN];
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
    if (size > sizeof pen->bytes - pen->size)
        exec_pen_flush(pen);
    if (size > sizeof pen->bytes) {
        exec_pen_write(pen, bytes, size);
    } else if (size) {
        memcpy(pen->bytes + pen->size, bytes, size);
        pen->size += size;
    }
}

/* Where no lock is to be had, lines go out without. */
static void exec_lines_lock(const struct exec_lines *lines, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET };
    while (fcntl(lines->lock_fd, F_SETLKW, &lock) && errno == EINTR)
        ;
}

/* The unfinished line and what continues it. Each line that begins here has its tag. */
static int exec_lines_write(struct exec_lines *lines, const char *bytes, size_t size)
{
    struct exec_pen pen = { .fd = lines->fd, .size = 0 };
    const char *end = bytes + size;
    exec_lines_lock(lines, F_WRLCK);
    if (lines->size && !lines->in_line)
        exec_pen_put(&pen, lines->tag, lines->tag_size);
    exec_pen_put(&pen, lines->bytes, lines->size);
    lines->in_line = lines->in_line || lines->size;
    lines->size = 0;
    while (bytes < end) {
        const char *newline = lines->tag_size ? memchr(bytes, '\n', (size_t)(end - bytes)) : NULL;
        const char *past = newline ? newline + 1 : end;
        if (!lines->in_line)
            exec_pen_put(&pen, lines->tag, lines->tag_size);
        exec_pen_put(&pen, bytes, (size_t)(past - bytes));
        lines->in_line = past[-1] != '\n';
        bytes = past;
    }
    exec_pen_flush(&pen);
    exec_lines_lock(lines, F_UNLCK);
    return pen.error;
}

/* Keep the begin of a line until its end comes. */
static int exec_lines_keep(struct exec_lines *lines, const char *bytes, size_t size)
{
    if (lines->size + size > EXEC_LINE_MAX)
        return exec_lines_write(lines, bytes, size);
    if (lines->size + size > lines->capacity) {
        size_t capacity = lines->capacity * 2 > lines->size + size ? lines->capacity * 2 : lines->size + size;
        char *larger = realloc(lines->bytes, capacity);
        if (!larger)
            return exec_lines_write(lines, bytes, size);
        lines->bytes = larger;
        lines->capacity = capacity;
    }
    if (size)
        memcpy(lines->bytes + lines->size, bytes, size);
    lines->size += size;
    return 0;
}

int exec_lines_put(struct exec_lines *lines, const char *bytes, size_t size)
{
    const char *newline = memrchr(bytes, '\n', size);
    size_t whole = newline ? (size_t)(newline + 1 - bytes) : 0;
    int error = whole ? exec_lines_write(lines, bytes, whole) : 0;
    return error ? error : exec_lines_keep(lines, bytes + whole, size - whole);
}

int exec_lines_end(struct exec_lines *lines)
{
    return lines->size ? exec_lines_write(lines, "", 0) : 0;
}

void exec_lines_close(struct exec_lines *lines)
{
    free(lines->bytes);
    lines->bytes = NULL;
    lines->size = lines->capacity = 0;
}
