/* SPDX-License-Identifier: MIT
 *
 * The writer of result lines. Every piece goes through result_put, which counts always and copies only what fits, so a line that
 * is too large for its buffer has told its size and harmed nothing. A message is text of unknown origin: it is escaped here and
 * made valid UTF-8. The value and the id are JSON already and copied as they are.
 */
#include "job/jsonstring.h"

#include "base/copy.h"
#include "base/digits.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

#define RESULT_ID "{\"id\":"
#define RESULT_STATUS ",\"status\":\""
#define RESULT_OK "ok\",\"result\":"
#define RESULT_END "}\n"
#define RESULT_SEQ ",\"seq\":"
#define RESULT_KEY ",\"key\":\""
#define RESULT_KEYED (sizeof RESULT_SEQ RESULT_KEY "\"" + DIGITS_DECIMAL + 16) /* room for seq and key, or for a number */

struct line {
    char *out;
    size_t capacity;
    size_t size; /* of the whole line so far, also of what did not fit */
};

const char *hay_outcome_name(enum hay_outcome outcome)
{
    static const char names[HAY_OUTCOME_COUNT][12] = {
        [HAY_OUTCOME_OK] = "ok",
        [HAY_OUTCOME_ERROR] = "error",
        [HAY_OUTCOME_TIMEOUT] = "timeout",
        [HAY_OUTCOME_CRASH] = "crash",
        [HAY_OUTCOME_CANCELLED] = "cancelled",
        [HAY_OUTCOME_SKIPPED] = "skipped",
        [HAY_OUTCOME_REJECTED] = "rejected",
    };
    return (unsigned)outcome < HAY_OUTCOME_COUNT ? names[outcome] : "unknown";
}

static inline void result_put(struct line *line, const void *bytes, size_t size)
{
    if (line->size <= line->capacity && size <= line->capacity - line->size)
        copy_bytes(line->out + line->size, bytes, size);
    line->size += size;
}

#define result_put_text(line, literal) result_put(line, literal, sizeof(literal) - 1)

static void result_put_name(struct line *line, enum hay_outcome outcome)
{
    const char *name = hay_outcome_name(outcome);
    result_put(line, name, strlen(name));
}

static void result_put_number(struct line *line, uint64_t value)
{
    char digits[RESULT_KEYED];
    result_put(line, digits, (size_t)(digits_decimal(digits, value) - digits));
}

