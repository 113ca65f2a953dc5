/* SPDX-License-Identifier: MIT
 *
 * IOCB_CMD_FDSYNC is fdatasync() in a kernel worker, whose end an eventfd tells. One flush at a time: what is written meanwhile
 * belongs to the next. The context is made for the first flush, so that a run of under a second pays one plain fdatasync() and no
 * more: the end of a process that has such a context takes the kernel some 30 ms.
 */
#include "cli/filesync.h"
#include "cli/rewatch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILESYNC_INTERVAL_S 1.0
/* What is more than this does not wait for the flush to go to the disk, so that each flush, the last one too, is a short one. */
#define FILESYNC_BYTES ((size_t)8 << 20)

static int filesync_now(int fd)
{
    while (fdatasync(fd))
        if (errno != EINTR)
            return errno == EINVAL ? 0 : -errno; /* such a file has no disk behind it; EROFS is that of one that has failed */
    return 0;
}

/* The result of the flush that has ended, or is waited for; -EAGAIN: not yet. The wait has no limit, as that of fdatasync() has
 * none: the disk ends it, and to go on before would call written what is not. */
static int filesync_reap(struct filesync *sync, bool wait)
{
    struct io_event event;
    struct timespec zero = { 0, 0 };
    long count;
    do
        count = syscall(SYS_io_getevents, sync->aio, wait ? 1L : 0L, 1L, &event, wait ? NULL : &zero);
    while (count < 0 && errno == EINTR);
    if (count == 0)
        return -EAGAIN;
    sync->busy = false;
    if (count < 0)
        return filesync_now(sync->fd);
    int result = (int)event.res;
    return result == -EINVAL ? 0 : result;
}

static void filesync_plan(struct filesync *sync)
{
    if (ev_is_active(&sync->tick))
        return;
    ev_timer_set(&sync->tick, FILESYNC_INTERVAL_S, 0.0);
    ev_timer_start(sync->loop, &sync->tick);
}

static void filesync_end(struct filesync *sync, int failure)
{
    if (!failure && sync->dirty_bytes && sync->level == FILESYNC_INTERVAL)
        filesync_plan(sync);
    sync->on_end(sync->context, failure);
}

static void filesync_on_ended(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    struct filesync *sync = watcher->data;
    uint64_t count;
    rewatch(watcher, events);
    ev_io_start(loop, watcher); /* nothing, unless it was refused */
    ssize_t ignored = read(sync->event_fd, &count, sizeof count);
    (void)ignored;
    int failure = sync->busy ? filesync_reap(sync, false) : -EAGAIN;
    if (failure != -EAGAIN)
        filesync_end(sync, failure);
}

static bool filesync_prepare(struct filesync *sync)
{
    if (sync->no_aio || sync->event_fd >= 0)
        return !sync->no_aio;
    sync->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sync->event_fd < 0 || syscall(SYS_io_setup, 1L, &sync->aio)) {
        sync->no_aio = true;
        return false;
    }
    ev_io_init(&sync->ended, filesync_on_ended, sync->event_fd, EV_READ);
    sync->ended.data = sync;
    ev_io_start(sync->loop, &sync->ended);
    return true;
}

/* Begin a flush; false: it is over already, for better or worse. */
static bool filesync_begin(struct filesync *sync, int *failure)
{
    struct iocb request = {
        .aio_lio_opcode = IOCB_CMD_FDSYNC, .aio_fildes = (uint32_t)sync->fd, .aio_flags = IOCB_FLAG_RESFD,
    };
    struct iocb *requests[] = { &request };
    sync->dirty_bytes = sync->begun_bytes = 0;
    if (filesync_prepare(sync)) {
        request.aio_resfd = (uint32_t)sync->event_fd;
        sync->busy = syscall(SYS_io_submit, sync->aio, 1L, requests) == 1;
        if (sync->busy)
            return true;
        sync->no_aio = true;
    }
    *failure = filesync_now(sync->fd);
    return false;
}

static void filesync_on_tick(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct filesync *sync = watcher->data;
    int failure;
    (void)loop;
    (void)events;
    if (!sync->busy && sync->dirty_bytes && !filesync_begin(sync, &failure))
        filesync_end(sync, failure);
}

void filesync_open(struct filesync *sync, struct ev_loop *loop, int fd, enum filesync_level level,
                   void (*on_end)(void *context, int failure), void *context)
{
    *sync = (struct filesync){
        .level = level, .loop = loop, .fd = fd, .event_fd = -1, .on_end = on_end, .context = context,
    };
    ev_timer_init(&sync->tick, filesync_on_tick, FILESYNC_INTERVAL_S, 0.0);
    sync->tick.data = sync;
}

/* The next tick flushes what there is by then. */
static void filesync_later(struct filesync *sync)
{
    filesync_plan(sync);
    if (sync->dirty_bytes - sync->begun_bytes < FILESYNC_BYTES)
        return;
    sync->begun_bytes = sync->dirty_bytes;
    sync_file_range(sync->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* only a hint */
}

bool filesync_wrote(struct filesync *sync, size_t size)
{
    int failure;
    if (!sync->loop || sync->level == FILESYNC_NONE)
        return false;
    sync->dirty_bytes += size;
    if (sync->level == FILESYNC_INTERVAL) {
        if (!sync->busy)
            filesync_later(sync);
        return false;
    }
    if (sync->busy || filesync_begin(sync, &failure))
        return true;
    if (failure)
        sync->on_end(sync->context, failure);
    return false;
}

int filesync_wait(struct filesync *sync)
{
    return sync->loop && sync->busy ? filesync_reap(sync, true) : 0;
}

int filesync_close(struct filesync *sync)
{
    int failure = filesync_wait(sync);
    if (!sync->loop)
        return 0;
    if (!failure && sync->dirty_bytes)
        failure = filesync_now(sync->fd);
    ev_timer_stop(sync->loop, &sync->tick);
    if (sync->event_fd >= 0) {
        ev_io_stop(sync->loop, &sync->ended);
        close(sync->event_fd);
    }
    /* The context goes with the process: to destroy it would take longer than all else here. */
    *sync = (struct filesync){ .event_fd = -1 };
    return failure;
}
