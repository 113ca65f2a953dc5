/* SPDX-License-Identifier: MIT
 *
 * The options of control.h.
 */
#include "cli/control.h"
#include "cli/run.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

#define CONTROL_COUNT_MAX 1000000000
#define CONTROL_SIZE_MAX (UINT64_C(1) << 50)
#define CONTROL_LIST_MAX 256

/* Call `take` with each word between commas; false: it refused one, or there is none. */
static bool control_each_word(const char *list, bool (*take)(void *context, const char *word), void *context)
{
    char words[CONTROL_LIST_MAX], *rest = words;
    if (!*list || strlen(list) >= sizeof words)
        return false;
    strcpy(words, list);
    for (char *word; (word = strsep(&rest, ","));)
        if (!take(context, word))
            return false;
    return true;
}

/* The bits of retry_on. */
enum { CONTROL_ON_ERROR = 1, CONTROL_ON_TIMEOUT = 2, CONTROL_ON_CRASH = 4 };

static bool control_retry_word(void *context, const char *word)
{
    static const char *const names[] = { "error", "timeout", "crash" };
    unsigned *set = context;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(word, names[i]))
            continue;
        *set |= 1u << i;
        return true;
    }
    return false;
}

static bool control_take_jobs(struct control_options *control, const struct options *reader)
{
    int workers;
    char wanted[48];
    control->jobs = reader->value;
    if (*reader->value == '@')
        return reader->value[1] || options_refuse(reader, "a file after the @");
    snprintf(wanted, sizeof wanted, "N from 1 to %d, N%%, +N, -N or @FILE", HAY_POOL_MAX_WORKERS);
    return jobs_parse(reader->value, 1, &workers) || options_refuse(reader, wanted);
}

static bool control_refuse_limit(const struct options *reader)
{
    return options_refuse(reader, "a list of mem=SIZE, cpu=TIME, files=N and fsize=SIZE");
}

struct control_limits {
    struct hay_limits *limits;
    const struct options *reader;
};

/* mem=SIZE, cpu=DURATION, files=N, fsize=SIZE */
static bool control_limit_word(void *context, const char *word)
{
    struct control_limits *wanted = context;
    struct hay_limits *limits = wanted->limits;
    const char *equals = strchr(word, '=');
    struct options value = { .value = equals ? equals + 1 : NULL };
    int64_t number;
    size_t size = equals ? (size_t)(equals - word) : 0;
    snprintf(value.name, sizeof value.name, "--limit %.20s", word);
    if (size == 3 && !memcmp(word, "mem", 3))
        return options_size(&value, 1, CONTROL_SIZE_MAX, &limits->memory_bytes);
    if (size == 5 && !memcmp(word, "fsize", 5))
        return options_size(&value, 1, CONTROL_SIZE_MAX, &limits->file_bytes);
    if (size == 5 && !memcmp(word, "files", 5))
        return options_count(&value, 1, CONTROL_COUNT_MAX, &limits->files);
    if (size != 3 || memcmp(word, "cpu", 3))
        return control_refuse_limit(wanted->reader);
    if (!options_time(&value, &number))
        return false;
    limits->cpu_s = ((uint64_t)number + 999) / 1000;
    return true;
}

static bool control_take_halt(struct halt *halt, const struct options *reader, int key)
{
    uint64_t most;
    if (key == CONTROL_HALT)
        return halt_parse(halt, reader->value) || options_refuse(reader, "never, or now|soon,fail|success|done=N|N%");
    if (!options_count(reader, 0, CONTROL_COUNT_MAX, &most))
        return false;
    halt_allow_fails(halt, most);
    return true;
}

bool control_take(struct run_options *options, const struct options *reader, int key)
{
    struct control_options *control = &options->control;
    struct hay_pool_options *pool = &options->pool;
    uint64_t number;
    switch (key) {
    case 'j':
        return control_take_jobs(control, reader);
    case CONTROL_HALT:
    case CONTROL_MAX_FAILS:
        return control_take_halt(&control->halt, reader, key);
    case CONTROL_RETRY_ON:
        control->retry_on = 0;
        return control_each_word(reader->value, control_retry_word, &control->retry_on) ||
               options_refuse(reader, "a list of error, timeout and crash");
    case CONTROL_RETRY_DELAY:
        return options_duration(reader, &pool->retry_delay_ms);
    case CONTROL_RETRY_DELAY_MAX:
        return options_duration(reader, &pool->retry_delay_max_ms);
    case CONTROL_MAX_JOBS:
        return options_count(reader, 1, CONTROL_COUNT_MAX, &pool->max_jobs_per_worker);
    case CONTROL_MAX_RSS:
        return options_size(reader, 1, CONTROL_SIZE_MAX, &pool->max_worker_bytes);
    case CONTROL_MAX_AGE:
        return options_duration(reader, &pool->max_worker_age_ms);
    case CONTROL_LIMIT:
        if (!*reader->value || strlen(reader->value) >= CONTROL_LIST_MAX)
            return control_refuse_limit(reader);
        return control_each_word(reader->value, control_limit_word, &(struct control_limits){ &pool->limits, reader });
    case CONTROL_NICE:
        if (!options_count(reader, 0, 19, &number))
            return false;
        pool->limits.nice = (int)number;
        return true;
    case CONTROL_DELAY:
        return options_duration(reader, &control->delay_ms);
    case CONTROL_MEMFREE:
        return options_size(reader, 1, CONTROL_SIZE_MAX, &control->memory_least);
    default:
        return throttle_parse_load(reader->value, hay_cpu_count(), &control->load_max) ||
               options_refuse(reader, "a load such as 4 or 90%");
    }
}

static bool control_apply_retry_on(const struct control_options *control, struct hay_pool_options *pool)
{
    unsigned set = control->retry_on;
    if (control->crash_retries && pool->crash_retries > 0 && !(set & CONTROL_ON_CRASH)) {
        say_usage("--crash-retries asks for what --retry-on leaves out: 'crash'");
        return false;
    }
    if (pool->retry_timeouts && !(set & CONTROL_ON_TIMEOUT)) {
        say_usage("--retry-timeouts asks for what --retry-on leaves out: 'timeout'");
        return false;
    }
    pool->final_errors = !(set & CONTROL_ON_ERROR);
    pool->retry_timeouts = set & CONTROL_ON_TIMEOUT;
    if (!(set & CONTROL_ON_CRASH))
        pool->crash_retries = HAY_POOL_NO_CRASH_RETRY;
    else if (!control->crash_retries && control->retries)
        pool->crash_retries = pool->retries ? pool->retries : HAY_POOL_NO_CRASH_RETRY;
    return true;
}

bool control_check(struct run_options *options)
{
    struct control_options *control = &options->control;
    struct hay_pool_options *pool = &options->pool;
    if (control->retry_on && !control_apply_retry_on(control, pool))
        return false;
    if (options->is_inline) {
        pool->workers = HAY_POOL_INLINE;
        return true;
    }
    if (!control->jobs) {
        pool->workers = hay_cpu_count();
        return true;
    }
    if (*control->jobs == '@')
        return jobs_read(control->jobs + 1, &pool->workers);
    return jobs_parse(control->jobs, hay_cpu_count(), &pool->workers);
}
