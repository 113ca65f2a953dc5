/* SPDX-License-Identifier: MIT
 *
 * A descriptor that is read or written without ever blocking and without changing a flag of an inherited one: file status flags
 * belong to the open file, which other processes share. Pipes and terminals are opened anew through /proc/self/fd, which gives an
 * open file of our own; where that is refused each read or small write is preceded by a poll. Sockets use MSG_DONTWAIT.
 * Regular files are always ready.
 */
#ifndef CLI_STREAM_H
#define CLI_STREAM_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum stream_way {
    STREAM_DIRECT,      /* regular files and devices that do not wait */
    STREAM_OWN,         /* O_NONBLOCK on an open file of our own */
    STREAM_SOCKET,
    STREAM_POLLED,
};

struct stream {
    int fd;             /* -1: none */
    bool owned;         /* close it */
    bool write;
    bool wait_first;    /* a FIFO just opened: without a writer yet, a read looks like the end */
    enum stream_way way;
    size_t bite_bytes;  /* STREAM_POLLED: what a write may move at once */
    mode_t mode;
    dev_t device;
    ino_t inode;
};

/* Take a descriptor that others may share; it stays open in the end. 0 or -errno, as for all below. */
int stream_inherit(struct stream *stream, int fd, bool write);
/* Take a descriptor that this process has opened; it is closed by stream_close(), and on failure. */
int stream_adopt(struct stream *stream, int fd, bool write);
/* Bytes moved, 0 at the end of the input, -EAGAIN when the descriptor has to be waited for, -errno. */
ssize_t stream_read(struct stream *stream, void *bytes, size_t size);
ssize_t stream_write(struct stream *stream, const void *bytes, size_t size);
int stream_close(struct stream *stream);

/* Open anew what is behind `fd`: an open file of its own, with these flags of open(2). -1 with errno where that is refused. */
int stream_reopen(int fd, int flags);

/* Are both the same regular file? */
bool stream_same_file(const struct stream *a, const struct stream *b);

#endif
