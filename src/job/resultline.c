/* SPDX-License-Identifier: MIT
 *
 * The reader of result lines, on the same ground as that of job lines: one pass, nothing copied, no allocation. Keys are first
 * looked for as the writer makes them, by a compare that is predicted well; whatever is written otherwise takes the way of
 * unescaping. The object under "error" is walked only when there is one, after it has passed as JSON. In front of all this stands
 * a glance at the one shape of which a journal of millions is made.
 */
#include "job/json.h"
#include "job/jsonkeys.h"
#include "job/jsonnumber.h"
#include "job/jsonstring.h"
#include "job/resultglance.h"

#include <limits.h>
#include <string.h>

#define NS_MAX (INT64_MAX - 1)

enum part {
    PART_ID, PART_STATUS, PART_RESULT, PART_ERROR, PART_ATTEMPTS, PART_LINE, PART_SEQ, PART_KEY, PART_WORKER, PART_PID,
    PART_START, PART_WALL, PART_OTHER,
};
enum error_part { ERROR_MESSAGE, ERROR_SIGNAL, ERROR_EXIT, ERROR_COLUMN, ERROR_OTHER };

struct name {
    const char *text;
    size_t size;
};
#define NAME(text) {text, sizeof(text) - 1}

static const struct name part_names[PART_OTHER] = {
    [PART_ID] = NAME("id"), [PART_STATUS] = NAME("status"), [PART_RESULT] = NAME("result"), [PART_ERROR] = NAME("error"),
    [PART_ATTEMPTS] = NAME("attempts"), [PART_LINE] = NAME("line"), [PART_SEQ] = NAME("seq"), [PART_KEY] = NAME("key"),
    [PART_WORKER] = NAME("worker"), [PART_PID] = NAME("pid"), [PART_START] = NAME("start"), [PART_WALL] = NAME("wall_ms"),
};
static const struct name error_names[ERROR_OTHER] = {
    [ERROR_MESSAGE] = NAME("message"), [ERROR_SIGNAL] = NAME("signal"),
    [ERROR_EXIT] = NAME("exit"), [ERROR_COLUMN] = NAME("column"),
};

struct resultline {
    struct json_reader reader;
    struct jsonkeys keys;
    struct hay_resultline *result;
};

/* The value just read. */
struct value {
    const unsigned char *at, *end;
    bool string, integer, number;
};

#define GLANCE(at, text, part) memcmp(at, "\"" text "\"", sizeof(text) + 1) == 0 ? (part)

/* The key at `at`, a quote with 12 bytes behind it at least, when it is written plainly. */
static inline enum part part_glance(const unsigned char *at)
{
    switch (at[1]) {
    case 'i':
        return GLANCE(at, "id", PART_ID) : PART_OTHER;
    case 's':
        return GLANCE(at, "status", PART_STATUS) : GLANCE(at, "seq", PART_SEQ) : GLANCE(at, "start", PART_START) : PART_OTHER;
    case 'r':
        return GLANCE(at, "result", PART_RESULT) : PART_OTHER;
    case 'e':
        return GLANCE(at, "error", PART_ERROR) : PART_OTHER;
    case 'k':
        return GLANCE(at, "key", PART_KEY) : PART_OTHER;
    case 'w':
        return GLANCE(at, "worker", PART_WORKER) : GLANCE(at, "wall_ms", PART_WALL) : PART_OTHER;
    case 'p':
        return GLANCE(at, "pid", PART_PID) : PART_OTHER;
    case 'a':
        return GLANCE(at, "attempts", PART_ATTEMPTS) : PART_OTHER;
    case 'l':
        return GLANCE(at, "line", PART_LINE) : PART_OTHER;
    default:
        return PART_OTHER;
    }
}

/* Which of `count` names is it? `count`: none. */
static unsigned name_find(const struct name *names, unsigned count, const unsigned char *at, const unsigned char *end,
                          bool escaped)
{
    char plain[16];
    const void *text = at;
    size_t size = (size_t)(end - at);
    if (escaped) {
        size = jsonstring_unescape(at, end, plain, sizeof plain);
        text = plain;
    }
    unsigned i = 0;
    while (i < count && (names[i].size != size || memcmp(names[i].text, text, size) != 0))
        i++;
    return i;
}

/* `"key":` at `at`: what it is, where its text ends, and the value's place returned. */
static inline const unsigned char *resultline_key(struct json_reader *reader, const unsigned char *at, enum part *part,
                                                  const unsigned char **end)
{
    if (reader->end - at > 12 && *at == '"') {
        *part = part_glance(at);
        if (*part != PART_OTHER) {
            *end = at + 1 + part_names[*part].size;
            return json_colon(reader, *end + 1);
        }
    }
    size_t size;
    const unsigned char *value = json_key(reader, at, &size);
    if (value) {
        *end = at + 1 + size;
        *part = (enum part)name_find(part_names, PART_OTHER, at + 1, *end, reader->escaped);
    }
    return value;
}

