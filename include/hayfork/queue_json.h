/* SPDX-License-Identifier: MIT
 *
 * JSON through a queue: one jansson value is one item, its text. Everything is inline: the library itself needs no jansson.
 *
 * A value that cannot be written fails in the put, before it takes any room; nothing fails behind your back later.
 */
#ifndef HAYFORK_QUEUE_JSON_H
#define HAYFORK_QUEUE_JSON_H

#include <hayfork/queue.h>
#include <hayfork/value_json.h>

#include <jansson.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Put any value, scalars and null included. `value` is borrowed. HAY_EINVAL: it is NULL or cannot be written (bad UTF-8, a
 * cycle, deeper than HAY_JSON_DEPTH). HAY_ENOMEM. Else as hay_queue_put(). */
static inline enum hay_status hay_queue_put_json(struct hay_queue *queue, const json_t *value, int timeout_ms)
{
    struct hay_json_text text;
    enum hay_status status = hay_json_encode(value, &text);
    if (status)
        return status;
    status = hay_queue_put(queue, text.at, text.size, timeout_ms);
    hay_json_free(&text);
    return status;
}

/* Take the first item as a value: a new reference. HAY_EINVAL: the item is not one JSON value; it is taken and dropped.
 * HAY_ENOMEM may also mean that the item was taken and its value had no room. Else as hay_queue_take(). On failure *value is
 * NULL. */
static inline enum hay_status hay_queue_get_json(struct hay_queue *queue, json_t **value, int timeout_ms)
{
    enum hay_status status;
    void *text;
    size_t size, column;
    if (!value)
        return HAY_EINVAL;
    *value = NULL;
    status = hay_queue_take(queue, &text, &size, timeout_ms);
    if (status)
        return status;
    *value = hay_json_decode(text, size, &column);
    free(text);
    return *value ? HAY_OK : column ? HAY_EINVAL : HAY_ENOMEM;
}

#ifdef __cplusplus
}
#endif
#endif
