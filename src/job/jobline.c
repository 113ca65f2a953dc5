/* SPDX-License-Identifier: MIT
 *
 * The envelope of a job line: one object whose known keys are taken and whose others are only checked. One pass; nothing
 * is copied but the function's name. jsonkeys.h finds the duplicate keys.
 */
#include "job/json.h"
#include "job/jsonkeys.h"
#include "job/jsonnumber.h"
#include "job/jsonstring.h"

#include <string.h>

#define TIMEOUT_MAX_MS (INT64_C(1000000000) * 1000)
#define RETRIES_MAX 1000000

enum key { KEY_ID, KEY_FN, KEY_ARGS, KEY_TIMEOUT, KEY_RETRIES, KEY_PRIORITY, KEY_AFTER, KEY_OTHER };

struct envelope {
    struct json_reader reader;
    struct jsonkeys keys;
    struct hay_jobline *job;
};

/* Does one of the three common keys stand here? A compare is predicted, where the search for the closing quote is waited for. */
static inline enum key key_glance(const unsigned char *at, const unsigned char *end)
{
    if (end - at < 11)
        return KEY_OTHER;
    if (memcmp(at, "\"id\"", 4) == 0)
        return KEY_ID;
    if (memcmp(at, "\"fn\"", 4) == 0)
        return KEY_FN;
    if (memcmp(at, "\"args\"", 6) == 0)
        return KEY_ARGS;
    return KEY_OTHER;
}

static inline enum key key_find_plain(const void *at, size_t size)
{
    switch (size) {
    case 2:
        return memcmp(at, "id", 2) == 0 ? KEY_ID : memcmp(at, "fn", 2) == 0 ? KEY_FN : KEY_OTHER;
    case 4:
        return memcmp(at, "args", 4) == 0 ? KEY_ARGS : KEY_OTHER;
    case 5:
        return memcmp(at, "after", 5) == 0 ? KEY_AFTER : KEY_OTHER;
    case 7:
        return memcmp(at, "timeout", 7) == 0 ? KEY_TIMEOUT : memcmp(at, "retries", 7) == 0 ? KEY_RETRIES : KEY_OTHER;
    case 8:
        return memcmp(at, "priority", 8) == 0 ? KEY_PRIORITY : KEY_OTHER;
    default:
        return KEY_OTHER;
    }
}

static inline enum key key_find(const unsigned char *at, const unsigned char *end, bool escaped)
{
    if (!escaped)
        return key_find_plain(at, (size_t)(end - at));
    char plain[8];
    size_t size = jsonstring_unescape(at, end, plain, sizeof plain);
    return size > sizeof plain ? KEY_OTHER : key_find_plain(plain, size);
}

/* `at` and `end` are inside the quotes. */
static inline const char *envelope_take_fn(struct envelope *envelope, const unsigned char *at, const unsigned char *end)
{
    struct hay_jobline *job = envelope->job;
    size_t size = (size_t)(end - at);
    if (envelope->reader.escaped) {
        size = jsonstring_unescape(at, end, job->fn, HAY_FUNCTION_NAME_MAX);
        if (size <= HAY_FUNCTION_NAME_MAX && memchr(job->fn, 0, size)) {
            job->fn[0] = '\0';
            return "\"fn\" holds a NUL character";
        }
    } else if (size <= 32 && envelope->reader.end - at >= 32) {
        memcpy(job->fn, at, 32); /* of fixed size: no call; what is too much is cut below */
    } else if (size <= HAY_FUNCTION_NAME_MAX) {
        memcpy(job->fn, at, size);
    }
    if (size == 0 || size > HAY_FUNCTION_NAME_MAX) {
        job->fn[0] = '\0';
        return size ? "\"fn\" is longer than 255 bytes" : "\"fn\" is empty";
    }
    job->fn[size] = '\0';
    job->fn_size = size;
    return NULL;
}

