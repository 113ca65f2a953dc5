/* SPDX-License-Identifier: MIT
 *
 * The command line of `hayfork run`. Zero means "the default" in the pool's options, so an explicit zero becomes the pool's own
 * word for none.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/run.h"
#include "cli/say.h"

#include <string.h>
#include <unistd.h>

#define RUN_RETRIES_MAX 1000000000
#define RUN_QUEUE_MAX 1000000000
#define RUN_WINDOW 65536
#define RUN_WINDOW_MAX (1 << 24)

enum {
    RUN_QUEUE = 256,
    RUN_TIMEOUT,
    RUN_START_TIMEOUT,
    RUN_GRACE,
    RUN_RETRIES,
    RUN_RETRY_TIMEOUTS,
    RUN_CRASH_RETRIES,
    RUN_MAX_RESULT,
    RUN_INLINE,
    RUN_META,
    RUN_SUMMARY,
    RUN_NO_SUMMARY,
    RUN_JOBLOG,
    RUN_TRACE,
    RUN_STDERR,
    RUN_PROGRESS,
    RUN_ORDER_WINDOW,
    RUN_DRY_RUN,
    RUN_CONFIG,
};

static const struct option_spec run_specs[] = {
    CONTROL_SPECS,
    JOURNAL_SPECS,
    { 'p', "plugin", true },
    { RUN_CONFIG, "config", true },
    { 'f', "function", true },
    { 'o', "output", true },
    { RUN_QUEUE, "queue", true },
    { RUN_TIMEOUT, "timeout", true },
    { RUN_START_TIMEOUT, "start-timeout", true },
    { RUN_GRACE, "grace", true },
    { RUN_RETRIES, "retries", true },
    { RUN_RETRY_TIMEOUTS, "retry-timeouts", false },
    { RUN_CRASH_RETRIES, "crash-retries", true },
    { RUN_MAX_RESULT, "max-result", true },
    { RUN_INLINE, "inline", false },
    { RUN_META, "meta", false },
    { RUN_SUMMARY, "summary", false },
    { RUN_NO_SUMMARY, "no-summary", false },
    { RUN_JOBLOG, "joblog", true },
    { RUN_TRACE, "trace", true },
    { RUN_STDERR, "stderr", true },
    { RUN_PROGRESS, "progress", true },
    { 'k', "keep-order", false },
    { RUN_ORDER_WINDOW, "order-window", true },
    { RUN_DRY_RUN, "dry-run", false },
    { 'h', "help", false },
    { 0, NULL, false },
};

/* Options whose value is a number; false after a fault. */
static bool run_options_number(struct run_options *options, const struct options *reader, int key)
{
    struct hay_pool_options *pool = &options->pool;
    uint64_t number;
    switch (key) {
    case RUN_QUEUE:
        return options_count(reader, 1, RUN_QUEUE_MAX, &pool->max_jobs);
    case RUN_RETRIES:
        if (!options_count(reader, 0, RUN_RETRIES_MAX, &number))
            return false;
        pool->retries = (int)number;
        options->control.retries = true;
        return true;
    case RUN_CRASH_RETRIES:
        if (!options_count(reader, 0, RUN_RETRIES_MAX, &number))
            return false;
        pool->crash_retries = number ? (int)number : HAY_POOL_NO_CRASH_RETRY;
        options->control.crash_retries = true;
        return true;
    case RUN_ORDER_WINDOW:
        options->keep_order = true;
        return options_count(reader, 1, RUN_WINDOW_MAX, &options->order_window);
    case RUN_TIMEOUT:
        return options_duration(reader, &pool->timeout_ms);
    case RUN_START_TIMEOUT:
        return options_time(reader, &pool->start_timeout_ms);
    case RUN_GRACE:
        if (!options_duration(reader, &pool->grace_ms))
            return false;
        pool->grace_ms = pool->grace_ms ? pool->grace_ms : HAY_POOL_NO_GRACE;
        return true;
    default:
        return options_size(reader, 1, HAY_POOL_MAX_RESULT_BYTES, &pool->max_result_bytes);
    }
}