/* Any value; `value` gets what it is. */
static inline const unsigned char *resultline_value(struct json_reader *reader, const unsigned char *at, struct value *value)
{
    value->at = at;
    if (at == reader->end) {
        json_unexpected(reader, at, NULL);
        return NULL;
    }
    value->string = *at == '"';
    value->number = *at == '-' || (unsigned)*at - '0' < 10;
    at = value->string ? jsonstring_read(reader, at + 1) : value->number ? jsonnumber_read(reader, at) : json_value(reader, at);
    value->integer = value->number && !reader->real;
    value->end = at;
    return at;
}

/* A whole number from 0 to `most`; false: it is not. */
static inline bool value_count(const struct value *value, int64_t most, int64_t *number)
{
    if (!value->integer)
        return false;
    *number = jsonnumber_integer(value->at, value->end);
    return *number >= 0 && *number <= most;
}

static const char *resultline_take_status(struct resultline *line, const struct value *value)
{
    char plain[16];
    const char *text = (const char *)value->at + 1;
    if (!value->string)
        return "\"status\" is not a string";
    size_t size = (size_t)(value->end - value->at) - 2;
    if (size == 2 && text[0] == 'o' && text[1] == 'k') {
        line->result->outcome = HAY_OUTCOME_OK;
        return NULL;
    }
    if (line->reader.escaped) {
        size = jsonstring_unescape(value->at + 1, value->end - 1, plain, sizeof plain);
        text = plain;
    }
    for (int i = 0; i < HAY_OUTCOME_COUNT && size < sizeof plain; i++) {
        const char *name = hay_outcome_name((enum hay_outcome)i);
        if (strlen(name) == size && memcmp(name, text, size) == 0) {
            line->result->outcome = (enum hay_outcome)i;
            return NULL;
        }
    }
    return "unknown \"status\"";
}

static inline const char *resultline_take_key(struct resultline *line, const struct value *value)
{
    static const char reason[] = "\"key\" is not 16 hexadecimal digits";
    if (!value->string || value->end - value->at != 18 || !glance_key(value->at + 1, &line->result->key))
        return reason;
    line->result->has_key = true;
    return NULL;
}

static const char *resultline_take_error_part(struct hay_resultline *result, enum error_part part, const struct value *value)
{
    int64_t number;
    switch (part) {
    case ERROR_MESSAGE:
        if (!value->string)
            return "\"message\" is not a string";
        result->message = (struct hay_span){(const char *)value->at + 1, (size_t)(value->end - value->at) - 2};
        return NULL;
    case ERROR_SIGNAL:
        if (!value_count(value, INT_MAX, &number))
            return "\"signal\" is not a number of a signal";
        result->signal = (int)number;
        return NULL;
    case ERROR_EXIT:
        if (!value_count(value, INT_MAX, &number))
            return "\"exit\" is not an exit code";
        result->exit_code = (int)number;
        return NULL;
    case ERROR_COLUMN:
        return value_count(value, INT64_MAX, &number) ? NULL : "\"column\" is not a whole number";
    case ERROR_OTHER:
        break;
    }
    return NULL;
}

/* The members of "error", an object that is known to be valid: NULL, or what is wrong. */
static const char *resultline_take_error(struct resultline *line, const struct value *object)
{
    struct json_reader *reader = &line->reader;
    unsigned seen = 0;
    if (*object->at != '{')
        return "\"error\" is not an object";
    const unsigned char *at = json_space(object->at + 1, object->end);
    while (*at != '}') {
        size_t size;
        struct value value;
        const unsigned char *inside = at + 1, *from = json_key(reader, at, &size);
        enum error_part part = ERROR_OTHER;
        if (from)
            part = (enum error_part)name_find(error_names, ERROR_OTHER, inside, inside + size, reader->escaped);
        at = from ? resultline_value(reader, from, &value) : NULL;
        if (!at)
            return "\"error\" is not an object"; /* cannot be: it has been read once */
        if (part != ERROR_OTHER && seen >> part & 1)
            return "duplicate key in \"error\"";
        seen |= 1u << part;
        const char *reason = resultline_take_error_part(line->result, part, &value);
        if (reason)
            return reason;
        at = json_space(at, reader->end);
        if (*at == ',')
            at = json_space(at + 1, reader->end);
    }
    return NULL;
}

