/* SPDX-License-Identifier: MIT
 *
 * Results of every size and shape, logs and progress, and many jobs through few and many workers.
 */
#include "unit/pool/pool_fixture.h"

static void results_of_every_size_come_whole(void)
{
    static const char *const sizes[] = {"1", "100", "65496", "65497", "102400", "1000000", "16777216"};
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            uint64_t number = submit(&fixture, "t.fill", sizes[i]);
            CU_ASSERT(all_come(&fixture));
            CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
            CU_ASSERT_EQUAL(entry_of(&fixture, number)->value_size, (size_t)atol(sizes[i]));
        }
    fixture_end(&fixture);
}

static void no_result_and_too_large_a_result_are_errors(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    uint64_t none = submit(&fixture, "t.fill", "0"), large = submit(&fixture, "t.fill", "20971520"), over = submit(&fixture,
            "t.fill", "16777217");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, none, HAY_OUTCOME_ERROR));
    CU_ASSERT(ended_as(&fixture, large, HAY_OUTCOME_ERROR));
    CU_ASSERT(ended_as(&fixture, over, HAY_OUTCOME_ERROR));
    CU_ASSERT(strstr(entry_of(&fixture, large)->message, "16777216") != NULL);
    CU_ASSERT_EQUAL(entry_of(&fixture, large)->pid, entry_of(&fixture, none)->pid); /* it cost no worker */
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 0);
    fixture_end(&fixture);
}

enum { TEXT = 4000 };

static int fn_fail_large(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char text[TEXT + 1];
    memset(text, 'e', TEXT);
    text[TEXT] = '\0';
    return task->host->fail(task, text);
}

/* [51]: of all together no pipe holds a tenth. */
static void large_errors_do_not_hold_up_a_join(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "r.fail", "", fn_fail_large, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < 2000; i++)
        submit(&fixture, "r.fail", NULL);
    CU_ASSERT_EQUAL(fixture.submitted, 2000);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    for (uint64_t number = 1; number <= 2000; number++)
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_ERROR) && entry_of(&fixture, number)->message_size == TEXT);
    fixture_end(&fixture);
}

static void a_small_limit_is_kept(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_result_bytes = 10});
    uint64_t fits = submit(&fixture, "t.fill", "10"), over = submit(&fixture, "t.fill", "11");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, fits, HAY_OUTCOME_OK) && ended_as(&fixture, over, HAY_OUTCOME_ERROR));
    fixture_end(&fixture);
}

static void what_is_not_one_line_of_json_is_an_error(void)
{
    static const char *const wrong[] = {"{", "nul", "1 2", "[1,]", "\"\x01\"", "\"\xff\"", "1\n", "\n1", " "};
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint64_t number = submit(&fixture, "t.echo", wrong[i]);
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_ERROR));
        CU_ASSERT(strstr(entry_of(&fixture, number)->message, "not one line of JSON") != NULL);
        CU_ASSERT_EQUAL(entry_of(&fixture, number)->value_size, 0);
    }
    fixture_end(&fixture);
}

static void raw_results_are_any_bytes(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .raw_results = true});
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {"\0\n{\xff", 4}});
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->value_size, 4);
    CU_ASSERT(memcmp(entry_of(&fixture, number)->value, "\0\n{\xff", 4) == 0);
    fixture_end(&fixture);
}

static void large_args_go_through_a_small_window(void)
{
    struct fixture fixture;
    size_t size = 3u << 20;
    char *args = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(args);
    memset(args, ' ', size);
    args[0] = '5';
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    for (int i = 0; i < 20; i++)
        CU_ASSERT(submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {args, size}}) > 0);
    free(args);
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = 1; number <= 20; number++)
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK) && entry_of(&fixture, number)->value_size == size);
    fixture_end(&fixture);
}

static int run_babble(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    task->host->progress(task, "{\"a\":", 5);
    return task->host->result(task, args, size);
}

static void progress_that_is_no_json_is_not_handed_up(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.babble", NULL, run_babble, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t number = submit(&fixture, "t.babble", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT(fixture.progress == 0 && fixture.odd_progress == 0);
    fixture_end(&fixture);
}

/* As long as it is not asked to end; then what it is given, or half of that. */
static int run_late(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    while (!task->host->cancelled(task))
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    return task->host->result(task, args, size > 1 ? size / 2 : size);
}

static void what_comes_along_with_a_timeout_is_json_too(void)
{
    struct fixture fixture;
    struct hay_job whole = {.function = "t.late", .args = {"1", 1}, .timeout_ms = 50};
    struct hay_job half = {.function = "t.late", .args = {"[1, 2]", 6}, .timeout_ms = 50};
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.late", NULL, run_late, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t first = submit_job(&fixture, whole), second = submit_job(&fixture, half);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, first, HAY_OUTCOME_TIMEOUT) && ended_as(&fixture, second, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(entry_of(&fixture, first)->value_size == 1 && entry_of(&fixture, second)->value_size == 0);
    fixture_end(&fixture);
}

