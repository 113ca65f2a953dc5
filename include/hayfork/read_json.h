/* SPDX-License-Identifier: MIT
 *
 * A jansson value from its text, as json_loadb() makes it, for about half the time: jansson takes each byte through several
 * calls. Containers, strings and plain numbers are made here. Any other scalar goes to jansson by itself, and a text in which
 * anything looks wrong goes there whole, so that jansson alone says what is JSON and what is not.
 */
#ifndef HAYFORK_READ_JSON_H
#define HAYFORK_READ_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAY_READER_DEPTH 2048 /* jansson's own */

struct hay_reader {
    const char *at, *end;
    int no_memory;      /* and so jansson need not try: it would, for each byte anew */
};

static inline json_t *hay_reader_value(struct hay_reader *reader, int depth);

/* What only memory can keep from us. */
static inline json_t *hay_reader_made(struct hay_reader *reader, json_t *value)
{
    reader->no_memory |= !value;
    return value;
}

static inline int hay_reader_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static inline void hay_reader_space(struct hay_reader *reader)
{
    while (reader->at < reader->end && hay_reader_is_space(*reader->at))
        reader->at++;
}

/* Where what begins here ends that is no string and no container. */
static inline const char *hay_reader_scalar_end(const struct hay_reader *reader)
{
    const char *at = reader->at;
    while (at < reader->end && !hay_reader_is_space(*at) && *at != ',' && *at != ']' && *at != '}')
        at++;
    return at;
}

/* One scalar, whatever it is. */
static inline json_t *hay_reader_by_jansson(const char *begin, const char *end)
{
    size_t size = (size_t)(end - begin);
    return memchr(begin, 0, size) ? NULL : json_loadb(begin, size, JSON_DECODE_ANY, NULL);
}

/* The end of the plain characters here; `*all` gets them together, to tell ASCII from other. */
static inline const char *hay_reader_plain_end(const char *at, const char *end, unsigned char *all)
{
    *all = 0;
    for (; at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' '; at++)
        *all = (unsigned char)(*all | (unsigned char)*at);
    return at;
}

