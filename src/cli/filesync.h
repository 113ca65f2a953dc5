/* SPDX-License-Identifier: MIT
 *
 * When what was written to a file is flushed to the disk. The flush runs in the kernel while the loop goes on (Linux AIO, which
 * needs no thread here); where that is not to be had, fdatasync() in the loop takes its place. Whatever the level, what was
 * written survives the death of this process: a level only says what a power cut may take.
 */
#ifndef CLI_FILESYNC_H
#define CLI_FILESYNC_H

#include <ev.h>
#include <linux/aio_abi.h>
#include <stdbool.h>
#include <stddef.h>

enum filesync_level {
    FILESYNC_INTERVAL,  /* each second in which there is something new, and at the end */
    FILESYNC_NONE,      /* when the kernel likes */
    FILESYNC_ALWAYS,    /* before anything further is written */
};

struct filesync {
    enum filesync_level level;
    struct ev_loop *loop;       /* NULL: not in use */
    int fd;                     /* of the file; the caller's */
    size_t dirty_bytes;         /* written since the last flush began */
    size_t begun_bytes;         /* of these: on their way to the disk */
    bool busy;                  /* a flush is under way */
    bool no_aio;
    int event_fd;               /* -1: no flush yet */
    aio_context_t aio;
    struct ev_timer tick;
    struct ev_io ended;
    void (*on_end)(void *context, int failure);
    void *context;
};

/* `on_end` is told of each flush that has ended, with 0 or -errno. */
void filesync_open(struct filesync *sync, struct ev_loop *loop, int fd, enum filesync_level level,
                   void (*on_end)(void *context, int failure), void *context);
/* So many bytes were written. True: nothing further may be until `on_end`. */
bool filesync_wrote(struct filesync *sync, size_t size);
/* Wait for the flush that is under way. 0 or -errno; `on_end` is not called for it. */
int filesync_wait(struct filesync *sync);
/* Flush what is not, and wait for it. 0 or -errno. No more calls of `on_end`. */
int filesync_close(struct filesync *sync);

#endif
