/* SPDX-License-Identifier: MIT
 *
 * The plugin ABI for people: a function takes a jansson value and returns one.
 *
 *     static json_t *count(hay_task *task, json_t *args) { ... return json_pack("{s:i}", "words", n); }
 *     HAY_PLUGIN(text, "1.0", "Text statistics", HAY_JSON(count, "Lines, words and bytes of a file"))
 *
 * Ownership: `args` is borrowed and freed after the return; the returned value is a new reference that the adapter takes.
 * NULL means an error: after hay_fail() with that message, else with a stock one. Everything is inline: no library is needed but jansson.
 */
#ifndef HAYFORK_PLUGIN_JSON_H
#define HAYFORK_PLUGIN_JSON_H

#include <hayfork/plugin.h>

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef json_t *hay_json_fn(hay_task *task, json_t *args);

/* Deeper results are refused, because jansson's writer recurses. */
#define HAY_JSON_DEPTH 2048

/* End the job as an error; always NULL, so that `return hay_fail(task, "no file %s", path);` reads well. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
static inline json_t *hay_fail(hay_task *task, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    task->host->fail(task, text);
    return NULL;
}

static inline int hay_json_write(const char *bytes, size_t size, void *task)
{
    return ((hay_task *)task)->host->result((hay_task *)task, bytes, size);
}

static inline int hay_json_too_deep(const json_t *value, int depth)
{
    size_t i;
    void *at;
    if (depth == 0)
        return 1;
    if (json_is_array(value)) {
        for (i = 0; i < json_array_size(value); i++)
            if (hay_json_too_deep(json_array_get(value, i), depth - 1))
                return 1;
    } else if (json_is_object(value)) {
        json_t *object = (json_t *)(uintptr_t)value;
        for (at = json_object_iter(object); at; at = json_object_iter_next(object, at))
            if (hay_json_too_deep(json_object_iter_value(at), depth - 1))
                return 1;
    }
    return 0;
}

/* An integer is the whole result so often that it does not go through jansson's printf. */
static inline int hay_json_write_integer(hay_task *task, json_int_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        digits[--at] = '-';
    return task->host->result(task, digits + at, sizeof digits - at);
}

/* hay_run_fn of every HAY_JSON function: parse, call, write. The args were scanned by the master: what follows the value is not looked at
 * again. */
static inline int hay_json_run(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    json_error_t error;
    json_t *value, *result;
    int status;
    value = json_loadb((const char *)args, size, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
    if (!value) {
        hay_fail(task, "args refused by jansson: %s", error.text);
        return -1;
    }
    result = ((hay_json_fn *)function->data)(task, value);
    if (!result) {
        json_decref(value);
        return -1;
    }
    if (json_is_integer(result)) {
        status = hay_json_write_integer(task, json_integer_value(result));
        json_decref(result);
    } else if (hay_json_too_deep(result, HAY_JSON_DEPTH)) {
        hay_fail(task, "the result is nested deeper than %d", HAY_JSON_DEPTH);
        status = -1; /* and is leaked: jansson's free would recurse as deep */
    } else {
        status = json_dump_callback(result, hay_json_write, task, JSON_COMPACT | JSON_ENCODE_ANY);
        if (status)
            hay_fail(task, "the result cannot be written as JSON: bad UTF-8, or over the size limit");
        json_decref(result);
    }
    json_decref(value);
    return status;
}

#define HAY_JSON(function, text) { #function, text, hay_json_run, (void (*)(void))function }

#ifdef __cplusplus
}
#endif
#endif
