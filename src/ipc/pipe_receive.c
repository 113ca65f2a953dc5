/* SPDX-License-Identifier: MIT
 *
 * The receiving half of a pipe end. Heads and small messages come through a buffer, many by one read; what of a body is not
 * there yet is read straight to where it belongs. A read is tried before any poll(), and blocks by itself for as long as the
 * caller allows: a finite timeout is left with the socket (SO_RCVTIMEO) and set again only when it changes.
 */
#include "ipc/pipe.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define SKIP_READS 64   /* by pipe_ready(), which must not stay */
#define PIPE_FDS_MAX 253 /* what one message can carry: SCM_MAX_FD */

struct patience {
    int64_t deadline_ns;
    int timeout_ms;
    bool by_poll;       /* part of the time is used up: the socket's own timeout would be too long */
};

static struct patience patience_of(int timeout_ms)
{
    return (struct patience){timeout_ms ? clock_deadline_ns(timeout_ms) : 0, timeout_ms, false};
}

/* May this read block in the kernel? */
static bool let_block(struct hay_pipe *pipe, const struct patience *patience)
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
static int sleep_for_input(struct hay_pipe *pipe, const struct patience *patience)
{
    int left_ms = patience->timeout_ms ? clock_left_ms(patience->deadline_ns) : 0;
    if (left_ms == 0)
        return -EAGAIN;
    struct pollfd polled = {pipe->handle.view.fd, (short)(POLLIN | (pipe->out.rest ? POLLOUT : 0)), 0};
    if (poll(&polled, 1, left_ms) < 0 && errno != EINTR)
        return -errno;
    return 0;
}

/* One read within the time. The bytes, 0 at the end of the stream, -EAGAIN at the deadline, -errno. */
static ssize_t read_some(struct hay_pipe *pipe, struct msghdr *message, int flags, struct patience *patience)
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

/* Read more into the buffer, which has less than a head in it. As read_some(). A descriptor comes with the first byte of its
 * head, and one read brings one at most: of a head that is cut no more than its rest is read, or the next one's would come
 * too. */
static ssize_t fill_ahead(struct hay_pipe *pipe, struct patience *patience)
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
    ssize_t n = read_some(pipe, &message, 0, patience);
    if (n > 0) {
        pipe->in.end_at += (size_t)n;
        if (message.msg_controllen || (message.msg_flags & MSG_CTRUNC))
            take_descriptors(pipe, &message);
    }
    return n;
}

static enum hay_status say_end(const struct hay_pipe *pipe, struct hay_error *error)
{
    switch (pipe->in.end) {
    case HAY_EOF:
        return error_set(error, HAY_EOF, "the other end is closed: nothing more will come");
    case HAY_ETRUNCATED:
        return error_set(error, HAY_ETRUNCATED, "the other end was closed in the middle of a message");
    default:
        return error_set(error, pipe->in.end, "what arrives is not what a pipe sends");
    }
}

static enum hay_status end_stream(struct hay_pipe *pipe, enum hay_status how, struct hay_error *error)
{
    pipe->in.end = how;
    free(pipe->in.body);
    pipe->in.body = NULL;
    fd_close(&pipe->in.fd);
    pipe->in.step = PIPE_AT_HEAD;
    pipe->in.at = pipe->in.end_at = 0;
    return say_end(pipe, error);
}

/* What a read that brought nothing means. */
static enum hay_status no_more(struct hay_pipe *pipe, ssize_t n, bool inside, struct hay_error *error)
{
    if (n == 0)
        return end_stream(pipe, inside ? HAY_ETRUNCATED : HAY_EOF, error);
    if (n == -EAGAIN)
        return error_set(error, HAY_ETIMEDOUT,
                         inside ? "the message did not arrive whole in time" : "no message arrived in time");
    return error_system(error, (int)-n, "recv");
}

static void begin_skip(struct hay_pipe *pipe)
{
    free(pipe->in.body);
    pipe->in.body = NULL;
    pipe->in.step = PIPE_SKIPPING;
}

/* Drop what is in the buffer of a message that is skipped. True when that was all of it. */
static bool skip_ahead(struct hay_pipe *pipe)
{
    uint64_t left = pipe->in.size - pipe->in.got;
    size_t here = pipe_ahead(pipe) < left ? pipe_ahead(pipe) : (size_t)left;
    pipe->in.at += here;
    pipe->in.got += here;
    if (pipe->in.got < pipe->in.size)
        return false;
    pipe->in.step = PIPE_AT_HEAD;
    return true;
}

