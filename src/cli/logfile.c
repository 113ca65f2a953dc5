/* SPDX-License-Identifier: MIT
 *
 * Rows are made right in the buffer and go out in large writes. Regular files take everything at once; a pipe may take less,
 * and is waited for only when the buffer has no room left, and at the end.
 */
#include "cli/logfile.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGFILE_PATIENCE_MS 5000
#define LOGFILE_TORN 4096

static void logfile_fail(struct logfile *file, int failure)
{
    if (!file->failed)
        say("cannot write '%s': %s; it is written no further", file->path, strerror(-failure));
    file->failed = true;
    file->start = file->end = 0;
}

int logfile_open(struct logfile *file, const char *path, bool append)
{
    *file = (struct logfile){ .path = path, .stream.fd = -1, .append = append, .failed = true };
    int fd = -1, failure = -ENOMEM;
    file->buffer = malloc(LOGFILE_SIZE);
    if (file->buffer) {
        fd = open(path, O_WRONLY | (append ? O_APPEND : 0) | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
        failure = fd < 0 ? -errno : stream_adopt(&file->stream, fd, true);
    }
    if (failure)
        say("cannot write '%s': %s", path, failure == -ENXIO ? "nobody reads this pipe" : strerror(-failure));
    file->failed = failure != 0;
    return failure;
}

/* Where the last whole line among the first `size` bytes ends, or -errno. */
static off_t logfile_last_line(int fd, off_t size)
{
    char bytes[LOGFILE_TORN];
    while (size > 0) {
        off_t from = size > LOGFILE_TORN ? size - LOGFILE_TORN : 0;
        ssize_t n = pread(fd, bytes, (size_t)(size - from), from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        for (ssize_t i = n; i > 0; i--)
            if (bytes[i - 1] == '\n')
                return from + i;
        size = from;
    }
    return 0;
}

/* The size of what is whole in a file to append to, or -errno. */
static off_t logfile_whole(const struct logfile *file)
{
    struct stat status;
    int fd = open(file->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    off_t whole = fstat(fd, &status) ? -errno : logfile_last_line(fd, status.st_size);
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

void logfile_flush(struct logfile *file)
{
    while (file->start < file->end && !file->failed) {
        ssize_t n = stream_write(&file->stream, file->buffer + file->start, file->end - file->start);
        if (n == -EAGAIN)
            return;
        if (n <= 0)
            logfile_fail(file, n ? (int)n : -EIO);
        else
            file->start += (size_t)n;
    }
    file->start = file->end = 0;
}

/* Write until `size` bytes have room. */
static void logfile_wait(struct logfile *file, size_t size)
{
    for (;;) {
        logfile_flush(file);
        size_t kept = file->end - file->start;
        if (file->failed || LOGFILE_SIZE - kept >= size)
            return;
        struct pollfd wait = { .fd = file->stream.fd, .events = POLLOUT };
        int ready = poll(&wait, 1, LOGFILE_PATIENCE_MS);
        if (ready < 0 && errno != EINTR)
            logfile_fail(file, -errno);
        else if (!ready)
            logfile_fail(file, -ETIMEDOUT);
    }
}

char *logfile_room(struct logfile *file, size_t size)
{
    if (!file->failed && LOGFILE_SIZE - file->end < size) {
        logfile_wait(file, size);
        memmove(file->buffer, file->buffer + file->start, file->end - file->start);
        file->end -= file->start;
        file->start = 0;
    }
    return file->failed ? NULL : file->buffer + file->end;
}

void logfile_close(struct logfile *file)
{
    if (!file->path)
        return;
    if (!file->failed)
        logfile_wait(file, LOGFILE_SIZE);
    int failure = stream_close(&file->stream);
    if (failure && !file->failed)
        logfile_fail(file, failure);
    free(file->buffer);
    *file = (struct logfile){ .stream.fd = -1 };
}
