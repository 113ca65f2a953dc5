/* SPDX-License-Identifier: MIT
 *
 * Timeouts, grace, cancelling, terminating and pausing: for jobs that listen, jobs that do not, and jobs in every state. Times
 * are only ever bounded from
 * below by the clock, and from above by what a loaded machine takes.
 */
#include "unit/pool/pool_fixture.h"

#include <poll.h>

static const struct hay_pool_options one = {.workers = 1, .grace_ms = 200};

static uint64_t submit_timed(struct fixture *fixture, const char *function, int64_t timeout_ms)
{
    return submit_job(fixture, (struct hay_job){.function = function, .args = {"1", 1}, .timeout_ms = timeout_ms});
}

static void a_job_that_does_not_listen_is_killed_after_the_grace(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &one);
    int64_t start_ns = clock_now_ns();
    uint64_t number = submit_timed(&fixture, "t.hold", 100);
    uint64_t behind = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(clock_now_ns() - start_ns >= 290 * NS_PER_MS);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(entry_of(&fixture, number)->message_size > 0);
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->attempts, 1);
    CU_ASSERT(entry_of(&fixture, number)->run_ns >= 290 * NS_PER_MS);
    CU_ASSERT(ended_as(&fixture, behind, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, behind)->attempts, 1);
    fixture_end(&fixture);
}

static void a_job_that_listens_saves_its_worker(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .timeout_ms = 50, .grace_ms = 15000});
    uint64_t a = submit(&fixture, "t.polite", "1");
    CU_ASSERT(all_come(&fixture));
    uint64_t b = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(ended_as(&fixture, b, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, a)->pid, entry_of(&fixture, b)->pid);
    fixture_end(&fixture);
}

/* Leaves the group that it was started in, and waits for a signal alone. */
static int fn_leave_group(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    sigset_t term, before;
    (void)function, (void)args, (void)size;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, &before);
    if (setpgid(0, getpgid(getppid())))
        return -1;
    while (!task->host->cancelled(task))
        ppoll(NULL, 0, NULL, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return -1;
}

static void who_has_left_its_group_is_asked_too(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .timeout_ms = 50, .grace_ms = LIMIT_MS / 2});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.leave_group", "", fn_leave_group, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t left = submit(&fixture, "t.leave_group", "1"), next = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, left, HAY_OUTCOME_TIMEOUT) && ended_as(&fixture, next, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, left)->pid, entry_of(&fixture, next)->pid);
    fixture_end(&fixture);
}

static void without_grace_the_kill_is_at_once(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .timeout_ms = 50, .grace_ms = HAY_POOL_NO_GRACE});
    uint64_t a = submit(&fixture, "t.hold", "1"), b = submit_timed(&fixture, "t.sleep", HAY_JOB_NO_TIMEOUT);
    uint64_t c = submit_job(&fixture, (struct hay_job){.function = "t.sleep", .args = {"150", 3},
                                                       .timeout_ms = HAY_JOB_NO_TIMEOUT});
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(ended_as(&fixture, b, HAY_OUTCOME_OK));
    CU_ASSERT(ended_as(&fixture, c, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void without_grace_large_results_still_arrive(void)
{
    struct fixture fixture;
    int wrong = 0;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 16, .grace_ms = HAY_POOL_NO_GRACE,
                                                       .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (int i = 0; i < 64; i++)
        submit(&fixture, "t.fill", "6000000");
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = 1; number <= fixture.submitted; number++)
        wrong += !ended_as(&fixture, number, HAY_OUTCOME_OK);
    CU_ASSERT_EQUAL(wrong, 0);
    fixture_end(&fixture);
}

static void timeouts_are_retried_where_asked_for(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 5000, .retries = 2, .retry_timeouts = true,
                                                       .retry_delay_ms = 1});
    uint64_t a = submit_timed(&fixture, "t.polite", 20);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT_EQUAL(entry_of(&fixture, a)->attempts, 3);
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 5000, .retries = 2, .retry_delay_ms = 1});
    a = submit_timed(&fixture, "t.polite", 20);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(entry_of(&fixture, a)->attempts, 1);
    fixture_end(&fixture);
}

