/* SPDX-License-Identifier: MIT
 *
 * The structure of JSON: values inside values. What is open is one bit a level, object or array, so the stack is constant and
 * the depth a number to compare with. Strings and numbers have their own files; which value is wanted, and what a job
 * line means, is the caller's.
 */
#include "job/json.h"

#include "job/jsonnumber.h"
#include "job/jsonstring.h"

#include <stdio.h>
#include <string.h>

const char json_too_deep[] = "nested deeper than";

/* Which of the open levels are objects, as a stack of bits: the innermost 64 at hand, the lowest bit being the innermost. */
struct nest {
    uint64_t objects;
    int level;
    uint64_t outer[JSON_DEPTH_MAX / 64];
};

const unsigned char *json_fault(struct json_reader *reader, const unsigned char *at, const char *reason)
{
    reader->fault_at = at;
    reader->reason = reason;
    return NULL;
}

__attribute__((cold))
const unsigned char *json_unexpected(struct json_reader *reader, const unsigned char *at, const char *reason)
{
    if (at >= reader->end)
        reason = "unexpected end of line";
    else if (*at == 0)
        reason = "NUL byte";
    else if (*at == '\n')
        reason = "line break";
    else if (*at < ' ' && *at != '\t' && *at != '\r')
        reason = "control character";
    return json_fault(reader, at, reason);
}

enum hay_status json_report(const struct json_reader *reader, struct hay_jobline_fault *fault)
{
    fault->column = (size_t)(reader->fault_at - reader->begin) + 1;
    if (reader->reason == json_too_deep)
        snprintf(fault->reason, sizeof fault->reason, "%s %d", json_too_deep, reader->depth);
    else
        snprintf(fault->reason, sizeof fault->reason, "%s", reader->reason);
    return HAY_EINVAL;
}

static const unsigned char *json_literal(struct json_reader *reader, const unsigned char *at, const char *word, size_t size)
{
    size_t left = (size_t)(reader->end - at);
    if (left >= size && memcmp(at, word, size) == 0)
        return at + size;
    return memcmp(at, word, left < size ? left : size) == 0 ? json_unexpected(reader, reader->end, NULL)
                                                            : json_fault(reader, at, "expected a value");
}

static inline const unsigned char *json_scalar(struct json_reader *reader, const unsigned char *at)
{
    switch (*at) {
    case '"':
        return jsonstring_read(reader, at + 1);
    case '-':
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return jsonnumber_read(reader, at);
    case 't':
        return json_literal(reader, at, "true", 4);
    case 'f':
        return json_literal(reader, at, "false", 5);
    case 'n':
        return json_literal(reader, at, "null", 4);
    default:
        return json_unexpected(reader, at, "expected a value");
    }
}

static inline const unsigned char *json_key_inline(struct json_reader *reader, const unsigned char *at, size_t *size)
{
    if (at == reader->end || *at != '"')
        return json_unexpected(reader, at, "expected a key");
    const unsigned char *past = jsonstring_read(reader, at + 1);
    if (!past)
        return NULL;
    *size = (size_t)(past - at) - 2;
    return json_colon(reader, past);
}

const unsigned char *json_key(struct json_reader *reader, const unsigned char *at, size_t *size)
{
    return json_key_inline(reader, at, size);
}

static inline void nest_push(struct nest *nest, bool object)
{
    if (nest->level % 64 == 0)
        nest->outer[nest->level / 64] = nest->objects;
    nest->objects = nest->objects << 1 | object;
    nest->level++;
}

static inline void nest_pop(struct nest *nest)
{
    nest->level--;
    nest->objects = nest->level % 64 ? nest->objects >> 1 : nest->outer[nest->level / 64];
}

/* To the first value inside a bracket, or past the whole when it is empty; the level tells which. */
static inline const unsigned char *json_enter(struct json_reader *reader, struct nest *nest, const unsigned char *at)
{
    bool object = *at == '{';
    if (nest->level + reader->base >= reader->depth)
        return json_fault(reader, at, json_too_deep);
    at = json_space(at + 1, reader->end);
    if (at < reader->end && *at == (object ? '}' : ']'))
        return at + 1;
    nest_push(nest, object);
    size_t size;
    return object ? json_key_inline(reader, at, &size) : at;
}

/* From the end of a value to the next one in the same bracket, through the ends of those that close; at level 0 all is read. */
static inline const unsigned char *json_leave(struct json_reader *reader, struct nest *nest, const unsigned char *at)
{
    while (nest->level > 0) {
        bool object = nest->objects & 1;
        at = json_space(at, reader->end);
        if (at == reader->end)
            return json_unexpected(reader, at, NULL);
        if (*at == ',') {
            size_t size;
            at = json_space(at + 1, reader->end);
            return object ? json_key_inline(reader, at, &size) : at;
        }
        if (*at != (object ? '}' : ']'))
            return json_unexpected(reader, at, object ? "expected ',' or '}'" : "expected ',' or ']'");
        at++;
        nest_pop(nest);
    }
    return at;
}

const unsigned char *json_value(struct json_reader *reader, const unsigned char *at)
{
    struct nest nest;
    nest.level = 0;
    nest.objects = 0;
    do {
        if (at == reader->end)
            return json_unexpected(reader, at, NULL);
        if (*at == '{' || *at == '[') {
            int before = nest.level;
            at = json_enter(reader, &nest, at);
            if (at && nest.level > before)
                continue;
        } else {
            at = json_scalar(reader, at);
        }
        if (at && nest.level > 0)
            at = json_leave(reader, &nest, at);
    } while (at && nest.level > 0);
    return at;
}

enum hay_status hay_json_check(const char *bytes, size_t size, int depth, struct hay_jobline_fault *fault)
{
    struct json_reader reader;
    struct hay_jobline_fault unwanted;
    json_open(&reader, bytes, size, depth);
    /* A value without brackets, and nothing around it: there is no white space to look for, and no stack to keep. */
    const unsigned char *at = reader.begin;
    bool is_bare = at < reader.end && *at > ' ' && *at != '{' && *at != '[';
    at = is_bare ? json_scalar(&reader, at) : json_value(&reader, json_space(at, reader.end));
    if (is_bare && at == reader.end)
        return HAY_OK;
    if (at) {
        at = json_space(at, reader.end);
        if (at < reader.end)
            at = json_unexpected(&reader, at, "bytes after the value");
    }
    /* A lone carriage return is white space, but half of the world's line readers break the line there. */
    if (at && size) {
        const unsigned char *break_at = memchr(reader.begin, '\r', size);
        if (!break_at)
            return HAY_OK;
        json_fault(&reader, break_at, "line break");
    }
    return json_report(&reader, fault ? fault : &unwanted);
}
