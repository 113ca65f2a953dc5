/* SPDX-License-Identifier: MIT
 *
 * One end of a public pipe, as its two halves see it: pipe_send.c writes, pipe_receive.c and pipe_read.c read,
 * pipe.c makes, adopts and closes.
 *
 * On the wire a message is a head of 8 bytes, {kind:8, size:56} in the machine's own order (both ends are on one machine),
 * then `size` bytes. A descriptor is a message of kind 'F' and size 0, with the descriptor on its head.
 *
 * Each half is always in step: a send that runs out of time half-way leaves its rest here, a receive what has come so far.
 */
#ifndef IPC_PIPE_H
#define IPC_PIPE_H

#include "base/clock.h"
#include "base/handle.h"

#include <hayfork/pipe.h>

#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PIPE_BYTES 'B'
#define PIPE_DESCRIPTOR 'F'
#define PIPE_HEAD sizeof(uint64_t)
#define PIPE_SIZE_MAX ((UINT64_C(1) << 56) - 1)
#define PIPE_AHEAD 4096             /* how much one read may bring beyond what was asked for */

enum pipe_step {
    PIPE_AT_HEAD,                   /* between two messages */
    PIPE_AT_BODY,                   /* the head is read, `got` bytes of the body lie in `body` */
    PIPE_SKIPPING                   /* the rest of the body, size - got, is to be dropped */
};

struct hay_pipe {
    struct handle handle;           /* first */
    bool can_send, can_receive;
    struct {
        unsigned char *rest;        /* what a send that ran out of time left, or NULL */
        size_t at, size;
        enum hay_status end;        /* HAY_OK, or why nothing can be sent any more */
    } out;
    struct {
        enum pipe_step step;
        enum hay_status end;        /* HAY_OK, HAY_EOF, HAY_ETRUNCATED, HAY_EBROKEN */
        uint64_t size, got;
        unsigned char *body;        /* NULL while nothing of it was read */
        unsigned char kind;
        bool fd_lost;               /* a descriptor came and could not be taken */
        bool is_stale;              /* read since the poll() that is being answered */
        int fd;                     /* received ahead of its message, or -1 */
        int timeout_ms;             /* the socket's own, SO_RCVTIMEO; 0: none, -1: not known */
        size_t at, end_at;          /* ahead[at..end_at) was read and not used yet */
        unsigned char ahead[PIPE_AHEAD];
    } in;
};

static inline size_t pipe_ahead(const struct hay_pipe *pipe)
{
    return pipe->in.end_at - pipe->in.at;
}

/* Is it an end that can be used, in this direction? Else the status, with the text filled. */
enum hay_status pipe_check(const struct hay_pipe *pipe, bool send, struct hay_error *error);
/* Push out what an earlier send left. HAY_OK: nothing is left. HAY_ETIMEDOUT, HAY_EPEER, HAY_ESYSTEM. */
enum hay_status pipe_flush_rest(struct hay_pipe *pipe, int64_t deadline_ns, struct hay_error *error);
/* hay_handle.ready of a pipe. */
int pipe_ready(struct hay_handle *handle, int revents);

#endif
