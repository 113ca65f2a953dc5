/* SPDX-License-Identifier: MIT
 *
 * From the JSON of exec.run to bytes. It comes from a worker, so whatever does not look as exec.run writes it with base64 is an
 * error and not a guess. On stderr a failure that the command itself could not tell gets one line: that it was killed, took too
 * long, never ran. How these bytes go out is grouped_write.c's.
 */
#include "cli/grouped.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUPED_NOTICE 1024
#define GROUPED_TAIL 2048
#define GROUPED_ESCAPE 5        /* how far from its end an escape, "\u0041", can begin */
#define GROUPED_COMMAND 200     /* bytes of a command in a notice */

struct grouped {
    int exit_code, signal;      /* -1: null */
    bool truncated;
    bool was_short;             /* of memory, probably */
    int unwritten;              /* why what was to be passed on was not, as errno; 0: it was */
    struct hay_span streams[2]; /* in base64, or as they stand in a JSON string; NULL: */
    int64_t spooled_bytes[2];   /* so many are in a file; -1: nor that */
};

/* Is this byte of a string, which begins at `begin`, part of the escape of a backslash before it? */
static bool grouped_is_escaped(const char *begin, const char *at)
{
    const char *slash = at;
    while (slash > begin && slash[-1] == '\\')
        slash--;
    return (at - slash) % 2;
}

