/* SPDX-License-Identifier: MIT
 *
 * Workers that die, are killed or stand still: each job still gets exactly one result, the right one, and only the job that ran
 * pays. Kills are aimed by what the pool and the board say, not by time. The program is linked with --wrap=recv, so that workers
 * can be made to stop or to die before they read, and with --wrap=oom_kills, the kernel's count.
 */
#include "support/tracer.h"
#include "unit/pool/pool_fixture.h"

#include <poll.h>
#include <sys/socket.h>

#define WORKERS_STOP 1
#define WORKERS_DIE 2

static pid_t master_pid;

ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);

/* A worker has said that it is ready, or sent its results, when it comes here. */
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    if (board && atomic_load(&board->stop) && getpid() != master_pid) {
        if (atomic_load(&board->stop) == WORKERS_DIE)
            _exit(3);
        raise(SIGSTOP);
    }
    if (!board || getpid() == master_pid)
        return __real_recv(fd, bytes, size, flags);
    atomic_fetch_add(&board->waiting, 1);
    ssize_t n = __real_recv(fd, bytes, size, flags);
    atomic_fetch_sub(&board->waiting, 1);
    return n;
}

static uint64_t kernel_kills;

uint64_t __wrap_oom_kills(void);

uint64_t __wrap_oom_kills(void)
{
    return kernel_kills;
}

static void a_crash_says_how_it_died(void)
{
    static const struct { const char *args; int signal, exit_code; const char *text; } deaths[] = {
        {"11", SIGSEGV, -1, "SIGSEGV"}, {"6", SIGABRT, -1, "SIGABRT"}, {"7", SIGBUS, -1, "SIGBUS"}, {"8", SIGFPE, -1, "SIGFPE"},
            {"4", SIGILL, -1, "SIGILL"},
        {"9", SIGKILL, -1, "SIGKILL"}, {"15", SIGTERM, -1, "SIGTERM"}, {"0", 0, 0, "exited with 0"}, {"-7", 0, 7,
                "exited with 7"}, {"-255", 0, 255, "exited with 255"}};
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        uint64_t number = submit(&fixture, "t.die", deaths[i].args), other = submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
        const struct entry *entry = entry_of(&fixture, number);
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
        CU_ASSERT(ended_as(&fixture, other, HAY_OUTCOME_OK));
        CU_ASSERT_EQUAL(entry->signal, deaths[i].signal);
        CU_ASSERT_EQUAL(entry->exit_code, deaths[i].exit_code);
        CU_ASSERT(strstr(entry->message, deaths[i].text) != NULL);
        CU_ASSERT(entry->attempts == 1 && entry->pid > 0 && entry->worker >= 0);
    }
    fixture_end(&fixture);
}

/* The kernel has killed someone since the worker began. */
static void a_sigkill_may_be_for_lack_of_memory(void)
{
    static const struct { const char *args; bool kernel_kills, says_so; } deaths[] = {
        {"9", false, false}, {"9", true, true}, {"9", false, false}, {"11", true, false}, {"-9", true, false}, {"9", true, true}};
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    for (size_t i = 0; i < sizeof deaths / sizeof deaths[0]; i++) {
        submit(&fixture, "t.echo", "1"); /* the worker is there when the kernel counts */
        CU_ASSERT(all_come(&fixture));
        kernel_kills += deaths[i].kernel_kills;
        uint64_t number = submit(&fixture, "t.die", deaths[i].args);
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
        CU_ASSERT_EQUAL(strstr(entry_of(&fixture, number)->message, "probably for lack of memory") != NULL, deaths[i].says_so);
    }
    fixture_end(&fixture);
}

/* For its parent a dead worker that another process traces is not dead before that one has seen it, which may be never. */
static void a_dead_worker_that_is_traced_is_given_up(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    pid_t worker = hay_pool_worker_pid(fixture.pool, 0), tracer = tracer_start(worker);
    uint64_t number = submit(&fixture, "t.die", "9"), other = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
    CU_ASSERT(ended_as(&fixture, other, HAY_OUTCOME_OK));
    tracer_end(tracer);
    waitpid(worker, NULL, 0);
    fixture_end(&fixture);
}

