/* SPDX-License-Identifier: MIT
 *
 * Reads from the socket of a pipe end, each within a time. A read is tried before any poll(), and blocks by itself for as long
 * as the caller allows: a finite timeout is left with the socket (SO_RCVTIMEO) and set again only when it changes. Meanwhile an
 * earlier send's rest is pushed out.
 */
#ifndef IPC_PIPE_READ_H
#define IPC_PIPE_READ_H

#include "ipc/pipe.h"

#include <sys/types.h>

/* How long the reads of one call may take in all. */
struct pipe_patience {
    int64_t deadline_ns;
    int timeout_ms;
    bool by_poll;       /* part of the time is used up: the socket's own timeout would be too long */
};

struct pipe_patience pipe_patience_of(int timeout_ms);

/* One read. The bytes, 0 at the end of the stream, -EAGAIN at the deadline, -errno. */
ssize_t pipe_read(struct hay_pipe *pipe, struct msghdr *message, int flags, struct pipe_patience *patience);
/* Read more into the buffer, which has less than a head in it; a descriptor that comes along goes to in.fd. As pipe_read(). */
ssize_t pipe_read_ahead(struct hay_pipe *pipe, struct pipe_patience *patience);

#endif
