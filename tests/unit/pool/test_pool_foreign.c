/* SPDX-License-Identifier: MIT
 *
 * A pool in a child of the process that made it, or in another thread: each call is a status or nothing, a child's turns of the
 * loop are none of the pool, and workers and jobs never notice.
 */
#include "unit/pool/pool_fixture.h"

#include <ev.h>
#include <pthread.h>

static bool give_none(void *context, struct hay_job *job)
{
    (void)context, (void)job;
    return false;
}

static bool take_none(void *context, uint64_t index, const struct hay_result *result)
{
    (void)context, (void)index, (void)result;
    return true;
}

/* Every call, where `owner` is another one. */
static void use(struct hay_pool *pool, struct hay_future *future, const char *owner)
{
    struct hay_job job = {.function = "t.echo"};
    struct hay_error error = {0};
    struct hay_worker worker;
    struct hay_pool_stats stats;
    struct hay_map_result result;
    struct hay_each each = {.next = give_none, .result = take_none, .function = "t.echo"};
    CHILD_CHECK(hay_pool_submit(pool, &job, -1, NULL, &error) == HAY_ESTATE);
    CHILD_CHECK(strstr(error.text, owner));
    CHILD_CHECK(!hay_pool_has_room(pool, 1));
    CHILD_CHECK(!hay_pool_future(pool, &job, -1, &error) && error.status == HAY_ESTATE);
    CHILD_CHECK(hay_future_wait(future, -1) == HAY_ESTATE && !hay_future_result(future));
    CHILD_CHECK(hay_futures_wait(&future, 1, HAY_FUTURES_ALL, -1) == HAY_ESTATE);
    CHILD_CHECK(hay_future_cancel(future, NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_cancel(pool, 1, NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_cancel_signal(pool, SIGINT, NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_resize(pool, 1, NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_map(pool, "t.echo", NULL, 1, -1, &result, NULL) == HAY_ESTATE);
    hay_map_release(&result, 1);
    CHILD_CHECK(hay_pool_each(pool, &each, -1, NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_load(pool, "demo", NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_start(pool, NULL) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_turn(pool, -1) == HAY_ESTATE);
    CHILD_CHECK(!hay_pool_worker(pool, 0, &worker));
    CHILD_CHECK(!hay_pool_worker_pid(pool, 0));
    memset(&stats, 0xff, sizeof stats);
    hay_pool_stats(pool, &stats);
    CHILD_CHECK(!stats.accepted && !stats.pending && !stats.queued && !stats.started && !stats.workers && !stats.workers_ready);
    hay_pool_cancel_all(pool, true);
    hay_pool_hold(pool, true);
    hay_pool_pause(pool, true);
    hay_pool_freeze(pool, true);
    hay_pool_close(pool);
    CHILD_CHECK(hay_pool_join(pool, -1) == HAY_ESTATE);
    CHILD_CHECK(hay_pool_terminate(pool, 0) == HAY_ESTATE);
    hay_pool_free(pool);
}

struct users {
    struct hay_pool *pool;
    struct hay_future *future;
};

static void use_in_a_child(struct users *users)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        use(users->pool, users->future, "belongs to the process that made it");
        _exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

static void *use_both(void *arg)
{
    const struct users *users = arg;
    use(users->pool, users->future, "belongs to the thread that made it");
    return NULL;
}

static void use_in_a_thread(struct users *users)
{
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, use_both, users), 0);
    CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
}

static void is_untouched(void (*use_elsewhere)(struct users *users))
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    struct hay_future *future = hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.hold"}, -1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    uint64_t number = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2));
    pid_t workers[] = {hay_pool_worker_pid(fixture.pool, 0), hay_pool_worker_pid(fixture.pool, 1)};
    use_elsewhere(&(struct users){fixture.pool, future});
    atomic_store(&board->release, 1);
    CU_ASSERT(comes(&fixture, 1));
    CU_ASSERT_EQUAL(hay_future_wait(future, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_future_result(future)->outcome, HAY_OUTCOME_OK);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 0), workers[0]);
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 1), workers[1]);
    hay_future_free(future);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_free(&fixture);
}

static void a_child_cannot_touch_the_pool(void)
{
    is_untouched(use_in_a_child);
}

static void nor_can_another_thread(void)
{
    is_untouched(use_in_a_thread);
}

/* Goes on with the loop, as libev says how, until its parent's jobs are done; then it has nothing to wait for there. */
static void turn(struct ev_loop *loop)
{
    ev_loop_fork(loop);
    atomic_store(&board->pid, getpid());
    while (!atomic_load(&board->release)) {
        ev_run(loop, EVRUN_NOWAIT);
        nap();
    }
    ev_run(loop, 0);
}

static void in_a_loop(struct ev_loop *loop)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    int status = -1;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .loop = loop, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, 1));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        turn(loop);
        _exit(0);
    }
    while (atomic_load(&board->pid) != pid)
        nap();
    for (int i = 0; i < 200; i++)
        submit_job(&fixture, (struct hay_job){.function = "t.sleep", .args = {"2", 1}, .timeout_ms = LIMIT_MS});
    CU_ASSERT(comes(&fixture, 201));
    uint64_t late = submit_job(&fixture, (struct hay_job){.function = "t.polite", .timeout_ms = 10});
    CU_ASSERT(comes(&fixture, 202)); /* its clock has not gone with the child */
    CU_ASSERT(ended_as(&fixture, late, HAY_OUTCOME_TIMEOUT));
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 0);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_free(&fixture);
}

static void a_child_goes_on_with_its_loop(void)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    in_a_loop(loop);
    ev_loop_destroy(loop);
}

static void a_child_goes_on_with_the_default_loop(void)
{
    in_a_loop(ev_default_loop(EVFLAG_AUTO));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a child cannot touch the pool", a_child_cannot_touch_the_pool},
        {"nor can another thread", nor_can_another_thread},
        {"a child goes on with its loop", a_child_goes_on_with_its_loop},
        {"a child goes on with the default loop", a_child_goes_on_with_the_default_loop},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool foreign", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