/* The head is in the buffer: read it. */
static enum hay_status parse_head(struct hay_pipe *pipe, struct hay_error *error)
{
    uint64_t head;
    memcpy(&head, pipe->in.ahead + pipe->in.at, PIPE_HEAD);
    pipe->in.kind = (unsigned char)(head >> 56);
    pipe->in.size = head & PIPE_SIZE_MAX;
    if (pipe->in.kind != PIPE_BYTES && !(pipe->in.kind == PIPE_DESCRIPTOR && !pipe->in.size))
        return end_stream(pipe, HAY_EBROKEN, error);
    pipe->in.at += PIPE_HEAD;
    pipe->in.got = 0;
    pipe->in.step = PIPE_AT_BODY;
    return HAY_OK;
}

/* Get to a message whose head is read, past one that is being skipped. */
static enum hay_status reach_message(struct hay_pipe *pipe, struct patience *patience, struct hay_error *error)
{
    if (pipe->in.end)
        return say_end(pipe, error);
    while (pipe->in.step == PIPE_SKIPPING && !skip_ahead(pipe)) {
        ssize_t n = fill_ahead(pipe, patience);
        if (n <= 0)
            return no_more(pipe, n, true, error);
    }
    if (pipe->in.step == PIPE_AT_BODY)
        return HAY_OK;
    while (pipe_ahead(pipe) < PIPE_HEAD) {
        ssize_t n = fill_ahead(pipe, patience);
        if (n <= 0)
            return no_more(pipe, n, pipe_ahead(pipe) > 0, error);
    }
    return parse_head(pipe, error);
}

/* Bring the body from in.got on to its place in `body`. */
static enum hay_status read_body(struct hay_pipe *pipe, unsigned char *body, struct patience *patience, struct hay_error *error)
{
    uint64_t left = pipe->in.size - pipe->in.got;
    size_t here = pipe_ahead(pipe) < left ? pipe_ahead(pipe) : (size_t)left;
    if (here)
        memcpy(body + pipe->in.got, pipe->in.ahead + pipe->in.at, here);
    pipe->in.at += here;
    pipe->in.got += here;
    while (pipe->in.got < pipe->in.size) {
        struct iovec vector = {body + pipe->in.got, (size_t)(pipe->in.size - pipe->in.got)};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        ssize_t n = read_some(pipe, &message, MSG_WAITALL, patience);
        if (n <= 0)
            return no_more(pipe, n, true, error);
        pipe->in.got += (size_t)n;
    }
    pipe->in.step = PIPE_AT_HEAD;
    return HAY_OK;
}

/* A message of bytes, no larger than `max`, is next. */
static enum hay_status reach_bytes(struct hay_pipe *pipe, size_t max, size_t *size, struct patience *patience,
                                   struct hay_error *error)
{
    enum hay_status status = reach_message(pipe, patience, error);
    if (status)
        return status;
    if (pipe->in.kind != PIPE_BYTES)
        return error_set(error, HAY_ESTATE, "the next message is a descriptor");
    if (size)
        *size = (size_t)pipe->in.size;
    if (pipe->in.size <= max)
        return HAY_OK;
    uint64_t large = pipe->in.size;
    begin_skip(pipe);
    return error_set(error, HAY_EMSGSIZE, "a message of %llu bytes is over the limit of %zu: dropped",
                     (unsigned long long)large, max);
}

enum hay_status hay_pipe_receive(struct hay_pipe *pipe, void **bytes, size_t *size, size_t max, int timeout_ms,
                                 struct hay_error *error)
{
    struct patience patience = patience_of(timeout_ms);
    enum hay_status status = pipe_check(pipe, false, error);
    if (bytes)
        *bytes = NULL;
    if (size)
        *size = 0;
    if (status)
        return status;
    if (!bytes)
        return error_set(error, HAY_EINVAL, "no place for the bytes");
    status = reach_bytes(pipe, max ? max : SIZE_MAX, size, &patience, error);
    if (status)
        return status;
    unsigned char *body = pipe->in.body ? pipe->in.body : malloc((size_t)pipe->in.size + 1);
    if (!body)
        return error_set(error, HAY_ENOMEM, "no memory for a message of %llu bytes", (unsigned long long)pipe->in.size);
    pipe->in.body = body; /* where it stays if the time runs out */
    status = read_body(pipe, body, &patience, error);
    if (status)
        return status;
    body[pipe->in.size] = '\0';
    pipe->in.body = NULL;
    *bytes = body;
    return HAY_OK;
}

/* It went no further in the middle: what came must not be lost with the caller's buffer. `status` says why. */
static enum hay_status save_body(struct hay_pipe *pipe, const void *bytes, enum hay_status status, struct hay_error *error)
{
    unsigned char *body = malloc((size_t)pipe->in.size + 1);
    if (!body) {
        begin_skip(pipe);
        return error_set(error, HAY_ENOMEM, "no memory to keep the part of a message that came in time: dropped");
    }
    memcpy(body, bytes, (size_t)pipe->in.got);
    pipe->in.body = body;
    return status;
}

