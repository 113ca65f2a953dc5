/* SPDX-License-Identifier: MIT
 *
 * The command line of `hayfork run`. Zero means "the default" in the pool's options, so an explicit zero becomes the pool's own
 * word for none.
 */
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/run.h"
#include "cli/say.h"

#define RUN_WORKERS_MAX 4096
#define RUN_RETRIES_MAX 1000000000
#define RUN_QUEUE_MAX 1000000000
#define RUN_RESULT_MAX (UINT64_C(1) << 30)

enum {
    RUN_QUEUE = 256,
    RUN_TIMEOUT,
    RUN_GRACE,
    RUN_RETRIES,
    RUN_RETRY_TIMEOUTS,
    RUN_CRASH_RETRIES,
    RUN_MAX_RESULT,
    RUN_INLINE,
    RUN_META,
    RUN_SUMMARY,
};

static const struct option_spec run_specs[] = {
    { 'j', "jobs", true },
    { 'p', "plugin", true },
    { 'f', "function", true },
    { 'o', "output", true },
    { RUN_QUEUE, "queue", true },
    { RUN_TIMEOUT, "timeout", true },
    { RUN_GRACE, "grace", true },
    { RUN_RETRIES, "retries", true },
    { RUN_RETRY_TIMEOUTS, "retry-timeouts", false },
    { RUN_CRASH_RETRIES, "crash-retries", true },
    { RUN_MAX_RESULT, "max-result", true },
    { RUN_INLINE, "inline", false },
    { RUN_META, "meta", false },
    { RUN_SUMMARY, "summary", false },
    { 'h', "help", false },
    { 0, NULL, false },
};

/* Options whose value is a number; false after a fault. */
static bool run_options_number(struct run_options *options, const struct options *reader, int key)
{
    struct hay_pool_options *pool = &options->pool;
    int64_t number = 0;
    switch (key) {
    case 'j':
        if (!options_count(reader, 1, RUN_WORKERS_MAX, &number))
            return false;
        pool->workers = (int)number;
        return true;
    case RUN_QUEUE:
        if (!options_count(reader, 1, RUN_QUEUE_MAX, &number))
            return false;
        pool->max_jobs = (uint64_t)number;
        return true;
    case RUN_RETRIES:
        if (!options_count(reader, 0, RUN_RETRIES_MAX, &number))
            return false;
        pool->retries = (int)number;
        return true;
    case RUN_CRASH_RETRIES:
        if (!options_count(reader, 0, RUN_RETRIES_MAX, &number))
            return false;
        pool->crash_retries = number ? (int)number : HAY_POOL_NO_CRASH_RETRY;
        return true;
    case RUN_TIMEOUT:
        return options_duration(reader, &pool->timeout_ms);
    case RUN_GRACE:
        if (!options_duration(reader, &number))
            return false;
        pool->grace_ms = number ? number : HAY_POOL_NO_GRACE;
        return true;
    default:
        return options_size(reader, 1, RUN_RESULT_MAX, &pool->max_result_bytes);
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
    case 'f':
        options->function = reader->value;
        return true;
    case 'o':
        options->output = reader->value;
        return true;
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
        options->summary = true;
        return true;
    default:
        return run_options_number(options, reader, key);
    }
}

bool run_options_read(struct run_options *options, int argc, char **argv, int *code)
{
    struct options reader;
    int key;
    *options = (struct run_options){ .function = NULL };
    if (!option_list_init(&options->plugins, argc) || !option_list_init(&options->files, argc)) {
        say("out of memory");
        *code = CLI_STOPPED;
        return false;
    }
    options_init(&reader, run_specs, argc, argv);
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h') {
            *code = help_verb("run");
            return false;
        }
        if (key == OPTIONS_FAULT || !run_options_take(options, &reader, key)) {
            *code = CLI_USAGE;
            return false;
        }
    }
    if (options->is_inline)
        options->pool.workers = HAY_POOL_INLINE;
    else if (!options->pool.workers)
        options->pool.workers = hay_cpu_count();
    return true;
}

void run_options_release(struct run_options *options)
{
    option_list_release(&options->plugins);
    option_list_release(&options->files);
}
