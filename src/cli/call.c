/* SPDX-License-Identifier: MIT
 *
 * `hayfork call`: one job, one worker, the bare result on stdout. Meant for hands and scripts, so the arguments may be spread
 * over lines, and every way in which a job can end badly is one line on stderr and exit 1.
 */
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/functions.h"
#include "cli/help.h"
#include "cli/logsink.h"
#include "cli/options.h"
#include "cli/reaper.h"
#include "cli/say.h"
#include "cli/setup.h"
#include "cli/signals.h"

#include <hayfork.h>

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CALL_CRASH_RETRIES_MAX 1000000

enum {
    CALL_INLINE = 256,
    CALL_TIMEOUT,
    CALL_START_TIMEOUT,
    CALL_GRACE,
    CALL_CRASH_RETRIES,
    CALL_CONFIG,
};

static const struct option_spec call_specs[] = {
    { 'p', "plugin", true },
    { CALL_CONFIG, "config", true },
    { CALL_INLINE, "inline", false },
    { CALL_TIMEOUT, "timeout", true },
    { CALL_START_TIMEOUT, "start-timeout", true },
    { CALL_GRACE, "grace", true },
    { CALL_CRASH_RETRIES, "crash-retries", true },
    { 'h', "help", false },
    { 0, NULL, false },
};

struct call {
    struct hay_pool_options pool_options;
    struct option_list plugins, configs;
    const char *function, *json;
    struct bytes args;      /* one line of JSON */
    FILE *out;              /* where the result goes */
    struct ev_loop *loop;
    struct hay_pool *pool;
    struct logsink *logs;
    struct ev_prepare turn_end;
    bool settled, broken;
    int code;
};

static void call_on_result(void *context, const struct hay_result *result)
{
    struct call *call = context;
    call->settled = true;
    if (result->outcome == HAY_OUTCOME_OK) {
        fwrite(result->value.at, 1, result->value.size, call->out);
        putc('\n', call->out);
        call->code = say_stream_done(call->out, CLI_OK);
    } else if (result->outcome != HAY_OUTCOME_SKIPPED) {
        say("%s: %.*s", hay_outcome_name(result->outcome), (int)result->message.size,
            result->message.at ? result->message.at : "");
        call->code = CLI_NOT_OK;
    } else if (result->has_cause) { /* else the pool had to stop: call_on_broken() says why */
        say("%.*s", (int)result->message.size, result->message.at);
    }
    ev_break(call->loop, EVBREAK_ALL);
}

static void call_on_log(void *context, int worker, const char *line, size_t size)
{
    struct call *call = context;
    (void)worker;
    logsink_line(call->logs, line, size);
}

static void call_on_broken(void *context, const char *reason)
{
    struct call *call = context;
    say("%s", reason);
    call->broken = true;
    ev_break(call->loop, EVBREAK_ALL);
}

static void call_on_signal(void *context, int count)
{
    struct call *call = context;
    if (count == 1 && !call->settled) {
        hay_pool_cancel_signal(call->pool, signals_first(), NULL);
        hay_pool_cancel_all(call->pool, true);
    } else {
        ev_break(call->loop, EVBREAK_ALL);
    }
}

static void call_on_turn_end(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    struct call *call = watcher->data;
    (void)loop;
    (void)events;
    logsink_flush(call->logs);
}

/* The arguments as one valid line. */
static int call_read_args(struct call *call, int stdin_fd)
{
    struct hay_jobline_fault fault;
    struct bytes *args = &call->args;
    bool from_stdin = call->json && !strcmp(call->json, "-");
    if (from_stdin) {
        int failure = bytes_read(args, stdin_fd, CLI_LINE_MAX);
        if (failure == -EFBIG)
            say("standard input is longer than %u MiB", CLI_LINE_MAX >> 20);
        else if (failure)
            say("cannot read standard input: %s", strerror(-failure));
        if (failure)
            return CLI_INPUT;
    } else {
        bytes_put_text(args, call->json ? call->json : "null");
    }
    if (args->failed)
        return say_no_memory();
    bytes_join_lines(args);
    if (hay_json_check(args->at, args->size, HAY_JOBLINE_DEPTH - 1, &fault) == HAY_OK)
        return CLI_OK;
    return say_usage("%s not JSON: column %zu: %s", from_stdin ? "standard input is" : "the arguments are", fault.column,
                     fault.reason);
}

/* The loop until the job is settled, and the end of the worker. */
static void call_run(struct call *call)
{
    struct hay_error error = { .status = HAY_OK };
    struct hay_job job = { .function = call->function, .args = bytes_span(&call->args) };
    if (hay_pool_submit(call->pool, &job, -1, NULL, &error) != HAY_OK) {
        say("%s", error.text);
        call->code = CLI_STOPPED;
        return;
    }
    if (!call->settled)
        ev_run(call->loop, 0);
    setup_end_workers(call->pool, !call->settled);
    if (call->broken)
        call->code = CLI_STOPPED;
}

static void call_on_exit(void *context)
{
    (void)context;
    say("the function has ended this process by exit()");
}

