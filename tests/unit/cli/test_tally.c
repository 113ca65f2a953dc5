/* SPDX-License-Identifier: MIT
 *
 * The figures of the summary: percentiles against sorted times, the first failures, flaky jobs, busy workers.
 */
#include "support/tap.h"

#include "cli/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hay_result result_of(enum hay_outcome outcome, int64_t run_ns)
{
    return (struct hay_result){ .outcome = outcome, .id = { "7", 1 }, .exit_code = -1, .attempts = 1, .run_ns = run_ns };
}

static void add(struct tally *tally, int64_t run_ns)
{
    struct hay_result result = result_of(HAY_OUTCOME_OK, run_ns);
    tally_result(tally, &result, 1, "demo.noop");
}

static void no_job_has_no_percentile(void)
{
    struct tally *tally = tally_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    CU_ASSERT_EQUAL(tally_percentile(tally, 0.5), 0);
    CU_ASSERT_EQUAL(tally_percentile(tally, 1), 0);
    tally_free(tally);
    tally_free(NULL);
}

static void one_job_is_every_percentile(void)
{
    static const int64_t times[] = { 0, 1, 31, 32, 33, 1000, 123456789, INT64_C(86400000000000), INT64_MAX };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct tally *tally = tally_new();
        CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
        add(tally, times[i]);
        double off = (double)times[i] - (double)tally_percentile(tally, 0.5);
        CU_ASSERT(off >= 0 ? off <= (double)times[i] / 60 : off >= -(double)times[i] / 60);
        CU_ASSERT(tally_percentile(tally, 0.99) <= times[i]);
        CU_ASSERT_EQUAL(tally->max_ns, times[i]);
        tally_free(tally);
    }
}

static int compare(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

static void percentiles_are_those_of_the_sorted_times(void)
{
    enum { COUNT = 10000 };
    static int64_t times[COUNT];
    static const double shares[] = { 0.01, 0.5, 0.95, 0.99, 1 };
    struct tally *tally = tally_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    uint64_t seed = 12345;
    for (size_t i = 0; i < COUNT; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        times[i] = (int64_t)(seed >> 20 >> (seed >> 59));
        add(tally, times[i]);
    }
    qsort(times, COUNT, sizeof times[0], compare);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        double exact = (double)times[(size_t)(shares[i] * COUNT) - 1], found = (double)tally_percentile(tally, shares[i]);
        CU_ASSERT(found >= exact * 0.98 - 1 && found <= exact * 1.02 + 1);
    }
    tally_free(tally);
}

static void the_first_failures_are_kept_and_the_rest_counted(void)
{
    struct tally *tally = tally_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    char text[32], id[32];
    for (int i = 1; i <= 9; i++) {
        struct hay_result result = result_of(HAY_OUTCOME_ERROR, 10);
        snprintf(text, sizeof text, "message %d\n", i);
        snprintf(id, sizeof id, "%d", i);
        result.message = (struct hay_span){ text, strlen(text) };
        result.id = (struct hay_span){ id, strlen(id) };
        tally_result(tally, &result, (uint64_t)i, "demo.fail");
    }
    CU_ASSERT_EQUAL(tally->failed, 9);
    CU_ASSERT_STRING_EQUAL(tally->failures[0].text, "message 1\\n");
    CU_ASSERT_STRING_EQUAL(tally->failures[TALLY_NAMED - 1].id, "5");
    CU_ASSERT_STRING_EQUAL(tally->failures[0].what, "demo.fail");
    tally_free(tally);
}

static void what_was_never_run_is_no_failure_and_has_no_time(void)
{
    struct tally *tally = tally_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    static const enum hay_outcome outcomes[] = { HAY_OUTCOME_SKIPPED, HAY_OUTCOME_CANCELLED };
    for (size_t i = 0; i < 2; i++) {
        struct hay_result result = result_of(outcomes[i], 0);
        result.attempts = 0;
        result.worker = -1;
        tally_result(tally, &result, 1, NULL);
    }
    CU_ASSERT_EQUAL(tally->failed, 0);
    CU_ASSERT_EQUAL(tally->ran, 0);
    tally_free(tally);
}

static void a_pass_on_a_retry_is_flaky_and_a_failure_is_not(void)
{
    struct tally *tally = tally_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    struct hay_result result = result_of(HAY_OUTCOME_OK, 10);
    result.attempts = 3;
    tally_result(tally, &result, 1, "demo.noop");
    result.outcome = HAY_OUTCOME_ERROR;
    tally_result(tally, &result, 2, "demo.noop");
    CU_ASSERT_EQUAL(tally->flaky, 1);
    CU_ASSERT_EQUAL(tally->passes[0].attempts, 3);
    tally_free(tally);
}

static void huge_ids_and_messages_are_cut(void)
{
    struct tally *tally = tally_new();
    char *huge = malloc(1 << 20);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    CU_ASSERT_PTR_NOT_NULL_FATAL(huge);
    memset(huge, '\n', 1 << 20);
    struct hay_result result = result_of(HAY_OUTCOME_CRASH, 10);
    result.id = result.message = (struct hay_span){ huge, 1 << 20 };
    huge[(1 << 20) - 1] = '\0';
    tally_result(tally, &result, 1, huge);
    CU_ASSERT(strlen(tally->failures[0].id) < TALLY_ID_SIZE);
    CU_ASSERT(strlen(tally->failures[0].text) < TALLY_TEXT_SIZE);
    CU_ASSERT(strlen(tally->failures[0].what) < sizeof tally->failures[0].what);
    CU_ASSERT_PTR_NOT_NULL(strstr(tally->failures[0].what, "\\n…"));
    free(huge);
    tally_free(tally);
}

static void busy_time_is_that_of_each_worker(void)
{
    struct tally *tally = tally_new();
    CU_ASSERT_PTR_NOT_NULL_FATAL(tally);
    static const int workers[] = { 0, 4095, 0, 17 };
    for (size_t i = 0; i < sizeof workers / sizeof workers[0]; i++) {
        struct hay_result result = result_of(HAY_OUTCOME_OK, 100);
        result.worker = workers[i];
        tally_result(tally, &result, i, "demo.noop");
    }
    tally_busy(tally, 17, 300);
    tally_busy(tally, 0, 150);
    CU_ASSERT_FATAL(tally->workers > 4095);
    CU_ASSERT_EQUAL(tally->busy_ns[0], 200);
    CU_ASSERT_EQUAL(tally->busy_ns[1], 0);
    CU_ASSERT_EQUAL(tally->busy_ns[17], 300);
    CU_ASSERT_EQUAL(tally->busy_ns[4095], 100);
    tally_free(tally);
}

#define TEST(name) { #name, name }

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(no_job_has_no_percentile),
        TEST(one_job_is_every_percentile),
        TEST(percentiles_are_those_of_the_sorted_times),
        TEST(the_first_failures_are_kept_and_the_rest_counted),
        TEST(what_was_never_run_is_no_failure_and_has_no_time),
        TEST(a_pass_on_a_retry_is_flaky_and_a_failure_is_not),
        TEST(huge_ids_and_messages_are_cut),
        TEST(busy_time_is_that_of_each_worker),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "tally", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    return tap_run(suites);
}
