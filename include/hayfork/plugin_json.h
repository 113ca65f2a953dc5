/* SPDX-License-Identifier: MIT
 *
 * The plugin ABI for people: a function takes a jansson value and returns one.
 *
 *     static json_t *count(hay_task *task, json_t *args) { ... return json_pack("{s:i}", "words", n); }
 *     HAY_PLUGIN(text, "1.0", "Text statistics", HAY_JSON(count, "Lines, words and bytes of a file"))
 *
 * Ownership: `args` is borrowed and freed after the return; the returned value is a new reference that the adapter takes. NULL
 * means an error: after hay_fail() with that message, else with a stock one. Everything is inline: no library is needed but
 * jansson.
 */
#ifndef HAYFORK_PLUGIN_JSON_H
#define HAYFORK_PLUGIN_JSON_H

#include <hayfork/plugin.h>
#include <hayfork/value_json.h>

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef json_t *hay_json_fn(hay_task *task, json_t *args);

/* End the job as an error; always NULL, so that `return hay_fail(task, "no file %s", path);` reads well. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline json_t *hay_fail(hay_task *task, const char *format, ...)
{
    char text[1024];
    va_list list;
    int length;
    va_start(list, format);
    length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (length < 0)
        text[0] = '\0';
    if (length >= (int)sizeof text) { /* cut: before a character, not in it */
        for (length = (int)sizeof text - 2; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80; length--)
            ;
        text[length] = '\0';
    }
    task->host->fail(task, text);
    return NULL;
}

/* The string under this key of the args, borrowed from them; else NULL after hay_fail(), which says what the args need. */
static inline const char *hay_arg_string(hay_task *task, json_t *args, const char *key)
{
    json_t *value = json_object_get(args, key);
    if (json_is_string(value))
        return json_string_value(value);
    if (!json_is_object(args))
        hay_fail(task, "args have to be an object with a string \"%s\"", key);
    else if (value)
        hay_fail(task, "\"%s\" has to be a string", key);
    else
        hay_fail(task, "args need the key \"%s\"", key);
    return NULL;
}

static inline int hay_json_put(const char *bytes, size_t size, void *task)
{
    return ((hay_task *)task)->host->result((hay_task *)task, bytes, size);
}

/* The args as a new value, or NULL after hay_fail(): for a hay_run_fn that puts its result as bytes. */
static inline json_t *hay_json_args(hay_task *task, const void *args, size_t size)
{
    json_error_t error;
    json_t *value = hay_json_read(args, size, &error);
    return value ? value : hay_fail(task, "args refused by jansson: %s", error.text);
}

/* hay_run_fn of every HAY_JSON function: parse, call, write. */
static inline int hay_json_run(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    json_t *value, *result;
    size_t looks = 1u << 20;
    int status;
    value = hay_json_args(task, args, size);
    if (!value)
        return -1;
    result = ((hay_json_fn *)function->data)(task, value);
    if (!result) {
        json_decref(value);
        return -1;
    }
    status = hay_json_write(result, HAY_JSON_DEPTH, hay_json_put, task);
    if (status == HAY_JSON_TOO_DEEP)
        hay_fail(task, "the result is nested deeper than %d", HAY_JSON_DEPTH);
    else if (status)
        hay_fail(task, "the result cannot be written as JSON: bad UTF-8, or over the size limit");
    if (!status || !hay_json_may_be_deep(result, HAY_JSON_DEPTH, &looks))
        json_decref(result); /* else it is leaked: jansson's free may recurse as deep */
    json_decref(value);
    return status ? -1 : 0;
}

/* The size of the UTF-8 character at `at`, of which `left` bytes are there, or of the bytes that one U+FFFD stands for: then
 * *valid is 0. */
static inline size_t hay_text_character(const unsigned char *at, size_t left, int *valid)
{
    unsigned char lead = at[0], low = 0x80, high = 0xbf;
    size_t size, i;
    *valid = lead < 0x80;
    if (lead < 0xc2 || lead > 0xf4)
        return 1;
    size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead == 0xe0 || lead == 0xf0)
        low = lead == 0xe0 ? 0xa0 : 0x90;
    if (lead == 0xed || lead == 0xf4)
        high = lead == 0xed ? 0x9f : 0x8f;
    for (i = 1; i < size && i < left && at[i] >= low && at[i] <= high; i++) {
        low = 0x80;
        high = 0xbf;
    }
    *valid = i == size;
    return i;
}

/* Bytes of unknown origin as UTF-8 for jansson: what is no character becomes U+FFFD. Writes whole characters only, at most
 * `capacity` bytes; 3 x size always suffices. Returns how many it wrote. */
static inline size_t hay_text_clean(char *out, size_t capacity, const char *bytes, size_t size)
{
    size_t length = 0, at = 0;
    while (at < size) {
        int valid;
        size_t step = hay_text_character((const unsigned char *)bytes + at, size - at, &valid), made = valid ? step : 3;
        if (made > capacity - length)
            break;
        memcpy(out + length, valid ? bytes + at : "\xef\xbf\xbd", made);
        length += made;
        at += step;
    }
    return length;
}

#define HAY_JSON(function, text) { #function, text, hay_json_run, (void (*)(void))function }

#ifdef __cplusplus
}
#endif
#endif
