/* SPDX-License-Identifier: MIT
 *
 * What the tests of other pools ask of a pool, where no other file here asks it yet. Numbers in brackets are those of the
 * behaviours in tests/README.md.
 */
#include "support/descriptors.h"
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

static int fn_nest(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    return run_pool_of_a_child() ? task->host->fail(task, "not all came") : give(task, "10");
}

/* [54]: as often as it likes. */
static void a_job_may_have_a_pool_of_its_own(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 2};
    fixture_new(&fixture, &options);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "b.nest", "", fn_nest, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < 6; i++)
        submit(&fixture, "b.nest", NULL);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_OK), 6);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static int kept_fd;
static struct hay_pool *left_behind;

/* Three workers that have the descriptor: two of them run a job without an end. Called where no assertion may be. */
static void leave_busy_pool(void)
{
    struct hay_pool_options options = {.workers = 3, .keep_fds = &kept_fd, .keep_count = 1};
    struct hay_pool_stats stats = {.workers_ready = 0};
    left_behind = hay_pool_new(&options, NULL);
    CHILD_CHECK(left_behind && hay_pool_register(left_behind, "t.hold", "", fn_hold, NULL, NULL) == HAY_OK);
    CHILD_CHECK(hay_pool_start(left_behind, NULL) == HAY_OK);
    struct hay_job job = {.function = "t.hold"};
    for (int i = 0; i < 2; i++)
        CHILD_CHECK(hay_pool_submit(left_behind, &job, LIMIT_MS, NULL, NULL) == HAY_OK);
    while (atomic_load(&board->began) < 2 || stats.workers_ready < 3) {
        hay_pool_turn(left_behind, 2);
        hay_pool_stats(left_behind, &stats);
    }
}

/* Nobody has the other end any more. */
static bool comes_to_an_end(int fd)
{
    struct pollfd end = {fd, POLLIN, 0};
    char byte;
    return poll(&end, 1, LIMIT_MS) == 1 && read(fd, &byte, 1) == 0;
}

static _Noreturn int fn_nest_for_ever(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task, (void)function, (void)args, (void)size;
    leave_busy_pool();
    atomic_store(&board->waiting, 1);
    for (;;)
        pause();
}

/* [54]: and it is killed with its worker, whatever ends that. */
static void the_pool_of_a_job_goes_with_its_worker(void)
{
    for (int way = 0; way < 3; way++) {
        struct fixture fixture;
        struct hay_pool_options options = {.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY, .keep_fds = &kept_fd,
                                           .keep_count = 1, .grace_ms = HAY_POOL_NO_GRACE};
        int ends[2];
        CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
        kept_fd = ends[1];
        fixture_new(&fixture, &options);
        CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "b.nest", "", fn_nest_for_ever, NULL, NULL), HAY_OK);
        CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
        uint64_t number = submit(&fixture, "b.nest", NULL);
        for (int64_t limit_ns = clock_deadline_ns(LIMIT_MS); !atomic_load(&board->waiting) && clock_now_ns() < limit_ns;)
            hay_pool_turn(fixture.pool, 2);
        CU_ASSERT_EQUAL(atomic_load(&board->waiting), 1);
        if (way == 0)
            signal_worker(hay_pool_worker_pid(fixture.pool, 0), SIGKILL);
        else if (way == 1)
            CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, number, NULL), HAY_OK)
        else
            CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 0), HAY_OK)
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, way ? HAY_OUTCOME_CANCELLED : HAY_OUTCOME_CRASH));
        fixture_end(&fixture);
        close(ends[1]);
        CU_ASSERT(comes_to_an_end(ends[0]));
        atomic_store(&board->release, 1); /* or they run for ever */
        close(ends[0]);
    }
}

/* [62]: nor do workers outlive their program, idle or not. */
static void workers_go_with_a_program_that_does_not_free_its_pool(void)
{
    for (int way = 0; way < 3; way++) {
        int ends[2], status = -1;
        CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
        kept_fd = ends[1];
        atomic_store(&board->began, 0);
        atomic_store(&board->release, 0);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            alarm(LIMIT_MS / 1000);
            leave_busy_pool();
            if (way == 0)
                exit(0);
            if (way == 1)
                _exit(0);
            raise(SIGKILL);
        }
        close(ends[1]);
        CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
        CU_ASSERT_EQUAL(status, way == 2 ? SIGKILL : 0);
        CU_ASSERT(comes_to_an_end(ends[0]));
        atomic_store(&board->release, 1);
        close(ends[0]);
    }
}

/* [47] */
static void a_pool_of_no_stated_size_has_a_worker_for_each_processor(void)
{
    for (int way = 0; way < 2; way++) {
        struct fixture fixture;
        struct hay_pool_options options = {.workers = 0};
        if (way)
            setenv("HAYFORK_CPU_COUNT", "1", 1);
        int count = hay_cpu_count();
        fixture_start(&fixture, &options);
        CU_ASSERT_EQUAL(stats_of(&fixture).workers, count);
        CU_ASSERT(hay_pool_worker_pid(fixture.pool, count - 1) > 0);
        CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, count), 0);
        submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
        fixture_end(&fixture);
        unsetenv("HAYFORK_CPU_COUNT");
    }
}

/* As a server has: select() knows those below FD_SETSIZE only. */
static void a_program_with_many_descriptors_has_a_pool(void)
{
    static struct descriptors low;
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY};
    if (!descriptors_take(&low))
        return;
    fixture_start(&fixture, &options);
    for (int i = 0; i < 100; i++)
        submit(&fixture, i % 50 == 25 ? "t.die" : "t.echo", "9");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_OK), 98);
    CU_ASSERT_EQUAL(settled_as(&fixture, HAY_OUTCOME_CRASH), 2);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 2); /* and nobody was given up and replaced */
    fixture_end(&fixture);
    descriptors_give_back(&low);
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
        TEST(a_job_may_have_a_pool_of_its_own),
        TEST(the_pool_of_a_job_goes_with_its_worker),
        TEST(workers_go_with_a_program_that_does_not_free_its_pool),
        TEST(a_pool_of_no_stated_size_has_a_worker_for_each_processor),
        TEST(a_program_with_many_descriptors_has_a_pool),
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
