/* SPDX-License-Identifier: MIT
 *
 * Byte buffer: bytes are appended at the end and consumed from the front. Storage grows by doubling and is given back when
 * a large buffer runs empty. All calls keep the buffer valid on failure.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

struct buffer {
    unsigned char *data;
    size_t start, end;  /* the bytes are data[start..end) */
    size_t capacity;    /* one byte more is there, for who terminates what lies in it */
};

void buffer_init(struct buffer *buffer);
void buffer_release(struct buffer *buffer);

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline unsigned char *buffer_at(const struct buffer *buffer)
{
    /* No arithmetic on NULL, which an empty buffer may hold. */
    return (unsigned char *)((uintptr_t)buffer->data + buffer->start);
}

/* The rare half of buffer_reserve(): slides or grows. */
unsigned char *buffer_make_room(struct buffer *buffer, size_t size);
/* Room for `size` more bytes at the end; returns where they go, or NULL. They count only after buffer_commit(). */
static inline unsigned char *buffer_reserve(struct buffer *buffer, size_t size)
{
    return buffer->data && buffer->capacity - buffer->end >= size ? buffer->data + buffer->end : buffer_make_room(buffer, size);
}
static inline void buffer_commit(struct buffer *buffer, size_t size)
{
    buffer->end += size;
}

/* 0 or -ENOMEM. */
int buffer_append(struct buffer *buffer, const void *bytes, size_t size);
/* Drop `size` bytes from the front. When that empties it and it is larger than `keep`, its storage is given back. */
static inline void buffer_consume(struct buffer *buffer, size_t size, size_t keep)
{
    buffer->start += size;
    if (buffer->start < buffer->end)
        return;
    buffer->start = buffer->end = 0;
    if (buffer->capacity > keep)
        buffer_release(buffer);
}
/* Drop all but the first `size` bytes. */
void buffer_truncate(struct buffer *buffer, size_t size);

#endif
