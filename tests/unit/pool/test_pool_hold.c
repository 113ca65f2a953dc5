/* SPDX-License-Identifier: MIT
 *
 * Pools that stand still: held, so that nothing more begins, and frozen, so that nothing goes on. No clock runs against anyone
 * meanwhile, no worker is blamed, and every way to end a pool still works.
 */
#include "unit/pool/pool_fixture.h"

/* Counts on the board until it is released: who is stopped does not count. */
static int fn_count(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_store(&board->pid, getpid());
    atomic_fetch_add(&board->began, 1);
    while (!atomic_load(&board->release)) {
        atomic_fetch_add(&board->stop, 1);
        nap();
    }
    return give(task, "true");
}

/* The same in a child of the worker. */
static int fn_count_below(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    pid_t pid = fork();
    if (pid == 0) {
        atomic_fetch_add(&board->began, 1);
        while (!atomic_load(&board->release)) {
            atomic_fetch_add(&board->stop, 1);
            nap();
        }
        _exit(0);
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return give(task, "true");
}

static void start_counting(struct fixture *fixture, const struct hay_pool_options *options)
{
    fixture_new(fixture, options);
    CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, "t.count", "", fn_count, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, "t.count_below", "", fn_count_below, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture->pool, NULL), HAY_OK);
}

/* A stop of another process takes effect in its own time: wait until it stands, then see that it stays. */
static bool stands(struct fixture *fixture, int for_ms)
{
    uint32_t seen = atomic_load(&board->stop);
    int64_t since_ns = clock_now_ns();
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture->pool, 5)) {
        uint32_t now = atomic_load(&board->stop);
        if (now != seen)
            since_ns = clock_now_ns();
        else if (clock_now_ns() - since_ns > for_ms * NS_PER_MS)
            return true;
        seen = now;
    }
    return false;
}

static bool goes_on(struct fixture *fixture)
{
    uint32_t seen = atomic_load(&board->stop);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture->pool, 5))
        if (atomic_load(&board->stop) > seen + 3)
            return true;
    return false;
}

/* Turn for so long, whatever comes. */
static void pass(struct fixture *fixture, int ms)
{
    for (int64_t until_ns = clock_now_ns() + ms * NS_PER_MS; clock_now_ns() < until_ns;)
        hay_pool_turn(fixture->pool, 10);
}

/* A pool that stands still is freed: its one job gets its result, and no process is left. */
static void is_freed_with_its_job(struct fixture *fixture)
{
    hay_pool_turn(fixture->pool, 10);
    hay_pool_free(fixture->pool);
    CU_ASSERT_EQUAL(fixture->results, 1);
    CU_ASSERT(has_no_child());
    free(fixture->book);
}

/* ---- hold ---- */

static void a_held_pool_begins_nothing(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    hay_pool_hold(fixture.pool, true);
    hay_pool_hold(fixture.pool, true);
    for (int i = 0; i < 50; i++)
        submit(&fixture, "t.echo", "1");
    pass(&fixture, 100);
    CU_ASSERT_EQUAL(fixture.results, 0);
    CU_ASSERT_EQUAL(stats_of(&fixture).queued, 50);
    CU_ASSERT_EQUAL(stats_of(&fixture).workers_ready, 2);
    hay_pool_hold(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

static void a_hold_takes_back_what_was_sent_ahead(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    for (int i = 0; i < 100; i++) /* the window grows */
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    uint64_t running = submit(&fixture, "t.hold", "1");
    for (int i = 0; i < 50; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_hold(fixture.pool, true);
    CU_ASSERT_EQUAL(stats_of(&fixture).queued, 50);
    atomic_store(&board->release, 1);
    CU_ASSERT(comes(&fixture, 101));
    CU_ASSERT(ended_as(&fixture, running, HAY_OUTCOME_OK));
    pass(&fixture, 50);
    CU_ASSERT_EQUAL(fixture.results, 101);
    hay_pool_hold(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).retried, 0);
    fixture_end(&fixture);
}

static void hold_now(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    hay_pool_hold(fixture->pool, true);
}

static void go_on_now(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    hay_pool_hold(fixture->pool, false);
}

static void a_callback_may_hold_and_go_on(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    uint64_t running = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    for (int i = 0; i < 1000; i++)
        submit(&fixture, "t.echo", "1");
    fixture.on_result = hold_now;
    CU_ASSERT(comes(&fixture, 1));
    pass(&fixture, 50); /* what had begun ends */
    uint64_t results = fixture.results;
    CU_ASSERT_EQUAL(stats_of(&fixture).queued, 1000 - results);
    CU_ASSERT(results < 500);
    pass(&fixture, 50);
    CU_ASSERT_EQUAL(fixture.results, results);
    fixture.on_result = go_on_now;
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, running, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(stats_of(&fixture).by_outcome[HAY_OUTCOME_OK], 1001);
    fixture_end(&fixture);
}

static void a_hold_outlives_close_and_a_join_for_ever_ends_it(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    hay_pool_hold(fixture.pool, true);
    submit(&fixture, "t.echo", "1");
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 50), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(fixture.results, 0);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, -1), HAY_OK);
    fixture_end(&fixture);
}