static const char *envelope_take_timeout(struct hay_jobline *job, const unsigned char *at, const unsigned char *end, bool number)
{
    if (!number)
        return "\"timeout\" is not a number";
    int64_t timeout_ms = jsonnumber_scaled(at, end, 3, TIMEOUT_MAX_MS);
    if (timeout_ms < 0)
        return "\"timeout\" is negative";
    if (timeout_ms > TIMEOUT_MAX_MS)
        return "\"timeout\" is too large";
    job->timeout_ms = timeout_ms;
    return NULL;
}

static const char *envelope_take_retries(struct hay_jobline *job, const unsigned char *at, const unsigned char *end, bool integer)
{
    if (!integer)
        return "\"retries\" is not an integer";
    int64_t retries = jsonnumber_integer(at, end);
    if (retries < 0)
        return "\"retries\" is negative";
    if (retries > RETRIES_MAX)
        return "\"retries\" is over 1000000";
    job->retries = retries;
    return NULL;
}

static const char *envelope_take_priority(struct hay_jobline *job, const unsigned char *at, const unsigned char *end,
                                          bool integer)
{
    if (!integer)
        return "\"priority\" is not an integer";
    int64_t priority = jsonnumber_integer(at, end);
    if (priority < INT32_MIN || priority > INT32_MAX)
        return "\"priority\" does not fit 32 bits";
    job->priority = (int)priority;
    return NULL;
}

/* The value is valid JSON; is it an array of strings and integers? */
static const char *envelope_take_after(struct envelope *envelope, const unsigned char *at, const unsigned char *end)
{
    static const char reason[] = "\"after\" is not an array of strings and integers";
    struct json_reader *reader = &envelope->reader;
    if (*at != '[')
        return reason;
    const unsigned char *item = json_space(at + 1, end);
    while (*item != ']') {
        bool string = *item == '"';
        if (!string && *item != '-' && (unsigned)*item - '0' > 9)
            return reason;
        item = string ? jsonstring_read(reader, item + 1) : jsonnumber_read(reader, item);
        if (!item || (!string && reader->real))
            return reason;
        item = json_space(item, end);
        if (*item == ',')
            item = json_space(item + 1, end);
    }
    envelope->job->after = (struct hay_span){(const char *)at, (size_t)(end - at)};
    return NULL;
}

/* Take the value of a known key, which has just been read; NULL, or what is wrong with it. */
static inline const char *envelope_take(struct envelope *envelope, enum key key, const unsigned char *at,
                                        const unsigned char *end)
{
    struct hay_jobline *job = envelope->job;
    bool string = *at == '"';
    bool number = *at == '-' || (unsigned)*at - '0' < 10;
    bool integer = number && !envelope->reader.real;
    switch (key) {
    case KEY_ID:
        if (!string && !integer)
            return "\"id\" is not a string or an integer";
        if (integer && end == envelope->reader.end)
            return NULL; /* a line cut here may have cut the number too: better no id than another job's */
        job->id.at = (const char *)at;
        job->id.size = (size_t)(end - at);
        return NULL;
    case KEY_FN:
        if (!string)
            return "\"fn\" is not a string";
        job->fn_column = (size_t)(at - envelope->reader.begin) + 1;
        return envelope_take_fn(envelope, at + 1, end - 1);
    case KEY_ARGS:
        job->args.at = (const char *)at;
        job->args.size = (size_t)(end - at);
        return NULL;
    case KEY_TIMEOUT:
        return envelope_take_timeout(job, at, end, number);
    case KEY_RETRIES:
        return envelope_take_retries(job, at, end, integer);
    case KEY_PRIORITY:
        return envelope_take_priority(job, at, end, integer);
    case KEY_AFTER:
        return envelope_take_after(envelope, at, end);
    case KEY_OTHER:
        break;
    }
    return NULL;
}

