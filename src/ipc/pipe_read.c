/* SPDX-License-Identifier: MIT */
#include "ipc/pipe_read.h"

#include "base/fd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>

#define PIPE_FDS_MAX 253 /* what one message can carry: SCM_MAX_FD */

struct pipe_patience pipe_patience_of(int timeout_ms)
{
    return (struct pipe_patience){timeout_ms ? clock_deadline_ns(timeout_ms) : 0, timeout_ms, false};
}

/* May this read block in the kernel? */
static bool let_block(struct hay_pipe *pipe, const struct pipe_patience *patience)
{
    if (!patience->timeout_ms || patience->by_poll || pipe->out.rest)
        return false;
    int wanted_ms = patience->timeout_ms < 0 ? 0 : patience->timeout_ms;
    if (pipe->in.timeout_ms != wanted_ms) {
        struct timeval time = {wanted_ms / 1000, wanted_ms % 1000 * 1000};
        if (setsockopt(pipe->handle.view.fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time))
            return false;
        pipe->in.timeout_ms = wanted_ms;
    }
    return true;
}

/* Sleep until there is something to read, or room for what an earlier send left. 0, or -EAGAIN at the deadline. */
static int sleep_for_input(struct hay_pipe *pipe, const struct pipe_patience *patience)
{
    int left_ms = patience->timeout_ms ? clock_left_ms(patience->deadline_ns) : 0;
    if (left_ms == 0)
        return -EAGAIN;
    struct pollfd polled = {pipe->handle.view.fd, (short)(POLLIN | (pipe->out.rest ? POLLOUT : 0)), 0};
    if (poll(&polled, 1, left_ms) < 0 && errno != EINTR)
        return -errno;
    return 0;
}

ssize_t pipe_read(struct hay_pipe *pipe, struct msghdr *message, int flags, struct pipe_patience *patience)
{
    size_t control_size = message->msg_controllen;
    for (;;) {
        if (pipe->out.rest)
            pipe_flush_rest(pipe, 0, NULL); /* its failure is the next send's */
        message->msg_controllen = control_size;
        int how = let_block(pipe, patience) ? flags : (flags & ~MSG_WAITALL) | MSG_DONTWAIT;
        ssize_t n = recvmsg(pipe->handle.view.fd, message, how | MSG_CMSG_CLOEXEC);
        if (n < 0 && errno == ECONNRESET)
            return 0; /* the other end closed, and did not read all that we sent */
        patience->by_poll = patience->timeout_ms > 0;
        if (n >= 0)
            return n;
        if (errno == EAGAIN) {
            int r = sleep_for_input(pipe, patience);
            if (r)
                return r;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

/* At most one descriptor is expected, on the head of its message; any others are closed at once. */
static void take_descriptors(struct hay_pipe *pipe, struct msghdr *message)
{
    int fds[PIPE_FDS_MAX];
    if (message->msg_flags & MSG_CTRUNC)
        pipe->in.fd_lost = true;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(at), count * sizeof(int));
        for (size_t i = 0; i < count; i++) {
            fd_close(&pipe->in.fd);
            pipe->in.fd = fds[i];
            fd_raise(&pipe->in.fd); /* where the standard ones are closed; else it stays as it is */
        }
    }
}

/* A descriptor comes with the first byte of its head, and one read brings one at most: of a head that is cut no more than its
 * rest is read, or the next one's would come too. */
ssize_t pipe_read_ahead(struct hay_pipe *pipe, struct pipe_patience *patience)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(PIPE_FDS_MAX * sizeof(int))];
    } control;
    size_t kept = pipe_ahead(pipe);
    if (kept && pipe->in.at)
        memmove(pipe->in.ahead, pipe->in.ahead + pipe->in.at, kept);
    pipe->in.at = 0;
    pipe->in.end_at = kept;
    bool is_cut = kept && (pipe->in.fd >= 0 || pipe->in.fd_lost);
    struct iovec vector = {pipe->in.ahead + kept, (is_cut ? PIPE_HEAD : PIPE_AHEAD) - kept};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1,
                             .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n = pipe_read(pipe, &message, 0, patience);
    if (n > 0) {
        pipe->in.end_at += (size_t)n;
        if (message.msg_controllen || (message.msg_flags & MSG_CTRUNC))
            take_descriptors(pipe, &message);
    }
    return n;
}