static int way_to_stand;

static void stand_still(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    if (way_to_stand == 0)
        hay_pool_hold(fixture->pool, true);
    else if (way_to_stand == 1)
        hay_pool_freeze(fixture->pool, true);
    else
        hay_pool_pause(fixture->pool, true);
}

static void so_it_does_of_what_callbacks_ask_for(void)
{
    struct fixture fixture;
    for (way_to_stand = 0; way_to_stand < 3; way_to_stand++) {
        fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
        for (int i = 0; i < 50; i++)
            submit(&fixture, "t.echo", "1");
        fixture.on_result = stand_still;
        hay_pool_close(fixture.pool);
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, -1), HAY_OK);
        CU_ASSERT_EQUAL(fixture.results, 50);
        fixture_end(&fixture);
    }
}

static void a_held_pool_can_be_cancelled_terminated_and_freed(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    hay_pool_hold(fixture.pool, true);
    uint64_t a = submit(&fixture, "t.echo", "1"), b = submit(&fixture, "t.echo", "1");
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, a, NULL), HAY_OK);
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 100), HAY_OK);
    CU_ASSERT(ended_as(&fixture, b, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    hay_pool_hold(fixture.pool, true);
    submit(&fixture, "t.echo", "1");
    is_freed_with_its_job(&fixture);
}

/* ---- freeze ---- */

static void a_frozen_worker_stands_and_goes_on(void)
{
    struct fixture fixture;
    start_counting(&fixture, &(struct hay_pool_options){.workers = 1});
    uint64_t number = submit(&fixture, "t.count", "1");
    CU_ASSERT(begins(&fixture, 1));
    for (int i = 0; i < 3; i++) {
        hay_pool_freeze(fixture.pool, true);
        hay_pool_freeze(fixture.pool, true);
        CU_ASSERT(stands(&fixture, 100));
        hay_pool_freeze(fixture.pool, false);
        CU_ASSERT(goes_on(&fixture));
    }
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static void what_a_worker_started_is_frozen_too(void)
{
    struct fixture fixture;
    start_counting(&fixture, &(struct hay_pool_options){.workers = 1});
    submit(&fixture, "t.count_below", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_freeze(fixture.pool, true);
    CU_ASSERT(stands(&fixture, 100));
    hay_pool_freeze(fixture.pool, false);
    CU_ASSERT(goes_on(&fixture));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

static void a_freeze_is_no_part_of_a_timeout(void)
{
    struct fixture fixture;
    start_counting(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 100});
    uint64_t fine = submit_job(&fixture, (struct hay_job){.function = "t.hold", .timeout_ms = 3000});
    uint64_t late = submit_job(&fixture, (struct hay_job){.function = "t.count", .timeout_ms = 600});
    CU_ASSERT(begins(&fixture, 2));
    hay_pool_freeze(fixture.pool, true);
    pass(&fixture, 3500); /* over both */
    CU_ASSERT_EQUAL(fixture.results, 0);
    hay_pool_freeze(fixture.pool, false);
    CU_ASSERT(comes(&fixture, 1)); /* but the clock runs again */
    CU_ASSERT(ended_as(&fixture, late, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT_EQUAL(fixture.results, 1);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, fine, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

/* Whichever of the two ends first: what both last is excluded once. */
static void a_pause_and_a_freeze_may_overlap(void)
{
    for (int order = 0; order < 2; order++) {
        struct fixture fixture;
        start_counting(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 100});
        uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.count", .timeout_ms = 800});
        CU_ASSERT(begins(&fixture, 1));
        int64_t start_ns = clock_now_ns();
        hay_pool_pause(fixture.pool, true);
        pass(&fixture, 300);
        hay_pool_freeze(fixture.pool, true);
        pass(&fixture, 300);
        if (order)
            hay_pool_pause(fixture.pool, false);
        else
            hay_pool_freeze(fixture.pool, false);
        pass(&fixture, 300);
        hay_pool_freeze(fixture.pool, false);
        hay_pool_pause(fixture.pool, false);
        CU_ASSERT_EQUAL(fixture.results, 0);
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_TIMEOUT));
        CU_ASSERT(clock_now_ns() - start_ns >= 1690 * NS_PER_MS);
        fixture_end(&fixture);
    }
}

/* Neither READY's ten seconds nor the five for the first claim run: one pool is frozen before it is ready, one with jobs just
 * sent. */
static void nobody_is_late_in_a_frozen_pool(void)
{
    struct fixture young, sent;
    fixture_start(&young, &(struct hay_pool_options){.workers = 2});
    hay_pool_freeze(young.pool, true);
    submit(&young, "t.echo", "1");
    fixture_start(&sent, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT(workers_are_ready(&sent, 1));
    submit(&sent, "t.echo", "1");
    hay_pool_freeze(sent.pool, true);
    hay_pool_turn(sent.pool, 0);
    for (int64_t until_ns = clock_now_ns() + 10600 * NS_PER_MS; clock_now_ns() < until_ns;) {
        hay_pool_turn(young.pool, 20);
        hay_pool_turn(sent.pool, 20);
    }
    CU_ASSERT_EQUAL(young.results, 0);
    hay_pool_freeze(young.pool, false);
    hay_pool_freeze(sent.pool, false);
    CU_ASSERT(all_come(&young) && all_come(&sent));
    CU_ASSERT_EQUAL(stats_of(&young).deaths, 0);
    CU_ASSERT_EQUAL(stats_of(&sent).deaths, 0);
    hay_pool_free(young.pool);
    free(young.book);
    fixture_end(&sent);
}

static void a_grace_stands_still_in_a_freeze(void)
{
    struct fixture fixture;
    start_counting(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 1000});
    uint64_t number = submit(&fixture, "t.count", "1");
    CU_ASSERT(begins(&fixture, 1));
    pid_t pid = hay_pool_worker_pid(fixture.pool, 0);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, number, NULL), HAY_OK);
    hay_pool_turn(fixture.pool, 10); /* it is asked */
    hay_pool_freeze(fixture.pool, true);
    pass(&fixture, 1500);
    CU_ASSERT_EQUAL(fixture.results, 0);
    hay_pool_freeze(fixture.pool, false);
    atomic_store(&board->release, 1); /* in what is left of its grace */
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 0), pid);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static void a_cancel_in_a_freeze_waits_for_its_end(void)
{
    struct fixture fixture;
    start_counting(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 50});
    uint64_t running = submit(&fixture, "t.count", "1"), behind = submit(&fixture, "t.echo", "1");
    CU_ASSERT(begins(&fixture, 1));
    pass(&fixture, 20); /* its start is seen */
    hay_pool_freeze(fixture.pool, true);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, running, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, behind, NULL), HAY_OK);
    CU_ASSERT(ended_as(&fixture, behind, HAY_OUTCOME_CANCELLED));
    CU_ASSERT(stands(&fixture, 200));
    CU_ASSERT_EQUAL(fixture.results, 1);
    hay_pool_freeze(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, running, HAY_OUTCOME_CANCELLED));
    fixture_end(&fixture);
}

