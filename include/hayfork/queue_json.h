/* SPDX-License-Identifier: MIT
 *
 * JSON through a queue: one jansson value is one item, its text. Everything is inline: the library itself needs no jansson.
 *
 * A value that cannot be written fails in the put, before it takes any room; nothing fails behind your back later.
 */
#ifndef HAYFORK_QUEUE_JSON_H
#define HAYFORK_QUEUE_JSON_H

#include <hayfork/queue.h>

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Deeper values are refused on both sides, because jansson recurses. */
#define HAY_QUEUE_JSON_DEPTH 2048

static inline int hay_queue_json_too_deep(const json_t *value, int depth)
{
    size_t i;
    void *at;
    if (depth == 0)
        return 1;
    if (json_is_array(value)) {
        for (i = 0; i < json_array_size(value); i++)
            if (hay_queue_json_too_deep(json_array_get(value, i), depth - 1))
                return 1;
    } else if (json_is_object(value)) {
        json_t *object = (json_t *)(uintptr_t)value;
        for (at = json_object_iter(object); at; at = json_object_iter_next(object, at))
            if (hay_queue_json_too_deep(json_object_iter_value(at), depth - 1))
                return 1;
    }
    return 0;
}

/* Put any value, scalars and null included. `value` is borrowed. HAY_EINVAL: it is NULL or cannot be written (bad UTF-8, a
 * cycle, too deep). HAY_ENOMEM. Else as hay_queue_put(). */
static inline enum hay_status hay_queue_put_json(struct hay_queue *queue, const json_t *value, int timeout_ms)
{
    enum hay_status status;
    char small_text[1024], *text = small_text;
    size_t size;
    if (!queue || !value || hay_queue_json_too_deep(value, HAY_QUEUE_JSON_DEPTH))
        return HAY_EINVAL;
    size = json_dumpb(value, small_text, sizeof small_text, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!size)
        return HAY_EINVAL;
    if (size > sizeof small_text) {
        size_t capacity = size;
        text = (char *)malloc(capacity);
        if (!text)
            return HAY_ENOMEM;
        size = json_dumpb(value, text, capacity, JSON_COMPACT | JSON_ENCODE_ANY);
        if (size > capacity)
            size = 0;
    }
    status = size ? hay_queue_put(queue, text, size, timeout_ms) : HAY_EINVAL;
    if (text != small_text)
        free(text);
    return status;
}

/* Take the first item as a value: a new reference. HAY_EINVAL: the item is not one JSON value; it is taken and dropped.
 * Else as hay_queue_take(). On failure *value is NULL. */
static inline enum hay_status hay_queue_get_json(struct hay_queue *queue, json_t **value, int timeout_ms)
{
    enum hay_status status;
    void *text;
    size_t size;
    if (!value)
        return HAY_EINVAL;
    *value = NULL;
    status = hay_queue_take(queue, &text, &size, timeout_ms);
    if (status)
        return status;
    *value = json_loadb((const char *)text, size, JSON_DECODE_ANY, NULL);
    free(text);
    return *value ? HAY_OK : HAY_EINVAL;
}

#ifdef __cplusplus
}
#endif
#endif
