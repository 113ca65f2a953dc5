/* SPDX-License-Identifier: MIT
 *
 * Rows are made right in the buffer and go out in large writes. Regular files take everything at once; for a pipe that takes
 * less the buffer grows.
 */
#include "cli/logfile.h"
#include "cli/bytes.h"
#include "cli/now.h"
#include "cli/rewatch.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGFILE_PATIENCE_MS 5000
#define LOGFILE_NAP_MS 100

/* Where in the buffer the record begins that is written in part; `start`, if none is. */
static size_t logfile_record(const struct logfile *file)
{
    size_t seen = file->start + file->lead < file->end ? file->start + file->lead : file->end;
    const char *newline = file->start ? memrchr(file->buffer, '\n', seen) : NULL;
    return newline ? (size_t)(newline + 1 - file->buffer) - file->lead : 0;
}

/* Take what a full disk took of a record out of the file again, unless somebody else has appended to it since. */
static void logfile_cut(const struct logfile *file)
{
    off_t torn = (off_t)(file->start - logfile_record(file)), at = -1;
    if (torn && S_ISREG(file->stream.mode))
        at = lseek(file->stream.fd, 0, SEEK_CUR);
    if (at >= torn && at == lseek(file->stream.fd, 0, SEEK_END) && ftruncate(file->stream.fd, at - torn))
        say("cannot cut the unfinished end off '%s': %s", file->path, strerror(errno));
}

static void logfile_fail(struct logfile *file, int failure)
{
    if (!file->failed) {
        say_written_no_further(file->path, failure);
        logfile_cut(file);
    }
    file->failed = true;
    file->start = file->end = 0;
    file->blocked_ns = 0;
    ev_io_stop(file->loop, &file->writable);
}

static void logfile_on_writable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    ev_io_stop(loop, watcher);
    rewatch(watcher, events);
    logfile_flush(watcher->data);
}

int logfile_open(struct logfile *file, struct ev_loop *loop, const char *path, bool append)
{
    *file = (struct logfile){
        .path = path, .stream.fd = -1, .loop = loop, .capacity = LOGFILE_SIZE, .append = append, .failed = true,
    };
    int fd = -1, failure = -ENOMEM;
    file->buffer = malloc(LOGFILE_SIZE);
    if (file->buffer) {
        fd = open(path, O_WRONLY | (append ? O_APPEND : 0) | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
        failure = fd < 0 ? -errno : stream_adopt(&file->stream, fd, true);
    }
    if (failure)
        say_unwritable(path, failure);
    file->failed = failure != 0;
    ev_io_init(&file->writable, logfile_on_writable, file->stream.fd, EV_WRITE);
    file->writable.data = file;
    return failure;
}

/* The size of what is whole in a file to append to, or -errno. */
static off_t logfile_whole(const struct logfile *file)
{
    struct stat status;
    int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    off_t whole = fstat(fd, &status) ? -errno : bytes_last_line(fd, status.st_size);
    close(fd);
    return whole;
}

bool logfile_begin(struct logfile *file, bool *empty)
{
    *empty = true;
    if (file->failed || !S_ISREG(file->stream.mode))
        return !file->failed;
    off_t whole = file->append ? logfile_whole(file) : 0;
    if (whole >= 0 && ftruncate(file->stream.fd, whole))
        whole = -errno;
    if (whole < 0)
        logfile_fail(file, (int)whole);
    *empty = whole == 0;
    return whole >= 0;
}

/* It took nothing. False: for too long. */
static bool logfile_wait(struct logfile *file)
{
    int64_t clock_ns = now_ns();
    if (!file->blocked_ns)
        file->blocked_ns = clock_ns;
    if (clock_ns - file->blocked_ns < LOGFILE_PATIENCE_MS * INT64_C(1000000)) {
        ev_io_start(file->loop, &file->writable);
        return true;
    }
    logfile_fail(file, -ETIMEDOUT);
    return false;
}

void logfile_flush(struct logfile *file)
{
    while (file->start < file->end && !file->failed) {
        ssize_t n = stream_write(&file->stream, file->buffer + file->start, file->end - file->start);
        if (n == -EAGAIN) {
            if (logfile_wait(file))
                return;
            break;
        }
        if (n <= 0)
            logfile_fail(file, n ? (int)n : -EIO);
        else
            file->start += (size_t)n;
        file->blocked_ns = 0;
    }
    file->start = file->end = 0;
}

static bool logfile_grow(struct logfile *file, size_t size)
{
    size_t capacity = file->capacity;
    while (capacity - file->end < size)
        capacity *= 2;
    char *buffer = capacity > file->capacity ? realloc(file->buffer, capacity) : file->buffer;
    if (!buffer)
        return false;
    file->buffer = buffer;
    file->capacity = capacity;
    return true;
}

char *logfile_room(struct logfile *file, size_t size)
{
    if (!file->failed && file->capacity - file->end < size) {
        logfile_flush(file);
        size_t begin = logfile_record(file);
        memmove(file->buffer, file->buffer + begin, file->end - begin);
        file->end -= begin;
        file->start -= begin;
        if (!file->failed && !logfile_grow(file, size))
            logfile_fail(file, -ENOMEM);
    }
    return file->failed ? NULL : file->buffer + file->end;
}

void logfile_close(struct logfile *file, bool patient)
{
    if (!file->path)
        return;
    logfile_flush(file);
    while (patient && file->start < file->end) {
        struct pollfd room = { .fd = file->stream.fd, .events = POLLOUT };
        if (poll(&room, 1, LOGFILE_NAP_MS) < 0 && errno != EINTR)
            logfile_fail(file, -errno);
        logfile_flush(file);
    }
    if (file->start < file->end)
        logfile_fail(file, -EINTR);
    ev_io_stop(file->loop, &file->writable);
    int failure = stream_close(&file->stream);
    if (failure && !file->failed)
        logfile_fail(file, failure);
    free(file->buffer);
    *file = (struct logfile){ .stream.fd = -1 };
}
