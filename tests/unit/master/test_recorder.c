/* SPDX-License-Identifier: MIT
 *
 * Estimates: a guess before the first measure, then a mean that follows; and no time that a worker reports can take it out of
 * its bounds.
 */
#include "base/clock.h"
#include "master/recorder.h"
#include "support/tap.h"

static void a_guess_stands_until_the_first_measure(void)
{
    struct recorder recorder;
    CU_ASSERT_EQUAL_FATAL(recorder_init(&recorder, 3), 0);
    uint32_t guess = recorder_estimate_ns(&recorder, 1);
    CU_ASSERT(guess > 10 * NS_PER_US && guess < 10 * NS_PER_MS);
    recorder_measure(&recorder, 1, 1234);
    CU_ASSERT_EQUAL(recorder_estimate_ns(&recorder, 1), 1234);
    CU_ASSERT_EQUAL(recorder_estimate_ns(&recorder, 0), guess);
    CU_ASSERT_EQUAL(recorder_estimate_ns(&recorder, 2), guess);
    recorder_release(&recorder);
    recorder_release(&recorder);
}

static void the_mean_follows_what_is_measured(void)
{
    struct recorder recorder;
    CU_ASSERT_EQUAL_FATAL(recorder_init(&recorder, 1), 0);
    for (int i = 0; i < 100; i++)
        recorder_measure(&recorder, 0, 1000000);
    CU_ASSERT_EQUAL(recorder_estimate_ns(&recorder, 0), 1000000);
    recorder_measure(&recorder, 0, 9000000);
    CU_ASSERT_EQUAL(recorder_estimate_ns(&recorder, 0), 2000000);
    for (int i = 0; i < 200; i++)
        recorder_measure(&recorder, 0, 1000);
    CU_ASSERT(recorder_estimate_ns(&recorder, 0) < 1100);
    recorder_release(&recorder);
}

static void impossible_times_stay_within_bounds(void)
{
    static const int64_t times[] = {0, -1, INT64_MIN, INT64_MAX, 1, INT64_MAX - 1, -INT64_MAX, 3600 * NS_PER_S};
    struct recorder recorder;
    CU_ASSERT_EQUAL_FATAL(recorder_init(&recorder, 1), 0);
    for (int round = 0; round < 500; round++) {
        recorder_measure(&recorder, 0, times[round * 5 % 8]);
        uint32_t estimate_ns = recorder_estimate_ns(&recorder, 0);
        CU_ASSERT(estimate_ns >= 1 && estimate_ns <= 2 * NS_PER_S);
    }
    for (int i = 0; i < 500; i++)
        recorder_measure(&recorder, 0, INT64_MIN);
    CU_ASSERT(recorder_estimate_ns(&recorder, 0) >= 1 && recorder_estimate_ns(&recorder, 0) < 20);
    recorder_release(&recorder);
}

static void a_pool_without_functions_has_a_recorder(void)
{
    struct recorder recorder;
    CU_ASSERT_EQUAL(recorder_init(&recorder, 0), 0);
    recorder_release(&recorder);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a guess stands until the first measure", a_guess_stands_until_the_first_measure},
        {"the mean follows what is measured", the_mean_follows_what_is_measured},
        {"impossible times stay within bounds", impossible_times_stay_within_bounds},
        {"a pool without functions has a recorder", a_pool_without_functions_has_a_recorder},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"recorder", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