static void lines_and_progress_are_handed_up(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    for (int i = 0; i < 20; i++)
        submit(&fixture, "t.print", "\"hello\"");
    submit(&fixture, "t.progress", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.progress, 1);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(fixture.logs, 20);
    CU_ASSERT_STRING_EQUAL(fixture.log, "\"hello\"");
    fixture_end(&fixture);
}

static void a_table_larger_than_a_result_still_passes(void)
{
    static char summary[60001];
    struct fixture fixture;
    memset(summary, 's', sizeof summary - 1);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .max_result_bytes = 1000});
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "long.f%d", i);
        CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, name, summary, fn_echo, NULL, NULL), HAY_OK);
    }
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t number = submit(&fixture, "long.f39", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void many_jobs(int workers, int jobs)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    uint64_t wrong = 0;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = workers});
    for (int i = 0; i < jobs; i++)
        wrong += !submit(&fixture, "t.echo", "[1]");
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = 1; number <= fixture.submitted; number++)
        wrong += fixture.book[number].count != 1 || fixture.book[number].outcome != HAY_OUTCOME_OK ||
            fixture.book[number].attempts != 1;
    CU_ASSERT_EQUAL(wrong, 0);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.accepted, (uint64_t)jobs);
    CU_ASSERT_EQUAL(stats.by_outcome[HAY_OUTCOME_OK], (uint64_t)jobs);
    CU_ASSERT(stats.pending == 0 && stats.queued == 0);
    CU_ASSERT_EQUAL(stats.started, (uint64_t)jobs);
    CU_ASSERT(stats.retried == 0 && stats.deaths == 0 && stats.restarts == 0);
    CU_ASSERT(stats.workers == workers && stats.jobs_by_worker_max <= (uint64_t)jobs && stats.workers_used >= 1);
    fixture_end(&fixture);
}

static void a_hundred_thousand_jobs_through_one_worker(void)
{
    many_jobs(1, 100000);
}

static void a_hundred_thousand_jobs_through_sixteen_workers(void)
{
    many_jobs(16, 100000);
}

static void a_mix_of_everything_is_conserved(void)
{
    struct fixture fixture;
    static const char *const calls[][2] = {{"t.echo", "1"}, {"t.echo", "{"}, {"t.sleep", "1"}, {"t.fail_before", "1"},
                                           {"t.die_before", "1"}, {"t.fill", "90000"},
                                           {"t.die", "-3"}, {"t.print", "2"}, {"t.echo", "3"}, {"t.echo", "4"}};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4, .retries = 1, .retry_delay_ms = 1, .timeout_ms = 5000});
    for (int i = 0; i < 1000; i++) {
        uint64_t number = submit(&fixture, calls[i % 10][0], calls[i % 10][1]);
        if (i % 17 == 0)
            hay_pool_cancel(fixture.pool, number - (uint64_t)(i % 5), NULL);
        if (i % 50 == 0)
            CU_ASSERT(is_conserved(&fixture));
    }
    for (int i = 0; i < 20000 && fixture.results < fixture.submitted; i++) {
        hay_pool_turn(fixture.pool, 1000);
        if (i % 20 == 0)
            CU_ASSERT(is_conserved(&fixture));
    }
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo shapes[] = {
        {"results of every size come whole", results_of_every_size_come_whole},
        {"no result and too large a result are errors", no_result_and_too_large_a_result_are_errors},
        {"large errors do not hold up a join", large_errors_do_not_hold_up_a_join},
        {"a small limit is kept", a_small_limit_is_kept},
        {"what is not one line of JSON is an error", what_is_not_one_line_of_json_is_an_error},
        {"raw results are any bytes", raw_results_are_any_bytes},
        {"large args go through a small window", large_args_go_through_a_small_window},
        {"progress that is no JSON is not handed up", progress_that_is_no_json_is_not_handed_up},
        {"what comes along with a timeout is JSON too", what_comes_along_with_a_timeout_is_json_too},
        {"lines and progress are handed up", lines_and_progress_are_handed_up},
        {"a table larger than a result still passes", a_table_larger_than_a_result_still_passes},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo many[] = {
        {"a hundred thousand jobs through one worker", a_hundred_thousand_jobs_through_one_worker},
        {"a hundred thousand jobs through sixteen workers", a_hundred_thousand_jobs_through_sixteen_workers},
        {"a mix of everything is conserved", a_mix_of_everything_is_conserved},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool results", NULL, NULL, NULL, NULL, shapes}, {"pool many", NULL, NULL, NULL, NULL, many},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
