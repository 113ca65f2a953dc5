/* SPDX-License-Identifier: MIT
 *
 * How to move bytes through each kind of descriptor without waiting in the call. Which way fits is decided once, when the
 * descriptor is taken. Nothing here waits for readiness either: that is the caller's loop.
 */
#include "cli/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A terminal says that it is writable when it takes this much. */
#define STREAM_TERMINAL_BITE 256

/* Opening a terminal's slave side again gives the same terminal; the master side would give a new one. */
static bool stream_is_terminal(int fd, const struct stat *status)
{
    return S_ISCHR(status->st_mode) && status->st_rdev != makedev(5, 2) && isatty(fd);
}

int stream_reopen(int fd, int flags)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, flags | O_NOCTTY | O_CLOEXEC);
}

static int stream_inspect(struct stream *stream, int fd, bool write, struct stat *status)
{
    *stream = (struct stream){ .fd = -1, .write = write };
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0)
        return -errno;
    int access = flags & O_ACCMODE;
    if (flags & O_PATH || access == (write ? O_RDONLY : O_WRONLY))
        return -EBADF;
    if (fstat(fd, status))
        return -errno;
    if (S_ISDIR(status->st_mode))
        return -EISDIR;
    stream->mode = status->st_mode;
    stream->device = status->st_dev;
    stream->inode = status->st_ino;
    stream->bite_bytes = S_ISFIFO(status->st_mode) ? PIPE_BUF : STREAM_TERMINAL_BITE;
    return 0;
}

int stream_inherit(struct stream *stream, int fd, bool write)
{
    struct stat status;
    int failure = stream_inspect(stream, fd, write, &status);
    if (failure)
        return failure;
    stream->fd = fd;
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode)) {
        stream->way = STREAM_DIRECT;
    } else if (S_ISSOCK(status.st_mode)) {
        stream->way = STREAM_SOCKET;
    } else if (S_ISFIFO(status.st_mode) || stream_is_terminal(fd, &status)) {
        int own = stream_reopen(fd, (write ? O_WRONLY : O_RDONLY) | O_NONBLOCK);
        stream->way = own < 0 ? STREAM_POLLED : STREAM_OWN;
        stream->fd = own < 0 ? fd : own;
        stream->owned = own >= 0;
    } else {
        stream->way = write ? STREAM_DIRECT : STREAM_POLLED;
    }
    return 0;
}

int stream_adopt(struct stream *stream, int fd, bool write)
{
    struct stat status;
    int failure = stream_inspect(stream, fd, write, &status);
    int flags = failure ? 0 : fcntl(fd, F_GETFL);
    if (!failure && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK)))
        failure = -errno;
    if (failure) {
        close(fd);
        return failure;
    }
    stream->fd = fd;
    stream->owned = true;
    stream->way = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) ? STREAM_DIRECT : STREAM_OWN;
    stream->wait_first = !write && S_ISFIFO(status.st_mode);
    return 0;
}

/* 0 when a STREAM_POLLED descriptor can move something, or -errno. */
static int stream_ready(const struct stream *stream)
{
    struct pollfd wait = { .fd = stream->fd, .events = stream->write ? POLLOUT : POLLIN };
    int ready = poll(&wait, 1, 0);
    if (ready < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    return ready ? 0 : -EAGAIN;
}

/* An interrupted call is not repeated here: in the background of a terminal it would stop us again, before the loop has heard of
 * the signal that was to end us. */
static ssize_t stream_failure(void)
{
    return errno == EINTR || errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t stream_read(struct stream *stream, void *bytes, size_t size)
{
    if (stream->wait_first) {
        stream->wait_first = false;
        return -EAGAIN;
    }
    int failure = stream->way == STREAM_POLLED ? stream_ready(stream) : 0;
    if (failure)
        return failure;
    ssize_t n = stream->way == STREAM_SOCKET ? recv(stream->fd, bytes, size, MSG_DONTWAIT) : read(stream->fd, bytes, size);
    return n < 0 ? stream_failure() : n;
}

ssize_t stream_write(struct stream *stream, const void *bytes, size_t size)
{
    int failure = stream->way == STREAM_POLLED ? stream_ready(stream) : 0;
    if (failure)
        return failure;
    size_t part = stream->way == STREAM_POLLED && size > stream->bite_bytes ? stream->bite_bytes : size;
    ssize_t n = stream->way == STREAM_SOCKET ? send(stream->fd, bytes, part, MSG_DONTWAIT | MSG_NOSIGNAL)
                                             : write(stream->fd, bytes, part);
    return n < 0 ? stream_failure() : n;
}

int stream_close(struct stream *stream)
{
    int failure = 0;
    if (stream->fd >= 0 && stream->owned && close(stream->fd) && errno != EINTR)
        failure = -errno;
    stream->fd = -1;
    return failure;
}

bool stream_same_file(const struct stream *a, const struct stream *b)
{
    return S_ISREG(a->mode) && S_ISREG(b->mode) && a->device == b->device && a->inode == b->inode;
}