static const char *resultline_take_number(struct hay_resultline *result, enum part part, const struct value *value)
{
    int64_t number;
    switch (part) {
    case PART_ATTEMPTS:
        if (!value_count(value, UINT32_MAX, &number))
            return "\"attempts\" is not a count";
        result->attempts = (uint32_t)number;
        return NULL;
    case PART_LINE:
        if (!value_count(value, INT64_MAX, &number))
            return "\"line\" is not a number of a line";
        result->line = (uint64_t)number;
        return NULL;
    case PART_WORKER:
        if (!value_count(value, INT_MAX, &number))
            return "\"worker\" is not a number of a worker";
        result->worker = (int)number;
        return NULL;
    case PART_PID:
        if (!value_count(value, INT_MAX, &number))
            return "\"pid\" is not a number of a process";
        result->pid = (pid_t)number;
        return NULL;
    default:
        number = value->number ? jsonnumber_scaled(value->at, value->end, part == PART_START ? 9 : 6, NS_MAX) : -1;
        if (number < 0 || number > NS_MAX)
            return part == PART_START ? "\"start\" is not a time" : "\"wall_ms\" is not a time";
        *(part == PART_START ? &result->start_ns : &result->run_ns) = number;
        return NULL;
    }
}

/* Take the value of a known key, which has just been read; NULL, or what is wrong with it. */
static inline const char *resultline_take(struct resultline *line, enum part part, const struct value *value)
{
    struct hay_resultline *result = line->result;
    int64_t number;
    switch (part) {
    case PART_ID:
        if (!value->string && !value->integer)
            return "\"id\" is not a string or an integer";
        result->id = (struct hay_span){(const char *)value->at, (size_t)(value->end - value->at)};
        return NULL;
    case PART_STATUS:
        return resultline_take_status(line, value);
    case PART_RESULT:
        result->value = (struct hay_span){(const char *)value->at, (size_t)(value->end - value->at)};
        return NULL;
    case PART_ERROR:
        return resultline_take_error(line, value);
    case PART_SEQ:
        if (!value_count(value, INT64_MAX, &number))
            return "\"seq\" is not a place in an input";
        result->seq = (uint64_t)number;
        result->has_seq = true;
        return NULL;
    case PART_KEY:
        return resultline_take_key(line, value);
    case PART_OTHER:
        return NULL;
    default:
        return resultline_take_number(result, part, value);
    }
}

static const unsigned char *resultline_members_with_others(struct resultline *line, const unsigned char *at);

/* All members from the one at `at` on; returns what is behind the last one and its white space. */
static const unsigned char *resultline_members(struct resultline *line, const unsigned char *at)
{
    struct json_reader *reader = &line->reader;
    for (;;) {
        enum part part;
        struct value value;
        const unsigned char *key_end, *from = resultline_key(reader, at, &part, &key_end);
        if (!from)
            return NULL;
        if (part == PART_OTHER && !line->keys.other)
            return resultline_members_with_others(line, at);
        if (part == PART_OTHER ? !jsonkeys_admit_other(&line->keys, at + 1, key_end)
                               : !jsonkeys_admit(&line->keys, part, at + 1, key_end))
            return NULL;
        at = resultline_value(reader, from, &value);
        if (!at)
            return NULL;
        const char *reason = resultline_take(line, part, &value);
        if (reason)
            return json_fault(reader, value.at, reason);
        at = json_space(at, reader->end);
        if (at == reader->end || *at != ',')
            return at;
        at = json_space(at + 1, reader->end);
    }
}

/* The same from the first unknown key on. Only such a line pays for the stack of the table. */
__attribute__((noinline))
static const unsigned char *resultline_members_with_others(struct resultline *line, const unsigned char *at)
{
    struct jsonkeys_other table[HAY_JOBLINE_KEYS];
    line->keys.other = table;
    at = resultline_members(line, at);
    line->keys.other = NULL;
    return at;
}

static const unsigned char *resultline_read(struct resultline *line)
{
    struct json_reader *reader = &line->reader;
    const unsigned char *at = json_object_begin(reader);
    if (at && (at == reader->end || *at != '}'))
        at = resultline_members(line, at);
    at = at ? json_object_end(reader, at) : NULL;
    if (!at || line->keys.seen >> PART_STATUS & 1)
        return at;
    return json_fault(reader, json_space(reader->begin, reader->end), "no \"status\"");
}

enum hay_status hay_resultline_scan(const char *bytes, size_t size, struct hay_resultline *result,
                                    struct hay_jobline_fault *fault)
{
    const unsigned meta = 1u << PART_WORKER | 1u << PART_PID | 1u << PART_START | 1u << PART_WALL;
    struct resultline line;
    struct hay_jobline_fault unwanted;
    if (!result)
        return HAY_EINVAL;
    json_open(&line.reader, bytes, size, JSON_DEPTH_MAX);
    line.reader.base = 1;
    *result = (struct hay_resultline){.outcome = HAY_OUTCOME_ERROR, .exit_code = -1, .attempts = 1};
    if (glance_line(&line.reader, result))
        return HAY_OK;
    line.result = result;
    line.reader.reason = NULL;
    result->seq = result->key = 0;
    jsonkeys_open(&line.keys, &line.reader, fault ? fault : &unwanted);
    if (resultline_read(&line)) {
        result->has_meta = (line.keys.seen & meta) == meta;
        return HAY_OK;
    }
    return line.reader.reason ? json_report(&line.reader, line.keys.fault) : HAY_EINVAL;
}
