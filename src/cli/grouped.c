/* SPDX-License-Identifier: MIT
 *
 * From the JSON of exec.run to bytes. It comes from a worker, so whatever does not look as exec.run writes it with base64 is an
 * error and not a guess. On stderr a failure that the command itself could not tell gets one line: that it was killed, took too
 * long, never ran.
 */
#include "cli/grouped.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPED_HEAD (3 * sizeof(uint64_t))
#define GROUPED_NOTICE 1024
#define GROUPED_TAIL 2048
#define GROUPED_COMMAND 200     /* bytes of a command in a notice */

struct grouped {
    int exit_code, signal;      /* -1: null */
    bool truncated;
    struct hay_span streams[2]; /* in base64, or as they stand in a JSON string */
};

/* The string that begins at `at`, quotes included; size 0: it has no end. Its end is a quote that no odd number of backslashes
 * precedes: megabytes of it are passed by memchr(). */
static struct hay_span grouped_string(const char *at, const char *end)
{
    const char *past = at + 1;
    while (past < end && (past = memchr(past, '"', (size_t)(end - past)))) {
        const char *slash = past;
        while (slash - 1 > at && slash[-1] == '\\')
            slash--;
        past++;
        if ((past - slash) % 2)
            return (struct hay_span){ at, (size_t)(past - at) };
    }
    return (struct hay_span){ at, 0 };
}

/* The value that begins at `at`; size 0: there is none. */
static struct hay_span grouped_value(const char *at, const char *end)
{
    const char *past = at;
    if (at < end && *at == '"')
        return grouped_string(at, end);
    while (past < end && *past != ',' && *past != '}')
        past++;
    return (struct hay_span){ at, past < end ? (size_t)(past - at) : 0 };
}

/* A number, or -1 for null and all else. */
static int grouped_number(struct hay_span span)
{
    char digits[8];
    if (!span.size || span.size >= sizeof digits || span.at[0] < '0' || span.at[0] > '9')
        return -1;
    memcpy(digits, span.at, span.size);
    digits[span.size] = '\0';
    return atoi(digits);
}

static void grouped_set(struct grouped *grouped, struct hay_span key, struct hay_span value)
{
    bool is_text = value.size >= 2 && value.at[0] == '"';
    struct hay_span inside = is_text ? (struct hay_span){ value.at + 1, value.size - 2 } : (struct hay_span){ NULL, 0 };
    if (bytes_span_is(key, "\"exit\""))
        grouped->exit_code = grouped_number(value);
    else if (bytes_span_is(key, "\"signal\""))
        grouped->signal = grouped_number(value);
    else if (bytes_span_is(key, "\"stdout\""))
        grouped->streams[0] = inside;
    else if (bytes_span_is(key, "\"stderr\""))
        grouped->streams[1] = inside;
    else if (bytes_span_is(key, "\"truncated\""))
        grouped->truncated = bytes_span_is(value, "true");
}

static bool grouped_read(struct hay_span json, struct grouped *grouped)
{
    const char *at = json.at, *end = json.at + json.size;
    *grouped = (struct grouped){ .exit_code = -1, .signal = -1 };
    if (!json.size || *at != '{')
        return false;
    while (at < end && (*at == '{' || *at == ',')) {
        struct hay_span key = grouped_value(at + 1, end);
        at = key.at + key.size;
        if (!key.size || at == end || *at != ':')
            return false;
        struct hay_span value = grouped_value(at + 1, end);
        at = value.at + value.size;
        if (!value.size)
            return false;
        grouped_set(grouped, key, value);
    }
    return grouped->streams[0].at && grouped->streams[1].at && (grouped->exit_code >= 0) != (grouped->signal >= 0);
}

/* "exit 3: ..." or "signal 9 (SIGKILL): ..." */
static void grouped_judge_error(struct hay_result *result)
{
    char head[24];
    size_t size = result->message.size < sizeof head - 1 ? result->message.size : sizeof head - 1;
    int number = 0, used = 0;
    memcpy(head, result->message.at, size);
    head[size] = '\0';
    if (sscanf(head, "exit %3d%n", &number, &used) == 1 && strchr(":,", head[used]))
        result->exit_code = number;
    else if (sscanf(head, "signal %3d", &number) == 1)
        result->signal = number;
}

void grouped_judge(struct hay_result *result, char *reason, size_t capacity)
{
    struct grouped grouped;
    if (result->outcome == HAY_OUTCOME_ERROR && result->message.at)
        grouped_judge_error(result);
    if (result->outcome != HAY_OUTCOME_OK)
        return;
    reason[0] = '\0';
    if (!grouped_read(result->value, &grouped)) {
        snprintf(reason, capacity, "exec.run returned what it should not");
        result->value = (struct hay_span){ NULL, 0 };
    } else if (grouped.signal >= 0) {
        const char *name = sigabbrev_np(grouped.signal);
        snprintf(reason, capacity, name ? "killed by signal %d (SIG%s)" : "killed by signal %d", grouped.signal, name);
        result->signal = grouped.signal;
    } else if (grouped.exit_code) {
        snprintf(reason, capacity, "exit %d", grouped.exit_code);
        result->exit_code = grouped.exit_code;
    } else if (!grouped.truncated) {
        return;
    }
    if (grouped.truncated) {
        size_t size = strlen(reason);
        snprintf(reason + size, capacity - size, "%sits output was cut: it printed more than --max-output", size ? ", and " : "");
    }
    result->outcome = HAY_OUTCOME_ERROR;
    result->message = (struct hay_span){ reason, strlen(reason) };
}

/* The last line of stderr that has something in it, as far as `capacity`; cut at the front when the end of stderr is all one
 * line. */