static void a_frozen_pool_can_be_terminated_and_freed(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 10000});
    submit(&fixture, "t.polite", "1");
    submit(&fixture, "t.hold", "1");
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(begins(&fixture, 2));
    hay_pool_freeze(fixture.pool, true);
    pass(&fixture, 30);
    hay_pool_terminate(fixture.pool, 100);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 8000), HAY_OK);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 1); /* the polite one ended in good order */
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_freeze(fixture.pool, true);
    is_freed_with_its_job(&fixture);
}

static void a_freeze_outlives_close_and_a_join_for_ever_ends_it(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    submit(&fixture, "t.sleep", "20");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_freeze(fixture.pool, true);
    submit(&fixture, "t.echo", "1");
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 100), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, -1), HAY_OK);
    fixture_end(&fixture);
}

static void a_pause_outlives_close_and_a_join_for_ever_ends_it(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    hay_pool_pause(fixture.pool, true);
    submit(&fixture, "t.echo", "1");
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 100), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, -1), HAY_OK);
    fixture_end(&fixture);
}

/* Between two calls the loop rests, and time passes for the jobs: it is no standstill of the master's. */
static void a_loop_that_is_turned_now_and_then_holds_timeouts(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    uint64_t number = submit_job(&fixture, (struct hay_job){.function = "t.polite", .timeout_ms = 1000});
    int64_t begin_ns = clock_now_ns();
    while (fixture.results < 1 && clock_now_ns() - begin_ns < LIMIT_MS * NS_PER_MS) {
        poll(NULL, 0, 1000);
        hay_pool_turn(fixture.pool, 0);
    }
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(clock_now_ns() - begin_ns < 10000 * NS_PER_MS); /* it took 16 s when each second counted as 64 ms */
    fixture_end(&fixture);
}