/* Busy for so many microseconds. */
static int fn_spin(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    int64_t end_ns = clock_now_ns() + strtol(args, NULL, 10) * NS_PER_US;
    (void)function, (void)size;
    while (clock_now_ns() < end_ns)
        ;
    return task->host->result(task, "1", 1);
}

/* Says whether a signal has ended its sleep. */
static int fn_nap(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    bool is_disturbed = nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL) < 0;
    return task->host->result(task, is_disturbed ? "[]" : "1", is_disturbed ? 2 : 1);
}

/* Jobs that end just as their timeout does, before the others that lie in the worker can have been taken back for their age. */
static void a_signal_on_its_way_reaches_no_other_job(void)
{
    enum { PAIRS = 500 };
    struct fixture fixture;
    uint64_t disturbed = 0;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = LIMIT_MS});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.spin", NULL, fn_spin, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.nap", NULL, fn_nap, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < PAIRS; i++) {
        char args[16];
        int size = snprintf(args, sizeof args, "%d", 1000 + i * 7 % 500);
        submit_job(&fixture, (struct hay_job){.function = "t.spin", .args = {args, (size_t)size}, .timeout_ms = 1});
        submit(&fixture, "t.nap", "1");
    }
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = 2; number <= 2 * PAIRS; number += 2)
        disturbed += entry_of(&fixture, number)->value_size == 2;
    CU_ASSERT_EQUAL(disturbed, 0);
    fixture_end(&fixture);
}

static void a_long_job_delays_no_other(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    uint64_t hold = submit(&fixture, "t.hold", "1"), before = fixture.submitted;
    for (int i = 0; i < 500; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, before - 1 + 500));
    CU_ASSERT_EQUAL(entry_of(&fixture, hold)->count, 0);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

/* ---- cancel ---- */

static void waiting_and_queued_jobs_are_cancelled_at_once(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retries = 1, .retry_delay_ms = 20000});
    uint64_t failing = submit(&fixture, "t.fail_before", "5"), echo = submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, 1));
    CU_ASSERT(ended_as(&fixture, echo, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, failing, NULL), HAY_OK); /* in its delay */
    CU_ASSERT(ended_as(&fixture, failing, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(entry_of(&fixture, failing)->attempts, 1);
    uint64_t queued = submit(&fixture, "t.echo", "1");
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, queued, NULL), HAY_OK);
    CU_ASSERT(ended_as(&fixture, queued, HAY_OUTCOME_CANCELLED));
    CU_ASSERT(entry_of(&fixture, queued)->attempts == 0 && entry_of(&fixture, queued)->worker == -1 && entry_of(&fixture,
            queued)->pid == 0 &&
              entry_of(&fixture, queued)->start_ns == 0);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, queued, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, 0, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, 999, NULL), HAY_EUNKNOWN);
    fixture_end(&fixture);
}

static void running_jobs_are_cancelled_by_asking_then_killing(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 300});
    uint64_t polite = submit(&fixture, "t.polite", "1"), deaf = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2));
    int64_t start_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, polite, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, deaf, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, deaf, NULL), HAY_OK); /* twice */
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(clock_now_ns() - start_ns >= 290 * NS_PER_MS);
    CU_ASSERT(ended_as(&fixture, polite, HAY_OUTCOME_CANCELLED));
    CU_ASSERT(ended_as(&fixture, deaf, HAY_OUTCOME_CANCELLED));
    fixture_end(&fixture);
}

static void a_job_sent_ahead_is_cancelled_without_harm_to_its_neighbours(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &one);
    for (int i = 0; i < 200; i++)
        submit(&fixture, "t.echo", "1"); /* opens the window */
    CU_ASSERT(all_come(&fixture));
    uint64_t first = fixture.submitted + 1;
    for (int i = 0; i < 100; i++)
        submit(&fixture, "t.echo", "1");
    hay_pool_turn(fixture.pool, 0);
    for (uint64_t number = first; number < first + 100; number += 2)
        hay_pool_cancel(fixture.pool, number, NULL); /* some may be settled already */
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = first + 1; number < first + 100; number += 2)
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void cancel_all_spares_what_runs_unless_told(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 20});
    uint64_t running = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    for (int i = 0; i < 20; i++)
        submit(&fixture, "t.echo", "1");
    hay_pool_cancel_all(fixture.pool, false);
    CU_ASSERT_EQUAL(fixture.results, 20);
    uint64_t longer = submit(&fixture, "t.sleep", "100"); /* than the grace */
    while (!entry_of(&fixture, longer)->count && hay_pool_turn(fixture.pool, LIMIT_MS) == HAY_OK)
        ;
    CU_ASSERT(ended_as(&fixture, longer, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, running)->count, 0);
    hay_pool_cancel_all(fixture.pool, true);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, running, HAY_OUTCOME_CANCELLED));
    uint64_t after = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, after, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

