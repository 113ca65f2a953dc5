/* SPDX-License-Identifier: MIT
 *
 * Tests of the demo plugin: its results, its refusals, and that the two functions which take long end when cancelled.
 */
#include "support/tap.h"
#include "unit/plugins/host.h"

#include <hayfork/plugin_json.h>

static void noop_returns_null(void)
{
    CU_ASSERT(host_returns("noop", "null", "null"));
    CU_ASSERT(host_returns("noop", "{\"a\":1}", "null"));
}

static void echo_returns_its_args(void)
{
    static const char *const values[] = {
        "null", "true", "0", "-1.5", "\"\"", "\"\\u0001 \xc3\xa9\"", "[]", "{}", "[1,[2,{\"a\":null}]]",
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        CU_ASSERT(host_returns("echo", values[i], values[i]));
}

static void add_keeps_integers_until_they_overflow(void)
{
    CU_ASSERT(host_returns("add", "{\"a\":7,\"b\":-9}", "-2"));
    CU_ASSERT(host_returns("add", "{\"a\":1,\"b\":0.5}", "1.5"));
    CU_ASSERT(host_returns("add", "{\"a\":9223372036854775807,\"b\":0}", "9223372036854775807"));
    CU_ASSERT(host_returns("add", "{\"a\":9223372036854775807,\"b\":9223372036854775807}", "1.8446744073709552e19"));
    CU_ASSERT(host_refuses("add", "{\"a\":1.7e308,\"b\":1.7e308}", "too large"));
}

static void a_missing_or_wrong_arg_is_named(void)
{
    CU_ASSERT(host_refuses("add", "{\"a\":7}", "\"b\""));
    CU_ASSERT(host_refuses("add", "{\"b\":7}", "\"a\""));
    CU_ASSERT(host_refuses("add", "{\"a\":7,\"b\":\"7\"}", "\"b\" has to be a number"));
    CU_ASSERT(host_refuses("add", "[1,2]", "object"));
    CU_ASSERT(host_refuses("add", "null", "object"));
    CU_ASSERT(host_refuses("sleep", "{}", "\"ms\""));
    CU_ASSERT(host_refuses("sleep", "{\"ms\":-1}", "\"ms\""));
    CU_ASSERT(host_refuses("sleep", "{\"ms\":1e300}", "\"ms\""));
    CU_ASSERT(host_refuses("spin", "{\"us\":true}", "\"us\""));
    CU_ASSERT(host_refuses("fail", "{}", "\"message\""));
    CU_ASSERT(host_refuses("fail", "{\"message\":1}", "\"message\""));
}

static void fail_gives_its_message_whole(void)
{
    char args[3100], *at = args + sprintf(args, "{\"message\":\"");
    memset(at, 'x', 3000);
    strcpy(at + 3000, "\"}");
    CU_ASSERT(host_refuses("fail", "{\"message\":\"no luck today\"}", "no luck today"));
    CU_ASSERT(host_refuses("fail", args, "xxx"));
    CU_ASSERT_EQUAL(strlen(host.error), 3000);
}

static void a_long_message_is_cut_between_characters(void)
{
    static const struct hay_host table = {.struct_size = sizeof table, .fail = host_fail};
    struct hay_task task = {.host = &table};
    for (size_t lead = 0; lead < 4; lead++) {
        char text[1300] = "xxxx";
        for (size_t at = lead; at + 3 < sizeof text; at += 3)
            memcpy(text + at, "\xe6\x97\xa5", 4);
        host.error[0] = '\0';
        CU_ASSERT_PTR_NULL(hay_fail(&task, "%s", text));
        json_t *whole = json_string(host.error); /* refuses what is not UTF-8 */
        CU_ASSERT(whole && strlen(host.error) > 1000 && strncmp(host.error, text, strlen(host.error)) == 0);
        json_decref(whole);
    }
}

static json_t *returned; /* by the function below */

static json_t *give_returned(hay_task *task, json_t *args)
{
    (void)task, (void)args;
    return json_incref(returned);
}

static size_t taken;

static int take_a_mebibyte(hay_task *task, const void *bytes, size_t size)
{
    (void)task, (void)bytes;
    taken += size;
    return taken > 1 << 20 ? -EMSGSIZE : 0;
}

/* Has the adapter refused `value` in these words? What it has leaked of it on purpose is freed. */
static bool adapter_refuses(json_t *value, const char *words)
{
    static const struct hay_host table = {.struct_size = sizeof table, .result = take_a_mebibyte, .fail = host_fail};
    const struct hay_function function = HAY_JSON(give_returned, "");
    struct hay_task task = {.host = &table};
    returned = value;
    taken = 0;
    host.error[0] = '\0';
    int status = hay_json_run(&task, &function, "null", 4);
    while (value->refcount > 1)
        json_decref(value);
    json_decref(value);
    return status == -1 && strstr(host.error, words);
}

static json_t *nested(int depth)
{
    json_t *value = json_integer(1);
    while (depth--)
        value = json_pack("[o]", value);
    return value;
}

static void a_result_that_cannot_be_written_is_refused_soon(void)
{
    json_t *ways = json_integer(1), *both = json_array();
    for (int i = 0; i < 60; i++) /* 2^60 ways to the one number */
        ways = json_pack("[O,o]", ways, ways);
    CU_ASSERT(adapter_refuses(ways, "over the size limit"));
    CU_ASSERT(adapter_refuses(nested(3000), "deeper than 2048"));
    char *text = calloc(1, (2 << 20) + 1);
    CU_ASSERT_FATAL(text != NULL);
    memset(text, 'x', 2 << 20);
    json_array_append_new(both, json_string(text));
    json_array_append_new(both, nested(3000));
    CU_ASSERT(adapter_refuses(both, "over the size limit"));
    free(text);
}

static void sleep_waits_at_least_its_time(void)
{
    int64_t start_ms = host_now_ms();
    CU_ASSERT(host_returns("sleep", "{\"ms\":120}", "null"));
    CU_ASSERT(host_now_ms() - start_ms >= 119);
    CU_ASSERT(host_returns("sleep", "{\"ms\":0}", "null"));
    CU_ASSERT(host_returns("sleep", "{\"ms\":0.5}", "null"));
}

static double cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void spin_burns_that_much_cpu_time(void)
{
    double start_us = cpu_us();
    CU_ASSERT(host_returns("spin", "{\"us\":20000}", "null"));
    double used_us = cpu_us() - start_us;
    CU_ASSERT(used_us >= 20000);
    CU_ASSERT(used_us < 40000);
    CU_ASSERT(host_returns("spin", "{\"us\":0}", "null"));
}

static void a_cancelled_job_ends(void)
{
    host.checks_before_cancel = 2;
    CU_ASSERT(host_refuses("sleep", "{\"ms\":1e9}", "cancelled"));
    host.cancelled = 0;
    host.checks_before_cancel = 1000;
    CU_ASSERT(host_refuses("spin", "{\"us\":1e12}", "cancelled"));
    host.cancelled = 0;
}

static void on_alarm(int number)
{
    (void)number;
}

static void a_signal_alone_does_not_end_a_sleep(void)
{
    struct sigaction action = { .sa_handler = on_alarm }, before;
    timer_t timer;
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    struct itimerspec often = { .it_interval.tv_nsec = 5000000, .it_value.tv_nsec = 5000000 };
    sigaction(SIGALRM, &action, &before);
    CU_ASSERT_FATAL(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    timer_settime(timer, 0, &often, NULL);
    int64_t start_ms = host_now_ms();
    CU_ASSERT(host_returns("sleep", "{\"ms\":100}", "null"));
    CU_ASSERT(host_now_ms() - start_ms >= 99);
    timer_delete(timer);
    sigaction(SIGALRM, &before, NULL);
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "noop_returns_null", noop_returns_null },
        { "echo_returns_its_args", echo_returns_its_args },
        { "add_keeps_integers_until_they_overflow", add_keeps_integers_until_they_overflow },
        { "a_missing_or_wrong_arg_is_named", a_missing_or_wrong_arg_is_named },
        { "fail_gives_its_message_whole", fail_gives_its_message_whole },
        { "a_long_message_is_cut_between_characters", a_long_message_is_cut_between_characters },
        { "a_result_that_cannot_be_written_is_refused_soon", a_result_that_cannot_be_written_is_refused_soon },
        { "sleep_waits_at_least_its_time", sleep_waits_at_least_its_time },
        { "spin_burns_that_much_cpu_time", spin_burns_that_much_cpu_time },
        { "a_cancelled_job_ends", a_cancelled_job_ends },
        { "a_signal_alone_does_not_end_a_sleep", a_signal_alone_does_not_end_a_sleep },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "demo", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    int status = host_load("demo") ? EXIT_FAILURE : tap_run(suites);
    host_unload();
    return status;
}
