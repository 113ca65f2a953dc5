/* SPDX-License-Identifier: MIT
 *
 * The sending half of a pipe end. Head and body leave in one system call, which is tried before any poll(); without a timeout
 * it blocks by itself. When a timeout strikes in the middle of a message, the rest is copied and goes out before anything else,
 * so the receiver never loses step; when even that copy fails, the stream ends there.
 */
#include "ipc/pipe.h"

#include "base/error.h"
#include "base/iov.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Send as much as the time allows. Consumes `message`'s vectors. 0 when all is out, -EAGAIN at the deadline, -errno. */
static int push(int fd, struct msghdr *message, int64_t deadline_ns)
{
    int flags = MSG_NOSIGNAL | (deadline_ns == TIME_NEVER ? 0 : MSG_DONTWAIT);
    while (message->msg_iovlen) {
        ssize_t n = sendmsg(fd, message, flags);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            struct pollfd room = {fd, POLLOUT, 0};
            int left_ms = clock_left_ms(deadline_ns);
            if (left_ms == 0)
                return -EAGAIN;
            if (poll(&room, 1, left_ms) < 0 && errno != EINTR)
                return -errno;
            continue;
        }
        if (n < 0)
            return -errno;
        message->msg_controllen = 0; /* went with the first byte */
        iov_advance(message, (size_t)n);
    }
    return 0;
}

static enum hay_status fail(struct hay_pipe *pipe, int errno_value, struct hay_error *error)
{
    if (errno_value != EPIPE && errno_value != ECONNRESET)
        return error_system(error, errno_value, "send");
    pipe->out.end = HAY_EPEER;
    return error_set(error, HAY_EPEER, "the other end of the pipe is gone");
}

/* The kernel may have room again in a moment. */
static bool is_for_now(int r)
{
    return r == -EAGAIN || r == -ENOBUFS || r == -ENOMEM;
}

/* Part of a message is out and the rest will never follow: the receiver is told so, by the end of the stream in its middle. */
static enum hay_status cut_off(struct hay_pipe *pipe, int errno_value, struct hay_error *error)
{
    enum hay_status status = fail(pipe, errno_value, error);
    if (!pipe->out.end) {
        pipe->out.end = HAY_EBROKEN;
        shutdown(pipe->handle.view.fd, SHUT_WR);
    }
    return status;
}

static void drop_rest(struct hay_pipe *pipe)
{
    free(pipe->out.rest);
    pipe->out.rest = NULL;
    pipe->out.at = pipe->out.size = 0;
    pipe->handle.view.events = POLLIN;
}

enum hay_status pipe_flush_rest(struct hay_pipe *pipe, int64_t deadline_ns, struct hay_error *error)
{
    if (!pipe->out.rest)
        return HAY_OK;
    struct iovec vector = {pipe->out.rest + pipe->out.at, pipe->out.size - pipe->out.at};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    int r = push(pipe->handle.view.fd, &message, deadline_ns);
    pipe->out.at = r ? pipe->out.size - vector.iov_len : pipe->out.size;
    if (is_for_now(r))
        return error_set(error, HAY_ETIMEDOUT, "an earlier message is not out yet: %zu bytes are left", hay_pipe_unsent(pipe));
    drop_rest(pipe);
    return r ? cut_off(pipe, -r, error) : HAY_OK;
}

/* It went no further in the middle: keep the `size` bytes that are left of the message. */
static enum hay_status keep_rest(struct hay_pipe *pipe, const struct msghdr *message, size_t size, struct hay_error *error)
{
    unsigned char *rest = malloc(size);
    if (!rest) {
        pipe->out.end = HAY_EBROKEN;
        shutdown(pipe->handle.view.fd, SHUT_WR);
        return error_set(error, HAY_ENOMEM, "no memory to keep the %zu unsent bytes of a message: nothing more can be sent",
                         size);
    }
    pipe->out.rest = rest;
    pipe->out.at = 0;
    pipe->out.size = size;
    pipe->handle.view.events = POLLIN | POLLOUT;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        memcpy(rest, message->msg_iov[i].iov_base, message->msg_iov[i].iov_len);
        rest += message->msg_iov[i].iov_len;
    }
    return error_set(error, HAY_EBUSY,
                     "stopped in the middle of a message: the pipe keeps its last %zu bytes and sends them later", size);
}

