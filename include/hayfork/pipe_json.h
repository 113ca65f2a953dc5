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
#include <hayfork/value_json.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

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

/* Send any value, scalars included. `value` is borrowed. HAY_EINVAL: it is NULL or cannot be written (bad UTF-8, a cycle,
 * deeper than HAY_JSON_DEPTH). Else as hay_pipe_send(). */
static inline enum hay_status hay_pipe_send_json(struct hay_pipe *pipe, const json_t *value, int timeout_ms,
                                                 struct hay_error *error)
{
    struct hay_json_text text;
    enum hay_status status = hay_json_encode(value, &text);
    if (status)
        return hay_pipe_json_error(error, status, text.fault, 0);
    status = hay_pipe_send(pipe, text.at, text.size, timeout_ms, error);
    hay_json_free(&text);
    return status;
}

/* Receive a value: a new reference. `max` bounds the text, 0 for any. HAY_EINVAL: a message came that is not one JSON value;
 * it is dropped. HAY_ENOMEM with *value NULL may also mean that its text came and the value had no room: it is dropped too.
 * Else as hay_pipe_receive(). */
static inline enum hay_status hay_pipe_receive_json(struct hay_pipe *pipe, json_t **value, size_t max, int timeout_ms,
                                                    struct hay_error *error)
{
    enum hay_status status;
    void *text;
    size_t size, column;
    if (!value)
        return hay_pipe_json_error(error, HAY_EINVAL, "no place for the value", 0);
    *value = NULL;
    status = hay_pipe_receive(pipe, &text, &size, max, timeout_ms, error);
    if (status)
        return status;
    *value = hay_json_decode(text, size, &column);
    free(text);
    if (!*value && !column)
        return hay_pipe_json_error(error, HAY_ENOMEM, "no memory for the value of a message: dropped", 0);
    return *value ? HAY_OK : hay_pipe_json_error(error, HAY_EINVAL, "the message is not JSON", column);
}

#ifdef __cplusplus
}
#endif
#endif
