/* SPDX-License-Identifier: MIT
 *
 * The exec plugin: run a command and capture what it prints. exec_args.c reads the args, exec_command.c runs the command; here
 * the result is made.
 *
 * The job ends when the command itself has ended, also when it is asked to end itself: what was printed by then comes along.
 * Output of what the command left in the background is waited for half a second. Any exit is a result, unless "check" makes a
 * bad one an error. Bytes that are not UTF-8 are replaced, unless "encoding" asks for base64. Of output that is too long for
 * memory, where "spool" gives a place for a file, the result has the size instead. With "output_fds" nothing is kept: the command
 * prints there by itself, or with "line_lock" through us, in whole lines.
 */
#include "exec_args.h"
#include "exec_command.h"
#include "exec_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define EXEC_TOLD 200           /* bytes of stderr in a message */
#define EXEC_GROUPS 1024        /* of three bytes, encoded at once */
#define EXEC_HEAD_EXIT "{\"exit\":%d,\"signal\":null,\"stdout\":"
#define EXEC_HEAD_SIGNAL "{\"exit\":null,\"signal\":%d,\"stdout\":"
#define EXEC_STDERR ",\"stderr\":"
#define EXEC_TRUNCATED ",\"truncated\":true"
#define EXEC_SHORT ",\"out_of_memory\":true"
#define EXEC_UNWRITTEN ",\"unwritten\":%d"

/* Captured bytes as a JSON string; what is not UTF-8 becomes U+FFFD, a character cut in two by the limit is left out. */
static json_t *exec_text(const struct exec_stream *stream)
{
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
static size_t exec_last_line(const struct exec_stream *stream, char buffer[EXEC_STREAM_TAIL], const char **line)
{
    const char *tail;
    size_t end = exec_stream_tail(stream, buffer, &tail);
    while (end && strchr(" \t\r\n", tail[end - 1]))
        end--;
    const char *newline = end ? memrchr(tail, '\n', end) : NULL;
    size_t start = newline ? (size_t)(newline + 1 - tail) : 0;
    *line = end ? tail + start : "";
    return end - start;
}

/* How a command has ended. */
struct exec_end {
    int status;
    bool was_short;     /* probably of memory */
};

/* Under "check": an end that is not good is an error, told with the last words of stderr. True after fail(). */
static bool exec_is_refused(hay_task *task, const struct exec_command *command, struct exec_end end,
                            const struct exec_stream streams[2])
{
    int status = end.status;
    char how[128] = "", told[EXEC_TOLD], buffer[EXEC_STREAM_TAIL];
    const char *line, *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
    if (WIFSIGNALED(status))
        snprintf(how, sizeof how, name ? "signal %d (SIG%s)" : "signal %d", WTERMSIG(status), name);
    else if (WEXITSTATUS(status))
        snprintf(how, sizeof how, "exit %d", WEXITSTATUS(status));
    if (end.was_short)
        snprintf(how + strlen(how), sizeof how - strlen(how), ", probably for lack of memory");
    if (streams[0].truncated || streams[1].truncated)
        snprintf(how + strlen(how), sizeof how - strlen(how), "%sit printed more than %zu bytes", how[0] ? ", and " : "",
                 command->max_output);
    if (!how[0])
        return false;
    size_t size = exec_last_line(&streams[1], buffer, &line);
    size = hay_text_clean(told, sizeof told, line, size);
    hay_fail(task, "%s%s%.*s", how, size ? ": " : "", (int)size, told);
    return true;
}

static inline void exec_base64_group(char *out, const unsigned char *at)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out[0] = digits[at[0] >> 2];
    out[1] = digits[(at[0] << 4 | at[1] >> 4) & 63];
    out[2] = digits[(at[1] << 2 | at[2] >> 6) & 63];
    out[3] = digits[at[2] & 63];
}

/* Each group of three bytes in four digits, what is left over padded. Returns how many. */
static size_t exec_base64(char *out, const unsigned char *at, size_t size)
{
    char *begin = out;
    for (; size >= 3; at += 3, size -= 3, out += 4)
        exec_base64_group(out, at);
    if (size) {
        unsigned char last[3] = { at[0], size > 1 ? at[1] : 0, 0 };
        exec_base64_group(out, last);
        memset(out + 1 + size, '=', 3 - size);
        out += 4;
    }
    return (size_t)(out - begin);
}

/* Straight into the result, for it can be long. */
static int exec_put_base64(hay_task *task, const struct exec_stream *stream)
{
    char text[EXEC_GROUPS * 4];
    int status = hay_json_put("\"", 1, task);
    for (size_t at = 0; !status && at < stream->size; at += EXEC_GROUPS * 3) {
        size_t left = stream->size - at, size = left < EXEC_GROUPS * 3 ? left : EXEC_GROUPS * 3;
        status = hay_json_put(text, exec_base64(text, (const unsigned char *)stream->bytes + at, size), task);
    }
    return status ? status : hay_json_put("\"", 1, task);
}

static int exec_put_text(hay_task *task, const struct exec_stream *stream)
{
    json_t *text = exec_text(stream);
    if (!text) {
        hay_fail(task, "out of memory");
        return -1;
    }
    int status = hay_json_write(text, 1, hay_json_put, task);
    json_decref(text);
    return status;
}

