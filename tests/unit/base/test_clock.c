/* SPDX-License-Identifier: MIT
 *
 * Deadlines: "for ever" survives every sum, what is left is rounded up so that a wait never ends early, and nothing overflows.
 */
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

static int64_t made_up_ns, made_up_offset_ns, look_ns; /* 0: the true clocks */

static int made_up_gettime(clockid_t clock, struct timespec *t)
{
    if (!made_up_ns)
        return clock_gettime(clock, t);
    made_up_ns += look_ns;
    int64_t now_ns = made_up_ns + (clock == CLOCK_REALTIME ? made_up_offset_ns : 0);
    *t = (struct timespec){now_ns / 1000000000, now_ns % 1000000000};
    return 0;
}

#define clock_gettime made_up_gettime
#include "base/clock.h"
#include "support/tap.h"

static void the_clock_never_runs_backwards(void)
{
    int64_t last = clock_now_ns();
    int backwards = 0;
    for (int i = 0; i < 100000; i++) {
        int64_t now = clock_now_ns();
        backwards += now < last;
        last = now;
    }
    CU_ASSERT_EQUAL(backwards, 0);
    CU_ASSERT(last > 0);
}

static void the_wall_clock_is_the_date(void)
{
    int64_t before = (int64_t)time(NULL) - 1;
    int64_t wall_s = clock_wall_ns() / NS_PER_S;
    CU_ASSERT(wall_s >= before && wall_s <= (int64_t)time(NULL) + 1);
}

static void the_wall_clock_is_as_far_away_as_before_when_a_look_takes_long(void)
{
    made_up_ns = NS_PER_S;
    made_up_offset_ns = INT64_C(1700000000) * NS_PER_S;
    look_ns = 30;
    int64_t offset_ns = clock_wall_offset_ns(0);
    CU_ASSERT(offset_ns >= made_up_offset_ns - 30 && offset_ns <= made_up_offset_ns);
    look_ns = 20 * NS_PER_MS;
    CU_ASSERT_EQUAL(clock_wall_offset_ns(offset_ns), offset_ns);
    look_ns = 3;
    offset_ns = clock_wall_offset_ns(offset_ns);
    CU_ASSERT(offset_ns >= made_up_offset_ns - 3 && offset_ns <= made_up_offset_ns);
    made_up_ns = 0;
}

static void a_wall_clock_that_was_set_is_followed(void)
{
    made_up_ns = NS_PER_S;
    look_ns = 30;
    made_up_offset_ns = INT64_C(1700000000) * NS_PER_S;
    int64_t offset_ns = clock_wall_offset_ns(0);
    for (int64_t step_ns = -3600 * NS_PER_S; step_ns <= 3600 * NS_PER_S; step_ns += 7200 * NS_PER_S) {
        made_up_offset_ns += step_ns;
        offset_ns = clock_wall_offset_ns(offset_ns);
        CU_ASSERT(offset_ns >= made_up_offset_ns - 30 && offset_ns <= made_up_offset_ns + 30);
    }
    made_up_ns = 0;
}

static void a_negative_timeout_is_for_ever(void)
{
    CU_ASSERT_EQUAL(clock_deadline_ns(-1), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_deadline_ns(INT_MIN), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_left_ms(TIME_NEVER), -1);
}

static void a_timeout_of_zero_is_now(void)
{
    CU_ASSERT_EQUAL(clock_left_ms(clock_deadline_ns(0)), 0);
    CU_ASSERT_EQUAL(clock_left_ms(0), 0);
    CU_ASSERT_EQUAL(clock_left_ms(INT64_MIN / 2), 0);
}

static void the_longest_timeout_is_finite(void)
{
    int64_t deadline_ns = clock_deadline_ns(INT_MAX);
    CU_ASSERT(deadline_ns < TIME_NEVER);
    CU_ASSERT(deadline_ns > clock_now_ns() + INT64_C(2147000) * NS_PER_S);
    CU_ASSERT(clock_left_ms(deadline_ns) > INT_MAX - 60000);
}

static void what_is_left_fits_a_poll_and_is_never_taken_for_for_ever(void)
{
    CU_ASSERT_EQUAL(clock_left_ms(TIME_NEVER - 1), INT_MAX);
}

static void a_part_of_a_millisecond_is_rounded_up(void)
{
    int left_ms = clock_left_ms(clock_now_ns() + 50 * NS_PER_MS + 1);
    int64_t deadline_ns = clock_now_ns() + NS_PER_S;
    CU_ASSERT(left_ms >= 1 && left_ms <= 51);
    int64_t before_ns = clock_now_ns();
    left_ms = clock_left_ms(deadline_ns);
    CU_ASSERT(before_ns + left_ms * NS_PER_MS <= deadline_ns + NS_PER_MS);
    CU_ASSERT(clock_now_ns() + left_ms * NS_PER_MS >= deadline_ns);
}

static void a_poll_of_what_is_left_ends_after_the_deadline(void)
{
    for (int i = 0; i < 5; i++) {
        int64_t deadline_ns = clock_now_ns() + 3 * NS_PER_MS + i * 137 * NS_PER_US;
        poll(NULL, 0, clock_left_ms(deadline_ns));
        CU_ASSERT(clock_now_ns() >= deadline_ns);
    }
}

static void sums_stop_at_for_ever(void)
{
    CU_ASSERT_EQUAL(clock_add(5, 7), 12);
    CU_ASSERT_EQUAL(clock_add(TIME_NEVER, 1), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_add(1, TIME_NEVER), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_add(TIME_NEVER, TIME_NEVER), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_add(0, TIME_NEVER), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_add(TIME_NEVER, 0), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_add(TIME_NEVER - 1, 1), TIME_NEVER);
    CU_ASSERT_EQUAL(clock_add(TIME_NEVER - 2, 1), TIME_NEVER - 1);
}

static void seconds_are_told_to_the_millisecond(void)
{
    char text[CLOCK_SECONDS_SIZE];
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, 250 * NS_PER_MS), "0.25");
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, 1 * NS_PER_MS), "0.001");
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, 1050 * NS_PER_MS), "1.05");
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, 0), "0");
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, 10 * NS_PER_S), "10");
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, 1000000 * NS_PER_S), "1000000");
    CU_ASSERT_STRING_EQUAL(clock_seconds(text, TIME_NEVER), "9223372036.854");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the_clock_never_runs_backwards", the_clock_never_runs_backwards},
        {"the_wall_clock_is_the_date", the_wall_clock_is_the_date},
        {"the_wall_clock_is_as_far_away_as_before_when_a_look_takes_long",
         the_wall_clock_is_as_far_away_as_before_when_a_look_takes_long},
        {"a_wall_clock_that_was_set_is_followed", a_wall_clock_that_was_set_is_followed},
        {"a_negative_timeout_is_for_ever", a_negative_timeout_is_for_ever},
        {"a_timeout_of_zero_is_now", a_timeout_of_zero_is_now},
        {"the_longest_timeout_is_finite", the_longest_timeout_is_finite},
        {"what_is_left_fits_a_poll_and_is_never_taken_for_for_ever", what_is_left_fits_a_poll_and_is_never_taken_for_for_ever},
        {"a_part_of_a_millisecond_is_rounded_up", a_part_of_a_millisecond_is_rounded_up},
        {"a_poll_of_what_is_left_ends_after_the_deadline", a_poll_of_what_is_left_ends_after_the_deadline},
        {"sums_stop_at_for_ever", sums_stop_at_for_ever},
        {"seconds_are_told_to_the_millisecond", seconds_are_told_to_the_millisecond},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"clock", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
