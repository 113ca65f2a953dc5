/* SPDX-License-Identifier: MIT
 *
 * Waiting for several things at once: pipes, processes, queues and plain descriptors.
 *
 * Each waitable object begins with a handle, and hay_pipe_handle(), hay_process_handle() and the like return it. A plain
 * descriptor gets one from hay_fd_handle(). hay_wait() sleeps until at least one is ready and tells of all of them which are.
 */
#ifndef HAYFORK_WAIT_H
#define HAYFORK_WAIT_H

#include <hayfork/error.h>

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hay_handle_kind {
    HAY_HANDLE_FD = 1,   /* a plain descriptor: ready by its `events` */
    HAY_HANDLE_PIPE,     /* ready: a message has begun to arrive, or nothing more will come */
    HAY_HANDLE_PROCESS,  /* ready: it has ended; stays so after the join */
    HAY_HANDLE_QUEUE     /* ready: an item is there, or the queue is closed */
};

/* Read it, do not write it: of a library's object it is a view that the library keeps. */
struct hay_handle {
    int kind;       /* enum hay_handle_kind */
    int fd;         /* to poll, by any event loop; -1: closed, or not started */
    short events;   /* what poll() is asked for */
    /* NULL: the descriptor says it all. Else called before a sleep with 0 and after poll() with what it reported:
     * 1 ready, 0 not (then a change makes the descriptor readable), or a negative enum hay_status. Never blocks, but for the
     * 100 ms that hay_wait() tells of. */
    int (*ready)(struct hay_handle *handle, int revents);
};

/* A handle of a plain descriptor, which stays the caller's. `events` as for poll(); 0: POLLIN. */
static inline struct hay_handle hay_fd_handle(int fd, short events)
{
    struct hay_handle handle;
    handle.kind = HAY_HANDLE_FD;
    handle.fd = fd;
    handle.events = (short)(events ? events : POLLIN);
    handle.ready = NULL;
    return handle;
}

/* Wait until at least one of `count` handles is ready, or for `timeout_ms` (-1: for ever, 0: only look).
 * `ready` (may be NULL) has `count` places; HAY_OK fills all of them, and at least one is true. Any other status leaves all
 * false. Nothing is consumed. One handle may stand there several times. A signal does not end the wait. Each queue in which
 * another process is stopped in the middle of a put may add 100 ms to any timeout.
 * Errors: HAY_ETIMEDOUT, never early; HAY_EINVAL (a NULL, a descriptor that is not open, the sending end of a one-way pipe,
 * no handles and no timeout); HAY_ESTATE (an object that is closed, given away, not started or another process's); HAY_ENOMEM
 * (only with over 64 handles); HAY_ERANGE: more handles than this process may have descriptors (RLIMIT_NOFILE), which poll()
 * refuses. */
HAY_API enum hay_status hay_wait(struct hay_handle *const *handles, size_t count, bool *ready, int timeout_ms,
                                 struct hay_error *error);

#ifdef __cplusplus
}
#endif
#endif
