/* SPDX-License-Identifier: MIT
 *
 * JSON over a pipe: one jansson value is one message, its text. Everything is inline: the library itself needs no jansson.
 *
 * A value that cannot be written fails in the send, before anything is sent; text that is not JSON fails in the receive, and
 * the stream stays in step. Ends that talk JSON and ends that talk bytes understand each other: the message is the text.
 */
#ifndef HAYFORK_PIPE_JSON_H
#define HAYFORK_PIPE_JSON_H

#include <hayfork/pipe.h>

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Deeper values are refused on both sides, because jansson recurses. */
#define HAY_PIPE_JSON_DEPTH 2048

static inline enum hay_status hay_pipe_json_error(struct hay_error *error, enum hay_status status, const char *text,
                                                  size_t column)
{
    if (error) {
        error->status = status;
        error->sys_errno = 0;
        if (column)
            snprintf(error->text, sizeof error->text, "%s at byte %lu", text, (unsigned long)column);
        else
            snprintf(error->text, sizeof error->text, "%s", text);
    }
    return status;
}

static inline int hay_pipe_json_too_deep(const json_t *value, int depth)
{
    size_t i;
    void *at;
    if (depth == 0)
        return 1;
    if (json_is_array(value)) {
        for (i = 0; i < json_array_size(value); i++)
            if (hay_pipe_json_too_deep(json_array_get(value, i), depth - 1))
                return 1;
    } else if (json_is_object(value)) {
        json_t *object = (json_t *)(uintptr_t)value;
        for (at = json_object_iter(object); at; at = json_object_iter_next(object, at))
            if (hay_pipe_json_too_deep(json_object_iter_value(at), depth - 1))
                return 1;
    }
    return 0;
}

/* Send any value, scalars included. `value` is borrowed. HAY_EINVAL: it is NULL or cannot be written (bad UTF-8, a cycle, too
 * deep). Else as hay_pipe_send(). */
static inline enum hay_status hay_pipe_send_json(struct hay_pipe *pipe, const json_t *value, int timeout_ms,
                                                 struct hay_error *error)
{
    enum hay_status status;
    char small[1024], *text = small;
    size_t size;
    if (!value)
        return hay_pipe_json_error(error, HAY_EINVAL, "no value to send", 0);
    if (hay_pipe_json_too_deep(value, HAY_PIPE_JSON_DEPTH))
        return hay_pipe_json_error(error, HAY_EINVAL, "the value is nested too deep, or in a circle", 0);
    size = json_dumpb(value, small, sizeof small, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!size)
        return hay_pipe_json_error(error, HAY_EINVAL, "the value cannot be written as JSON", 0);
    if (size > sizeof small) {
        size_t capacity = size;
        text = (char *)malloc(capacity);
        if (!text)
            return hay_pipe_json_error(error, HAY_ENOMEM, "no memory for the JSON text", 0);
        size = json_dumpb(value, text, capacity, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!size || size > capacity) {
            free(text);
            return hay_pipe_json_error(error, HAY_EINVAL, "the value cannot be written as JSON", 0);
        }
    }
    status = hay_pipe_send(pipe, text, size, timeout_ms, error);
    if (text != small)
        free(text);
    return status;
}

/* Receive a value: a new reference. `max` bounds the text, 0 for any. HAY_EINVAL: a message came that is not one JSON value;
 * it is dropped. Else as hay_pipe_receive(). */
static inline enum hay_status hay_pipe_receive_json(struct hay_pipe *pipe, json_t **value, size_t max, int timeout_ms,
                                                    struct hay_error *error)
{
    enum hay_status status;
    void *text;
    size_t size;
    json_error_t fault;
    if (!value)
        return hay_pipe_json_error(error, HAY_EINVAL, "no place for the value", 0);
    *value = NULL;
    status = hay_pipe_receive(pipe, &text, &size, max, timeout_ms, error);
    if (status)
        return status;
    fault.position = 0;
    if (!memchr(text, 0, size)) /* which jansson takes for the end of some tokens */
        *value = json_loadb((const char *)text, size, JSON_DECODE_ANY, &fault);
    free(text);
    if (!*value)
        return hay_pipe_json_error(error, HAY_EINVAL, "the message is not JSON",
                                   (size_t)(fault.position > 0 ? fault.position : 1));
    return HAY_OK;
}

#ifdef __cplusplus
}
#endif
#endif
