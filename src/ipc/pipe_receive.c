/* SPDX-License-Identifier: MIT
 *
 * The receiving half of a pipe end: messages out of what pipe_read.c brings. Heads and small messages come through a buffer,
 * many by one read; what of a body is not there yet is read straight to where it belongs.
 */
#include "ipc/pipe_read.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SKIP_READS 64   /* by pipe_ready(), which must not stay */

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

/* Take what is in the buffer of the body to its place in `body`; NULL: drop it. */
static void take_ahead(struct hay_pipe *pipe, unsigned char *body)
{
    uint64_t left = pipe->in.size - pipe->in.got;
    size_t here = pipe_ahead(pipe) < left ? pipe_ahead(pipe) : (size_t)left;
    if (body && here)
        memcpy(body + pipe->in.got, pipe->in.ahead + pipe->in.at, here);
    pipe->in.at += here;
    pipe->in.got += here;
}

/* Drop what is in the buffer of a message that is skipped. True when that was all of it. */
static bool skip_ahead(struct hay_pipe *pipe)
{
    take_ahead(pipe, NULL);
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
static enum hay_status reach_message(struct hay_pipe *pipe, struct pipe_patience *patience, struct hay_error *error)
{
    if (pipe->in.end)
        return say_end(pipe, error);
    while (pipe->in.step == PIPE_SKIPPING && !skip_ahead(pipe)) {
        ssize_t n = pipe_read_ahead(pipe, patience);
        if (n <= 0)
            return no_more(pipe, n, true, error);
    }
    if (pipe->in.step == PIPE_AT_BODY)
        return HAY_OK;
    while (pipe_ahead(pipe) < PIPE_HEAD) {
        ssize_t n = pipe_read_ahead(pipe, patience);
        if (n <= 0)
            return no_more(pipe, n, pipe_ahead(pipe) > 0, error);
    }
    return parse_head(pipe, error);
}

/* Bring the body from in.got on to its place in `body`. */
static enum hay_status read_body(struct hay_pipe *pipe, unsigned char *body, struct pipe_patience *patience,
                                 struct hay_error *error)
{
    take_ahead(pipe, body);
    while (pipe->in.got < pipe->in.size) {
        struct iovec vector = {body + pipe->in.got, (size_t)(pipe->in.size - pipe->in.got)};
        struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
        ssize_t n = pipe_read(pipe, &message, MSG_WAITALL, patience);
        if (n <= 0)
            return no_more(pipe, n, true, error);
        pipe->in.got += (size_t)n;
    }
    pipe->in.step = PIPE_AT_HEAD;
    return HAY_OK;
}

/* A message of bytes, no larger than `max`, is next. */
static enum hay_status reach_bytes(struct hay_pipe *pipe, size_t max, size_t *size, struct pipe_patience *patience,
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
    struct pipe_patience patience = pipe_patience_of(timeout_ms);
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
    struct pipe_patience patience = pipe_patience_of(timeout_ms);
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
    struct pipe_patience patience = pipe_patience_of(timeout_ms);
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
    struct pipe_patience patience = pipe_patience_of(timeout_ms);
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
    struct pipe_patience now = pipe_patience_of(0);
    enum hay_status status = pipe_check(pipe, false, NULL);
    if (status)
        return -(int)status;
    if (!revents)
        pipe->in.is_stale = false; /* asked before a poll() */
    if (pipe->out.rest)
        pipe_flush_rest(pipe, 0, NULL);
    if (pipe->in.step == PIPE_SKIPPING && !skip_ahead(pipe)) {
        for (int reads = 0; pipe->in.step == PIPE_SKIPPING; reads++) {
            ssize_t n = revents && reads < SKIP_READS ? pipe_read_ahead(pipe, &now) : -EAGAIN;
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