/* The string that begins at `at`, quotes included; size 0: it has no end. Megabytes of it are passed by memchr(). */
static struct hay_span grouped_string(const char *at, const char *end)
{
    const char *past = at + 1;
    while (past < end && (past = memchr(past, '"', (size_t)(end - past))))
        if (!grouped_is_escaped(at + 1, past++))
            return (struct hay_span){ at, (size_t)(past - at) };
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

/* A number of at most so many digits, or -1 for null and all else. */
static int64_t grouped_number(struct hay_span span, size_t most_digits)
{
    int64_t number = 0;
    for (size_t i = 0; i < span.size; i++) {
        if (i == most_digits || span.at[i] < '0' || span.at[i] > '9')
            return -1;
        number = number * 10 + (span.at[i] - '0');
    }
    return span.size ? number : -1;
}

static void grouped_set_stream(struct grouped *grouped, int stream, struct hay_span value)
{
    bool is_text = value.size >= 2 && value.at[0] == '"';
    grouped->streams[stream] = is_text ? (struct hay_span){ value.at + 1, value.size - 2 } : (struct hay_span){ NULL, 0 };
    grouped->spooled_bytes[stream] = grouped_number(value, 15);
}

static void grouped_set(struct grouped *grouped, struct hay_span key, struct hay_span value)
{
    if (bytes_span_is(key, "\"exit\""))
        grouped->exit_code = (int)grouped_number(value, 7);
    else if (bytes_span_is(key, "\"signal\""))
        grouped->signal = (int)grouped_number(value, 7);
    else if (bytes_span_is(key, "\"stdout\""))
        grouped_set_stream(grouped, 0, value);
    else if (bytes_span_is(key, "\"stderr\""))
        grouped_set_stream(grouped, 1, value);
    else if (bytes_span_is(key, "\"truncated\""))
        grouped->truncated = bytes_span_is(value, "true");
    else if (bytes_span_is(key, "\"out_of_memory\""))
        grouped->was_short = bytes_span_is(value, "true");
    else if (bytes_span_is(key, "\"unwritten\""))
        grouped->unwritten = (int)grouped_number(value, 4);
}

static bool grouped_read(struct hay_span json, struct grouped *grouped)
{
    const char *at = json.at, *end = json.at + json.size;
    *grouped = (struct grouped){ .exit_code = -1, .signal = -1, .spooled_bytes = { -1, -1 } };
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
    for (int i = 0; i < 2; i++)
        if (!grouped->streams[i].at && grouped->spooled_bytes[i] < 0)
            return false;
    return (grouped->exit_code >= 0) != (grouped->signal >= 0);
}

/* The files of a job are those that its result has, and wait from now on; the others, which an attempt before it may have left,
 * go. False: one that it has is not there, or it is no result, and none waits. */
static bool grouped_find(struct run *run, uint64_t number, const struct grouped *grouped, bool is_good)
{
    const int64_t *sizes = grouped->spooled_bytes;
    for (int i = 0; i < 2; i++)
        is_good = is_good && (sizes[i] < 0 || spool_has(&run->spool, number, i, (uint64_t)sizes[i]));
    for (int i = 0; i < 2; i++) {
        if (is_good && sizes[i] >= 0)
            run->spool.waiting_bytes += (uint64_t)sizes[i];
        else
            spool_drop(&run->spool, number, i);
    }
    return is_good;
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

/* A reader that has gone is no fault of the command. */
static bool grouped_is_unwritten(const struct grouped *grouped)
{
    return grouped->unwritten > 0 && grouped->unwritten != EPIPE;
}

static void grouped_judge_ok(const struct run *run, const struct grouped *grouped, struct hay_result *result, char *reason,
                             size_t capacity)
{
    reason[0] = '\0';
    if (grouped->signal >= 0) {
        const char *name = sigabbrev_np(grouped->signal);
        snprintf(reason, capacity, name ? "killed by signal %d (SIG%s)" : "killed by signal %d", grouped->signal, name);
        result->signal = grouped->signal;
    } else if (grouped->exit_code) {
        snprintf(reason, capacity, "exit %d", grouped->exit_code);
        result->exit_code = grouped->exit_code;
    } else if (!grouped->truncated && !grouped_is_unwritten(grouped)) {
        return;
    }
    if (grouped->was_short)
        snprintf(reason + strlen(reason), capacity - strlen(reason), ", probably for lack of memory");
    if (grouped_is_unwritten(grouped)) {
        size_t size = strlen(reason);
        snprintf(reason + size, capacity - size, "%swhat it printed cannot be written: %s", size ? ", and " : "",
                 strerror(grouped->unwritten));
    }
    if (grouped->truncated) {
        size_t size = strlen(reason);
        snprintf(reason + size, capacity - size, "%sits output was cut: it printed more than %s%s", size ? ", and " : "",
                 run->spool.failure ? "is kept without a folder for it in TMPDIR: " : "--max-output",
                 run->spool.failure ? strerror(-run->spool.failure) : "");
    }
    result->outcome = HAY_OUTCOME_ERROR;
    result->message = (struct hay_span){ reason, strlen(reason) };
}

void grouped_judge(struct run *run, struct hay_result *result, char *reason, size_t capacity)
{
    struct grouped grouped = { .spooled_bytes = { -1, -1 } };
    bool is_ok = result->outcome == HAY_OUTCOME_OK, is_good = result->value.at && grouped_read(result->value, &grouped);
    bool is_spooled = grouped.spooled_bytes[0] >= 0 || grouped.spooled_bytes[1] >= 0;
    if (is_spooled || result->attempts > 1 || (result->attempts && !is_good))
        is_good = grouped_find(run, result->tag, &grouped, is_good);
    if (is_good && grouped.unwritten > 0 && !run->options->output && !run->output.failure)
        run->output.failure = -grouped.unwritten;
    if (is_good && is_ok) {
        grouped_judge_ok(run, &grouped, result, reason, capacity);
    } else if (is_ok) {
        snprintf(reason, capacity, "exec.run returned what it should not");
        result->outcome = HAY_OUTCOME_ERROR;
        result->message = (struct hay_span){ reason, strlen(reason) };
    } else if (result->outcome == HAY_OUTCOME_ERROR && result->message.at) {
        grouped_judge_error(result);
    }
    if (!is_good)
        result->value = (struct hay_span){ NULL, 0 };
}

/* Where the last bytes of a string begin, so many or a few more or less: not within an escape or a character. */
static const char *grouped_tail(struct hay_span inside, size_t size)
{
    const char *end = inside.at + inside.size, *at = end - size, *slash = memrchr(at - GROUPED_ESCAPE, '\\', GROUPED_ESCAPE);
    if (slash && !grouped_is_escaped(inside.at, slash))
        return slash;
    while (at < end && (*at & 0xc0) == 0x80)
        at++;
    return at;
}

/* The last line of stderr that has something in it, as far as `capacity`; cut at the front when the end of stderr is all one
 * line. */
static size_t grouped_last_line(struct hay_span inside, char *line, size_t capacity)
{
    char tail[GROUPED_TAIL];
    const char *at = inside.size > sizeof tail / 2 ? grouped_tail(inside, sizeof tail / 2) : inside.at;
    size_t size = hay_json_unescape(at, (size_t)(inside.at + inside.size - at), tail, sizeof tail);
    while (size && strchr(" \t\r\n", tail[size - 1]))
        size--;
    const char *newline = size ? memrchr(tail, '\n', size) : NULL;
    size_t from = newline ? (size_t)(newline + 1 - tail) : 0;
    return (size_t)snprintf(line, capacity, "%.*s", (int)(size - from), tail + from);
}

void grouped_judge_json(struct run *run, struct hay_result *result, char *reason, size_t capacity)
{
    struct grouped grouped;
    char line[GROUPED_TAIL];
    bool was_ok = result->outcome == HAY_OUTCOME_OK;
    grouped_judge(run, result, reason, capacity);
    if (!was_ok || result->outcome != HAY_OUTCOME_ERROR || !grouped_read(result->value, &grouped) ||
        !grouped_last_line(grouped.streams[1], line, sizeof line))
        return;
    size_t size = strlen(reason);
    snprintf(reason + size, capacity - size, ": %s", line);
    result->message.size = bytes_utf8(reason, strlen(reason)); /* it may have been cut */
}

/* Cancelled and skipped jobs are many at once, and the run says why it stops. */
static bool grouped_is_left(const struct hay_result *result)
{
    bool has_run = result->outcome != HAY_OUTCOME_CANCELLED && result->outcome != HAY_OUTCOME_SKIPPED;
    return !has_run && !result->has_cause;
}

/* What the command cannot have said itself. */
static size_t grouped_notice(char *out, const struct hay_result *result, struct hay_span command, const struct grouped *grouped)
{
    char message[GROUPED_NOTICE / 2], name[GROUPED_COMMAND];
    int size;
    if (result->outcome == HAY_OUTCOME_OK || grouped_is_left(result))
        return 0;
    if (result->outcome == HAY_OUTCOME_ERROR && result->exit_code > 0 && !grouped->truncated && !grouped->was_short)
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
    struct grouped_head head = { .number = result->tag };
    if (!result->value.at || !grouped_read(result->value, &grouped))
        grouped = (struct grouped){ .exit_code = -1 };
    head.sizes[GROUPED_NOTE] = grouped_notice(notice, result, command, &grouped);
    size_t streams_size = grouped.streams[0].size / 4 * 3 + grouped.streams[1].size / 4 * 3;
    size_t most = sizeof head + streams_size + head.sizes[GROUPED_NOTE] + tag.size + 1;
    if (most > capacity)
        return most;
    char *at = out + sizeof head;
    head.sizes[GROUPED_TAG] = grouped_decode(at, tag);
    if (tag.at)
        at[head.sizes[GROUPED_TAG]++] = '\t';
    at += head.sizes[GROUPED_TAG];
    for (int i = 0; i < 2; i++) {
        at += head.sizes[i] = grouped_decode(at, grouped.streams[i]);
        head.is_spooled[i] = !grouped.streams[i].at && grouped.spooled_bytes[i] > 0;
        if (head.is_spooled[i])
            head.sizes[i] = (uint64_t)grouped.spooled_bytes[i];
    }
    memcpy(at, notice, head.sizes[GROUPED_NOTE]);
    at += head.sizes[GROUPED_NOTE];
    memcpy(out, &head, sizeof head);
    return (size_t)(at - out);
}
