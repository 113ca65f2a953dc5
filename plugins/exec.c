/* SPDX-License-Identifier: MIT
 *
 * The exec plugin: run a command and capture what it prints. exec_args.c reads the args, exec_command.c runs the command; here
 * the result is made.
 *
 * The job ends when the command itself has ended, also when it is asked to end itself: what was printed by then comes along.
 * Output of what the command left in the background is waited for half a second. Any exit is a result, unless "check" makes a
 * bad one an error. Bytes that are not UTF-8 are replaced, unless "encoding" asks for base64.
 */
#include "exec_args.h"
#include "exec_command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define EXEC_TOLD 200           /* bytes of stderr in a message */

static json_t *exec_base64_text(const struct exec_stream *stream)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc(stream->size / 3 * 4 + 5), *out = text;
    for (size_t i = 0; text && i < stream->size; i += 3) {
        unsigned group = 0;
        size_t left = stream->size - i;
        for (size_t k = 0; k < 3; k++)
            group = group << 8 | (k < left ? (unsigned char)stream->bytes[i + k] : 0);
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
    json_t *value = text ? json_stringn_nocheck(text, (size_t)(out - text)) : NULL;
    free(text);
    return value;
}

/* Captured bytes as a JSON string; what is not UTF-8 becomes U+FFFD, a character cut in two by the limit is left out. */
static json_t *exec_text(const struct exec_stream *stream, bool base64)
{
    if (base64)
        return exec_base64_text(stream);
    json_t *text = json_stringn(stream->bytes ? stream->bytes : "", stream->size);
    if (text)
        return text;
    size_t size = stream->size;
    for (size_t back = 1; stream->truncated && back < 4 && back <= stream->size; back++) {
        int valid;
        const unsigned char *at = (const unsigned char *)stream->bytes + stream->size - back;
        if (*at < 0xc2 || hay_text_character(at, back, &valid) != back || valid)
            continue;
        size -= back;
        break;
    }
    char *clean = malloc(size * 3 + 1);
    if (clean)
        text = json_stringn_nocheck(clean, hay_text_clean(clean, size * 3, stream->bytes, size));
    free(clean);
    return text;
}

/* The last line of stderr that has something in it. */
static size_t exec_last_line(const struct exec_stream *stream, const char **line)
{
    size_t end = stream->size, start;
    while (end && strchr(" \t\r\n", stream->bytes[end - 1]))
        end--;
    const char *newline = end ? memrchr(stream->bytes, '\n', end) : NULL;
    start = newline ? (size_t)(newline + 1 - stream->bytes) : 0;
    *line = end ? stream->bytes + start : "";
    return end - start;
}

/* Under "check": an end that is not good is an error, told with the last words of stderr. True after fail(). */
static bool exec_is_refused(hay_task *task, const struct exec_command *command, int status, const struct exec_stream streams[2])
{
    char how[80] = "", told[EXEC_TOLD];
    const char *line, *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, name ? "signal %d (SIG%s)" : "signal %d", WTERMSIG(status), name);
    else if (WEXITSTATUS(status))
        snprintf(how, sizeof how, "exit %d", WEXITSTATUS(status));
    if (streams[0].truncated || streams[1].truncated)
        snprintf(how + strlen(how), sizeof how - strlen(how), "%sit printed more than %zu bytes", how[0] ? ", and " : "",
                 command->max_output);
    if (!how[0])
        return false;
    size_t size = exec_last_line(&streams[1], &line);
    size = hay_text_clean(told, sizeof told, line, size);
    hay_fail(task, "%s%s%.*s", how, size ? ": " : "", (int)size, told);
    return true;
}

static json_t *exec_result(hay_task *task, int status, const struct exec_stream streams[2], bool base64)
{
    json_t *result = json_pack("{s:o,s:o,s:o,s:o}", "exit", WIFEXITED(status) ? json_integer(WEXITSTATUS(status)) : json_null(),
                               "signal", WIFSIGNALED(status) ? json_integer(WTERMSIG(status)) : json_null(),
                               "stdout", exec_text(&streams[0], base64), "stderr", exec_text(&streams[1], base64));
    if (result && (streams[0].truncated || streams[1].truncated) && json_object_set_new(result, "truncated", json_true())) {
        json_decref(result);
        result = NULL;
    }
    if (result && !streams[0].failed && !streams[1].failed)
        return result;
    json_decref(result);
    return hay_fail(task, "out of memory");
}

static json_t *run(hay_task *task, json_t *args)
{
    struct exec_command command = { .stdin_fd = -1 };
    struct exec_wish wish = { .base64 = false };
    struct exec_stream streams[2] = { { .read_fd = -1, .write_fd = -1 }, { .read_fd = -1, .write_fd = -1 } };
    json_t *result = NULL;
    int status;
    if (!exec_command_read(task, args, &command, &wish)) {
        if (task->host->cancelled(task))
            hay_fail(task, "cancelled");
        else if (exec_stream_open(&streams[0]) || exec_stream_open(&streams[1]))
            hay_fail(task, "cannot make a pipe: %s", strerror(errno));
        else if (!exec_supervise(task, &command, streams, &status) &&
                 (task->host->cancelled(task) || (json_int_t)task->attempt > wish.checked ||
                  !exec_is_refused(task, &command, status, streams)))
            result = exec_result(task, status, streams, wish.base64);
    }
    exec_stream_close(&streams[0]);
    exec_stream_close(&streams[1]);
    exec_command_free(&command);
    return result;
}

HAY_PLUGIN_HOOKS(exec, "1.1", "Run commands", exec_open_null, exec_close_null, 0,
    HAY_JSON(run, "Run a command: {\"argv\"} or {\"shell\"}, with "
                  "\"stdin\", \"env\", \"cwd\", \"max_output\", \"check\", \"encoding\""))
