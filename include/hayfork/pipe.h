/* SPDX-License-Identifier: MIT
 *
 * Pipes: messages of bytes between two processes, in order, none merged and none split.
 *
 * A pipe has two ends. Make it, give one end to a child with hay_process_give(), keep the other. An end lives in one process:
 * when the child starts, the parent's copy of what it gave is closed, and the child has no end that it was not given. So when
 * a process ends, its partner sees the end of the stream, always; but where the program forks by itself, such a child has copies
 * of all ends, and the end of the stream waits for it too, unless hay_pipe_finish() was called.
 *
 * A message has any size, zero included. Timeouts are in milliseconds: -1 for ever, 0 not at all; a timeout never comes
 * early, no call ends because of a signal, and none raises SIGPIPE. A timeout leaves the stream in step, wherever it strikes.
 * An end belongs to one thread at a time. Two ends that both send without receiving wait for each other, as with any socket:
 * use timeouts there.
 *
 * Three ends of a stream, three statuses: HAY_EOF (the other end closed, or its process ended, between two messages),
 * HAY_ETRUNCATED (in the middle of one), HAY_EPEER (nobody is there to receive what is sent). JSON: see <hayfork/pipe_json.h>.
 *
 * Every call accepts NULL or an unusable end (closed, given away, not given to this process) and returns HAY_EINVAL or
 * HAY_ESTATE.
 */
#ifndef HAYFORK_PIPE_H
#define HAYFORK_PIPE_H

#include <hayfork/error.h>
#include <hayfork/wait.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hay_pipe;

/* Two ends; either can send and receive. Ownership: hay_pipe_free() for each. Close-on-exec. */
HAY_API enum hay_status hay_pipe_new(struct hay_pipe **left, struct hay_pipe **right, struct hay_error *error);
/* One end that only receives and one that only sends; the wrong direction is HAY_EINVAL. */
HAY_API enum hay_status hay_pipe_new_one_way(struct hay_pipe **receiver, struct hay_pipe **sender, struct hay_error *error);
/* An end over a connected Unix stream socket, such as one from hay_pipe_receive_fd(). Takes the descriptor over; on failure
 * it stays the caller's. HAY_EINVAL: it is something else. */
HAY_API struct hay_pipe *hay_pipe_adopt(int fd, struct hay_error *error);
/* In a program that was started by hay_process_new_exec(): the end that the parent gave as number `index`, from 0. Once each.
 * Errors: HAY_EUNKNOWN (no such number, or not a pipe), HAY_ESTATE (taken before). */
HAY_API struct hay_pipe *hay_pipe_given(int index, struct hay_error *error);

/* For hay_wait() and hay_process_give(). NULL for NULL. Valid until hay_pipe_free(). */
HAY_API struct hay_handle *hay_pipe_handle(struct hay_pipe *pipe);
/* To poll in an event loop, or -1. Messages may wait in memory already: ask hay_pipe_poll() with 0 before each sleep. */
HAY_API int hay_pipe_fd(const struct hay_pipe *pipe);

/* Send one message. `bytes` may be NULL when `size` is 0. HAY_OK: it is whole on its way, in order. Errors: HAY_ETIMEDOUT:
 * nothing of it was sent. HAY_EBUSY: the timeout passed, or the kernel had no memory, when part of it was out; the pipe keeps a
 * copy of the rest, which goes out before anything else (with any later call on this end, or hay_pipe_flush()): do not send it
 * again. Only messages that are larger than the socket's free room can meet that. HAY_EPEER; HAY_EMSGSIZE (2^56 bytes or more);
 * HAY_ENOMEM (no room for that rest) and HAY_ESYSTEM, after which the receiver gets HAY_ETRUNCATED and this end HAY_EBROKEN, if
 * part of the message was out; HAY_ESTATE after hay_pipe_finish(). */
HAY_API enum hay_status hay_pipe_send(struct hay_pipe *pipe, const void *bytes, size_t size, int timeout_ms,
                                      struct hay_error *error);