static void a_crash_is_retried_on_a_fresh_worker(void)
{
    struct fixture fixture;
    for (int workers = 1; workers <= 4; workers++) {
        fixture_start(&fixture, &(struct hay_pool_options){.workers = workers, .crash_retries = 3});
        uint64_t a = submit(&fixture, "t.die_before", "1"), b = submit(&fixture, "t.die_before", "3"), c = submit(&fixture,
                "t.die_before", "4");
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK) && entry_of(&fixture, a)->attempts == 2);
        CU_ASSERT(ended_as(&fixture, b, HAY_OUTCOME_OK) && entry_of(&fixture, b)->attempts == 4);
        CU_ASSERT(ended_as(&fixture, c, HAY_OUTCOME_CRASH) && entry_of(&fixture, c)->attempts == 4);
        fixture_end(&fixture);
    }
}

/* The retry has to go to a fresh worker while others are idle, again and again. */
static void crashes_among_idle_workers_are_retried(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3, .crash_retries = 2});
    CU_ASSERT(workers_are_ready(&fixture, 3));
    for (int i = 0; i < 60; i++) {
        uint64_t number = submit(&fixture, "t.die_before", "1");
        CU_ASSERT_FATAL(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
        CU_ASSERT_EQUAL(entry_of(&fixture, number)->attempts, 2);
    }
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT(stats.restarts >= 60);
    CU_ASSERT(stats.recalled < 60);
    fixture_end(&fixture);
}

static void one_job_among_idle_workers_is_not_passed_around(void)
{
    struct fixture fixture;
    struct hay_pool_stats before, after;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4});
    CU_ASSERT(workers_are_ready(&fixture, 4));
    hay_pool_stats(fixture.pool, &before);
    for (int i = 0; i < 50; i++) {
        submit(&fixture, "t.sleep", "3"); /* worth taking back, were it not the only one */
        CU_ASSERT(all_come(&fixture));
    }
    hay_pool_stats(fixture.pool, &after);
    CU_ASSERT(after.recalled - before.recalled <= 5);
    fixture_end(&fixture);
}

static void errors_and_crashes_have_budgets_of_their_own(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .retries = 2, .retry_delay_ms = 1, .crash_retries = 1});
    uint64_t a = submit(&fixture, "t.fail_before", "2"), b = submit(&fixture, "t.fail_before", "3");
    uint64_t c = submit_job(&fixture, (struct hay_job){.function = "t.fail_before", .args = {"5", 1}, .retries = 5});
    uint64_t d = submit_job(&fixture, (struct hay_job){.function = "t.fail_before", .args = {"1", 1},
                                                       .retries = HAY_JOB_NO_RETRY});
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK) && entry_of(&fixture, a)->attempts == 3);
    CU_ASSERT(ended_as(&fixture, b, HAY_OUTCOME_ERROR) && entry_of(&fixture, b)->attempts == 3);
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, b)->message, "not yet");
    CU_ASSERT(ended_as(&fixture, c, HAY_OUTCOME_OK) && entry_of(&fixture, c)->attempts == 6);
    CU_ASSERT(ended_as(&fixture, d, HAY_OUTCOME_ERROR) && entry_of(&fixture, d)->attempts == 1);
    fixture_end(&fixture);
}

static void a_retry_waits_for_its_delay(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retries = 1, .retry_delay_ms = 400});
    int64_t start_ns = clock_now_ns();
    submit(&fixture, "t.fail_before", "1");
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, 1));
    CU_ASSERT(clock_now_ns() - start_ns < 10 * NS_PER_S);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(clock_now_ns() - start_ns >= 199 * NS_PER_MS);
    fixture_end(&fixture);
}

/* ---- killed from outside ---- */