static void result_put_signed(struct line *line, int64_t value)
{
    if (value < 0)
        result_put_text(line, "-");
    result_put_number(line, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* `value` / `unit` in full, where `unit` is a power of ten. */
static void result_put_fixed(struct line *line, uint64_t value, uint64_t unit)
{
    char digits[RESULT_KEYED];
    result_put_number(line, value / unit);
    char *end = digits_decimal(digits, unit + value % unit); /* the 1 in front keeps the zeros */
    *digits = '.';
    result_put(line, digits, (size_t)(end - digits));
}

static void result_put_escape(struct line *line, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef", letters[] = "btn?fr"; /* of bytes 8 to 13 */
    char escape[6] = {'\\', (char)byte};
    if (byte >= ' ') {
        result_put(line, escape, 2);
    } else if (byte >= 8 && byte <= 13 && byte != 11) {
        escape[1] = letters[byte - 8];
        result_put(line, escape, 2);
    } else {
        escape[1] = 'u';
        escape[2] = escape[3] = '0';
        escape[4] = hex[byte >> 4];
        escape[5] = hex[byte & 15];
        result_put(line, escape, 6);
    }
}

static void result_put_message(struct line *line, struct hay_span message)
{
    const unsigned char *begin = (const unsigned char *)message.at, *at = begin;
    const unsigned char *end = message.at ? begin + message.size : begin;
    while (at < end) {
        const unsigned char *past = jsonstring_plain(begin, at, end);
        result_put(line, at, (size_t)(past - at));
        at = past;
        if (at == end)
            return;
        int size = utf8_size(at, end);
        if (*at < 0x80)
            result_put_escape(line, *at);
        else if (size > 0)
            result_put(line, at, (size_t)size);
        else
            result_put_text(line, "\xef\xbf\xbd");
        at += size > 0 ? size : -size;
    }
}

static void result_put_error(struct line *line, const struct hay_result *result)
{
    result_put_text(line, ",\"error\":{\"message\":\"");
    result_put_message(line, result->message);
    result_put_text(line, "\"");
    if (result->outcome == HAY_OUTCOME_CRASH && result->signal > 0) {
        result_put_text(line, ",\"signal\":");
        result_put_number(line, (uint64_t)result->signal);
    } else if (result->outcome == HAY_OUTCOME_CRASH && result->exit_code >= 0) {
        result_put_text(line, ",\"exit\":");
        result_put_number(line, (uint64_t)result->exit_code);
    }
    if (result->outcome == HAY_OUTCOME_REJECTED && result->column) {
        result_put_text(line, ",\"column\":");
        result_put_number(line, result->column);
    }
    result_put_text(line, "}");
}

static void result_put_meta(struct line *line, const struct hay_result *result)
{
    if (result->worker < 0)
        return;
    uint64_t start_ns = result->start_ns > 0 ? (uint64_t)result->start_ns : 0;
    uint64_t run_ns = result->run_ns > 0 ? (uint64_t)result->run_ns : 0;
    result_put_text(line, ",\"worker\":");
    result_put_number(line, (uint64_t)result->worker);
    result_put_text(line, ",\"pid\":");
    result_put_signed(line, result->pid);
    result_put_text(line, ",\"start\":");
    result_put_fixed(line, start_ns / 1000, 1000000);
    result_put_text(line, ",\"wall_ms\":");
    result_put_fixed(line, (run_ns + 500) / 1000, 1000);
}

static inline char *result_copy(char *out, const void *bytes, size_t size)
{
    copy_bytes(out, bytes, size);
    return out + size;
}

#define result_copy_text(out, literal) result_copy(out, literal, sizeof(literal) - 1)

static inline char *result_copy_seq(char *out, uint64_t seq)
{
    return digits_decimal(result_copy_text(out, RESULT_SEQ), seq);
}

static inline char *result_copy_key(char *out, uint64_t key)
{
    out = result_copy_text(out, RESULT_KEY);
    out = digits_hex(out, (uint32_t)(key >> 32));
    out = digits_hex(out, (uint32_t)key);
    return result_copy_text(out, "\"");
}

__attribute__((noinline))
static size_t result_write_any(char *out, size_t capacity, const struct hay_result *result, uint64_t seq, unsigned flags)
{
    struct line line = {out, out ? capacity : 0, 0};
    char keyed[RESULT_KEYED];
    if (result->id.at && result->id.size) {
        result_put_text(&line, RESULT_ID);
        result_put(&line, result->id.at, result->id.size);
        result_put_text(&line, RESULT_STATUS);
    } else {
        result_put_text(&line, "{\"status\":\"");
    }
    if (result->outcome == HAY_OUTCOME_OK) {
        result_put_text(&line, RESULT_OK);
        if (result->value.at && result->value.size)
            result_put(&line, result->value.at, result->value.size);
        else
            result_put_text(&line, "null");
    } else {
        result_put_name(&line, result->outcome);
        result_put_text(&line, "\"");
        if (result->outcome == HAY_OUTCOME_REJECTED && result->line) {
            result_put_text(&line, ",\"line\":");
            result_put_number(&line, result->line);
        }
        result_put_error(&line, result);
        if (result->value.at && result->value.size) {
            result_put_text(&line, ",\"result\":");
            result_put(&line, result->value.at, result->value.size);
        }
    }
    if (result->attempts > 1) {
        result_put_text(&line, ",\"attempts\":");
        result_put_number(&line, result->attempts);
    }
    if (flags & (HAY_RESULT_META | HAY_RESULT_KEY))
        result_put(&line, keyed, (size_t)(result_copy_seq(keyed, seq) - keyed));
    if (flags & HAY_RESULT_KEY)
        result_put(&line, keyed, (size_t)(result_copy_key(keyed, result->key) - keyed));
    if (flags & HAY_RESULT_META)
        result_put_meta(&line, result);
    result_put_text(&line, RESULT_END);
    return line.size;
}

/* What nearly every line is: an id and a result, for which there is room. */
static size_t result_write_usual(char *out, const struct hay_result *result, uint64_t seq, bool keyed)
{
    char *at = result_copy_text(out, RESULT_ID);
    at = result_copy(at, result->id.at, result->id.size);
    at = result_copy_text(at, RESULT_STATUS RESULT_OK);
    at = result_copy(at, result->value.at, result->value.size);
    if (keyed)
        at = result_copy_key(result_copy_seq(at, seq), result->key);
    return (size_t)(result_copy_text(at, RESULT_END) - out);
}

size_t hay_result_write(char *out, size_t capacity, const struct hay_result *result, uint64_t seq, unsigned flags)
{
    if (!result)
        return 0;
    const size_t around = sizeof RESULT_ID RESULT_STATUS RESULT_OK RESULT_END + RESULT_KEYED;
    bool is_usual = out && result->outcome == HAY_OUTCOME_OK && result->attempts <= 1 && !(flags & HAY_RESULT_META) &&
                    result->id.at && result->id.size && result->value.at && result->value.size;
    if (is_usual && capacity > around && result->id.size < capacity - around &&
        result->value.size < capacity - around - result->id.size)
        return result_write_usual(out, result, seq, flags & HAY_RESULT_KEY);
    return result_write_any(out, capacity, result, seq, flags);
}