/* `"key":` at `at`: what it is, where its text ends, and the value's place returned. */
static inline const unsigned char *envelope_key(struct json_reader *reader, const unsigned char *at, enum key *key,
                                                const unsigned char **end)
{
    *key = key_glance(at, reader->end);
    if (*key != KEY_OTHER) {
        *end = at + 1 + (*key == KEY_ARGS ? 4 : 2);
        return json_colon(reader, *end + 1);
    }
    size_t size;
    const unsigned char *value = json_key(reader, at, &size);
    if (value) {
        *end = at + 1 + size;
        *key = key_find(at + 1, *end, reader->escaped);
    }
    return value;
}

/* What most members are needs no stack of brackets. */
static inline const unsigned char *envelope_value(struct json_reader *reader, const unsigned char *at)
{
    if (at < reader->end && *at == '"')
        return jsonstring_read(reader, at + 1);
    if (at < reader->end && ((unsigned)*at - '0' < 10 || *at == '-'))
        return jsonnumber_read(reader, at);
    return json_value(reader, at);
}

static const unsigned char *envelope_members_with_others(struct envelope *envelope, const unsigned char *at);

/* All members from the one at `at` on; returns what is behind the last one and its white space. */
static const unsigned char *envelope_members(struct envelope *envelope, const unsigned char *at)
{
    struct json_reader *reader = &envelope->reader;
    for (;;) {
        enum key key;
        const unsigned char *key_end, *value = envelope_key(reader, at, &key, &key_end);
        if (!value)
            return NULL;
        if (key == KEY_OTHER && !envelope->keys.other)
            return envelope_members_with_others(envelope, at);
        if (key == KEY_OTHER ? !jsonkeys_admit_other(&envelope->keys, at + 1, key_end)
                             : !jsonkeys_admit(&envelope->keys, key, at + 1, key_end))
            return NULL;
        at = envelope_value(reader, value);
        if (!at)
            return NULL;
        const char *reason = envelope_take(envelope, key, value, at);
        if (reason)
            return json_fault(reader, value, reason);
        at = json_space(at, reader->end);
        if (at == reader->end || *at != ',')
            return at;
        at = json_space(at + 1, reader->end);
    }
}

/* The same from the first unknown key on. Only such a line pays for the stack of the table. */
__attribute__((noinline))
static const unsigned char *envelope_members_with_others(struct envelope *envelope, const unsigned char *at)
{
    struct jsonkeys_other table[HAY_JOBLINE_KEYS];
    envelope->keys.other = table;
    at = envelope_members(envelope, at);
    envelope->keys.other = NULL;
    return at;
}

static const unsigned char *envelope_read(struct envelope *envelope)
{
    struct json_reader *reader = &envelope->reader;
    const unsigned char *at = json_object_begin(reader);
    if (at && (at == reader->end || *at != '}'))
        at = envelope_members(envelope, at);
    return at ? json_object_end(reader, at) : NULL;
}

enum hay_status hay_jobline_scan(const char *line, size_t size, struct hay_jobline *job, struct hay_jobline_fault *fault)
{
    struct envelope envelope;
    struct hay_jobline_fault unwanted;
    if (!job)
        return HAY_EINVAL;
    json_open(&envelope.reader, line, size, HAY_JOBLINE_DEPTH);
    envelope.reader.base = 1;
    envelope.job = job;
    jsonkeys_open(&envelope.keys, &envelope.reader, fault ? fault : &unwanted);
    job->id.at = job->args.at = job->after.at = NULL;
    job->id.size = job->args.size = job->after.size = 0;
    job->fn[0] = '\0';
    job->fn_size = job->fn_column = 0;
    job->timeout_ms = 0;
    job->retries = -1;
    job->priority = 0;
    if (envelope_read(&envelope))
        return HAY_OK;
    /* A fault that quotes the line is already complete. */
    return envelope.reader.reason ? json_report(&envelope.reader, envelope.keys.fault) : HAY_EINVAL;
}
