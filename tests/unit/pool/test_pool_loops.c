/* SPDX-License-Identifier: MIT
 *
 * A pool in loops that are not its own: one that the program made, and libev's default loop, which reaps every child of the
 * process. And a pool beside code that waits for any child. Statuses are right where they can be known, and each job is settled
 * where they cannot; what was reaped is signalled no more.
 */
#include "support/numbers.h"
#include "unit/pool/pool_fixture.h"

#include <ev.h>
#include <sys/socket.h>

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

static void on_end(struct ev_loop *loop, ev_timer *watcher, int events)
{
    (void)watcher, (void)events;
    ev_break(loop, EVBREAK_ALL);
}

static void turn_for(struct ev_loop *loop, double seconds)
{
    ev_timer timer;
    ev_timer_init(&timer, on_end, seconds, 0);
    ev_timer_start(loop, &timer);
    ev_run(loop, 0);
}

static void kill_when_ready(struct fixture *fixture, struct ev_loop *loop, int from)
{
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (stats_of(fixture).workers_ready < 12 && clock_now_ns() < deadline_ns)
        turn_for(loop, 0.1);
    for (int worker = from; worker < 12; worker++)
        signal_worker(hay_pool_worker_pid(fixture->pool, worker), SIGKILL);
}

/* Its workers are lost, one and later all in one moment in which there is a job, and then again and again while there is none. */
static void an_idle_pool_is_not_given_up(void)
{
    struct fixture fixture;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 12, .loop = loop});
    kill_when_ready(&fixture, loop, 11);
    turn_for(loop, 1.1);
    submit(&fixture, "t.echo", "1");
    kill_when_ready(&fixture, loop, 0);
    CU_ASSERT(all_come(&fixture));
    for (int i = 0; i < 3; i++) {
        kill_when_ready(&fixture, loop, 0);
        turn_for(loop, 1.1);
    }
    CU_ASSERT(stats_of(&fixture).deaths >= 40);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, 1, HAY_OUTCOME_OK) && ended_as(&fixture, 2, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
    ev_loop_destroy(loop);
}

#define LARGE 150000

static struct hay_pool *neighbour; /* of the same loop */
static unsigned untouched;     /* large results that were whole before the wait and after it */

static int fn_large(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    static char text[LARGE];
    (void)function, (void)size;
    memset(text, *(const char *)args, sizeof text);
    text[0] = text[sizeof text - 1] = '"';
    return task->host->result(task, text, sizeof text);
}

static bool is_large_of(struct hay_span value, char digit)
{
    bool whole = value.size == LARGE && value.at[0] == '"' && value.at[LARGE - 1] == '"';
    for (size_t i = 1; whole && i < LARGE - 1; i++)
        whole = value.at[i] == digit;
    return whole;
}

static void wait_for_the_neighbour(struct fixture *fixture, const struct hay_result *result)
{
    (void)fixture;
    char digit = (char)('0' + result->tag);
    bool before = is_large_of(result->value, digit);
    struct hay_future *future = hay_pool_future(neighbour, &(struct hay_job){.function = "t.echo"}, -1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    int64_t begin_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_future_wait(future, 1000), HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - begin_ns < 500 * NS_PER_MS);
    hay_future_free(future);
    untouched += before && is_large_of(result->value, digit);
}

/* A turn of their loop would read into the buffer in which the result of the first one stands. */
static void a_callback_of_one_pool_does_not_wait_for_another_in_its_loop(void)
{
    struct fixture first, second;
    struct hay_pool_stats stats;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    CU_ASSERT_PTR_NOT_NULL_FATAL(loop);
    fixture_new(&first, &(struct hay_pool_options){.workers = 2, .loop = loop});
    CU_ASSERT_EQUAL(hay_pool_register(first.pool, "l.large", "", fn_large, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(first.pool, NULL), HAY_OK);
    fixture_start(&second, &(struct hay_pool_options){.workers = 2, .loop = loop});
    neighbour = second.pool;
    untouched = 0;
    first.on_result = wait_for_the_neighbour;
    for (unsigned i = 0; i < 100; i++) {
        char digit = (char)('0' + i % 10);
        submit_job(&first, (struct hay_job){.function = "l.large", .args = {&digit, 1}, .tag = i % 10});
    }
    CU_ASSERT(all_come(&first));
    CU_ASSERT_EQUAL(untouched, 100);
    hay_pool_close(second.pool);
    CU_ASSERT_EQUAL(hay_pool_join(second.pool, LIMIT_MS), HAY_OK);
    hay_pool_stats(second.pool, &stats);
    CU_ASSERT_EQUAL(stats.by_outcome[HAY_OUTCOME_OK], 100);
    fixture_end(&first);
    fixture_free(&second);
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

/* It leads a group and answers each byte; it ends with its end of the pair. */
static _Noreturn void be_a_stranger(int fd)
{
    char byte;
    if (setpgid(0, 0) < 0)
        _exit(1);
    while (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) == 1)
        ;
    _exit(0);
}

static bool answers(int fd)
{
    char byte = 'a';
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    return write(fd, &byte, 1) == 1 && poll(&readable, 1, LIMIT_MS) == 1 && read(fd, &byte, 1) == 1;
}

/* What is meant for the worker is done once its number is a stranger's. */
static void meet_a_stranger(void)
{
    struct fixture fixture;
    int pair[2];
    CHILD_CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    signal(SIGCHLD, SIG_IGN); /* the kernel reaps everyone */
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    submit(&fixture, "t.hold", "1");
    CHILD_CHECK(begins(&fixture, 1));
    pid_t pid = hay_pool_worker_pid(fixture.pool, 0);
    kill(pid, SIGKILL);
    pid_t stranger = numbers_fork(pid, LIMIT_MS);
    if (!stranger)
        be_a_stranger(pair[1]);
    CHILD_CHECK(stranger == pid);
    close(pair[1]);
    CHILD_CHECK(answers(pair[0]));
    hay_pool_freeze(fixture.pool, true);
    CHILD_CHECK(answers(pair[0]));
    hay_pool_freeze(fixture.pool, false);
    hay_pool_free(fixture.pool);
    CHILD_CHECK(answers(pair[0]));
    free(fixture.book);
}

static void a_number_that_is_another_s_by_now_is_not_signalled(void)
{
    numbers_try(meet_a_stranger);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"other code that reaps makes the status unknown", other_code_that_reaps_makes_the_status_unknown},
        {"ignoring SIGCHLD is survived", ignoring_sigchld_is_survived},
        {"a number that is another's by now is not signalled", a_number_that_is_another_s_by_now_is_not_signalled},
        {"a given loop serves the pool and others", a_given_loop_serves_the_pool_and_others},
        {"an idle pool is not given up", an_idle_pool_is_not_given_up},
        {"a callback of one pool does not wait for another in its loop",
         a_callback_of_one_pool_does_not_wait_for_another_in_its_loop},
        {"the default loop takes statuses and gives them back", the_default_loop_takes_statuses_and_gives_them_back},
        {"a pool of its own loop lives beside a running default loop",
         a_pool_of_its_own_loop_lives_beside_a_running_default_loop},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool loops", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