/* From a pool with its function to the exit code; a signal ends the process the same way. */
static int call_start(struct call *call)
{
    struct hay_error error = { .status = HAY_OK };
    struct reaper reaper;
    reaper_init(&reaper);
    signals_start(call->loop, call->pool_options.workers == HAY_POOL_INLINE ? 0 : 2, call_on_signal, call);
    ev_prepare_init(&call->turn_end, call_on_turn_end);
    call->turn_end.data = call;
    ev_prepare_start(call->loop, &call->turn_end);
    call->code = CLI_STOPPED;
    if (call->pool_options.workers == HAY_POOL_INLINE)
        setup_guard_exit(call_on_exit, call);
    enum hay_status status = hay_pool_start(call->pool, &error);
    if (status != HAY_OK) {
        say("%s", error.text);
        call->code = status == HAY_EPLUGIN ? CLI_PLUGIN : CLI_STOPPED;
    } else {
        if (call->pool_options.workers != HAY_POOL_INLINE)
            reaper_start(&reaper, call->loop, call->pool);
        call_run(call);
    }
    ev_prepare_stop(call->loop, &call->turn_end);
    reaper_stop(&reaper);
    hay_pool_free(call->pool);
    call->pool = NULL;
    setup_guard_exit(NULL, NULL);
    reaper_finish(&reaper);
    logsink_flush(call->logs); /* what came at the end of the worker, too */
    if (signals_first())
        signals_raise(signals_first());
    return call->code;
}

static int call_open(struct call *call)
{
    struct hay_error error = { .text = "out of memory" };
    int fds[2] = { STDIN_FILENO, STDOUT_FILENO }, index;
    if (call->pool_options.workers == HAY_POOL_INLINE)
        setup_guard_stdio(fds);
    int code = call_read_args(call, fds[0]);
    if (code)
        return code;
    call->out = fds[1] == STDOUT_FILENO ? stdout : setup_stream(fds[1]);
    call->loop = ev_loop_new(EVFLAG_AUTO);
    call->logs = call->loop ? logsink_open(call->loop) : NULL;
    call->pool_options.loop = call->loop;
    call->pool_options.context = call;
    call->pool_options.on_result = call_on_result;
    call->pool_options.on_log = call_on_log;
    call->pool_options.on_broken = call_on_broken;
    call->pool = call->out && call->logs ? hay_pool_new(&call->pool_options, &error) : NULL;
    if (!call->pool) {
        say("cannot start: %s", error.text);
        return CLI_STOPPED;
    }
    code = functions_load(call->pool, &call->plugins, &call->configs, call->function, &index);
    return code ? code : call_start(call);
}

static void call_close(struct call *call)
{
    hay_pool_free(call->pool);
    uint64_t dropped = logsink_close(call->logs);
    if (dropped)
        say("%llu line%s of the worker's output dropped", (unsigned long long)dropped, dropped == 1 ? "" : "s");
    signals_stop();
    if (call->loop)
        ev_loop_destroy(call->loop);
    if (call->out && call->out != stdout)
        fclose(call->out);
    bytes_release(&call->args);
}

/* One option or operand; false after a fault. */
static bool call_take(struct call *call, const struct options *reader, int key)
{
    struct hay_pool_options *pool = &call->pool_options;
    uint64_t number;
    switch (key) {
    case 'p':
        option_list_add(&call->plugins, reader->value);
        return true;
    case CALL_CONFIG:
        option_list_add(&call->configs, reader->value);
        return true;
    case CALL_INLINE:
        pool->workers = HAY_POOL_INLINE;
        return true;
    case CALL_TIMEOUT:
        return options_duration(reader, &pool->timeout_ms);
    case CALL_START_TIMEOUT:
        return options_time(reader, &pool->start_timeout_ms);
    case CALL_GRACE:
        if (!options_duration(reader, &pool->grace_ms))
            return false;
        pool->grace_ms = pool->grace_ms ? pool->grace_ms : HAY_POOL_NO_GRACE;
        return true;
    case CALL_CRASH_RETRIES:
        if (!options_count(reader, 0, CALL_CRASH_RETRIES_MAX, &number))
            return false;
        pool->crash_retries = number ? (int)number : HAY_POOL_NO_CRASH_RETRY;
        return true;
    default:
        if (call->json) {
            say_usage("'%s' is too much after the arguments", reader->value);
            return false;
        }
        *(call->function ? &call->json : &call->function) = reader->value;
        return true;
    }
}

/* -1, or the exit code after a fault or --help. */
static int call_options(struct call *call, int argc, char **argv)
{
    struct options reader;
    int key;
    options_init(&reader, call_specs, argc, argv);
    reader.numbers = true;
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb("call");
        if (key == OPTIONS_FAULT || !call_take(call, &reader, key))
            return CLI_USAGE;
    }
    return call->function ? -1 : say_usage("which function? PLUGIN.FUNCTION is needed");
}

int call_main(int argc, char **argv)
{
    struct call call = { .pool_options = { .workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY } };
    int code;
    if (!option_list_init(&call.plugins, argc) || !option_list_init(&call.configs, argc))
        code = say_no_memory();
    else if ((code = call_options(&call, argc, argv)) < 0) {
        call.code = call_open(&call);
        call_close(&call);
        code = call.code;
    }
    option_list_release(&call.plugins);
    option_list_release(&call.configs);
    return code;
}