/* A slot whose finished job is not read yet and whose next job runs: both count as started. Wanting both ended must end the
 * running one. The order in
 * which job records are visited depends on which were used before, so several histories are tried. */
static void both_started_jobs_of_a_slot_are_ended(bool terminate)
{
    for (int history = 1; history <= 6; history++) {
        struct fixture fixture;
        fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 100});
        for (int round = 0; round < 4; round++) {
            for (int i = 0; i < history * 20; i++)
                submit(&fixture, "t.echo", "1");
            CU_ASSERT(all_come(&fixture));
        }
        uint64_t done = submit(&fixture, "t.echo", "1"), running = submit(&fixture, "t.hold", "1");
        atomic_store(&board->began, 0);
        hay_pool_turn(fixture.pool, 0); /* both are sent */
        for (int64_t deadline_ns = clock_deadline_ns(2000); !atomic_load(&board->began) && clock_now_ns() < deadline_ns;)
            nap();
        if (terminate) {
            hay_pool_terminate(fixture.pool, 100);
        } else {
            hay_pool_cancel(fixture.pool, running, NULL);
            hay_pool_cancel(fixture.pool, done, NULL);
        }
        int64_t start_ns = clock_now_ns();
        while (fixture.results < fixture.submitted && clock_now_ns() < start_ns + 5 * NS_PER_S)
            hay_pool_turn(fixture.pool, 100);
        CU_ASSERT(ended_as(&fixture, running, HAY_OUTCOME_CANCELLED));
        CU_ASSERT_EQUAL(entry_of(&fixture, done)->count, 1);
        atomic_store(&board->release, 1);
        fixture_end(&fixture);
    }
}

static void terminate_ends_the_running_job_behind_an_unread_one(void)
{
    both_started_jobs_of_a_slot_are_ended(true);
}

static void cancelling_an_unread_job_does_not_forget_the_running_one(void)
{
    both_started_jobs_of_a_slot_are_ended(false);
}

static void terminate_kills_after_its_own_grace(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3});
    uint64_t deaf = submit(&fixture, "t.hold", "1"), polite = submit(&fixture, "t.polite", "1");
    CU_ASSERT(begins(&fixture, 2));
    for (int i = 0; i < 50; i++)
        submit(&fixture, "t.hold", "1");
    int64_t start_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 200), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(clock_now_ns() - start_ns < 4 * NS_PER_S);
    CU_ASSERT(ended_as(&fixture, deaf, HAY_OUTCOME_CANCELLED));
    CU_ASSERT(ended_as(&fixture, polite, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
}

static void terminate_cuts_the_grace_of_what_is_ending(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = LIMIT_MS});
    uint64_t deaf = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, deaf, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 50), HAY_ETIMEDOUT); /* it is asked to end, and does not */
    int64_t start_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 20), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(clock_now_ns() - start_ns < LIMIT_MS / 2 * NS_PER_MS);
    CU_ASSERT(ended_as(&fixture, deaf, HAY_OUTCOME_CANCELLED));
    fixture_end(&fixture);
}

/* Needs its time after it was asked to end: more than the pool's grace. */
static int fn_tidy(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_fetch_add(&board->began, 1);
    while (!task->host->cancelled(task))
        nap();
    for (int64_t end_ns = clock_now_ns() + NS_PER_S; clock_now_ns() < end_ns;)
        nap();
    return give(task, "\"tidied\"");
}

static void terminate_has_a_longer_grace_where_it_is_told_so(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 200});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "l.tidy", "", fn_tidy, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t number = submit(&fixture, "l.tidy", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 10000), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, number)->value, "\"tidied\"");
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 0);
    fixture_end(&fixture);
}

