/* SPDX-License-Identifier: MIT
 *
 * The demo plugin: small functions for first steps, tests and benchmarks.
 *
 * Each function does one thing whose cost and result are known beforehand: nothing, a copy, a sum, waiting, computing,
 * failing. Those that take long return soon after the job is cancelled. Also the shortest example of a plugin.
 */
#include <hayfork/plugin_json.h>

#include <math.h>
#include <time.h>

#define DEMO_SLICE_NS 100000000.0 /* how long a cancellation without a signal may go unnoticed */
#define DEMO_MS_MAX 1e12          /* 31 years */
#define DEMO_US_MAX 1e15

static json_t *noop(hay_task *task, json_t *args)
{
    (void)task;
    (void)args;
    return json_null();
}

static json_t *echo(hay_task *task, json_t *args)
{
    (void)task;
    return json_incref(args);
}

/* The number under this key, or NULL after fail(). */
static json_t *demo_number(hay_task *task, json_t *args, const char *key)
{
    json_t *value = json_object_get(args, key);
    if (!json_is_object(args))
        return hay_fail(task, "args have to be an object with a number \"%s\"", key);
    if (!value)
        return hay_fail(task, "args need the key \"%s\"", key);
    if (!json_is_number(value))
        return hay_fail(task, "\"%s\" has to be a number", key);
    return value;
}

static json_t *add(hay_task *task, json_t *args)
{
    json_t *a = demo_number(task, args, "a");
    json_t *b = a ? demo_number(task, args, "b") : NULL;
    json_int_t whole;
    if (!b)
        return NULL;
    if (json_is_integer(a) && json_is_integer(b) && !__builtin_add_overflow(json_integer_value(a), json_integer_value(b), &whole))
        return json_integer(whole);
    double sum = json_number_value(a) + json_number_value(b);
    if (!isfinite(sum))
        return hay_fail(task, "the sum of \"a\" and \"b\" is too large for a number");
    return json_real(sum);
}

/* A duration under this key; 0, or -1 after fail(). */
static int demo_duration(hay_task *task, json_t *args, const char *key, double limit, double *value)
{
    json_t *number = demo_number(task, args, key);
    if (!number)
        return -1;
    *value = json_number_value(number);
    if (*value >= 0 && *value <= limit)
        return 0;
    hay_fail(task, "\"%s\" has to be between 0 and %.0f", key, limit);
    return -1;
}

static double demo_clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static json_t *sleep_ms(hay_task *task, json_t *args)
{
    double ms;
    if (demo_duration(task, args, "ms", DEMO_MS_MAX, &ms))
        return NULL;
    double end_ns = demo_clock_ns(CLOCK_MONOTONIC) + ms * 1e6;
    for (;;) {
        if (task->host->cancelled(task))
            return hay_fail(task, "cancelled");
        double left_ns = end_ns - demo_clock_ns(CLOCK_MONOTONIC);
        if (left_ns <= 0)
            return json_null();
        /* In slices: a signal that comes between the check above and the sleep interrupts nothing. */
        if (left_ns > DEMO_SLICE_NS)
            left_ns = DEMO_SLICE_NS;
        struct timespec slice = { .tv_nsec = (long)left_ns };
        nanosleep(&slice, NULL);
    }
}

static json_t *spin(hay_task *task, json_t *args)
{
    double us;
    if (demo_duration(task, args, "us", DEMO_US_MAX, &us))
        return NULL;
    double end_ns = demo_clock_ns(CLOCK_THREAD_CPUTIME_ID) + us * 1e3;
    while (demo_clock_ns(CLOCK_THREAD_CPUTIME_ID) < end_ns)
        if (task->host->cancelled(task))
            return hay_fail(task, "cancelled");
    return json_null();
}

static json_t *fail(hay_task *task, json_t *args)
{
    const char *message = hay_arg_string(task, args, "message");
    if (message)
        task->host->fail(task, message);
    return NULL;
}

HAY_PLUGIN(demo, "1.0", "Small functions for first steps, tests and benchmarks",
    HAY_JSON(noop, "Does nothing; null"),
    HAY_JSON(echo, "Returns its args"),
    HAY_JSON(add, "The sum of two numbers: {\"a\",\"b\"}"),
    { "sleep", "Waits: {\"ms\"}", hay_json_run, (void (*)(void))sleep_ms },
    HAY_JSON(spin, "Burns CPU time: {\"us\"}"),
    HAY_JSON(fail, "Ends in an error: {\"message\"}"))
