/* SPDX-License-Identifier: MIT
 *
 * A pool in loops that are not its own: one that the program made, and libev's default loop, which reaps every child of the
 * process. And a pool beside
 * code that waits for any child. Statuses are right where they can be known, and each job is settled where they cannot.
 */
#include "unit/pool/pool_fixture.h"

#include <ev.h>

static int ticks;

static void on_tick(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
    ticks++;
}

static void work_in(struct ev_loop *loop)
{
    struct fixture fixture;
    ev_timer timer;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .loop = loop, .crash_retries = HAY_POOL_NO_CRASH_RETRY,
                                                       .grace_ms = 50});
    ev_timer_init(&timer, on_tick, 0.001, 0.001);
    ev_timer_start(loop, &timer);
    ticks = 0;
    for (int i = 0; i < 500; i++)
        submit(&fixture, "t.echo", "1");
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (fixture.results < fixture.submitted && clock_now_ns() < deadline_ns)
        ev_run(loop, EVRUN_ONCE);
    uint64_t deaths[] = {submit(&fixture, "t.die", "11"), submit(&fixture, "t.die", "9"), submit(&fixture, "t.die", "-7"),
                         submit(&fixture, "t.die", "0")};
    uint64_t slow = submit_job(&fixture, (struct hay_job){.function = "t.hold", .timeout_ms = 30});
    while (fixture.results < fixture.submitted && clock_now_ns() < deadline_ns)
        ev_run(loop, EVRUN_ONCE);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(ended_as(&fixture, deaths[i], HAY_OUTCOME_CRASH));
    CU_ASSERT_EQUAL(entry_of(&fixture, deaths[0])->signal, SIGSEGV);
    CU_ASSERT_EQUAL(entry_of(&fixture, deaths[1])->signal, SIGKILL);
    CU_ASSERT(entry_of(&fixture, deaths[2])->signal == 0 && entry_of(&fixture, deaths[2])->exit_code == 7);
    CU_ASSERT(entry_of(&fixture, deaths[3])->signal == 0 && entry_of(&fixture, deaths[3])->exit_code == 0);
    for (int i = 0; i < 4; i++)
        CU_ASSERT(entry_of(&fixture, deaths[i])->pid > 0);
    CU_ASSERT(ended_as(&fixture, slow, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(ticks > 0);
    ev_timer_stop(loop, &timer);
    fixture_end(&fixture);
    /* Nothing of the pool is left in the loop. */
    CU_ASSERT_EQUAL(ev_run(loop, EVRUN_NOWAIT), 0);
    CU_ASSERT_EQUAL(ev_pending_count(loop), 0);
}

static void a_given_loop_serves_the_pool_and_others(void)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    work_in(loop);
    work_in(loop);
    ev_loop_destroy(loop);
}

static void the_default_loop_takes_statuses_and_gives_them_back(void)
{
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    work_in(loop);
    work_in(loop);
}

static void a_pool_of_its_own_loop_lives_beside_a_running_default_loop(void)
{
    struct fixture fixture;
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (int i = 0; i < 20; i++) {
        uint64_t number = submit(&fixture, "t.die", "6");
        CU_ASSERT(begins(&fixture, 0));
        for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); fixture.results < fixture.submitted &&
             clock_now_ns() < deadline_ns;) {
            ev_run(loop, EVRUN_NOWAIT); /* reaps whoever died */
            hay_pool_turn(fixture.pool, 1);
        }
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH)); /* by SIGABRT or in an unknown way */
    }
    fixture_end(&fixture);
}

static void other_code_that_reaps_makes_the_status_unknown(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (int i = 0; i < 5; i++) {
        atomic_store(&board->began, 0);
        uint64_t number = submit(&fixture, "t.hold", "1"), other = submit(&fixture, "t.echo", "1");
        CU_ASSERT(begins(&fixture, 1));
        pid_t pid = atomic_load(&board->pid);
        signal_worker(pid, SIGKILL);
        CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid); /* before the pool can look */
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
        CU_ASSERT(ended_as(&fixture, other, HAY_OUTCOME_OK));
        CU_ASSERT(entry_of(&fixture, number)->signal == 0 && entry_of(&fixture, number)->exit_code == -1);
        CU_ASSERT(strstr(entry_of(&fixture, number)->message, "unknown") != NULL);
    }
    fixture_end(&fixture);
}

static void ignoring_sigchld_is_survived(void)
{
    struct fixture fixture;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    sigaction(SIGCHLD, &ignore, &before); /* the kernel reaps everyone */
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    uint64_t dead = submit(&fixture, "t.die", "9"), fine = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, dead, HAY_OUTCOME_CRASH));
    CU_ASSERT(ended_as(&fixture, fine, HAY_OUTCOME_OK));
    fixture_end(&fixture);
    sigaction(SIGCHLD, &before, NULL);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"other code that reaps makes the status unknown", other_code_that_reaps_makes_the_status_unknown},
        {"ignoring SIGCHLD is survived", ignoring_sigchld_is_survived},
        {"a given loop serves the pool and others", a_given_loop_serves_the_pool_and_others},
        {"the default loop takes statuses and gives them back", the_default_loop_takes_statuses_and_gives_them_back},
        {"a pool of its own loop lives beside a running default loop",
         a_pool_of_its_own_loop_lives_beside_a_running_default_loop},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool loops", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
