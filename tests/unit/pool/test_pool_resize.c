/* SPDX-License-Identifier: MIT
 *
 * More and fewer workers while the pool runs: from outside and from callbacks, up and down under load, between deaths and
 * restarts. Each job has one result whatever happens, none pays for a resize, and nothing stays behind.
 */
#include "unit/pool/pool_fixture.h"

static int living(struct fixture *fixture)
{
    struct hay_worker info;
    int count = 0;
    for (int i = 0; hay_pool_worker(fixture->pool, i, &info); i++)
        count += info.pid > 0;
    return count;
}

/* Turn until only so many workers have a process. A job has to be pending, or the loop does not turn. */
static bool shrinks_to(struct fixture *fixture, int count)
{
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture->pool, 2)) {
        struct hay_worker info;
        if (living(fixture) == count && !hay_pool_worker(fixture->pool, count, &info))
            return true;
    }
    return false;
}

static void new_workers_begin_at_once(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    for (int i = 0; i < 4; i++)
        submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 4, NULL), HAY_OK);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(hay_pool_worker_pid(fixture.pool, i) > 0);
    CU_ASSERT_EQUAL(stats_of(&fixture).workers, 4);
    CU_ASSERT(begins(&fixture, 4));
    CU_ASSERT_EQUAL(stats_of(&fixture).restarts, 0);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

/* Such are forked a part at a time, and none of that counts as a restart. */
static void many_workers_all_come(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 70});
    CU_ASSERT(workers_are_ready(&fixture, 70));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 140, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 140));
    CU_ASSERT_EQUAL(stats_of(&fixture).restarts, 0);
    for (int i = 0; i < 140; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

static void surplus_workers_finish_what_they_run_and_give_back_the_rest(void)
{
    struct fixture fixture;
    uint64_t held[4];
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4});
    CU_ASSERT(workers_are_ready(&fixture, 4));
    for (int i = 0; i < 4; i++)
        held[i] = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 4));
    for (int i = 0; i < 100; i++)
        submit(&fixture, "t.echo", "1");
    hay_pool_turn(fixture.pool, 0);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    CU_ASSERT_EQUAL(stats_of(&fixture).workers, 1);
    hay_pool_turn(fixture.pool, 20);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(hay_pool_worker_pid(fixture.pool, i) > 0); /* they run */
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    for (int i = 0; i < 4; i++)
        CU_ASSERT(ended_as(&fixture, held[i], HAY_OUTCOME_OK) && entry_of(&fixture, held[i])->attempts == 1);
    atomic_store(&board->release, 0);
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(shrinks_to(&fixture, 1));
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    CU_ASSERT_EQUAL(stats_of(&fixture).retried, 0);
    CU_ASSERT_EQUAL(stats_of(&fixture).restarts, 0);
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 1), 0);
    atomic_store(&board->release, 1);
    fixture_end(&fixture);
}

/* As many workers as the dice say, again and again, with jobs coming all the time. */
/* Of three one runs the job, perhaps a surplus one. Nothing else happens that would let the others be looked at. */
static void idle_surplus_workers_end_while_a_job_runs(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3});
    CU_ASSERT(workers_are_ready(&fixture, 3));
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_turn(fixture.pool, 20);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); living(&fixture) == 3 && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture.pool, 2);
    CU_ASSERT(living(&fixture) < 3);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

static void up_and_down_under_load_loses_nothing(void)
{
    struct fixture fixture;
    unsigned dice = 12345;
    int before = count_fds();
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (int round = 0; round < 300; round++) {
        for (int i = 0; i < 200; i++)
            submit(&fixture, "t.echo", "1");
        if (round % 10 == 0)
            submit(&fixture, "t.sleep", "3");
        dice = dice * 1103515245 + 12345;
        CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1 + (int)(dice >> 16) % 8, NULL), HAY_OK);
        hay_pool_turn(fixture.pool, (int)(dice >> 20) % 3);
    }
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).by_outcome[HAY_OUTCOME_OK], fixture.submitted);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    CU_ASSERT_EQUAL(stats_of(&fixture).retried, 0);
    fixture_end(&fixture);
    CU_ASSERT_EQUAL(count_fds(), before);
}

static void kill_someone(struct fixture *fixture, unsigned dice)
{
    pid_t pid = hay_pool_worker_pid(fixture->pool, (int)(dice % 6));
    if (pid > 0)
        kill(pid, SIGKILL);
}

static void resizes_between_deaths_lose_nothing(void)
{
    struct fixture fixture;
    unsigned dice = 99;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3, .crash_retries = 1000});
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 50; i++)
            submit(&fixture, "t.echo", "1");
        dice = dice * 1103515245 + 12345;
        kill_someone(&fixture, dice >> 18);
        CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1 + (int)(dice >> 16) % 6, NULL), HAY_OK);
        kill_someone(&fixture, dice >> 22);
        hay_pool_turn(fixture.pool, 1);
    }
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).by_outcome[HAY_OUTCOME_OK], fixture.submitted);
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
}

static void resize_now(struct fixture *fixture, const struct hay_result *result)
{
    CU_ASSERT_EQUAL(hay_pool_resize(fixture->pool, 1 + (int)(result->number % 5), NULL), HAY_OK);
}