static size_t grouped_last_line(struct hay_span inside, char *line, size_t capacity)
{
    char tail[GROUPED_TAIL];
    const char *at = inside.at, *end = inside.at + inside.size;
    if (inside.size > sizeof tail / 2) /* and not within an escape or a character */
        for (at = end - sizeof tail / 2;
             at < end && (at[-1] == '\\' || strchr("\\u0123456789abcdefABCDEF", *at) || (*at & 0xc0) == 0x80);)
            at++;
    size_t size = hay_json_unescape(at, (size_t)(end - at), tail, sizeof tail);
    while (size && strchr(" \t\r\n", tail[size - 1]))
        size--;
    const char *newline = size ? memrchr(tail, '\n', size) : NULL;
    size_t from = newline ? (size_t)(newline + 1 - tail) : 0;
    return (size_t)snprintf(line, capacity, "%.*s", (int)(size - from), tail + from);
}

void grouped_judge_json(struct hay_result *result, char *reason, size_t capacity)
{
    struct grouped grouped;
    char line[GROUPED_TAIL];
    bool was_ok = result->outcome == HAY_OUTCOME_OK;
    grouped_judge(result, reason, capacity);
    if (!was_ok || result->outcome != HAY_OUTCOME_ERROR || !grouped_read(result->value, &grouped) ||
        !grouped_last_line(grouped.streams[1], line, sizeof line))
        return;
    size_t size = strlen(reason);
    snprintf(reason + size, capacity - size, ": %s", line);
    result->message.size = bytes_utf8(reason, strlen(reason)); /* it may have been cut */
}

/* What the command cannot have said itself. Cancelled and skipped jobs are many at once, and the run says why it stops. */
static size_t grouped_notice(char *out, const struct hay_result *result, struct hay_span command, bool truncated)
{
    char message[GROUPED_NOTICE / 2], name[GROUPED_COMMAND];
    int size;
    if (result->outcome == HAY_OUTCOME_OK || result->outcome == HAY_OUTCOME_CANCELLED || result->outcome == HAY_OUTCOME_SKIPPED)
        return 0;
    if (result->outcome == HAY_OUTCOME_ERROR && result->exit_code > 0 && !truncated)
        return 0;
    say_escape(message, sizeof message, result->message.at ? result->message.at : "", result->message.size);
    if (result->outcome == HAY_OUTCOME_REJECTED)
        size = snprintf(out, GROUPED_NOTICE, "hayfork exec: line %" PRIu64 ": %s\n", result->line, message);
    else
        size = snprintf(out, GROUPED_NOTICE, "hayfork exec: %s%s: %s\n",
                        result->outcome == HAY_OUTCOME_CRASH ? "its worker was lost: " : "", message,
                        say_escape(name, sizeof name, command.at ? command.at : "", command.size));
    return size > 0 ? (size_t)size : 0;
}

/* The bytes of a base64 text at `at`, none where it is no such text; returns how many. */
static size_t grouped_decode(char *at, struct hay_span text)
{
    ssize_t size = text.size ? bytes_from_base64(at, text.at, text.size) : 0;
    return size > 0 ? (size_t)size : 0;
}

size_t grouped_render(char *out, size_t capacity, const struct hay_result *result, struct hay_span command, struct hay_span tag)
{
    struct grouped grouped;
    char notice[GROUPED_NOTICE];
    uint64_t sizes[3] = { 0, 0, 0 };
    if (!result->value.at || !grouped_read(result->value, &grouped))
        grouped = (struct grouped){ .exit_code = -1 };
    size_t notice_size = grouped_notice(notice, result, command, grouped.truncated);
    size_t streams_size = grouped.streams[0].size / 4 * 3 + grouped.streams[1].size / 4 * 3;
    size_t most = GROUPED_HEAD + streams_size + 1 + notice_size + tag.size + 1;
    if (most > capacity)
        return most;
    char *at = out + GROUPED_HEAD;
    for (int i = 0; i < 2; i++)
        at += sizes[i] = grouped_decode(at, grouped.streams[i]);
    if (notice_size && sizes[1] && at[-1] != '\n') {
        *at++ = '\n';
        sizes[1]++;
    }
    memcpy(at, notice, notice_size);
    sizes[1] += notice_size;
    at += notice_size;
    sizes[2] = grouped_decode(at, tag);
    if (tag.at)
        at[sizes[2]++] = '\t';
    at += sizes[2];
    memcpy(out, sizes, GROUPED_HEAD);
    return (size_t)(at - out);
}

/* As they are, or each line with the tag, which ends with a tab, in front. */
static void grouped_put(struct output *output, struct hay_span bytes, struct hay_span tag)
{
    const char *at = bytes.at, *end = bytes.at + bytes.size;
    while (tag.size && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *past = newline ? newline + 1 : end;
        output_bytes(output, tag.at, tag.size);
        output_bytes(output, at, (size_t)(past - at));
        at = past;
    }
    output_bytes(output, at, (size_t)(end - at));
}

void grouped_write(struct run *run, struct hay_span bytes)
{
    uint64_t sizes[3];
    if (bytes.size < GROUPED_HEAD)
        return;
    memcpy(sizes, bytes.at, GROUPED_HEAD);
    const char *at = bytes.at + GROUPED_HEAD;
    struct hay_span streams[2] = { { at, sizes[0] }, { at + sizes[0], sizes[1] } };
    struct hay_span tag = { at + sizes[0] + sizes[1], sizes[2] };
    grouped_put(&run->output, streams[0], tag);
    if (!sizes[1])
        return;
    say_make_way();
    output_flush(&run->output); /* on a terminal both come out in this order */
    grouped_put(&run->errors, streams[1], tag);
    output_flush(&run->errors);
}
