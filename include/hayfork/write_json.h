/* SPDX-License-Identifier: MIT
 *
 * A jansson value to text, byte for byte as json_dump_callback() writes it, for a fraction of the time: jansson keeps a table of
 * the containers it is in, against circles, and writes each comma by itself. Here a bound on the depth does that, and what is
 * written comes in larger pieces. Reals, and strings that are not ASCII, are left to jansson, which looks whether they are UTF-8.
 */
#ifndef HAYFORK_WRITE_JSON_H
#define HAYFORK_WRITE_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAY_JSON_TOO_DEEP (-2)

struct hay_writer {
    json_dump_callback_t put;
    void *context;
    size_t used;
    int is_too_deep;
    char bytes[1024];
};

static inline int hay_writer_flush(struct hay_writer *writer)
{
    size_t size = writer->used;
    writer->used = 0;
    return size ? writer->put(writer->bytes, size, writer->context) : 0;
}

static inline int hay_writer_bytes(struct hay_writer *writer, const char *bytes, size_t size)
{
    if (size > sizeof writer->bytes - writer->used && hay_writer_flush(writer))
        return -1;
    if (size > sizeof writer->bytes)
        return writer->put(bytes, size, writer->context);
    memcpy(writer->bytes + writer->used, bytes, size);
    writer->used += size;
    return 0;
}

static inline int hay_writer_byte(struct hay_writer *writer, char byte)
{
    return hay_writer_bytes(writer, &byte, 1);
}

static inline int hay_writer_integer(struct hay_writer *writer, json_int_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? (uint64_t)-(value + 1) + 1 : (uint64_t)value;
    do
        digits[--at] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        digits[--at] = '-';
    return hay_writer_bytes(writer, digits + at, sizeof digits - at);
}

static inline int hay_writer_by_jansson(struct hay_writer *writer, const json_t *scalar)
{
    return hay_writer_flush(writer) || json_dump_callback(scalar, writer->put, writer->context, JSON_ENCODE_ANY) ? -1 : 0;
}

static inline int hay_writer_escape(struct hay_writer *writer, unsigned char byte)
{
    static const char hex[] = "0123456789ABCDEF", plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
    const char *found = byte ? strchr(plain, byte) : NULL;
    char text[6] = {'\\', 'u', '0', '0', '0', '0'};
    if (found) {
        text[1] = letters[found - plain];
        return hay_writer_bytes(writer, text, 2);
    }
    text[4] = hex[byte >> 4];
    text[5] = hex[byte & 15];
    return hay_writer_bytes(writer, text, sizeof text);
}

static inline int hay_writer_is_ascii(const char *text, size_t size)
{
    unsigned char all = 0;
    size_t i;
    for (i = 0; i < size; i++)
        all = (unsigned char)(all | (unsigned char)text[i]);
    return all < 0x80;
}

/* ASCII only. */
static inline int hay_writer_string(struct hay_writer *writer, const char *text, size_t size)
{
    size_t at = 0, begin;
    int status = hay_writer_byte(writer, '"');
    while (!status && at < size) {
        for (begin = at; at < size && (unsigned char)text[at] >= ' ' && text[at] != '"' && text[at] != '\\'; at++)
            ;
        status = hay_writer_bytes(writer, text + begin, at - begin);
        if (!status && at < size)
            status = hay_writer_escape(writer, (unsigned char)text[at++]);
    }
    return status ? -1 : hay_writer_byte(writer, '"');
}

static inline int hay_writer_key(struct hay_writer *writer, void *place)
{
    const char *key = json_object_iter_key(place);
#if JANSSON_VERSION_HEX >= 0x020e00
    size_t size = json_object_iter_key_len(place);
#else
    size_t size = strlen(key);
#endif
    json_t *text;
    int status;
    if (hay_writer_is_ascii(key, size))
        return hay_writer_string(writer, key, size);
    text = json_stringn_nocheck(key, size);
    status = text ? hay_writer_by_jansson(writer, text) : -1;
    json_decref(text);
    return status;
}

static inline int hay_writer_value(struct hay_writer *writer, const json_t *value, int depth);

static inline int hay_writer_array(struct hay_writer *writer, const json_t *array, int depth)
{
    size_t i, count = json_array_size(array);
    int status = hay_writer_byte(writer, '[');
    for (i = 0; !status && i < count; i++)
        status = (i && hay_writer_byte(writer, ',')) || hay_writer_value(writer, json_array_get(array, i), depth);
    return status ? -1 : hay_writer_byte(writer, ']');
}

static inline int hay_writer_object(struct hay_writer *writer, const json_t *value, int depth)
{
    json_t *object = (json_t *)(uintptr_t)value;
    int status = hay_writer_byte(writer, '{'), first = 1;
    void *place;
    for (place = json_object_iter(object); !status && place; place = json_object_iter_next(object, place)) {
        status = (!first && hay_writer_byte(writer, ',')) || hay_writer_key(writer, place) || hay_writer_byte(writer, ':') ||
                 hay_writer_value(writer, json_object_iter_value(place), depth);
        first = 0;
    }
    return status ? -1 : hay_writer_byte(writer, '}');
}

static inline int hay_writer_value(struct hay_writer *writer, const json_t *value, int depth)
{
    if (!depth)
        writer->is_too_deep = 1;
    if (!value || !depth)
        return -1;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return hay_writer_object(writer, value, depth - 1);
    case JSON_ARRAY:
        return hay_writer_array(writer, value, depth - 1);
    case JSON_INTEGER:
        return hay_writer_integer(writer, json_integer_value(value));
    case JSON_TRUE:
        return hay_writer_bytes(writer, "true", 4);
    case JSON_FALSE:
        return hay_writer_bytes(writer, "false", 5);
    case JSON_NULL:
        return hay_writer_bytes(writer, "null", 4);
    case JSON_STRING:
        if (hay_writer_is_ascii(json_string_value(value), json_string_length(value)))
            return hay_writer_string(writer, json_string_value(value), json_string_length(value));
        return hay_writer_by_jansson(writer, value);
    case JSON_REAL:
    default:
        return hay_writer_by_jansson(writer, value);
    }
}

/* As json_dump_callback() with JSON_COMPACT and JSON_ENCODE_ANY: 0; HAY_JSON_TOO_DEEP: it is nested deeper than `depth`, or in a
 * circle; or -1: a string or a key is not UTF-8, `put` did not return 0, or memory is out. Some may have been put then. */
static inline int hay_json_write(const json_t *value, int depth, json_dump_callback_t put, void *context)
{
    struct hay_writer writer;
    writer.put = put;
    writer.context = context;
    writer.used = 0;
    writer.is_too_deep = 0;
    if (hay_writer_value(&writer, value, depth))
        return writer.is_too_deep ? HAY_JSON_TOO_DEEP : -1;
    return hay_writer_flush(&writer) ? -1 : 0;
}

#ifdef __cplusplus
}
#endif
#endif
