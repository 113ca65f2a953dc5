/* SPDX-License-Identifier: MIT
 *
 * The master's end of a worker's duplex pipe: non-blocking, framed, buffered both ways, on a libev loop.
 *
 * Frames are appended to one buffer and leave in as few calls as possible. What arrives is handed up frame by frame; a bad head,
 * EOF or an error is reported once and stops the reading. Offsets count the bytes of the outgoing stream from 0, so that the
 * owner can tell how much lies between it and the worker. Handlers may close the channel, which stays their owner's memory: all
 * that is looked at after that is whether it is broken.
 */
#ifndef IPC_CHANNEL_H
#define IPC_CHANNEL_H

#include "base/buffer.h"
#include "ipc/frame.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct channel;

struct channel_handler {
    /* One whole frame; the body is good during the call. Return false when the channel was closed or must not go on:
     * then nothing more is read. */
    bool (*on_frame)(struct channel *channel, const struct frame_head *head, const unsigned char *body);
    /* All frames of one read were handed up. */
    void (*on_batch)(struct channel *channel);
    /* No more will come; reading and writing have stopped. `fault` is NULL where the other end is closed; else what came is not a
     * stream of frames, or cannot be held, which this constant text tells, such as "sent bytes that are not a frame". */
    void (*on_broken)(struct channel *channel, const char *fault);
};

struct channel {
    int fd;                /* -1: closed */
    struct ev_loop *loop;
    ev_io reading, writing;
    const struct channel_handler *handler;
    size_t max_frame;
    struct buffer in, out;
    uint64_t appended;     /* offset of the end of `out` in the stream */
    uint64_t sent;         /* offset of its start */
    uint64_t boundary;     /* the first frame boundary at or after `sent` */
    uint64_t owner;        /* the process: a child has a copy, and must not read or write what is its parent's */
    bool broken;
    bool muted;
};

/* Adopts `fd`, which has to be a non-blocking stream socket. */
void channel_open(struct channel *channel, struct ev_loop *loop, int fd, size_t max_frame, const struct channel_handler *handler);
/* The loop looks at it no more. All that is due in a child, of a channel that is its parent's. */
void channel_leave(struct channel *channel);
/* Safe to repeat, and on a zeroed channel with fd -1. */
void channel_close(struct channel *channel);

/* Where one whole frame of `size` bytes may be written, or NULL; it counts after channel_commit(), and leaves at the next
 * flush. */
static inline unsigned char *channel_reserve(struct channel *channel, size_t size)
{
    return buffer_reserve(&channel->out, size);
}
static inline void channel_commit(struct channel *channel, size_t size)
{
    buffer_commit(&channel->out, size);
    channel->appended += size;
}
/* Bytes of a frame that is not whole yet: tells whether a long one makes progress. */
static inline size_t channel_partial(const struct channel *channel)
{
    return buffer_size(&channel->in);
}
/* Write what the pipe takes; the rest goes when it drains, and until then nothing is tried here. A dead peer is reported through
 * on_broken by the reading side. */
void channel_flush(struct channel *channel);
/* From now on nothing is written. */
void channel_mute(struct channel *channel);
/* Remove the whole frames that are still buffered; one partly sent stays. */
void channel_recall(struct channel *channel);
/* Read and hand up what is there now, without the loop, up to what the kernel says is queued. */
void channel_drain(struct channel *channel);
/* When nothing more is handed up: read what is there now, and offer every whole frame in it to `take`, wherever it begins.
 * Returns how many were taken. */
unsigned channel_search(struct channel *channel,
                        bool (*take)(struct channel *channel, const struct frame_head *head, const unsigned char *body));
/* Stop or go on reading through the loop. */
void channel_pause(struct channel *channel, bool paused);

#endif
