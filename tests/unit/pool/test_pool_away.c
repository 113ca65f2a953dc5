/* SPDX-License-Identifier: MIT
 *
 * A program that is elsewhere, stands still, or pauses its pool: what waits for it is not judged meanwhile, and what began in
 * such a time gets no more of it back than it was there for. And starts and replacements that others overtake.
 */
#include "unit/pool/pool_fixture.h"

#define PRINTED 150000          /* more than a pipe takes */

static void be_away(int64_t time_ms)
{
    for (int64_t end_ns = clock_now_ns() + time_ms * NS_PER_MS; clock_now_ns() < end_ns;)
        nap();
}

static int print_much(void *context, int worker)
{
    static char text[PRINTED];
    (void)context, (void)worker;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    return fwrite(text, 1, sizeof text, stdout) != sizeof text || fflush(stdout);
}

static void a_start_that_waits_for_the_program_is_not_late(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .worker_start = print_much, .start_timeout_ms = 2000});
    hay_pool_turn(fixture.pool, 0);
    be_away(4000);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static void print_much_at_the_end(void *context, int worker)
{
    print_much(context, worker);
}

/* Surplus workers end while a job runs, for whose sake the master wants to look often: so it knows how long it was away. */
static void an_end_that_waits_for_the_program_is_not_late(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3, .worker_stop = print_much_at_the_end});
    CU_ASSERT(workers_are_ready(&fixture, 3));
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    for (int i = 0; i < 3; i++)
        hay_pool_turn(fixture.pool, 0);
    be_away(6000);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

/* Its frame is in the pipe only in part, so no worker could begin it. */
static void a_job_that_waits_for_the_program_is_not_overdue(void)
{
    static char args[8 << 20];
    struct fixture fixture;
    memset(args, ' ', sizeof args);
    args[0] = '1';
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {args, sizeof args}});
    hay_pool_turn(fixture.pool, 0);
    be_away(5500);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static int pauses;

static void stand_still_and_pause(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    if (pauses++)
        return;
    be_away(3000);
    hay_pool_pause(fixture->pool, true);
    hay_pool_pause(fixture->pool, false);
}

static void a_pause_after_a_standstill_keeps_what_that_gives_back(void)
{
    struct fixture fixture;
    pauses = 0;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    fixture.on_result = stand_still_and_pause;
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.sleep", .args = {"4500", 4}, .timeout_ms = 3000});
    CU_ASSERT(begins(&fixture, 1));
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

/* The tick that is due as well reads the result, and looks at the worker with the long job after that. */
static void so_does_one_in_the_midst_of_a_tick(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, NULL), HAY_OK);
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.sleep", .args = {"4500", 4}, .timeout_ms = 3000});
    CU_ASSERT(begins(&fixture, 2));
    atomic_store(&board->release, 1);
    CU_ASSERT(comes(&fixture, 1));
    fixture.on_result = stand_still_and_pause;
    pauses = 0;
    submit(&fixture, "t.echo", "1");
    hay_pool_turn(fixture.pool, 0);
    be_away(100);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void a_pause_gives_back_no_more_than_a_job_was_there_for(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = HAY_POOL_NO_GRACE});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    hay_pool_pause(fixture.pool, true);
    be_away(5000);
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.hold", .args = {"1", 1}, .timeout_ms = 300});
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_pause(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(entry_of(&fixture, number)->run_ns < 5000 * NS_PER_MS);
    fixture_end(&fixture);
}

static int start_slowly(void *context, int worker)
{
    (void)context;
    be_away(worker ? 6000 : 0);
    return 0;
}

/* Longer than a worker has for its end, but not than one has for its start. */
static void a_worker_that_is_not_needed_any_more_may_finish_its_start(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .worker_start = start_slowly, .start_timeout_ms = 60000});
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    CU_ASSERT_EQUAL(fixture.logs, 0);
    fixture_end(&fixture);
}

/* Holds; in the second worker, until it is told to die. */
static int fn_die_in_second(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_fetch_add(&board->began, 1);
    while (!atomic_load(&board->release)) {
        if (task->worker == 1 && atomic_load(&board->stop))
            kill(getpid(), SIGKILL);
        nap();
    }
    return give(task, "true");
}

/* It was to make room for a job that had crashed, and that job is no more when it is idle. */
static void a_worker_that_was_to_be_replaced_works_on(void)
{
    struct fixture fixture;
    struct hay_worker info;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.die_in_second", "", fn_die_in_second, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 2));
    submit(&fixture, "t.die_in_second", "1");
    submit(&fixture, "t.die_in_second", "1");
    CU_ASSERT(begins(&fixture, 2));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture.pool, 2))
        if (hay_pool_worker(fixture.pool, 1, &info) && info.job)
            break;
    uint64_t number = info.job;
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    atomic_store(&board->stop, 1);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !stats_of(&fixture).deaths && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture.pool, 2);
    hay_pool_turn(fixture.pool, 2);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, number, NULL), HAY_OK);
    hay_pool_turn(fixture.pool, 2);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CANCELLED));
    for (int i = 0; i < 8; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a start that waits for the program is not late", a_start_that_waits_for_the_program_is_not_late},
        {"an end that waits for the program is not late", an_end_that_waits_for_the_program_is_not_late},
        {"a job that waits for the program is not overdue", a_job_that_waits_for_the_program_is_not_overdue},
        {"a pause after a standstill keeps what that gives back", a_pause_after_a_standstill_keeps_what_that_gives_back},
        {"so does one in the midst of a tick", so_does_one_in_the_midst_of_a_tick},
        {"a pause gives back no more than a job was there for", a_pause_gives_back_no_more_than_a_job_was_there_for},
        {"a worker that is not needed any more may finish its start", a_worker_that_is_not_needed_any_more_may_finish_its_start},
        {"a worker that was to be replaced works on", a_worker_that_was_to_be_replaced_works_on},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool away", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
