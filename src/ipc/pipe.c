/* SPDX-License-Identifier: MIT
 *
 * Pipe ends: made in pairs over a socket pair, adopted, taken over from a parent program, closed. The two directions are in
 * pipe_send.c and pipe_receive.c.
 */
#include "ipc/pipe.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

/* A program gets the descriptor alone: what lies in our memory would be lost on the way. */
static bool is_whole(const struct handle *handle)
{
    const struct hay_pipe *pipe = (const void *)handle;
    return !pipe->out.size && pipe->in.step == PIPE_AT_HEAD && !pipe_ahead(pipe) && pipe->in.fd < 0;
}

static struct hay_pipe *new_end(bool can_send, bool can_receive)
{
    /* Not the buffer: it need not be zero. */
    struct hay_pipe *pipe = malloc(sizeof *pipe);
    if (!pipe)
        return NULL;
    memset(pipe, 0, offsetof(struct hay_pipe, in.ahead));
    pipe->handle.view.fd = -1;
    pipe->handle.label = can_send && can_receive ? "pipe" : can_send ? "send" : "receive";
    pipe->handle.is_whole = is_whole;
    pipe->handle.held = &pipe->in.fd;
    pipe->can_send = can_send;
    pipe->can_receive = can_receive;
    pipe->in.fd = -1;
    return pipe;
}

static enum hay_status new_pair(struct hay_pipe **first, struct hay_pipe **second, bool duplex, struct hay_error *error)
{
    int pair[2], failure;
    if (!first || !second)
        return error_set(error, HAY_EINVAL, "no place for the two ends of a pipe");
    *first = *second = NULL;
    struct hay_pipe *one = new_end(duplex, true), *two = new_end(true, duplex);
    enum hay_status status = HAY_OK;
    if (!one || !two)
        status = error_set(error, HAY_ENOMEM, "no memory for a pipe");
    else if ((failure = fd_open_pair(pair)))
        status = error_system(error, -failure, "socketpair");
    if (status) {
        free(one);
        free(two);
        return status;
    }
    handle_open(&one->handle, HAY_HANDLE_PIPE, pair[0], pipe_ready);
    handle_open(&two->handle, HAY_HANDLE_PIPE, pair[1], pipe_ready);
    *first = one;
    *second = two;
    return HAY_OK;
}

enum hay_status hay_pipe_new(struct hay_pipe **left, struct hay_pipe **right, struct hay_error *error)
{
    return new_pair(left, right, true, error);
}

enum hay_status hay_pipe_new_one_way(struct hay_pipe **receiver, struct hay_pipe **sender, struct hay_error *error)
{
    return new_pair(receiver, sender, false, error);
}

static struct hay_pipe *adopt(int fd, bool can_send, bool can_receive, struct hay_error *error)
{
    int domain = 0, type = 0;
    socklen_t size = sizeof domain;
    if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) || getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) ||
        domain != AF_UNIX || type != SOCK_STREAM) {
        error_set(error, HAY_EINVAL, "descriptor %d is no Unix stream socket", fd);
        return NULL;
    }
    struct sockaddr_un peer;
    size = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &size)) {
        error_set(error, HAY_EINVAL, "descriptor %d is not connected", fd);
        return NULL;
    }
    if (handle_has_fd(fd)) {
        error_set(error, HAY_EINVAL, "descriptor %d belongs to an object already", fd);
        return NULL;
    }
    struct hay_pipe *pipe = new_end(can_send, can_receive);
    if (!pipe) {
        error_set(error, HAY_ENOMEM, "no memory for a pipe");
        return NULL;
    }
    int raised = fd_raise(&fd);
    if (raised < 0) {
        error_system(error, -raised, "descriptor %d", fd);
        free(pipe);
        return NULL;
    }
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC))
        fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    pipe->in.timeout_ms = -1;
    handle_open(&pipe->handle, HAY_HANDLE_PIPE, fd, pipe_ready);
    return pipe;
}

struct hay_pipe *hay_pipe_adopt(int fd, struct hay_error *error)
{
    return adopt(fd, true, true, error);
}

struct hay_pipe *hay_pipe_given(int index, struct hay_error *error)
{
    char label[16] = "";
    int fd = handle_given(index, label, sizeof label);
    if (fd == -EBUSY) {
        error_set(error, HAY_ESTATE, "what was given as number %d is taken or closed already", index);
        return NULL;
    }
    bool duplex = strcmp(label, "pipe") == 0;
    bool can_send = duplex || strcmp(label, "send") == 0;
    bool can_receive = duplex || strcmp(label, "receive") == 0;
    if (!can_send && !can_receive) {
        if (fd >= 0)
            handle_give_back(fd);
        error_set(error, HAY_EUNKNOWN, "this program was given no pipe as number %d", index);
        return NULL;
    }
    struct hay_pipe *pipe = adopt(fd, can_send, can_receive, error);
    if (!pipe)
        handle_give_back(fd);
    return pipe;
}

enum hay_status pipe_check(const struct hay_pipe *pipe, bool send, struct hay_error *error)
{
    if (!pipe)
        return error_set(error, HAY_EINVAL, "no pipe");
    if (pipe->handle.view.fd < 0 || pipe->handle.owner != owner_token())
        return error_set(error, HAY_ESTATE, "this end is closed, or is not this process's");
    if (send ? !pipe->can_send : !pipe->can_receive)
        return error_set(error, HAY_EINVAL, "this end of a one-way pipe only %s", send ? "receives" : "sends");
    return HAY_OK;
}

struct hay_handle *hay_pipe_handle(struct hay_pipe *pipe)
{
    return pipe ? &pipe->handle.view : NULL;
}

int hay_pipe_fd(const struct hay_pipe *pipe)
{
    return pipe ? pipe->handle.view.fd : -1;
}

void hay_pipe_close(struct hay_pipe *pipe)
{
    if (!pipe)
        return;
    handle_close(&pipe->handle);
    fd_close(&pipe->in.fd);
    free(pipe->out.rest);
    free(pipe->in.body);
    pipe->out.rest = pipe->in.body = NULL;
    pipe->out.size = pipe->out.at = 0;
    pipe->in.at = pipe->in.end_at = 0;
    pipe->in.step = PIPE_AT_HEAD;
}

void hay_pipe_free(struct hay_pipe *pipe)
{
    hay_pipe_close(pipe);
    free(pipe);
}