/* A file's name; false after a fault. */
static bool run_options_file(const struct options *reader, const char **path)
{
    if (!*reader->value || !strcmp(reader->value, "-"))
        return options_refuse(reader, "the name of a file");
    *path = reader->value;
    return true;
}

/* Options of what watches a run; false after a fault. */
static bool run_options_observe(struct observe_options *options, const struct options *reader, int key)
{
    switch (key) {
    case RUN_SUMMARY:
    case RUN_NO_SUMMARY:
        options->summary = key == RUN_SUMMARY;
        options->no_summary = !options->summary;
        return true;
    case RUN_JOBLOG:
        return run_options_file(reader, &options->joblog);
    case RUN_TRACE:
        return run_options_file(reader, &options->trace);
    case RUN_STDERR:
        return run_options_file(reader, &options->errors);
    default:
        return progress_mode_of(reader->value, &options->progress) ||
               options_refuse(reader, "one of auto, bar, lines, json and none");
    }
}

/* One option or operand; false after a fault. */
static bool run_options_take(struct run_options *options, const struct options *reader, int key)
{
    switch (key) {
    case OPTIONS_OPERAND:
        option_list_add(&options->files, reader->value);
        return true;
    case 'p':
        option_list_add(&options->plugins, reader->value);
        return true;
    case RUN_CONFIG:
        option_list_add(&options->configs, reader->value);
        return true;
    case 'f':
        options->function = reader->value;
        return true;
    case 'o':
        options->output = reader->value;
        return true;
    case JOURNAL_RESUME:
    case JOURNAL_RESUME_CHANGED:
    case JOURNAL_RETRY_FAILED:
    case JOURNAL_SYNC:
        return journal_option(&options->journal, reader, key);
    case RUN_RETRY_TIMEOUTS:
        options->pool.retry_timeouts = true;
        return true;
    case RUN_INLINE:
        options->is_inline = true;
        return true;
    case RUN_META:
        options->meta = true;
        return true;
    case RUN_SUMMARY:
    case RUN_NO_SUMMARY:
    case RUN_JOBLOG:
    case RUN_TRACE:
    case RUN_STDERR:
    case RUN_PROGRESS:
        return run_options_observe(&options->observe, reader, key);
    case 'k':
        options->keep_order = true;
        return true;
    case RUN_DRY_RUN:
        options->dry_run = true;
        return true;
    default:
        return key == 'j' || key >= CONTROL_HALT ? control_take(options, reader, key) : run_options_number(options, reader, key);
    }
}

int run_options_read(struct run_options *options, const struct run_verb *verb, void *state, int argc, char **argv)
{
    struct options reader;
    int key;
    *options = (struct run_options){ .verb = verb, .verb_state = state, .order_window = RUN_WINDOW };
    if (!option_list_init(&options->plugins, argc) || !option_list_init(&options->configs, argc) ||
        !option_list_init(&options->files, argc))
        return say_no_memory();
    options_init(&reader, run_specs, argc, argv);
    reader.more = verb->specs;
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb(verb->name);
        bool is_own = verb->take && (key == OPTIONS_OPERAND || reader.is_more);
        if (key == OPTIONS_FAULT || !(is_own ? verb->take(options, &reader, key) : run_options_take(options, &reader, key)))
            return CLI_USAGE;
    }
    int code = !control_check(options) ? CLI_USAGE : verb->check ? verb->check(options) : CLI_OK;
    if (code)
        return code;
    if (!journal_check(&options->journal, options->output))
        return CLI_USAGE;
    options->argc = argc;
    options->argv = argv;
    if (!options->observe.summary && !options->observe.no_summary)
        options->observe.summary = isatty(STDERR_FILENO);
    return -1;
}

void run_options_release(struct run_options *options)
{
    option_list_release(&options->plugins);
    option_list_release(&options->configs);
    option_list_release(&options->files);
}
