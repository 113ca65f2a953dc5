/* SPDX-License-Identifier: MIT
 *
 * The validator under hay_jobline_scan and hay_json_check: exactly RFC 8259 with strict UTF-8, read in one pass, without a
 * tree, an allocation or recursion. Every function takes a position and returns the one after what it read, or NULL with the
 * fault noted in the reader. Nothing outside [begin, end) is ever loaded.
 */
#ifndef JOB_JSON_H
#define JOB_JSON_H

#include <hayfork/jobline.h>

#define JSON_DEPTH_MAX 4096     /* the deepest nesting that any reader allows */
#define JSON_RESULT_DEPTH (JSON_DEPTH_MAX - 1) /* of a result, which its line has to hold */

struct json_reader {
    const unsigned char *begin;
    const unsigned char *end;
    int depth;                  /* levels allowed, at most JSON_DEPTH_MAX */
    int base;                   /* levels already open around the value */
    bool escaped;               /* the last string had an escape */
    bool real;                  /* the last number had a fraction or an exponent */
    const unsigned char *fault_at;
    const char *reason;         /* static; what is wrong at fault_at */
};

/* `bytes` may be NULL: nothing. */
static inline void json_open(struct json_reader *reader, const char *bytes, size_t size, int depth)
{
    static const char nothing[1];
    reader->begin = (const unsigned char *)(bytes ? bytes : nothing);
    reader->end = reader->begin + (bytes ? size : 0);
    reader->depth = depth < 0 ? 0 : depth > JSON_DEPTH_MAX ? JSON_DEPTH_MAX : depth;
    reader->base = 0;
    reader->escaped = false;
    reader->real = false;
    reader->fault_at = NULL;
    reader->reason = NULL;
}

/* Note a fault and return NULL. `json_unexpected` names the end, NUL, a line break or a control character instead of `reason`
 * where that is what stands there. `json_too_deep` is the one reason that is completed with a number. */
const unsigned char *json_fault(struct json_reader *reader, const unsigned char *at, const char *reason);
const unsigned char *json_unexpected(struct json_reader *reader, const unsigned char *at, const char *reason);
extern const char json_too_deep[];

/* White space is space, tab and carriage return: a line feed inside a line is a fault. */
static inline const unsigned char *json_space(const unsigned char *at, const unsigned char *end)
{
    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* One value that begins right at `at`: the white space before it is the caller's to skip. */
const unsigned char *json_value(struct json_reader *reader, const unsigned char *at);

/* A colon and the white space around it. */
static inline const unsigned char *json_colon(struct json_reader *reader, const unsigned char *at)
{
    at = json_space(at, reader->end);
    if (at == reader->end || *at != ':')
        return json_unexpected(reader, at, "expected ':' after a key");
    return json_space(at + 1, reader->end);
}

/* A line that is one object: to its first member or its closing brace, and from there to the end of the line. */
static inline const unsigned char *json_object_begin(struct json_reader *reader)
{
    const unsigned char *at = json_space(reader->begin, reader->end);
    if (at == reader->end || *at != '{')
        return json_unexpected(reader, at, "not an object");
    return json_space(at + 1, reader->end);
}
static inline const unsigned char *json_object_end(struct json_reader *reader, const unsigned char *at)
{
    if (at == reader->end || *at != '}')
        return json_unexpected(reader, at, "expected ',' or '}'");
    at = json_space(at + 1, reader->end);
    return at == reader->end ? at : json_unexpected(reader, at, "bytes after the object");
}

/* `"key" :` and the white space around; `size` gets the size of the key without its quotes. */
const unsigned char *json_key(struct json_reader *reader, const unsigned char *at, size_t *size);

/* Fill the public fault from the reader's; always HAY_EINVAL. */
enum hay_status json_report(const struct json_reader *reader, struct hay_jobline_fault *fault);

#endif