enum hay_status hay_pipe_receive_into(struct hay_pipe *pipe, void *bytes, size_t capacity, size_t *size, int timeout_ms,
                                      struct hay_error *error)
{
    struct patience patience = patience_of(timeout_ms);
    enum hay_status status = pipe_check(pipe, false, error);
    if (size)
        *size = 0;
    if (status)
        return status;
    if (!bytes && capacity)
        return error_set(error, HAY_EINVAL, "no place for the bytes");
    status = reach_bytes(pipe, capacity, size, &patience, error);
    if (status)
        return status;
    if (pipe->in.body) {
        memcpy(bytes, pipe->in.body, (size_t)pipe->in.got);
        free(pipe->in.body);
        pipe->in.body = NULL;
    }
    status = read_body(pipe, bytes, &patience, error);
    if ((status == HAY_ETIMEDOUT || status == HAY_ESYSTEM || status == HAY_ENOMEM) && pipe->in.got)
        status = save_body(pipe, bytes, status, error);
    return status;
}

enum hay_status hay_pipe_next(struct hay_pipe *pipe, size_t *size, bool *is_fd, int timeout_ms, struct hay_error *error)
{
    struct patience patience = patience_of(timeout_ms);
    enum hay_status status = pipe_check(pipe, false, error);
    if (!status)
        status = reach_message(pipe, &patience, error);
    if (size)
        *size = status ? 0 : (size_t)pipe->in.size;
    if (is_fd)
        *is_fd = !status && pipe->in.kind == PIPE_DESCRIPTOR;
    return status;
}

enum hay_status hay_pipe_receive_fd(struct hay_pipe *pipe, int *fd, int timeout_ms, struct hay_error *error)
{
    struct patience patience = patience_of(timeout_ms);
    enum hay_status status = pipe_check(pipe, false, error);
    if (fd)
        *fd = -1;
    if (status)
        return status;
    if (!fd)
        return error_set(error, HAY_EINVAL, "no place for the descriptor");
    status = reach_message(pipe, &patience, error);
    if (status)
        return status;
    if (pipe->in.kind != PIPE_DESCRIPTOR)
        return error_set(error, HAY_ESTATE, "the next message is bytes, no descriptor");
    pipe->in.step = PIPE_AT_HEAD;
    *fd = pipe->in.fd;
    pipe->in.fd = -1;
    bool lost = pipe->in.fd_lost;
    pipe->in.fd_lost = false;
    if (*fd >= 0)
        return HAY_OK;
    return lost ? error_system(error, EMFILE, "a descriptor was lost on the way") :
                  error_system(error, EBADMSG, "a message without its descriptor");
}

enum hay_status hay_pipe_poll(struct hay_pipe *pipe, int timeout_ms, struct hay_error *error)
{
    enum hay_status status = pipe_check(pipe, false, error);
    if (status)
        return status;
    struct hay_handle *handle = &pipe->handle.view;
    return hay_wait(&handle, 1, NULL, timeout_ms, error);
}

/* Is there something in memory that needs no read: a whole message, a descriptor, or a known end? */
static bool has_ready(struct hay_pipe *pipe)
{
    if (pipe->in.step == PIPE_AT_HEAD && pipe_ahead(pipe) >= PIPE_HEAD)
        parse_head(pipe, NULL);
    if (pipe->in.end)
        return true;
    return pipe->in.step == PIPE_AT_BODY && pipe_ahead(pipe) >= pipe->in.size - pipe->in.got;
}

int pipe_ready(struct hay_handle *handle, int revents)
{
    struct hay_pipe *pipe = (void *)handle;
    struct patience now = patience_of(0);
    if (!pipe->can_receive)
        return -(int)HAY_EINVAL;
    if (!revents)
        pipe->in.is_stale = false; /* asked before a poll() */
    if (pipe->out.rest)
        pipe_flush_rest(pipe, 0, NULL);
    if (pipe->in.step == PIPE_SKIPPING && !skip_ahead(pipe)) {
        for (int reads = 0; pipe->in.step == PIPE_SKIPPING; reads++) {
            ssize_t n = revents && reads < SKIP_READS ? fill_ahead(pipe, &now) : -EAGAIN;
            if (n < 0)
                return 0;
            if (n == 0)
                end_stream(pipe, HAY_ETRUNCATED, NULL);
            else
                skip_ahead(pipe);
        }
        pipe->in.is_stale = true;
    }
    struct pollfd again = {handle->fd, handle->events, 0};
    if (revents && pipe->in.is_stale)
        revents = poll(&again, 1, 0) > 0 ? again.revents : 0;
    return has_ready(pipe) || (revents & (POLLIN | POLLHUP | POLLERR));
}
