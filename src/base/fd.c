/* SPDX-License-Identifier: MIT */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH_FD 500 /* above what programs reach by opening files one by one, below common limits */

void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int fd_write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        size -= (size_t)n;
    }
    return 0;
}

int fd_set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -errno;
    return 0;
}

int fd_raise(int *fd)
{
    if (*fd > 2)
        return 0;
    int raised = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
    if (raised < 0)
        return -errno;
    close(*fd);
    *fd = raised;
    return 0;
}

int fd_fill_low(int low[3])
{
    int count = 0, fd = -1;
    while (count < 3 && (fd = open("/dev/null", O_RDWR | O_CLOEXEC)) >= 0 && fd <= 2)
        low[count++] = fd;
    if (fd > 2)
        close(fd);
    return count;
}

static int raise_both(int ends[2])
{
    int failure = fd_raise(&ends[0]);
    if (!failure)
        failure = fd_raise(&ends[1]);
    if (failure) {
        fd_close(&ends[0]);
        fd_close(&ends[1]);
    }
    return failure;
}

static int fail_both(int ends[2])
{
    ends[0] = ends[1] = -1;
    return -errno;
}

int fd_open_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) ? fail_both(ends) : raise_both(ends);
}

int fd_open_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC) ? fail_both(ends) : raise_both(ends);
}

int fd_move_high(int fd)
{
    struct rlimit limit;
    int floor = HIGH_FD;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < HIGH_FD + 16)
        floor = limit.rlim_cur > 32 ? (int)limit.rlim_cur - 16 : 3;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (moved < 0)
        return -errno;
    close(fd);
    return moved;
}

static void close_span(unsigned first, unsigned last)
{
    if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
        return;
    /* Kernels before 5.9: one by one up to the limit. */
    struct rlimit limit;
    unsigned end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (unsigned)limit.rlim_cur : 65536;
    for (unsigned fd = first; fd <= last && fd < end; fd++)
        close((int)fd);
}

void fd_close_all_but(const int *keep, size_t count)
{
    unsigned from = 3;
    for (;;) {
        /* The lowest kept descriptor at or above `from` ends the next span. */
        unsigned next = ~0u;
        for (size_t i = 0; i < count; i++)
            if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
                next = (unsigned)keep[i];
        if (next == ~0u)
            break;
        if (next > from)
            close_span(from, next - 1);
        from = next + 1;
    }
    close_span(from, ~0u);
}
