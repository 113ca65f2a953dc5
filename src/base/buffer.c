/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MIN_CAPACITY 4096

void buffer_init(struct buffer *buffer)
{
    *buffer = (struct buffer){0};
}

void buffer_release(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer);
}

unsigned char *buffer_make_room(struct buffer *buffer, size_t size)
{
    size_t used = buffer_size(buffer);
    /* Sliding down pays only while it moves less than it frees. */
    if (buffer->start >= used && buffer->capacity - used >= size && buffer->data) {
        memcpy(buffer->data, buffer->data + buffer->start, used);
    } else {
        if (size > SIZE_MAX / 2 - used)
            return NULL;
        size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_MIN_CAPACITY;
        while (capacity < used + size)
            capacity *= 2;
        unsigned char *data = buffer->start ? malloc(capacity + 1) : realloc(buffer->data, capacity + 1);
        if (!data)
            return NULL;
        if (buffer->start) {
            memcpy(data, buffer->data + buffer->start, used);
            free(buffer->data);
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    buffer->start = 0;
    buffer->end = used;
    return buffer->data + used;
}

int buffer_append(struct buffer *buffer, const void *bytes, size_t size)
{
    if (!size)
        return 0;
    unsigned char *at = buffer_reserve(buffer, size);
    if (!at)
        return -ENOMEM;
    memcpy(at, bytes, size);
    buffer_commit(buffer, size);
    return 0;
}

void buffer_truncate(struct buffer *buffer, size_t size)
{
    if (buffer_size(buffer) > size)
        buffer->end = buffer->start + size;
}
