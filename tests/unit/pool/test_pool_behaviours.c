/* SPDX-License-Identifier: MIT
 *
 * What the tests of other pools ask of a pool, where no other file here asks it yet. Numbers in brackets are those of the
 * behaviours in tests/README.md.
 */
#include "unit/pool/pool_fixture.h"

static uint64_t settled_as(const struct fixture *fixture, enum hay_outcome outcome)
{
    struct hay_pool_stats stats;
    hay_pool_stats(fixture->pool, &stats);
    return stats.by_outcome[outcome];
}

/* [48] */
static void ten_thousand_queued_jobs_end_at_once_by_terminate(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 2, .max_jobs = 20000};
    fixture_start(&fixture, &options);
    for (int i = 0; i < 10000; i++)
        submit(&fixture, "t.sleep", "600000");
    CU_ASSERT_EQUAL(fixture.submitted, 10000);
    CU_ASSERT(begins(&fixture, 2));
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_OK), 0);
    CU_ASSERT_EQUAL(fixture.results, fixture.submitted);
    CU_ASSERT(is_conserved(&fixture));
    fixture_free(&fixture);
}

/* [54] */
static void two_hundred_workers_work(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 200};
    fixture_start(&fixture, &options);
    for (int i = 0; i < 400; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_OK), 400);
    fixture_end(&fixture);
}

static void count_ok(void *context, const struct hay_result *result)
{
    *(int *)context += result->outcome == HAY_OUTCOME_OK;
}

static int run_pool_of_a_child(void)
{
    int count = 0;
    struct hay_pool_options options = {.workers = 2, .context = &count, .on_result = count_ok};
    struct hay_pool *pool = hay_pool_new(&options, NULL);
    CHILD_CHECK(pool && hay_pool_register(pool, "t.echo", "", fn_echo, NULL, NULL) == HAY_OK);
    CHILD_CHECK(hay_pool_start(pool, NULL) == HAY_OK);
    struct hay_job job = {.function = "t.echo", .args = {"1", 1}};
    for (int i = 0; i < 10; i++)
        CHILD_CHECK(hay_pool_submit(pool, &job, LIMIT_MS, NULL, NULL) == HAY_OK);
    hay_pool_close(pool);
    CHILD_CHECK(hay_pool_join(pool, LIMIT_MS) == HAY_OK);
    hay_pool_free(pool);
    return count == 10 ? 0 : 1;
}

/* [54] */
static void a_child_may_have_a_pool_of_its_own(void)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_pool_of_a_child());
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

/* [57] */
static void blocked_jobs_start_no_more_workers_and_idle_ones_are_used_again(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 3};
    struct hay_pool_stats stats;
    pid_t before[3];
    fixture_start(&fixture, &options);
    for (int i = 0; i < 45; i++)
        submit(&fixture, "t.hold", NULL);
    CU_ASSERT(begins(&fixture, 3));
    for (int i = 0; i < 3; i++) {
        before[i] = hay_pool_worker_pid(fixture.pool, i);
        CU_ASSERT(before[i] > 0);
    }
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 3), 0);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.workers, 3);
    CU_ASSERT_EQUAL(atomic_load(&board->began), 3);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    for (int round = 0; round < 20; round++) {
        submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
    }
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, i), before[i]);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.restarts, 0);
    fixture_end(&fixture);
}

/* [61]: the args are on their way to a worker that does not read, and more than any socket holds. */
static void a_crash_with_megabytes_of_args_on_their_way_is_no_deadlock(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY};
    size_t size = (size_t)8 << 20;
    char *args = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(args);
    memset(args, 'a', size);
    args[0] = args[size - 1] = '"';
    fixture_start(&fixture, &options);
    uint64_t held = submit(&fixture, "t.hold", NULL);
    CU_ASSERT(begins(&fixture, 1));
    uint64_t large = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {args, size}});
    hay_pool_turn(fixture.pool, 0);
    signal_worker(atomic_load(&board->pid), SIGKILL);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, held, HAY_OUTCOME_CRASH));
    CU_ASSERT(ended_as(&fixture, large, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, large)->value_size, size);
    fixture_end(&fixture);
    free(args);
}

/* [60] */
static void a_crash_after_close_is_settled_too(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY};
    fixture_start(&fixture, &options);
    uint64_t held = submit(&fixture, "t.hold", NULL);
    CU_ASSERT(begins(&fixture, 1));
    uint64_t later = submit(&fixture, "t.echo", "1");
    hay_pool_close(fixture.pool);
    signal_worker(atomic_load(&board->pid), SIGKILL);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(ended_as(&fixture, held, HAY_OUTCOME_CRASH));
    CU_ASSERT(ended_as(&fixture, later, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

/* [55] */
static void many_submits_and_a_close_at_once_lose_none(void)
{
    for (int round = 0; round < 10; round++) {
        struct fixture fixture;
        struct hay_pool_options options = {.workers = 2};
        fixture_start(&fixture, &options);
        for (int i = 0; i < 1000; i++)
            submit(&fixture, "t.echo", "1");
        hay_pool_close(fixture.pool);
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
        CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_OK), 1000);
        fixture_end(&fixture);
    }
}

/* [60] */
static void failing_crashing_and_good_jobs_share_a_small_queue(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 2, .max_jobs = 8, .crash_retries = HAY_POOL_NO_CRASH_RETRY};
    fixture_start(&fixture, &options);
    for (int i = 0; i < 100; i++) {
        submit(&fixture, "t.fail_before", "9");
        submit(&fixture, "t.echo", "1");
        if (i % 10 == 0)
            submit(&fixture, "t.die", "-99");
    }
    CU_ASSERT_EQUAL(fixture.submitted, 210);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_OK), 100);
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_ERROR), 100);
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_CRASH), 10);
    fixture_end(&fixture);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(ten_thousand_queued_jobs_end_at_once_by_terminate),
        TEST(two_hundred_workers_work),
        TEST(a_child_may_have_a_pool_of_its_own),
        TEST(blocked_jobs_start_no_more_workers_and_idle_ones_are_used_again),
        TEST(a_crash_with_megabytes_of_args_on_their_way_is_no_deadlock),
        TEST(a_crash_after_close_is_settled_too),
        TEST(many_submits_and_a_close_at_once_lose_none),
        TEST(failing_crashing_and_good_jobs_share_a_small_queue),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool behaviours", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