static enum hay_status can_send(struct hay_pipe *pipe, struct hay_error *error)
{
    enum hay_status status = pipe_check(pipe, true, error);
    if (status || !pipe->out.end)
        return status;
    switch (pipe->out.end) {
    case HAY_EPEER:
        return error_set(error, HAY_EPEER, "the other end of the pipe is gone");
    case HAY_ESTATE:
        return error_set(error, HAY_ESTATE, "this end was finished: it sends nothing more");
    default:
        return error_set(error, pipe->out.end, "an earlier message was cut off: nothing more can be sent");
    }
}

static enum hay_status send_message(struct hay_pipe *pipe, struct msghdr *message, size_t size, int timeout_ms,
                                    struct hay_error *error)
{
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    enum hay_status status = pipe_flush_rest(pipe, deadline_ns, error);
    if (status)
        return status;
    int r = push(pipe->handle.view.fd, message, deadline_ns);
    if (r == 0)
        return HAY_OK;
    size_t left = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        left += message->msg_iov[i].iov_len;
    if (left == size && r == -EAGAIN)
        return error_set(error, HAY_ETIMEDOUT, "no room in the pipe in time: nothing was sent");
    if (left == size)
        return fail(pipe, -r, error);
    return is_for_now(r) ? keep_rest(pipe, message, left, error) : cut_off(pipe, -r, error);
}

enum hay_status hay_pipe_send(struct hay_pipe *pipe, const void *bytes, size_t size, int timeout_ms, struct hay_error *error)
{
    enum hay_status status = can_send(pipe, error);
    if (status)
        return status;
    if (size && !bytes)
        return error_set(error, HAY_EINVAL, "no bytes to send");
    if (size > PIPE_SIZE_MAX)
        return error_set(error, HAY_EMSGSIZE, "a message of %zu bytes is too large for any pipe", size);
    uint64_t head = (uint64_t)PIPE_BYTES << 56 | size;
    union { const void *in; void *out; } body = {bytes}; /* sendmsg only reads it */
    struct iovec vectors[2] = {{&head, PIPE_HEAD}, {body.out, size}};
    struct msghdr message = {.msg_iov = vectors, .msg_iovlen = size ? 2 : 1};
    return send_message(pipe, &message, PIPE_HEAD + size, timeout_ms, error);
}

enum hay_status hay_pipe_send_fd(struct hay_pipe *pipe, int fd, int timeout_ms, struct hay_error *error)
{
    enum hay_status status = can_send(pipe, error);
    if (status)
        return status;
    if (fcntl(fd, F_GETFD) < 0)
        return error_set(error, HAY_EINVAL, "descriptor %d is not open", fd);
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    uint64_t head = (uint64_t)PIPE_DESCRIPTOR << 56;
    struct iovec vector = {&head, PIPE_HEAD};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1,
                             .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    return send_message(pipe, &message, PIPE_HEAD, timeout_ms, error);
}

size_t hay_pipe_unsent(const struct hay_pipe *pipe)
{
    return pipe ? pipe->out.size - pipe->out.at : 0;
}

enum hay_status hay_pipe_flush(struct hay_pipe *pipe, int timeout_ms, struct hay_error *error)
{
    enum hay_status status = can_send(pipe, error);
    return status ? status : pipe_flush_rest(pipe, clock_deadline_ns(timeout_ms), error);
}

enum hay_status hay_pipe_finish(struct hay_pipe *pipe, int timeout_ms, struct hay_error *error)
{
    enum hay_status status = pipe_check(pipe, true, error);
    if (status || pipe->out.end == HAY_ESTATE)
        return status;
    status = hay_pipe_flush(pipe, timeout_ms, error);
    if (status)
        return status;
    if (shutdown(pipe->handle.view.fd, SHUT_WR) && errno != ENOTCONN)
        return error_system(error, errno, "shutdown");
    pipe->out.end = HAY_ESTATE;
    return HAY_OK;
}