/* Bytes of a message that are not out yet, after HAY_EBUSY. Closing the end loses them: the receiver gets HAY_ETRUNCATED. */
HAY_API size_t hay_pipe_unsent(const struct hay_pipe *pipe);
/* Wait until nothing is unsent. HAY_OK at once when that is so. HAY_ETIMEDOUT; HAY_EPEER, and HAY_EBROKEN after a send that was
 * cut off: what was unsent is lost; HAY_ESTATE after hay_pipe_finish(). */
HAY_API enum hay_status hay_pipe_flush(struct hay_pipe *pipe, int timeout_ms, struct hay_error *error);

/* Receive one message into new memory, freed by the caller with free(). One NUL, not counted, follows the bytes.
 * `max`: the largest size to accept, 0 for any. `size` may be NULL.
 * Errors: HAY_ETIMEDOUT (what has arrived is kept, a later call goes on from there); HAY_EOF; HAY_ETRUNCATED; HAY_EMSGSIZE:
 * it was larger than `max`: it is dropped, `size` says how large, the next call returns the message after it; HAY_ENOMEM (it
 * is kept: receive it later, or drop it with a `max`); HAY_ESTATE: a descriptor is next, see hay_pipe_receive_fd();
 * HAY_EBROKEN: what arrives is no pipe's stream. */
HAY_API enum hay_status hay_pipe_receive(struct hay_pipe *pipe, void **bytes, size_t *size, size_t max, int timeout_ms,
                                         struct hay_error *error);
/* The same into the caller's memory, with no copy in between. A message larger than `capacity` is dropped with HAY_EMSGSIZE
 * and its size in `size`; hay_pipe_next() tells before. `size` may be NULL. HAY_ENOMEM: the time ran out in the middle, and the
 * part that came could not be kept: the message is dropped. */
HAY_API enum hay_status hay_pipe_receive_into(struct hay_pipe *pipe, void *bytes, size_t capacity, size_t *size, int timeout_ms,
                                              struct hay_error *error);
/* Wait for the next message to begin, and tell its size without taking it. `is_fd` (may be NULL): it is a descriptor. */
HAY_API enum hay_status hay_pipe_next(struct hay_pipe *pipe, size_t *size, bool *is_fd, int timeout_ms, struct hay_error *error);
/* Wait until a receive has something to take: a message that has begun to arrive, or the end of the stream. Takes nothing.
 * HAY_OK or HAY_ETIMEDOUT. */
HAY_API enum hay_status hay_pipe_poll(struct hay_pipe *pipe, int timeout_ms, struct hay_error *error);

/* Send a copy of a descriptor, which stays the caller's, as a message of its own; never HAY_EBUSY.
 * HAY_EINVAL: it is not open. */
HAY_API enum hay_status hay_pipe_send_fd(struct hay_pipe *pipe, int fd, int timeout_ms, struct hay_error *error);
/* Take a descriptor: a new one, close-on-exec, the caller's to close. HAY_ESTATE: the next message is bytes, and stays.
 * HAY_ESYSTEM: it was lost on the way, because this process has too many open; the stream is in step. */
HAY_API enum hay_status hay_pipe_receive_fd(struct hay_pipe *pipe, int *fd, int timeout_ms, struct hay_error *error);

/* Nothing more will be sent from this end: the other receives HAY_EOF after what is on its way. Receiving goes on. Blocking:
 * up to the timeout while something is unsent. Again: HAY_OK. Errors: those of hay_pipe_flush(). */
HAY_API enum hay_status hay_pipe_finish(struct hay_pipe *pipe, int timeout_ms, struct hay_error *error);
/* Close the end but keep the object, whose calls return HAY_ESTATE from now on. Again, or NULL: fine. */
HAY_API void hay_pipe_close(struct hay_pipe *pipe);
/* Close and free. NULL is fine. */
HAY_API void hay_pipe_free(struct hay_pipe *pipe);

#ifdef __cplusplus
}
#endif
#endif
