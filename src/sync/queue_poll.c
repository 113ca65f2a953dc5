/* SPDX-License-Identifier: MIT
 *
 * A queue's descriptor: one eventfd, which all related processes share. Nobody touches it until somebody asks for it.
 *
 * From then on, is_signalled says under put.lock that it is readable. A put makes it so before its item becomes visible; who
 * finds the queue empty undoes it. So a kill in between leaves it readable for nothing, never the other way round: there is
 * no periodic look in other people's event loops. Undoing needs put.lock, which a stopped process may hold, and is tried only
 * where the descriptor is readable. Before each use it is checked to be an eventfd still: programs do close what is not theirs.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "sync/sharedqueue.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_descriptor(const struct hay_queue *queue)
{
    struct stat now;
    int fd = queue->handle.view.fd;
    return fd >= 0 && fstat(fd, &now) == 0 && now.st_dev == queue->fd_device && now.st_ino == queue->fd_inode
        && now.st_mode == queue->fd_mode;
}

static bool make_readable(const struct hay_queue *queue)
{
    uint64_t one = 1;
    ssize_t n;
    if (!has_descriptor(queue))
        return false;
    do
        n = write(queue->handle.view.fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
    return n == sizeof one || (n < 0 && errno == EAGAIN);
}

static void make_unreadable(const struct hay_queue *queue)
{
    uint64_t count;
    ssize_t n = -1;
    if (has_descriptor(queue))
        do
            n = read(queue->handle.view.fd, &count, sizeof count);
        while (n < 0 && errno == EINTR);
}

void poll_announce(struct hay_queue *queue)
{
    struct shared_queue *shared = queue->shared;
    if (atomic_load(&shared->is_polled) && !atomic_load(&shared->is_signalled) && make_readable(queue))
        atomic_store(&shared->is_signalled, true);
}

void poll_wake(struct hay_queue *queue)
{
    if (atomic_load(&queue->shared->is_polled))
        make_readable(queue);
}

/* Make the descriptor tell what is so. */
static void settle(struct hay_queue *queue)
{
    struct shared_queue *shared = queue->shared;
    if (side_lock(&shared->put, 0, shared->spin_ns)) {
        poll_wake(queue);
        return;
    }
    if (!queue_has_news(shared)) {
        atomic_store(&shared->is_signalled, false);
        make_unreadable(queue);
    }
    /* Also when it was closed just now by somebody who could not wait for the lock. */
    if (queue_has_news(shared))
        poll_announce(queue);
    side_unlock(&shared->put);
}

void poll_settle(struct hay_queue *queue)
{
    struct pollfd polled = {queue->handle.view.fd, POLLIN, 0};
    if (atomic_load(&queue->shared->is_polled) && poll(&polled, 1, 0) != 0)
        settle(queue);
}

static int queue_ready(struct hay_handle *handle, int revents)
{
    struct hay_queue *queue = (struct hay_queue *)handle;
    if (revents && !queue_has_news(queue->shared))
        settle(queue);
    return queue_has_news(queue->shared);
}

int poll_open(struct hay_queue *queue)
{
    struct stat made;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    int raised = fd_raise(&fd); /* a child puts its own over 0 to 2 */
    if (raised < 0 || fstat(fd, &made) < 0) {
        int saved = raised < 0 ? -raised : errno;
        close(fd);
        return -saved;
    }
    queue->fd_device = made.st_dev;
    queue->fd_inode = made.st_ino;
    queue->fd_mode = made.st_mode;
    queue->handle.common = true;
    handle_open(&queue->handle, HAY_HANDLE_QUEUE, fd, queue_ready);
    return 0;
}

void poll_close(struct hay_queue *queue)
{
    if (!has_descriptor(queue))
        queue->handle.view.fd = -1;
    handle_close(&queue->handle);
}

int hay_queue_fd(struct hay_queue *queue)
{
    if (!queue || !has_descriptor(queue))
        return -1;
    atomic_store(&queue->shared->is_polled, true);
    settle(queue);
    return queue->handle.view.fd;
}

struct hay_handle *hay_queue_handle(struct hay_queue *queue)
{
    if (!queue)
        return NULL;
    hay_queue_fd(queue);
    return &queue->handle.view;
}