/* The number of four hexadecimal digits, or -1. */
static inline long hay_reader_hex(const char *at, const char *end)
{
    long value = 0;
    int i;
    if (end - at < 4)
        return -1;
    for (i = 0; i < 4; i++) {
        char c = at[i];
        char letter = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            value = value * 16 + (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = value * 16 + (letter - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static inline char *hay_reader_utf8(char *out, long c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* The characters of a string without its quotes, into as much room as they take escaped; *out moves behind them. 0: there is
 * something in it that jansson has to look at. */
static inline int hay_reader_unescape(const char *at, const char *end, char **out)
{
    static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    while (at < end) {
        const char *found;
        long c = (unsigned char)*at++, low;
        if (c < ' ')
            return 0;
        if (c != '\\') {
            *(*out)++ = (char)c;
            continue;
        }
        if (at == end || !*at)
            return 0;
        found = strchr(letters, *at++);
        if (found) {
            *(*out)++ = bytes[found - letters];
            continue;
        }
        c = at[-1] == 'u' ? hay_reader_hex(at, end) : -1;
        if (c <= 0)
            return 0;
        at += 4;
        if (c >= 0xd800 && c < 0xe000) {
            low = c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hay_reader_hex(at + 2, end) : -1;
            if (low < 0xdc00 || low >= 0xe000)
                return 0;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            at += 6;
        }
        *out = hay_reader_utf8(*out, c);
    }
    return 1;
}

/* The string between the quotes, or NULL as above. */
static inline json_t *hay_reader_escaped(struct hay_reader *reader, const char *begin, const char *end)
{
    char small[512], *text = small, *at;
    json_t *value = NULL;
    size_t size = (size_t)(end - begin);
    if (size > sizeof small)
        text = (char *)malloc(size);
    reader->no_memory |= !text;
    if (text) {
        *text = '\0';
        at = text;
        if (hay_reader_unescape(begin, end, &at))
            value = json_stringn(text, (size_t)(at - text));
    }
    if (text != small)
        free(text);
    return value;
}

static inline json_t *hay_reader_string(struct hay_reader *reader)
{
    const char *begin = reader->at + 1, *at;
    json_t *value;
    unsigned char all;
    at = hay_reader_plain_end(begin, reader->end, &all);
    if (at < reader->end && *at == '"') {
        reader->at = at + 1;
        if (all < 0x80)
            return hay_reader_made(reader, json_stringn_nocheck(begin, (size_t)(at - begin)));
        return json_stringn(begin, (size_t)(at - begin));
    }
    while (at < reader->end && *at != '"')
        at += *at == '\\' && reader->end - at > 1 ? 2 : 1;
    if (at >= reader->end)
        return NULL;
    reader->at = at + 1;
    value = hay_reader_escaped(reader, begin, at);
    return value || reader->no_memory ? value : hay_reader_by_jansson(begin - 1, reader->at);
}

static inline const char *hay_reader_digits_end(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Is this what makes a real of an integer: a fraction, an exponent, or both? */
static inline int hay_reader_is_fraction(const char *at, const char *end)
{
    const char *digits;
    if (at < end && *at == '.') {
        digits = at + 1;
        at = hay_reader_digits_end(digits, end);
        if (at == digits)
            return 0;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        digits = at + 1;
        if (digits < end && (*digits == '+' || *digits == '-'))
            digits++;
        at = hay_reader_digits_end(digits, end);
        if (at == digits)
            return 0;
    }
    return at == end;
}

/* NULL where strtod() does not take all of it (a locale without decimal points), or it is too long or too large. */
static inline json_t *hay_reader_real(const char *begin, const char *end)
{
    char text[64], *rest;
    size_t size = (size_t)(end - begin);
    double value;
    if (size >= sizeof text)
        return NULL;
    memcpy(text, begin, size);
    text[size] = '\0';
    value = strtod(text, &rest);
    return *rest ? NULL : json_real(value); /* which refuses infinity */
}

static inline json_t *hay_reader_number(struct hay_reader *reader)
{
    const char *begin = reader->at, *end = hay_reader_scalar_end(reader), *digits = begin + (*begin == '-');
    const char *at = hay_reader_digits_end(digits, end);
    json_t *value = NULL;
    if (at > digits && (*digits != '0' || at == digits + 1)) {
        if (at == end && at - digits <= 18) {
            json_int_t whole = 0;
            for (at = digits; at < end; at++)
                whole = whole * 10 + (*at - '0');
            value = hay_reader_made(reader, json_integer(digits > begin ? -whole : whole));
        } else if (at < end && hay_reader_is_fraction(at, end)) {
            value = hay_reader_real(begin, end);
        }
    }
    reader->at = end;
    return value ? value : hay_reader_by_jansson(begin, end);
}

static inline json_t *hay_reader_word(struct hay_reader *reader)
{
    const char *begin = reader->at, *end = hay_reader_scalar_end(reader);
    size_t size = (size_t)(end - begin);
    reader->at = end;
    if (size == 4 && !memcmp(begin, "true", 4))
        return json_true();
    if (size == 4 && !memcmp(begin, "null", 4))
        return json_null();
    return size == 5 && !memcmp(begin, "false", 5) ? json_false() : NULL;
}

/* Behind an item: 1 when another follows, 0 at the end of the container, -1. */
static inline int hay_reader_comma(struct hay_reader *reader, char close)
{
    char c;
    hay_reader_space(reader);
    if (reader->at == reader->end)
        return -1;
    c = *reader->at++;
    return c == ',' ? 1 : c == close ? 0 : -1;
}

/* The container begins; is it empty? */
static inline int hay_reader_open(struct hay_reader *reader, char close)
{
    reader->at++;
    hay_reader_space(reader);
    if (reader->at == reader->end || *reader->at != close)
        return 0;
    reader->at++;
    return 1;
}

static inline json_t *hay_reader_array(struct hay_reader *reader, int depth)
{
    json_t *array = hay_reader_made(reader, json_array());
    int more = !hay_reader_open(reader, ']');
    while (array && more > 0)
        more = json_array_append_new(array, hay_reader_value(reader, depth)) ? -1 : hay_reader_comma(reader, ']');
    if (more == 0)
        return array;
    json_decref(array);
    return NULL;
}

/* 0, or -1. */
static inline int hay_reader_member(struct hay_reader *reader, json_t *object, int depth)
{
    char small[64];
    const char *key = small, *begin, *end;
    unsigned char all;
    json_t *text = NULL, *value = NULL;
    int status;
    hay_reader_space(reader);
    if (reader->at == reader->end || *reader->at != '"')
        return -1;
    begin = reader->at + 1;
    end = hay_reader_plain_end(begin, reader->end, &all);
    if (end < reader->end && *end == '"' && all < 0x80 && (size_t)(end - begin) < sizeof small) {
        memcpy(small, begin, (size_t)(end - begin));
        small[end - begin] = '\0';
        reader->at = end + 1;
    } else {
        text = hay_reader_string(reader);
        key = json_string_value(text);
    }
    hay_reader_space(reader);
    if (key && reader->at < reader->end && *reader->at++ == ':')
        value = hay_reader_value(reader, depth);
    status = value ? json_object_set_new_nocheck(object, key, value) : -1;
    json_decref(text);
    return status;
}

static inline json_t *hay_reader_object(struct hay_reader *reader, int depth)
{
    json_t *object = hay_reader_made(reader, json_object());
    int more = !hay_reader_open(reader, '}');
    while (object && more > 0)
        more = hay_reader_member(reader, object, depth) ? -1 : hay_reader_comma(reader, '}');
    if (more == 0)
        return object;
    json_decref(object);
    return NULL;
}

/* NULL: jansson has to look at all of it. */
static inline json_t *hay_reader_value(struct hay_reader *reader, int depth)
{
    hay_reader_space(reader);
    if (reader->at == reader->end || !depth)
        return NULL;
    switch (*reader->at) {
    case '{':
        return hay_reader_object(reader, depth - 1);
    case '[':
        return hay_reader_array(reader, depth - 1);
    case '"':
        return hay_reader_string(reader);
    case 't':
    case 'f':
    case 'n':
        return hay_reader_word(reader);
    default:
        return hay_reader_number(reader);
    }
}

/* As json_loadb() with JSON_DECODE_ANY: a new reference, or NULL with `error` filled, which may be NULL. */
static inline json_t *hay_json_read(const void *text, size_t size, json_error_t *error)
{
    struct hay_reader reader;
    json_t *value;
    if (!text || !size)
        return json_loadb((const char *)text, size, JSON_DECODE_ANY, error);
    reader.at = (const char *)text;
    reader.end = reader.at + size;
    reader.no_memory = 0;
    value = hay_reader_value(&reader, HAY_READER_DEPTH);
    hay_reader_space(&reader);
    if (value && reader.at == reader.end)
        return value;
    json_decref(value);
    if (!reader.no_memory)
        return json_loadb((const char *)text, size, JSON_DECODE_ANY, error);
    if (error) {
        memset(error, 0, sizeof *error);
        strcpy(error->text, "out of memory");
    }
    return NULL;
}

#ifdef __cplusplus
}
#endif
#endif
