/* SPDX-License-Identifier: MIT
 *
 * What a command prints on stdout or on stderr: read from a pipe and kept up to a limit, in memory or, where there is a place for
 * it, beyond 64 KiB in a file. What is over the limit is read and discarded: a command that prints without end costs time, not
 * memory. Or its lines are passed on as they come, and nothing is kept.
 */
#ifndef PLUGINS_EXEC_STREAM_H
#define PLUGINS_EXEC_STREAM_H

#include "exec_lines.h"

#define EXEC_STREAM_NONE { .read_fd = -1, .write_fd = -1, .file = -1, .lines.fd = -1 }
#define EXEC_STREAM_TAIL 4096

struct exec_stream {
    int read_fd;
    int write_fd;           /* kept open until the command has ended, so that no end of file wakes us before */
    size_t limit;
    char *path;             /* of the file for what is too long for memory; NULL: there is to be none */
    int file;               /* all of it, once it is too long; -1: it is in `bytes`, or: */
    bool settled;           /* it is in the file, which takes no more */
    char *bytes;
    size_t size, capacity;  /* size: of what is kept, wherever that is */
    bool truncated;
    struct exec_lines lines; /* with its `fd` set lines are passed on */
    int error;              /* why it could not be kept, nothing of it is there then, or passed on; as errno */
};

/* The pipe. `place` and `suffix` make the name of the file; `place` NULL: all stays in memory. 0, or -1 with errno.
 * exec_stream_close() is due either way. */
int exec_stream_open(struct exec_stream *stream, size_t limit, const char *place, const char *suffix);
/* Take some bytes from the pipe, which has some. Returns how many, 0 at its end. */
size_t exec_stream_read(struct exec_stream *stream);
/* The end of what is kept, all of it where it is in memory; `buffer` has EXEC_STREAM_TAIL bytes. Returns its size. */
size_t exec_stream_tail(const struct exec_stream *stream, char *buffer, const char **tail);
/* All has been read: a last line that has no end is passed on as it is. */
void exec_stream_end(struct exec_stream *stream);
/* All has been read: is the file whole? A file system may say so only when it is closed. Before a result tells of it. */
void exec_stream_settle(struct exec_stream *stream);
/* The file stays where somebody is told of it, as `keep` says, and is removed otherwise. */
void exec_stream_close(struct exec_stream *stream, bool keep);
/* A file that another attempt may have left is not this one's. */
void exec_stream_forget(const struct exec_stream *stream);

#endif
