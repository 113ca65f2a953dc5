/* SPDX-License-Identifier: MIT
 *
 * Which outcomes are tried again, from which budget, and after which delay: doubled, capped, and at random between half and
 * all of it.
 */
#include "job/retry.h"
#include "support/tap.h"

#define MS INT64_C(1000000)

static struct retry_policy policy_of(int32_t retries)
{
    return (struct retry_policy){.retries = retries, .crash_retries = 1, .delay_ns = 100 * MS, .max_delay_ns = 1000 * MS,
                                 .jitter_state = 42};
}

static void errors_use_their_budget(void)
{
    struct retry_policy policy = policy_of(2);
    struct job job = {.attempts = 1};
    int64_t delay_ns;
    retry_init(&policy, &job, -1);
    CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
    CU_ASSERT(!job.needs_fresh);
    CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
    CU_ASSERT(!retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
    CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_CRASH, &delay_ns));
    CU_ASSERT(delay_ns == 0 && job.needs_fresh);
    CU_ASSERT(!retry_take(&policy, &job, HAY_OUTCOME_CRASH, &delay_ns));
    retry_init(&policy, &job, 5);
    CU_ASSERT_EQUAL(job.retries_left, 5);
    retry_init(&policy, &job, INT64_MAX);
    CU_ASSERT_EQUAL(job.retries_left, INT32_MAX);
}

/* Of the four combinations of two switches, what errors and timeouts may. */
static void switches_say_what_uses_it(void)
{
    for (int i = 0; i < 4; i++) {
        struct retry_policy policy = policy_of(100);
        struct job job = {.attempts = 1};
        int64_t delay_ns;
        policy.final_errors = i & 1;
        policy.retry_timeouts = i & 2;
        retry_init(&policy, &job, -1);
        CU_ASSERT_EQUAL(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns), !(i & 1));
        CU_ASSERT_EQUAL(retry_take(&policy, &job, HAY_OUTCOME_TIMEOUT, &delay_ns), (i & 2) != 0);
        CU_ASSERT(!retry_take(&policy, &job, HAY_OUTCOME_CANCELLED, &delay_ns));
        CU_ASSERT(!retry_take(&policy, &job, HAY_OUTCOME_SKIPPED, &delay_ns));
    }
}

static void delays_double_up_to_their_cap(void)
{
    struct retry_policy policy = policy_of(1000);
    for (uint32_t attempts = 1; attempts <= 200; attempts++) {
        struct job job = {.attempts = attempts, .retries_left = 1};
        int64_t delay_ns, all_ns = attempts < 5 ? (100 * MS) << (attempts - 1) : 1000 * MS;
        CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
        CU_ASSERT(delay_ns >= all_ns / 2 && delay_ns <= all_ns);
    }
}

/* From a half to all of the delay, and not in one place: jobs that failed together do not come back together. */
static void delays_are_spread(void)
{
    struct retry_policy policy = policy_of(1000);
    int by_fifth[5] = {0};
    for (int i = 0; i < 1000; i++) {
        struct job job = {.attempts = 1, .retries_left = 1};
        int64_t delay_ns;
        CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
        int64_t fifth = (delay_ns - 50 * MS) / (10 * MS);
        CU_ASSERT_FATAL(fifth >= 0 && fifth <= 5);
        by_fifth[fifth < 5 ? fifth : 4]++;
    }
    for (int i = 0; i < 5; i++)
        CU_ASSERT(by_fifth[i] > 100);
}

static void extreme_delays_do_not_overflow(void)
{
    struct retry_policy policy = {.retries = 1, .delay_ns = INT64_MAX / 4, .max_delay_ns = INT64_MAX / 4, .jitter_state = 1};
    struct job job = {.attempts = UINT32_MAX, .retries_left = 3};
    int64_t delay_ns;
    CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
    CU_ASSERT(delay_ns >= INT64_MAX / 8 && delay_ns <= INT64_MAX / 4);
    policy.max_delay_ns = 1;
    CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
    CU_ASSERT(delay_ns <= 1);
    policy.delay_ns = 0;
    CU_ASSERT(retry_take(&policy, &job, HAY_OUTCOME_ERROR, &delay_ns));
    CU_ASSERT_EQUAL(delay_ns, 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"errors use their budget", errors_use_their_budget},
        {"switches say what uses it", switches_say_what_uses_it},
        {"delays double up to their cap", delays_double_up_to_their_cap},
        {"delays are spread", delays_are_spread},
        {"extreme delays do not overflow", extreme_delays_do_not_overflow},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"retry", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
