/* SPDX-License-Identifier: MIT */
#include "exec_stream.h"
#include "exec_start.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXEC_BLOCK 65536        /* what a pipe holds; and so much stays in memory, where there is a place for a file */

int exec_stream_open(struct exec_stream *stream, size_t limit, const char *place, const char *suffix)
{
    int ends[2];
    stream->limit = limit;
    if (place) {
        size_t size = strlen(place), suffix_size = strlen(suffix) + 1;
        stream->path = malloc(size + suffix_size);
        if (!stream->path)
            return -1;
        memcpy(stream->path, place, size);
        memcpy(stream->path + size, suffix, suffix_size);
    }
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    stream->read_fd = ends[0];
    stream->write_fd = exec_above_stdio(ends[1]);
    return stream->write_fd < 0 ? -1 : 0;
}

void exec_stream_forget(const struct exec_stream *stream)
{
    if (stream->path)
        unlink(stream->path);
}

static void exec_stream_drop(struct exec_stream *stream)
{
    if (stream->file >= 0 || stream->settled)
        exec_stream_forget(stream);
    exec_close(&stream->file);
    stream->settled = false;
    free(stream->bytes);
    stream->bytes = NULL;
    stream->size = stream->capacity = 0;
}

void exec_stream_close(struct exec_stream *stream, bool keep)
{
    exec_close(&stream->read_fd);
    exec_close(&stream->write_fd);
    if (keep)
        stream->settled = false;
    exec_stream_drop(stream);
    free(stream->path);
    stream->path = NULL;
    exec_lines_close(&stream->lines);
}

static void exec_stream_fail(struct exec_stream *stream, int error)
{
    stream->error = error;
    exec_stream_drop(stream);
}

void exec_stream_end(struct exec_stream *stream)
{
    if (stream->lines.fd >= 0 && !stream->error)
        stream->error = exec_lines_end(&stream->lines);
}

void exec_stream_settle(struct exec_stream *stream)
{
    if (stream->file < 0)
        return;
    int failed = close(stream->file) && errno != EINTR;
    stream->file = -1;
    stream->settled = true;
    if (failed)
        exec_stream_fail(stream, errno);
}

/* From memory to a file, which is made anew: what has its name already may be anybody's. */
static int exec_stream_spill(struct exec_stream *stream)
{
    exec_stream_forget(stream);
    stream->file = open(stream->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (stream->file < 0)
        return errno;
    int error = exec_write(stream->file, 0, stream->bytes, stream->size);
    free(stream->bytes);
    stream->bytes = NULL;
    stream->capacity = 0;
    return error;
}

static void exec_stream_append(struct exec_stream *stream, const char *bytes, size_t size)
{
    int error = 0;
    if (size > stream->limit - stream->size) {
        size = stream->limit - stream->size;
        stream->truncated = true;
    }
    if (!size || stream->error)
        return;
    if (stream->path && stream->file < 0 && stream->size + size > EXEC_BLOCK)
        error = exec_stream_spill(stream);
    if (!error)
        error = stream->file >= 0 ? exec_write(stream->file, stream->size, bytes, size)
                                  : exec_reserve(&stream->bytes, &stream->capacity, stream->size + size);
    if (error) {
        exec_stream_fail(stream, error);
        return;
    }
    if (stream->file < 0)
        memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

size_t exec_stream_read(struct exec_stream *stream)
{
    char block[EXEC_BLOCK];
    ssize_t got;
    do
        got = read(stream->read_fd, block, sizeof block);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return 0;
    if (stream->lines.fd < 0)
        exec_stream_append(stream, block, (size_t)got);
    else if (!stream->error)
        stream->error = exec_lines_put(&stream->lines, block, (size_t)got);
    return (size_t)got;
}

size_t exec_stream_tail(const struct exec_stream *stream, char *buffer, const char **tail)
{
    *tail = stream->bytes;
    if (stream->file < 0)
        return stream->size;
    size_t size = stream->size < EXEC_STREAM_TAIL ? stream->size : EXEC_STREAM_TAIL;
    ssize_t got = pread(stream->file, buffer, size, (off_t)(stream->size - size));
    *tail = buffer;
    return got > 0 ? (size_t)got : 0;
}