static void a_busy_workers_death_costs_only_what_ran(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    uint64_t number = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    for (int i = 0; i < 100; i++)
        submit(&fixture, "t.echo", "1");
    hay_pool_turn(fixture.pool, 0);
    signal_worker(atomic_load(&board->pid), SIGKILL);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->signal, SIGKILL);
    for (uint64_t i = number + 1; i <= number + 100; i++)
        CU_ASSERT(ended_as(&fixture, i, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void idle_workers_that_die_are_replaced(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    for (int i = 0; i < 20; i++) {
        signal_worker(hay_pool_worker_pid(fixture.pool, i % 2), SIGKILL);
        submit(&fixture, "t.echo", "1");
        CU_ASSERT_FATAL(all_come(&fixture));
        CU_ASSERT_FATAL(workers_are_ready(&fixture, 2));
    }
    for (uint64_t i = 1; i <= fixture.submitted; i++)
        CU_ASSERT(ended_as(&fixture, i, HAY_OUTCOME_OK));
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT(stats.deaths >= 20 && stats.restarts >= 20);
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
}

static void kills_at_random_lose_nothing(void)
{
    struct fixture fixture;
    uint32_t random = 2463534242u;
    int kills = 0, wrong = 0;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4, .max_jobs = 60000, .crash_retries = 100000});
    for (int i = 0; i < 50000; i++)
        submit(&fixture, "t.echo", "1");
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (fixture.results < fixture.submitted && clock_now_ns() < deadline_ns && hay_pool_turn(fixture.pool, 1000) != HAY_EOF) {
        random = random * 1664525u + 1013904223u;
        pid_t pid = random >> 31 ? 0 : hay_pool_worker_pid(fixture.pool, (int)(random >> 8 & 3));
        if (pid && kills < 300) {
            signal_worker(pid, SIGKILL);
            kills++;
        }
    }
    for (uint64_t i = 1; i <= fixture.submitted; i++)
        wrong += fixture.book[i].count != 1 || fixture.book[i].outcome != HAY_OUTCOME_OK;
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(kills > 0); /* how many depends on how fast the jobs are */
    fixture_end(&fixture);
}

static void a_stopped_worker_gives_back_what_it_holds(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    pid_t pid = hay_pool_worker_pid(fixture.pool, 0);
    siginfo_t info;
    signal_worker(pid, SIGSTOP);
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT), 0);
    uint64_t number = submit(&fixture, "t.echo", "5");
    submit(&fixture, "t.echo", "6");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->attempts, 1);
    CU_ASSERT(entry_of(&fixture, number)->pid != pid);
    fixture_end(&fixture);
}

static void a_stopped_idle_worker_does_not_hold_the_join(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    signal_worker(hay_pool_worker_pid(fixture.pool, 0), SIGSTOP);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_end(&fixture);
}

/* Turn until the worker is stopped and holds all that was submitted. */
static bool stops_with_jobs(struct fixture *fixture, pid_t not_this)
{
    struct hay_pool_stats stats;
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); clock_now_ns() < deadline_ns; hay_pool_turn(fixture->pool, 2)) {
        siginfo_t info = {0};
        pid_t pid = hay_pool_worker_pid(fixture->pool, 0);
        hay_pool_stats(fixture->pool, &stats);
        if (pid > 0 && pid != not_this && stats.pending && !stats.queued && !waitid(P_PID, (id_t)pid, &info,
                                                                                    WSTOPPED | WNOWAIT | WNOHANG) && info.si_pid)
            return true;
    }
    printf("# pid %d, pending %llu, queued %llu, deaths %llu\n", (int)hay_pool_worker_pid(fixture->pool, 0),
           (unsigned long long)stats.pending,
           (unsigned long long)stats.queued, (unsigned long long)stats.deaths);
    return false;
}

#define APART_MS 110 /* losses of a job within 100 ms are one */

/* A pool of one worker, which stops before it reads, as do those that take its place. */
static void start_stopping(struct fixture *fixture)
{
    fixture_new(fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    atomic_store(&board->stop, WORKERS_STOP); /* before the first worker can wait for a job, which it would take */
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture->pool, NULL), HAY_OK);
}

/* The worker that holds the jobs is killed, and the two that take its place. Returns the last one, killed and not yet buried. */
static pid_t kill_three(struct fixture *fixture, int apart_ms)
{
    pid_t pid = 0;
    for (int death = 0; death < 3; death++) {
        CU_ASSERT(stops_with_jobs(fixture, pid));
        pid = hay_pool_worker_pid(fixture->pool, 0);
        poll(NULL, 0, apart_ms);
        signal_worker(pid, SIGKILL);
    }
    return pid;
}

/* Killed with jobs sent and none begun: free twice, then the head of the window pays. */
static void a_job_never_seen_to_start_pays_at_the_third_death(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    start_stopping(&fixture);
    uint64_t number = submit(&fixture, "t.echo", "1");
    pid_t pid = kill_three(&fixture, APART_MS);
    CU_ASSERT_EQUAL(fixture.results, 0);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH));
    const struct entry *entry = entry_of(&fixture, number);
    CU_ASSERT_EQUAL(entry->signal, SIGKILL);
    CU_ASSERT(entry->attempts == 1 && entry->worker == 0 && entry->pid == pid);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 3);
    atomic_store(&board->stop, 0);
    fixture_end(&fixture);
}

