/* SPDX-License-Identifier: MIT
 *
 * jansson values to text and back, as <hayfork/pipe_json.h>, <hayfork/queue_json.h> and <hayfork/plugin_json.h> need it: with a
 * bound on the depth, because jansson recurses, and with no text that other readers understand otherwise. Everything is inline:
 * the library itself needs no jansson.
 */
#ifndef HAYFORK_VALUE_JSON_H
#define HAYFORK_VALUE_JSON_H

#include <hayfork/error.h>
#include <hayfork/read_json.h>
#include <hayfork/write_json.h>

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Deeper values are refused, written or read. It is what jansson itself reads. */
#define HAY_JSON_DEPTH HAY_READER_DEPTH

/* Is `value` nested deeper than `depth`, or in a circle? `looks` bounds how many places are looked at, for there can be far more
 * ways to a value than values; beyond it: perhaps. */
static inline int hay_json_may_be_deep(const json_t *value, int depth, size_t *looks)
{
    size_t i;
    void *at;
    json_t *object = (json_t *)(uintptr_t)value;
    if (!depth || !*looks)
        return 1;
    --*looks;
    for (i = 0; i < json_array_size(value); i++)
        if (hay_json_may_be_deep(json_array_get(value, i), depth - 1, looks))
            return 1;
    for (at = json_object_iter(object); at; at = json_object_iter_next(object, at))
        if (hay_json_may_be_deep(json_object_iter_value(at), depth - 1, looks))
            return 1;
    return 0;
}

/* Is `value` nested deeper than `depth`, or in a circle? */
static inline int hay_json_too_deep(const json_t *value, int depth)
{
    size_t looks = SIZE_MAX;
    return hay_json_may_be_deep(value, depth, &looks);
}

/* A value's text: compact, not terminated. */
struct hay_json_text {
    char *at;               /* `small`, or new memory */
    size_t size;
    const char *fault;      /* why there is none */
    char small[1024];
};

static inline void hay_json_free(struct hay_json_text *text)
{
    if (text->at != text->small)
        free(text->at);
    text->at = NULL;
}

struct hay_json_room {
    struct hay_json_text *text;
    size_t capacity;
};

static inline int hay_json_append(const char *bytes, size_t size, void *context)
{
    struct hay_json_room *room = (struct hay_json_room *)context;
    struct hay_json_text *text = room->text;
    if (size > room->capacity - text->size) {
        size_t capacity = size > room->capacity ? text->size + size : 2 * room->capacity;
        char *larger = (char *)(text->at == text->small ? malloc(capacity) : realloc(text->at, capacity));
        text->fault = larger ? text->fault : "no memory for the JSON text";
        if (!larger)
            return -1;
        if (text->at == text->small)
            memcpy(larger, text->small, text->size);
        text->at = larger;
        room->capacity = capacity;
    }
    memcpy(text->at + text->size, bytes, size);
    text->size += size;
    return 0;
}

/* HAY_OK: hay_json_free() it afterwards. HAY_EINVAL: it is NULL or cannot be written (bad UTF-8, a circle, too deep).
 * HAY_ENOMEM. */
static inline enum hay_status hay_json_encode(const json_t *value, struct hay_json_text *text)
{
    struct hay_json_room room;
    room.text = text;
    room.capacity = sizeof text->small;
    text->at = text->small;
    text->size = 0;
    text->fault = !value ? "no value to send" : "the value is nested too deep, or in a circle";
    if (!value || hay_json_too_deep(value, HAY_JSON_DEPTH))
        return HAY_EINVAL;
    text->fault = NULL;
    if (hay_json_write(value, HAY_JSON_DEPTH, hay_json_append, &room) == 0)
        return HAY_OK;
    hay_json_free(text);
    if (text->fault)
        return HAY_ENOMEM;
    text->fault = "the value cannot be written as JSON";
    return HAY_EINVAL;
}

/* A new reference, or NULL: it is not one JSON value; `*column`, which may be NULL, gets the place, from 1; 0: there was no
 * memory for it. */
static inline json_t *hay_json_decode(const void *text, size_t size, size_t *column)
{
    json_error_t fault;
    json_t *value = NULL;
    int is_text = !memchr(text, 0, size); /* jansson takes NUL for the end of some tokens */
    fault.position = 0;
    if (is_text)
        value = hay_json_read(text, size, &fault);
    if (value || !column)
        return value;
    *column = (size_t)(fault.position > 0 ? fault.position : 1);
    if (is_text && (!fault.text[0] || strcmp(fault.text, "out of memory") == 0)) /* jansson says nothing then */
        *column = 0;
    return NULL;
}

#ifdef __cplusplus
}
#endif
#endif