static void terminate_without_a_grace_kills_at_once(void)
{
    for (int64_t grace_ms = -1; grace_ms <= 0; grace_ms++) {
        struct fixture fixture;
        fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 3600000});
        uint64_t number = submit(&fixture, "t.hold", "1");
        CU_ASSERT(begins(&fixture, 1));
        CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, grace_ms), HAY_OK);
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CANCELLED));
        fixture_end(&fixture);
    }
}

/* ---- pause ---- */

static void a_pause_stops_results_and_timeouts(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .timeout_ms = 300, .grace_ms = 100});
    uint64_t a = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_pause(fixture.pool, true);
    hay_pool_pause(fixture.pool, true);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 800), HAY_ETIMEDOUT); /* far over its timeout and grace */
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 50), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(fixture.results, 0);
    hay_pool_pause(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void a_paused_pool_can_be_terminated(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 100});
    submit(&fixture, "t.hold", "1");
    submit(&fixture, "t.polite", "1");
    CU_ASSERT(begins(&fixture, 2));
    hay_pool_pause(fixture.pool, true);
    hay_pool_terminate(fixture.pool, 100);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 8000), HAY_OK);
    hay_pool_pause(fixture.pool, false);
    fixture_end(&fixture);
}

static void a_paused_pool_can_be_freed(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    for (int i = 0; i < 100; i++)
        submit(&fixture, "t.echo", "1");
    hay_pool_turn(fixture.pool, 0);
    hay_pool_pause(fixture.pool, true);
    hay_pool_turn(fixture.pool, 20);
    hay_pool_free(fixture.pool);
    CU_ASSERT_EQUAL(fixture.results, 100);
    CU_ASSERT(has_no_child());
    free(fixture.book);
}

static void a_pool_may_start_while_it_is_paused(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    hay_pool_pause(fixture.pool, true);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 10600), HAY_ETIMEDOUT); /* READY has 10 s */
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 0);
    hay_pool_pause(fixture.pool, false);
    CU_ASSERT(all_come(&fixture));
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo timeouts[] = {
        {"a job that does not listen is killed after the grace", a_job_that_does_not_listen_is_killed_after_the_grace},
        {"a job that listens saves its worker", a_job_that_listens_saves_its_worker},
        {"who has left its group is asked too", who_has_left_its_group_is_asked_too},
        {"without grace the kill is at once", without_grace_the_kill_is_at_once},
        {"without grace large results still arrive", without_grace_large_results_still_arrive},
        {"timeouts are retried where asked for", timeouts_are_retried_where_asked_for},
        {"a signal on its way reaches no other job", a_signal_on_its_way_reaches_no_other_job},
        {"a long job delays no other", a_long_job_delays_no_other},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo cancels[] = {
        {"waiting and queued jobs are cancelled at once", waiting_and_queued_jobs_are_cancelled_at_once},
        {"running jobs are cancelled by asking, then killing", running_jobs_are_cancelled_by_asking_then_killing},
        {"a job sent ahead is cancelled without harm to its neighbours",
         a_job_sent_ahead_is_cancelled_without_harm_to_its_neighbours},
        {"cancel_all spares what runs unless told", cancel_all_spares_what_runs_unless_told},
        {"terminate ends the running job behind an unread one", terminate_ends_the_running_job_behind_an_unread_one},
        {"cancelling an unread job does not forget the running one", cancelling_an_unread_job_does_not_forget_the_running_one},
        {"terminate kills after its own grace", terminate_kills_after_its_own_grace},
        {"terminate cuts the grace of what is ending", terminate_cuts_the_grace_of_what_is_ending},
        {"terminate has a longer grace where it is told so", terminate_has_a_longer_grace_where_it_is_told_so},
        {"terminate without a grace kills at once", terminate_without_a_grace_kills_at_once},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo pauses[] = {
        {"a pause stops results and timeouts", a_pause_stops_results_and_timeouts},
        {"a paused pool can be terminated", a_paused_pool_can_be_terminated},
        {"a paused pool can be freed", a_paused_pool_can_be_freed},
        {"a pool may start while it is paused", a_pool_may_start_while_it_is_paused},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool timeouts", NULL, NULL, NULL, NULL, timeouts},
                             {"pool cancel", NULL, NULL, NULL, NULL, cancels},
                             {"pool pause", NULL, NULL, NULL, NULL, pauses},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