/* Whoever kills all workers takes a job from several that are dead before that is known. */
static void losses_in_one_moment_are_one(void)
{
    struct fixture fixture;
    start_stopping(&fixture);
    uint64_t number = submit(&fixture, "t.echo", "1");
    int64_t begin_ns = clock_now_ns();
    pid_t pid = kill_three(&fixture, 0);
    CU_ASSERT(stops_with_jobs(&fixture, pid) || fixture.results);
    if (clock_now_ns() - begin_ns >= 200 * NS_PER_MS)
        tap_skip("three workers were not killed within a moment");
    else
        CU_ASSERT_EQUAL(fixture.results, 0);
    atomic_store(&board->stop, 0);
    signal_worker(hay_pool_worker_pid(fixture.pool, 0), SIGCONT);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(fixture.results == 1 && entry_of(&fixture, number)->count == 1);
    fixture_end(&fixture);
}

/* Each of them pays, however many there are: the pool goes on, and what stands behind them is run. All in all it takes longer
 * than a moment. */
static void many_jobs_never_seen_to_start_do_not_stop_the_pool(void)
{
    struct fixture fixture;
    start_stopping(&fixture);
    for (int job = 1; job <= 5; job++) {
        submit(&fixture, "t.echo", "1");
        kill_three(&fixture, APART_MS);
        if (job == 5)
            atomic_store(&board->stop, 0);
        CU_ASSERT(comes(&fixture, (unsigned)job));
        CU_ASSERT(ended_as(&fixture, (uint64_t)job, HAY_OUTCOME_CRASH));
    }
    uint64_t good = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, good, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
}

/* The five seconds begin when the worker has something to begin, not when the job before it did. */
static void a_worker_just_done_with_a_long_job_has_time_to_begin_the_next(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    pid_t pid = hay_pool_worker_pid(fixture.pool, 0);
    for (int64_t until_ns = clock_now_ns() + 5200 * NS_PER_MS; clock_now_ns() < until_ns;)
        hay_pool_turn(fixture.pool, 50);
    atomic_store(&board->stop, WORKERS_STOP);
    uint64_t next = submit(&fixture, "t.echo", "1");
    hay_pool_turn(fixture.pool, 0); /* sent behind the long job */
    atomic_store(&board->release, 1);
    CU_ASSERT(comes(&fixture, 1));
    for (int64_t until_ns = clock_now_ns() + 300 * NS_PER_MS; clock_now_ns() < until_ns;)
        hay_pool_turn(fixture.pool, 20);
    CU_ASSERT_EQUAL(fixture.results, 1);
    atomic_store(&board->stop, 0);
    signal_worker(pid, SIGCONT);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, next, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, next)->pid, pid);
    fixture_end(&fixture);
}

/* ---- the breakdown ---- */

/* Turn, with every worker dying as soon as it is ready, until the pool gives up. */
static bool breaks_down(struct fixture *fixture, int worker)
{
    atomic_store(&board->stop, WORKERS_DIE);
    signal_worker(hay_pool_worker_pid(fixture->pool, worker), SIGKILL);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !fixture->broken && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture->pool, 100);
    atomic_store(&board->stop, 0);
    return fixture->broken == 1;
}

static void a_pool_whose_workers_keep_dying_stops(void)
{
    struct fixture fixture;
    struct hay_job job = {.function = "t.echo"};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retries = 1, .retry_delay_ms = 30000});
    uint64_t waiting = submit(&fixture, "t.fail_before", "1"); /* pending, and with no worker, once it has failed */
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, 1));
    CU_ASSERT(breaks_down(&fixture, 0));
    CU_ASSERT(ended_as(&fixture, waiting, HAY_OUTCOME_SKIPPED));
    CU_ASSERT(strstr(fixture.reason, "kept dying") != NULL && strstr(fixture.reason, "the last one: exited with 3") != NULL);
    CU_ASSERT_EQUAL(fixture.results_at_broken, fixture.submitted);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 1000, NULL, NULL), HAY_EBROKEN);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 0));
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_end(&fixture);
}