/* Who is killed in a freeze is replaced when it is over; who is wanted meanwhile starts then. */
static void nobody_starts_in_a_freeze(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = 1});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    uint64_t number = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_freeze(fixture.pool, true);
    pid_t pid = atomic_load(&board->pid);
    signal_worker(pid, SIGKILL);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 3, NULL), HAY_OK);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !stats_of(&fixture).deaths && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture.pool, 10);
    pass(&fixture, 200);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 1);
    CU_ASSERT_EQUAL(stats_of(&fixture).workers_ready, 1);
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 2), 0);
    atomic_store(&board->release, 1);
    hay_pool_freeze(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK) && entry_of(&fixture, number)->attempts == 2);
    CU_ASSERT(workers_are_ready(&fixture, 3));
    fixture_end(&fixture);
}

static void freezes_under_load_lose_nothing(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3, .timeout_ms = 5000,
                                                       .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 100; i++)
            submit(&fixture, "t.echo", "1");
        hay_pool_freeze(fixture.pool, round % 3 == 0);
        hay_pool_hold(fixture.pool, round % 7 == 0);
        hay_pool_turn(fixture.pool, 1);
        if (stats_of(&fixture).pending > 5000) {
            hay_pool_freeze(fixture.pool, false);
            hay_pool_hold(fixture.pool, false);
        }
    }
    hay_pool_freeze(fixture.pool, false);
    hay_pool_hold(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).by_outcome[HAY_OUTCOME_OK], fixture.submitted);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

static void an_inline_pool_has_nothing_to_hold(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE});
    hay_pool_hold(fixture.pool, true);
    hay_pool_freeze(fixture.pool, true);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT_EQUAL(fixture.results, 1);
    fixture_end(&fixture);
    hay_pool_hold(NULL, true);
    hay_pool_freeze(NULL, true);
}

int main(void)
{
    CU_TestInfo holds[] = {
        {"a held pool begins nothing", a_held_pool_begins_nothing},
        {"a hold takes back what was sent ahead", a_hold_takes_back_what_was_sent_ahead},
        {"a callback may hold and go on", a_callback_may_hold_and_go_on},
        {"a hold outlives close, and a join for ever ends it", a_hold_outlives_close_and_a_join_for_ever_ends_it},
        {"so it does of what callbacks ask for", so_it_does_of_what_callbacks_ask_for},
        {"a held pool can be cancelled, terminated and freed", a_held_pool_can_be_cancelled_terminated_and_freed},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo freezes[] = {
        {"a frozen worker stands and goes on", a_frozen_worker_stands_and_goes_on},
        {"what a worker started is frozen too", what_a_worker_started_is_frozen_too},
        {"a freeze is no part of a timeout", a_freeze_is_no_part_of_a_timeout},
        {"a pause and a freeze may overlap", a_pause_and_a_freeze_may_overlap},
        {"nobody is late in a frozen pool", nobody_is_late_in_a_frozen_pool},
        {"a grace stands still in a freeze", a_grace_stands_still_in_a_freeze},
        {"a cancel in a freeze waits for its end", a_cancel_in_a_freeze_waits_for_its_end},
        {"a frozen pool can be terminated and freed", a_frozen_pool_can_be_terminated_and_freed},
        {"a pause outlives close, and a join for ever ends it", a_pause_outlives_close_and_a_join_for_ever_ends_it},
        {"a loop that is turned now and then holds timeouts", a_loop_that_is_turned_now_and_then_holds_timeouts},
        {"a freeze outlives close, and a join for ever ends it", a_freeze_outlives_close_and_a_join_for_ever_ends_it},
        {"nobody starts in a freeze", nobody_starts_in_a_freeze},
        {"freezes under load lose nothing", freezes_under_load_lose_nothing},
        {"an inline pool has nothing to hold", an_inline_pool_has_nothing_to_hold},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool hold", NULL, NULL, NULL, NULL, holds},
                             {"pool freeze", NULL, NULL, NULL, NULL, freezes},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
