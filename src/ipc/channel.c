/* SPDX-License-Identifier: MIT */
#include "ipc/channel.h"

#include "base/fd.h"
#include "base/owner.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define READ_SIZE (64u * 1024)
#define KEEP_SIZE (256u * 1024)

static void stop(struct channel *channel)
{
    channel->broken = true;
    channel_leave(channel);
}

/* `fault`: as of on_broken. */
static void channel_break(struct channel *channel, const char *fault)
{
    if (channel->broken)
        return;
    stop(channel);
    channel->handler->on_broken(channel, fault);
}

/* Hand up the whole frames in the buffer. False when the channel is gone or broken. */
static bool deliver(struct channel *channel)
{
    struct frame_head head;
    const unsigned char *at = buffer_at(&channel->in);
    size_t left = buffer_size(&channel->in);
    enum frame_state state;
    while ((state = frame_parse(at, left, channel->max_frame, &head)) == FRAME_WHOLE) {
        if (!channel->handler->on_frame(channel, &head, at + sizeof head)) {
            stop(channel);
            return false;
        }
        at += head.size;
        left -= head.size;
    }
    buffer_consume(&channel->in, buffer_size(&channel->in) - left, KEEP_SIZE);
    if (state == FRAME_BAD)
        channel_break(channel, "sent bytes that are not a frame");
    else if (head.size && !buffer_reserve(&channel->in, head.size - left))
        channel_break(channel, "sent a frame for which there is no memory");
    return !channel->broken;
}

/* One read. Returns the bytes read; 0 when there are none now, or the channel is gone or broken. */
static size_t read_once(struct channel *channel)
{
    size_t room = channel->in.capacity - channel->in.end;
    if (room < READ_SIZE / 2) {
        if (!buffer_reserve(&channel->in, READ_SIZE)) {
            channel_break(channel, "could not be read: out of memory");
            return 0;
        }
        room = channel->in.capacity - channel->in.end;
    }
    ssize_t n = recv(channel->fd, channel->in.data + channel->in.end, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        channel_break(channel, NULL);
        return 0;
    }
    buffer_commit(&channel->in, (size_t)n);
    return deliver(channel) ? (size_t)n : 0;
}

/* Walk the frames still in the buffer until the boundary is at or after `sent`. */
static void advance_boundary(struct channel *channel, uint64_t sent)
{
    if (sent == channel->appended)
        channel->boundary = sent;
    while (channel->boundary < sent) {
        struct frame_head head;
        memcpy(&head, buffer_at(&channel->out) + (channel->boundary - channel->sent), sizeof head);
        channel->boundary += head.size;
    }
}

static void write_out(struct channel *channel)
{
    while (!channel->broken && !channel->muted && buffer_size(&channel->out)) {
        ssize_t n = send(channel->fd, buffer_at(&channel->out), buffer_size(&channel->out), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) {
            ev_io_start(channel->loop, &channel->writing);
            return;
        }
        if (n < 0)
            break; /* the worker is gone or going: its end is seen, and its last results are read, on the reading side */
        advance_boundary(channel, channel->sent + (uint64_t)n);
        channel->sent += (uint64_t)n;
        buffer_consume(&channel->out, (size_t)n, KEEP_SIZE);
    }
    ev_io_stop(channel->loop, &channel->writing);
}

/* Of the watcher for reading or of the one for writing. */
static void on_event(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    struct channel *channel = watcher->data;
    if (channel->owner != owner_token())
        return;
    if (events & EV_ERROR)
        channel_break(channel, "has a pipe that the event loop cannot watch");
    else if (events & EV_WRITE)
        write_out(channel);
    else if (read_once(channel))
        channel->handler->on_batch(channel);
}

void channel_open(struct channel *channel, struct ev_loop *loop, int fd, size_t max_frame, const struct channel_handler *handler)
{
    *channel = (struct channel){.fd = fd, .loop = loop, .handler = handler, .max_frame = max_frame, .owner = owner_token()};
    ev_io_init(&channel->reading, on_event, fd, EV_READ);
    ev_io_init(&channel->writing, on_event, fd, EV_WRITE);
    channel->reading.data = channel->writing.data = channel;
    ev_io_start(loop, &channel->reading);
}

void channel_leave(struct channel *channel)
{
    ev_io_stop(channel->loop, &channel->reading);
    ev_io_stop(channel->loop, &channel->writing);
}

void channel_close(struct channel *channel)
{
    if (channel->fd < 0)
        return;
    stop(channel);
    fd_close(&channel->fd);
    buffer_release(&channel->in);
    buffer_release(&channel->out);
}

void channel_flush(struct channel *channel)
{
    if (!ev_is_active(&channel->writing))
        write_out(channel);
}

void channel_mute(struct channel *channel)
{
    channel->muted = true;
    ev_io_stop(channel->loop, &channel->writing);
}

void channel_recall(struct channel *channel)
{
    buffer_truncate(&channel->out, channel->boundary - channel->sent);
    channel->appended = channel->boundary;
}

void channel_drain(struct channel *channel)
{
    int queued = 0;
    if (channel->broken || ioctl(channel->fd, FIONREAD, &queued) < 0)
        return;
    while (queued > 0) {
        size_t n = read_once(channel);
        if (!n)
            return;
        queued -= n < (size_t)queued ? (int)n : queued;
    }
}

/* No further than what is queued now: somebody else may hold the other end, and write for ever. */
static void read_rest(struct channel *channel)
{
    int queued = 0;
    if (ioctl(channel->fd, FIONREAD, &queued) < 0 || queued <= 0 || !buffer_reserve(&channel->in, (size_t)queued))
        return;
    for (size_t left = (size_t)queued; left;) {
        ssize_t n = recv(channel->fd, channel->in.data + channel->in.end, left, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        buffer_commit(&channel->in, (size_t)n);
        left -= (size_t)n;
    }
}

unsigned channel_search(struct channel *channel,
                        bool (*take)(struct channel *channel, const struct frame_head *head, const unsigned char *body))
{
    unsigned taken = 0;
    read_rest(channel);
    const unsigned char *bytes = buffer_at(&channel->in);
    for (size_t at = 0, size = buffer_size(&channel->in); at < size;) {
        struct frame_head head;
        bool fits = frame_parse(bytes + at, size - at, channel->max_frame, &head) == FRAME_WHOLE &&
                    take(channel, &head, bytes + at + sizeof head);
        at += fits ? head.size : 1;
        taken += fits;
    }
    return taken;
}

void channel_pause(struct channel *channel, bool paused)
{
    if (channel->broken)
        return;
    if (paused)
        ev_io_stop(channel->loop, &channel->reading);
    else
        ev_io_start(channel->loop, &channel->reading);
}