/* For as long as it takes: nothing that runs is lost for those that cannot. */
static void a_pool_with_a_worker_at_work_goes_on(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats = {.deaths = 0};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    uint64_t running = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    atomic_store(&board->stop, WORKERS_DIE);
    signal_worker(hay_pool_worker_pid(fixture.pool, hay_pool_worker_pid(fixture.pool, 0) == atomic_load(&board->pid)), SIGKILL);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); stats.deaths < 12 && clock_now_ns() < deadline_ns;) {
        hay_pool_turn(fixture.pool, 100);
        hay_pool_stats(fixture.pool, &stats);
    }
    CU_ASSERT(stats.deaths >= 12 && !fixture.broken);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, running, HAY_OUTCOME_OK));
    atomic_store(&board->stop, 0);
    fixture_end(&fixture);
}

/* Dies in its first attempt, and lets no new worker live: the other one is past the place where it would die. */
static int fn_die_for_all(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    if (task->attempt > 1)
        return give(task, "2");
    while (!atomic_load(&board->waiting))
        nap();
    atomic_store(&board->stop, WORKERS_DIE);
    raise(SIGKILL);
    return -1;
}

static void where_no_fresh_worker_can_be_had_any_will_do(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.die_for_all", "", fn_die_for_all, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < 2; i++)
        submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2)); /* neither of them is fresh */
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    uint64_t died = submit(&fixture, "t.die_for_all", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, died, HAY_OUTCOME_OK));
    atomic_store(&board->stop, 0);
    fixture_end(&fixture);
}

/* One moment that kills them all is no reason to give up, however many they are. */
static void many_workers_that_die_at_once_are_replaced(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 14});
    for (int i = 0; i < 4; i++) {
        CU_ASSERT(workers_are_ready(&fixture, 14));
        for (int worker = 0; worker < 14; worker++)
            signal_worker(hay_pool_worker_pid(fixture.pool, worker), SIGKILL);
        hay_pool_turn(fixture.pool, 100);
        submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
    }
    CU_ASSERT_EQUAL(fixture.broken, 0);
    CU_ASSERT_EQUAL(fixture.submitted, fixture.results);
    fixture_end(&fixture);
}

int main(void)
{
    master_pid = getpid();
    CU_TestInfo crashes[] = {
        {"a crash says how it died", a_crash_says_how_it_died},
        {"a SIGKILL may be for lack of memory", a_sigkill_may_be_for_lack_of_memory},
        {"a dead worker that is traced is given up", a_dead_worker_that_is_traced_is_given_up},
        {"a crash is retried on a fresh worker", a_crash_is_retried_on_a_fresh_worker},
        {"crashes among idle workers are retried", crashes_among_idle_workers_are_retried},
        {"one job among idle workers is not passed around", one_job_among_idle_workers_is_not_passed_around},
        {"errors and crashes have budgets of their own", errors_and_crashes_have_budgets_of_their_own},
        {"a retry waits for its delay", a_retry_waits_for_its_delay},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo kills[] = {
        {"a busy worker's death costs only what ran", a_busy_workers_death_costs_only_what_ran},
        {"idle workers that die are replaced", idle_workers_that_die_are_replaced},
        {"kills at random lose nothing", kills_at_random_lose_nothing},
        {"a stopped worker gives back what it holds", a_stopped_worker_gives_back_what_it_holds},
        {"a stopped idle worker does not hold the join", a_stopped_idle_worker_does_not_hold_the_join},
        {"a worker just done with a long job has time to begin the next",
         a_worker_just_done_with_a_long_job_has_time_to_begin_the_next},
        {"a job never seen to start pays at the third death", a_job_never_seen_to_start_pays_at_the_third_death},
        {"losses in one moment are one", losses_in_one_moment_are_one},
        {"many jobs never seen to start do not stop the pool", many_jobs_never_seen_to_start_do_not_stop_the_pool},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo breakdowns[] = {
        {"a pool whose workers keep dying stops", a_pool_whose_workers_keep_dying_stops},
        {"a pool with a worker at work goes on", a_pool_with_a_worker_at_work_goes_on},
        {"where no fresh worker can be had any will do", where_no_fresh_worker_can_be_had_any_will_do},
        {"many workers that die at once are replaced", many_workers_that_die_at_once_are_replaced},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool crashes", NULL, NULL, NULL, NULL, crashes},
                             {"pool kills", NULL, NULL, NULL, NULL, kills},
                             {"pool breakdown", NULL, NULL, NULL, NULL, breakdowns},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