static void a_callback_may_resize(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    fixture.on_result = resize_now;
    for (int i = 0; i < 2000; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    fixture.on_result = NULL;
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static void the_same_number_changes_nothing(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    pid_t pids[] = {hay_pool_worker_pid(fixture.pool, 0), hay_pool_worker_pid(fixture.pool, 1)};
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, NULL), HAY_OK);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(hay_pool_worker_pid(fixture.pool, 0) == pids[0] && hay_pool_worker_pid(fixture.pool, 1) == pids[1]);
    fixture_end(&fixture);
}

/* Workers that were surplus for a moment only, busy, idle or not even ready, are there again. */
static void who_is_wanted_again_stays(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3});
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 3));
    CU_ASSERT_EQUAL(stats_of(&fixture).restarts, 0);
    submit(&fixture, "t.hold", "1");
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    hay_pool_turn(fixture.pool, 5); /* who idles is told to end */
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, NULL), HAY_OK);
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 3));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static void what_cannot_be_is_refused_and_changes_nothing(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    CU_ASSERT_EQUAL(hay_pool_resize(NULL, 2, &error), HAY_EINVAL);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 0, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 4097, &error), HAY_EINVAL);
    CU_ASSERT(strstr(error.text, "4097") != NULL);
    CU_ASSERT_EQUAL(stats_of(&fixture).workers, 2);
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(stats_of(&fixture).workers, 2);
    atomic_store(&board->release, 1);
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE});
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, &error), HAY_ESTATE);
    fixture_end(&fixture);
}

static uint64_t fill(struct fixture *fixture)
{
    uint64_t count = 0;
    while (hay_pool_submit(fixture->pool, &(struct hay_job){.function = "t.echo"}, 0, NULL, NULL) == HAY_OK)
        count++;
    fixture->submitted += count;
    return count;
}

static void a_default_queue_follows_the_number_of_workers(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(fill(&fixture), 4096);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, NULL), HAY_OK);
    CU_ASSERT(hay_pool_has_room(fixture.pool, 10));
    CU_ASSERT_EQUAL(fill(&fixture), 8192);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, NULL), HAY_OK);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 10));
    CU_ASSERT(all_come(&fixture));
    hay_pool_hold(fixture.pool, true);
    CU_ASSERT_EQUAL(fill(&fixture), 8192);
    hay_pool_hold(fixture.pool, false);
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs = 10});
    CU_ASSERT_EQUAL(fill(&fixture), 10);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, NULL), HAY_OK);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 1));
    fixture_end(&fixture);
}

static void new_room_is_told(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    hay_pool_hold(fixture.pool, true);
    fill(&fixture);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 20), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(fixture.rooms, 0);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 4, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 20), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(fixture.rooms, 1);
    hay_pool_hold(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

/* A place that is used again goes on counting where its workers left off. */
static void figures_survive_a_shrink(void)
{
    struct fixture fixture;
    struct hay_worker info;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    submit(&fixture, "t.hold", "1");
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(hay_pool_worker(fixture.pool, 1, &info));
    CU_ASSERT(info.settled > 0 && info.busy_ns > 0 && info.generation == 1);
    uint64_t settled = info.settled;
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    atomic_store(&board->release, 0);
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(shrinks_to(&fixture, 1));
    CU_ASSERT_EQUAL(stats_of(&fixture).workers_used, 2);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, NULL), HAY_OK);
    CU_ASSERT(hay_pool_worker(fixture.pool, 1, &info));
    CU_ASSERT(info.settled == settled && info.generation == 2);
    atomic_store(&board->release, 1);
    fixture_end(&fixture);
}

static void a_job_that_is_tried_again_is_settled_once(void)
{
    struct fixture fixture;
    struct hay_worker info;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retries = 2, .retry_delay_ms = 1});
    uint64_t number = submit(&fixture, "t.fail_before", "2");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK) && entry_of(&fixture, number)->attempts == 3);
    CU_ASSERT(hay_pool_worker(fixture.pool, 0, &info));
    CU_ASSERT_EQUAL(info.settled, 1);
    CU_ASSERT_EQUAL(stats_of(&fixture).jobs_by_worker_max, 1);
    fixture_end(&fixture);
}

static void a_worker_tells_what_it_runs(void)
{
    struct fixture fixture;
    struct hay_worker info;
    struct timespec wall;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    CU_ASSERT(hay_pool_worker(fixture.pool, 0, &info));
    CU_ASSERT(info.job == 0 && info.job_start_ns == 0 && !info.job_id.at && info.pid == hay_pool_worker_pid(fixture.pool, 0));
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.hold", .id = {"\"me\"", 4}, .tag = 77});
    CU_ASSERT(begins(&fixture, 1));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture.pool, 2)) {
        CU_ASSERT(hay_pool_worker(fixture.pool, 0, &info));
        if (info.job)
            break;
    }
    CU_ASSERT(info.job == number && info.job_tag == 77 && info.job_id.size == 4 && !memcmp(info.job_id.at, "\"me\"", 4));
    clock_gettime(CLOCK_REALTIME, &wall);
    CU_ASSERT(info.job_start_ns <= wall.tv_sec * NS_PER_S + wall.tv_nsec);
    CU_ASSERT(info.job_start_ns > (wall.tv_sec - 60) * NS_PER_S);
    CU_ASSERT(!hay_pool_worker(fixture.pool, 1, &info) && !hay_pool_worker(fixture.pool, -1, &info));
    CU_ASSERT(!hay_pool_worker(fixture.pool, 0, NULL) && !hay_pool_worker(NULL, 0, &info));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(hay_pool_worker(fixture.pool, 0, &info));
    CU_ASSERT(info.job == 0 && info.busy_ns >= NS_PER_MS);
    fixture_end(&fixture);
}

