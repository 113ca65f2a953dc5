/* SPDX-License-Identifier: MIT
 *
 * --load and --memfree: what is read, and that a limit that is passed holds at once, and lets go when it is not passed any more.
 */
#include "cli/throttle.h"
#include "support/tap.h"

#include <ev.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct {
    int calls, timers;
    bool held;
} told;

static void on_change(void *context, bool held)
{
    (void)context;
    told.calls++;
    told.held = held;
}

static void loads_are_numbers_or_shares_of_the_processors(void)
{
    static const char *const bad[] = {"", "x", "0", "-1", "1x", "%", "inf", "nan", "1e7", " 1", "0%", "0x10", "1e1", "1000001"};
    double load = 0;
    CU_ASSERT(throttle_parse_load("2.5", 4, &load) && fabs(load - 2.5) < 1e-9);
    CU_ASSERT(throttle_parse_load(".5", 4, &load) && fabs(load - 0.5) < 1e-9);
    CU_ASSERT(throttle_parse_load("150%", 4, &load) && fabs(load - 6) < 1e-9);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        if (throttle_parse_load(bad[i], 4, &load))
            printf("# taken: \"%s\"\n", bad[i]);
        CU_ASSERT(!throttle_parse_load(bad[i], 4, &load));
    }
}

static void on_timer(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)timer, (void)events;
    told.timers++;
}

/* Start with these limits, and once it is told go on with those. */
static void try_limits(struct throttle first, struct throttle then)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct ev_timer timer;
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    told.calls = told.timers = 0;
    throttle_start(&first, loop, on_change, NULL);
    CU_ASSERT_EQUAL(told.calls, 1);
    CU_ASSERT(told.held);
    CU_ASSERT(strstr(first.why, first.memory_least ? "--memfree" : "--load") != NULL);
    first.load_max = then.load_max;
    first.memory_least = then.memory_least;
    ev_ref(loop); /* the watcher alone does not keep the loop */
    for (int turns = 0; told.held && turns < 20; turns++)
        ev_run(loop, EVRUN_ONCE);
    CU_ASSERT_EQUAL(told.calls, 2);
    CU_ASSERT(!told.held);
    ev_run(loop, EVRUN_ONCE);
    CU_ASSERT_EQUAL(told.calls, 2); /* what has not changed is not told again */
    throttle_stop(&first, loop);
    ev_unref(loop);
    /* and the loop counts its watchers as before */
    ev_timer_init(&timer, on_timer, 0.01, 0);
    ev_timer_start(loop, &timer);
    ev_run(loop, 0);
    CU_ASSERT_EQUAL(told.timers, 1);
    ev_loop_destroy(loop);
}

static void too_little_memory_holds_until_there_is_enough(void)
{
    try_limits((struct throttle){.memory_least = UINT64_MAX}, (struct throttle){.memory_least = 1});
}

/* Half of what is available is there, twice as much is not. */
static void memory_is_asked_for_in_bytes(void)
{
    unsigned long long available_kib = 0;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    FILE *file = fopen("/proc/meminfo", "re");
    CU_ASSERT_FATAL(loop && file);
    for (char line[128]; !available_kib && fgets(line, sizeof line, file);)
        sscanf(line, "MemAvailable: %llu", &available_kib);
    fclose(file);
    CU_ASSERT(available_kib > 0);
    for (int twice = 0; twice < 2; twice++) {
        struct throttle throttle = {.memory_least = twice ? available_kib * 2048 : available_kib * 512};
        told.calls = 0;
        throttle_start(&throttle, loop, on_change, NULL);
        CU_ASSERT_EQUAL(told.calls, twice);
        throttle_stop(&throttle, loop);
    }
    ev_loop_destroy(loop);
}

static void a_load_over_the_limit_holds_until_it_is_under(void)
{
    double now = 0;
    FILE *file = fopen("/proc/loadavg", "re");
    if (!file || fscanf(file, "%lf", &now) != 1 || now < 0.01) {
        tap_skip("the machine has no load to be held by");
        now = 0;
    }
    if (file)
        fclose(file);
    if (now > 0)
        try_limits((struct throttle){.load_max = 0.0001}, (struct throttle){.load_max = 100000});
}

static void without_limits_nothing_is_watched(void)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct throttle throttle = {.load_max = 0};
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    told.calls = 0;
    throttle_start(&throttle, loop, on_change, NULL);
    ev_run(loop, 0);
    CU_ASSERT_EQUAL(told.calls, 0);
    throttle_stop(&throttle, loop);
    ev_loop_destroy(loop);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"loads are numbers or shares of the processors", loads_are_numbers_or_shares_of_the_processors},
        {"too little memory holds until there is enough", too_little_memory_holds_until_there_is_enough},
        {"memory is asked for in bytes", memory_is_asked_for_in_bytes},
        {"a load over the limit holds until it is under", a_load_over_the_limit_holds_until_it_is_under},
        {"without limits nothing is watched", without_limits_nothing_is_watched},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"throttle", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