/* Output that could not be kept whole is no result. True after fail(). */
static bool exec_is_lost(hay_task *task, struct exec_stream streams[2])
{
    for (int i = 0; i < 2; i++) {
        struct exec_stream *stream = &streams[i];
        exec_stream_settle(stream);
        if (!stream->error || stream->lines.fd >= 0)
            continue;
        if (stream->path)
            hay_fail(task, "cannot keep what it printed in %.800s: %s", stream->path, strerror(stream->error));
        else
            hay_fail(task, "out of memory");
        return true;
    }
    return false;
}

/* Lines that found no room are told of in any case. That their reader has gone, the command has heard itself. */
static bool exec_is_unwritten(const struct exec_stream *stream)
{
    return stream->lines.fd >= 0 && stream->error && stream->error != EPIPE;
}

static int exec_put_stream(hay_task *task, const struct exec_stream *stream, bool base64)
{
    char digits[24];
    if (stream->settled)
        return hay_json_put(digits, (size_t)snprintf(digits, sizeof digits, "%zu", stream->size), task);
    return base64 ? exec_put_base64(task, stream) : exec_put_text(task, stream);
}

/* Where something cannot be put, the host knows already that the job has failed. */
static int exec_put_result(hay_task *task, struct exec_end end, struct exec_stream streams[2], bool base64)
{
    int status = end.status;
    char head[64];
    bool truncated = streams[0].truncated || streams[1].truncated;
    if (exec_is_lost(task, streams))
        return -1;
    int size = WIFSIGNALED(status) ? snprintf(head, sizeof head, EXEC_HEAD_SIGNAL, WTERMSIG(status))
                                   : snprintf(head, sizeof head, EXEC_HEAD_EXIT, WEXITSTATUS(status));
    if (hay_json_put(head, (size_t)size, task) || exec_put_stream(task, &streams[0], base64) ||
        hay_json_put(EXEC_STDERR, sizeof EXEC_STDERR - 1, task) || exec_put_stream(task, &streams[1], base64) ||
        (truncated && hay_json_put(EXEC_TRUNCATED, sizeof EXEC_TRUNCATED - 1, task)) ||
        (end.was_short && hay_json_put(EXEC_SHORT, sizeof EXEC_SHORT - 1, task)))
        return -1;
    size = streams[0].lines.fd >= 0 && streams[0].error ? snprintf(head, sizeof head, EXEC_UNWRITTEN, streams[0].error) : 0;
    if (size && hay_json_put(head, (size_t)size, task))
        return -1;
    return hay_json_put("}", 1, task);
}

static int exec_open_streams(const hay_task *task, const struct exec_command *command, struct exec_stream streams[2])
{
    static const char *const suffixes[2] = { ".out", ".err" };
    for (int i = 0; i < 2 && (command->output_fds[i] < 0 || command->lock_fd >= 0); i++) {
        streams[i].lines = (struct exec_lines){
            .fd = command->output_fds[i], .lock_fd = command->lock_fd, .tag = command->tag, .tag_size = command->tag_size,
        };
        if (exec_stream_open(&streams[i], command->max_output, command->spool, suffixes[i]))
            return -1;
        if (task->attempt > 1)
            exec_stream_forget(&streams[i]);
    }
    return 0;
}

/* 0, or -1 after fail(). */
static int exec_follow(hay_task *task, const struct exec_command *command, struct exec_stream streams[2], struct exec_end *end)
{
    exec_memory_note();
    if (exec_supervise(task, command, streams, &end->status))
        return -1;
    end->was_short = exec_memory_was_short(end->status);
    return 0;
}

static int exec_run(hay_task *task, json_t *args)
{
    struct exec_command command = { .stdin_fd = -1, .output_fds = { -1, -1 }, .lock_fd = -1 };
    struct exec_wish wish = { .base64 = false };
    struct exec_stream streams[2] = { EXEC_STREAM_NONE, EXEC_STREAM_NONE };
    struct exec_end end;
    int code = -1;
    if (!exec_command_read(task, args, &command, &wish)) {
        if (exec_open_streams(task, &command, streams))
            hay_fail(task, "cannot make a pipe: %s", strerror(errno));
        else if (!exec_follow(task, &command, streams, &end) &&
                 (task->host->cancelled(task) || !wish.checked || exec_is_unwritten(&streams[0]) ||
                  !exec_is_refused(task, &command, end, streams)))
            code = exec_put_result(task, end, streams, wish.base64);
    }
    exec_stream_close(&streams[0], !code);
    exec_stream_close(&streams[1], !code);
    exec_command_free(&command);
    return code;
}

/* The args as in HAY_JSON(); the result is not made a jansson value first. */
static int run(hay_task *task, const struct hay_function *function, const void *bytes, size_t size)
{
    json_t *args = hay_json_args(task, bytes, size);
    (void)function;
    if (!args)
        return -1;
    int code = exec_run(task, args);
    json_decref(args);
    return code;
}

HAY_PLUGIN_HOOKS(exec, "1.1", "Run commands", exec_open_null, exec_close_null, 0,
    HAY_FUNCTION(run, "Run a command: {\"argv\"} or {\"shell\"}, with "
                      "\"stdin\", \"env\", \"cwd\", \"max_output\", \"spool\", \"check\", \"encoding\", "
                      "\"fds\", \"output_fds\", \"line_lock\", \"tag\""))