/* Crashes at its first attempt, once it is released. */
static int fn_crash_once(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_fetch_add(&board->began, 1);
    while (!atomic_load(&board->release))
        nap();
    if (task->attempt == 1)
        raise(SIGKILL);
    return give(task, "true");
}

/* Its worker was one too many, so none comes in its place; and the other is never idle. */
static void a_retry_after_a_crash_gets_its_fresh_worker_under_steady_load(void)
{
    struct fixture fixture;
    struct hay_worker worker = {0};
    uint64_t number = 0;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs = 64});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.crash_once", "", fn_crash_once, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 2));
    /* Until one of them runs in the worker that will be surplus. */
    for (int tries = 0; tries < 20 && (!number || worker.job != number); tries++) {
        atomic_store(&board->release, 1);
        CU_ASSERT(all_come(&fixture));
        atomic_store(&board->release, 0);
        atomic_store(&board->began, 0);
        number = submit(&fixture, "t.crash_once", "1");
        CU_ASSERT(begins(&fixture, 1));
        hay_pool_worker(fixture.pool, 1, &worker);
    }
    CU_ASSERT_EQUAL(worker.job, number);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, NULL), HAY_OK);
    atomic_store(&board->release, 1);
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (!fixture.book[number].count && clock_now_ns() < deadline_ns) {
        if (fixture.submitted - fixture.results < 30)
            submit(&fixture, "t.sleep", "2");
        else
            hay_pool_turn(fixture.pool, 100);
    }
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

/* The first attempts: on the first worker until the board is released, on the second until its second stop, on the third a crash
 * at its first. */
static int fn_role(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_fetch_add(&board->began, 1);
    while (task->attempt == 1 && !atomic_load(&board->release) && !(task->worker && atomic_load(&board->stop) > 1)) {
        if (task->worker == 2 && atomic_load(&board->stop))
            raise(SIGKILL);
        nap();
    }
    return give(task, "true");
}

/* It was promised a busy worker's place while none was idle; then another one is. */
static void what_crashed_on_a_surplus_worker_goes_where_first_one_is_idle(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 3});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.role", "", fn_role, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 3));
    uint64_t before = fixture.results;
    for (int i = 0; i < 3; i++)
        submit(&fixture, "t.role", NULL);
    CU_ASSERT(begins(&fixture, 3));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, NULL), HAY_OK);
    hay_pool_turn(fixture.pool, 0);
    atomic_store(&board->stop, 1);
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    do {
        hay_pool_turn(fixture.pool, 5);
        hay_pool_stats(fixture.pool, &stats);
    } while (!stats.deaths && clock_now_ns() < deadline_ns);
    hay_pool_turn(fixture.pool, 5);
    atomic_store(&board->stop, 2);
    CU_ASSERT(comes(&fixture, before + 2));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo resizes[] = {
        {"new workers begin at once", new_workers_begin_at_once},
        {"many workers all come", many_workers_all_come},
        {"surplus workers finish what they run and give back the rest",
         surplus_workers_finish_what_they_run_and_give_back_the_rest},
        {"idle surplus workers end while a job runs", idle_surplus_workers_end_while_a_job_runs},
        {"up and down under load loses nothing", up_and_down_under_load_loses_nothing},
        {"resizes between deaths lose nothing", resizes_between_deaths_lose_nothing},
        {"a callback may resize", a_callback_may_resize},
        {"the same number changes nothing", the_same_number_changes_nothing},
        {"who is wanted again stays", who_is_wanted_again_stays},
        {"what cannot be is refused and changes nothing", what_cannot_be_is_refused_and_changes_nothing},
        {"a default queue follows the number of workers", a_default_queue_follows_the_number_of_workers},
        {"new room is told", new_room_is_told},
        {"a retry after a crash gets its fresh worker under steady load",
         a_retry_after_a_crash_gets_its_fresh_worker_under_steady_load},
        {"what crashed on a surplus worker goes where first one is idle",
         what_crashed_on_a_surplus_worker_goes_where_first_one_is_idle},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo figures[] = {
        {"figures survive a shrink", figures_survive_a_shrink},
        {"a job that is tried again is settled once", a_job_that_is_tried_again_is_settled_once},
        {"a worker tells what it runs", a_worker_tells_what_it_runs},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool resize", NULL, NULL, NULL, NULL, resizes},
                             {"pool workers", NULL, NULL, NULL, NULL, figures},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
