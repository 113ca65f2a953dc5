/* SPDX-License-Identifier: MIT
 *
 * Forks that fail: at the start, at a restart, for a while and for good; in a process with threads; and with the standard
 * descriptors closed. The program is linked with --wrap=fork, so the next forks fail as told.
 */
#include "unit/pool/pool_fixture.h"

#include <pthread.h>

static int fork_skips;   /* forks that work before the failing ones */
static int fork_fails;   /* then so many fail; -1: all */
static int forks_failed;

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void)
{
    if (fork_fails && fork_skips-- <= 0) {
        fork_fails -= fork_fails > 0;
        forks_failed++;
        errno = EAGAIN;
        return -1;
    }
    return __real_fork();
}

static void fail_forks(int skips, int fails)
{
    fork_skips = skips;
    fork_fails = fails;
    forks_failed = 0;
}

/* Memory that is shared, and may be written to: a ledger is such. */
static int count_shared(void)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        count += strstr(line, " rw-s ") != NULL;
    if (maps)
        fclose(maps);
    return count;
}

static int fn_shared(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[16];
    (void)function, (void)args, (void)size;
    nanosleep(&(struct timespec){.tv_nsec = 50 * NS_PER_MS}, NULL); /* so that each worker has one of these */
    return task->host->result(task, text, (size_t)snprintf(text, sizeof text, "%d", count_shared()));
}

static void a_worker_has_no_ledger_but_its_own(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 4});
    int wanted = count_shared() + 1;
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.shared", NULL, fn_shared, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 4));
    uint64_t first = submit(&fixture, "t.shared", "1");
    for (int i = 1; i < 4; i++)
        submit(&fixture, "t.shared", "1");
    CU_ASSERT(all_come(&fixture));
    for (uint64_t number = first; number < first + 4; number++)
        CU_ASSERT_EQUAL(atoi(entry_of(&fixture, number)->value), wanted);
    fixture_end(&fixture);
}

static _Atomic pid_t *left_behind; /* shared */

/* Dies, and leaves a child in its group. */
static int fn_leave(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task, (void)function, (void)args, (void)size;
    pid_t pid = fork();
    if (pid == 0)
        for (alarm(LIMIT_MS / 500);;)
            pause();
    atomic_store(left_behind, pid);
    raise(SIGKILL);
    return -1;
}

/* Gone, or waiting to be reaped by whoever does that here. */
static bool is_gone(pid_t pid)
{
    char path[40], state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return true;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    fclose(file);
    return state == 'Z';
}

static void what_a_dead_worker_leaves_behind_is_killed(void)
{
    struct fixture fixture;
    left_behind = mmap(NULL, sizeof *left_behind, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_FATAL(left_behind != MAP_FAILED);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.leave", NULL, fn_leave, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t number = submit(&fixture, "t.leave", "1");
    CU_ASSERT(all_come(&fixture) && ended_as(&fixture, number, HAY_OUTCOME_CRASH));
    pid_t pid = atomic_load(left_behind);
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (!is_gone(pid) && clock_now_ns() < deadline_ns)
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    CU_ASSERT(pid > 0 && is_gone(pid));
    fixture_end(&fixture);
    munmap(left_behind, sizeof *left_behind);
}

static void no_fork_at_all_fails_the_start(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    int before = count_fds();
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 3});
    int shared = count_shared();
    fail_forks(0, -1);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.sys_errno, EAGAIN);
    CU_ASSERT(strstr(error.text, "fork") != NULL);
    CU_ASSERT_EQUAL(count_shared(), shared);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, NULL, NULL), HAY_ESTATE);
    fail_forks(0, 0);
    /* The same pool may try again. */
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, &error), HAY_OK);
    uint64_t number = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
    CU_ASSERT_EQUAL(count_fds(), before);
}

static void some_forks_that_fail_are_made_up_later(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 4});
    fail_forks(1, 2);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(forks_failed, 2);
    CU_ASSERT(workers_are_ready(&fixture, 4));
    fixture_end(&fixture);
}

static void what_works_leaves_the_error_alone(void)
{
    struct fixture fixture;
    struct hay_error error = {.status = HAY_EOF, .sys_errno = 7, .text = "as it was"}, before = error;
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    fail_forks(1, 1);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, &error), HAY_OK);
    CU_ASSERT_EQUAL(forks_failed, 1);
    CU_ASSERT(memcmp(&error, &before, sizeof error) == 0);
    CU_ASSERT(workers_are_ready(&fixture, 2));
    fail_forks(1, 1);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 4, &error), HAY_OK);
    CU_ASSERT_EQUAL(forks_failed, 1);
    CU_ASSERT(memcmp(&error, &before, sizeof error) == 0);
    CU_ASSERT(workers_are_ready(&fixture, 4));
    fixture_end(&fixture);
}

/* Its last worker is dead, the next one cannot be forked for a while, and jobs are pending. */
static void restarts_that_fail_for_a_while_lose_nothing(void)
{
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        struct fixture fixture;
        fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = 1});
        CU_ASSERT(workers_are_ready(&fixture, 1));
        fail_forks(0, 4);
        uint64_t a = submit(&fixture, "t.die_before", "1"), b = submit(&fixture, "t.echo", "1");
        if (is_closed) { /* nor is it done by then */
            hay_pool_close(fixture.pool);
            CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
        } else {
            CU_ASSERT(all_come(&fixture));
        }
        CU_ASSERT_EQUAL(forks_failed, 4);
        CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK) && ended_as(&fixture, b, HAY_OUTCOME_OK));
        CU_ASSERT_EQUAL(fixture.broken, 0);
        fail_forks(0, 0);
        fixture_end(&fixture);
    }
}

static void restarts_that_fail_for_good_stop_the_pool(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    fail_forks(0, -1);
    signal_worker(hay_pool_worker_pid(fixture.pool, 0), SIGKILL);
    signal_worker(hay_pool_worker_pid(fixture.pool, 1), SIGKILL);
    for (int i = 0; i < 5; i++)
        submit(&fixture, "t.hold", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.broken, 1);
    for (uint64_t number = fixture.submitted - 4; number <= fixture.submitted; number++)
        CU_ASSERT(entry_of(&fixture, number)->outcome == HAY_OUTCOME_SKIPPED || entry_of(&fixture,
                                                                                         number)->outcome == HAY_OUTCOME_CRASH);
    fail_forks(0, 0);
    fixture_end(&fixture);
}

/* With another worker alive the crashed job waits for a fresh one; it must not wait for ever. */
static void a_crashed_job_is_settled_although_no_fork_works_again(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .crash_retries = 1});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    fail_forks(0, -1);
    submit(&fixture, "t.die_before", "1");
    CU_ASSERT(all_come(&fixture));
    fail_forks(0, 0);
    fixture_end(&fixture);
}

/* ---- threads ---- */

static void *wait_for_eof(void *arg)
{
    char byte;
    while (read(*(int *)arg, &byte, 1) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void a_threaded_process_may_not_start_a_pool(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    pthread_t thread;
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for_eof, &ends[0]), 0);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, &error), HAY_ETHREADS);
    CU_ASSERT_EQUAL(error.status, HAY_ETHREADS);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, &error), HAY_OK);
    uint64_t number = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void a_thread_started_later_stops_restarts_only(void)
{
    struct fixture fixture;
    pthread_t thread;
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for_eof, &ends[0]), 0);
    uint64_t a = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK));
    submit(&fixture, "t.die_before", "1");
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.broken, 1);
    CU_ASSERT(strstr(fixture.reason, "thread") != NULL);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    fixture_end(&fixture);
}

/* ---- closed standard descriptors ---- */

static int run_without_standard_fds(int report)
{
    struct hay_pool *pool;
    struct fixture fixture = {.book = calloc(BOOK_JOBS, sizeof(struct entry))};
    struct hay_pool_options options = {.workers = 2, .context = &fixture, .on_result = book_result};
    int high = fcntl(report, F_DUPFD_CLOEXEC, 200);
    for (int fd = 0; fd < 100; fd++)
        close(fd);
    if (!fixture.book || !(pool = hay_pool_new(&options, NULL)) || hay_pool_register(pool, "t.echo", NULL, fn_echo, NULL, NULL) ||
        hay_pool_start(pool, NULL))
        return 2;
    for (int i = 0; i < 50; i++)
        if (hay_pool_submit(pool, &(struct hay_job){.function = "t.echo"}, 5000, NULL, NULL))
            return 3;
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 6; /* it has a place for itself that a program may fill with its own */
    hay_pool_close(pool);
    if (hay_pool_join(pool, 10000))
        return 4;
    int wrong = 0;
    for (int i = 1; i <= 50; i++)
        wrong += fixture.book[i].outcome != HAY_OUTCOME_OK || fixture.book[i].count != 1;
    hay_pool_free(pool);
    free(fixture.book);
    close(high);
    return wrong ? 5 : 0;
}

static void a_program_without_standard_descriptors_has_a_pool(void)
{
    int ends[2], status = 0;
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = __real_fork();
    if (pid == 0)
        _exit(run_without_standard_fds(ends[1]));
    /* The child holds the other end until it is over. */
    close(ends[1]);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&end, 1, LIMIT_MS), 1);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    CU_ASSERT(WIFEXITED(status) || WIFSIGNALED(status));
    if (WIFEXITED(status))
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
    close(ends[0]);
}

/* As after a death: the place is there, and is filled when a fork works. */
static void a_resize_whose_forks_fail_is_made_up_later(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    fail_forks(1, 1);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 4, NULL), HAY_OK);
    CU_ASSERT_EQUAL(forks_failed, 1);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.workers, 4);
    CU_ASSERT(workers_are_ready(&fixture, 4));
    fixture_end(&fixture);
}

static void a_threaded_process_may_shrink_a_pool_but_not_grow_it(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    struct hay_pool_stats stats;
    pthread_t thread;
    int ends[2];
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for_eof, &ends[0]), 0);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 4, &error), HAY_ETHREADS);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.workers, 2);
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1, &error), HAY_OK);
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo forks[] = {
        {"a worker has no ledger but its own", a_worker_has_no_ledger_but_its_own},
        {"what a dead worker leaves behind is killed", what_a_dead_worker_leaves_behind_is_killed},
        {"no fork at all fails the start", no_fork_at_all_fails_the_start},
        {"some forks that fail are made up later", some_forks_that_fail_are_made_up_later},
        {"what works leaves the error alone", what_works_leaves_the_error_alone},
        {"restarts that fail for a while lose nothing", restarts_that_fail_for_a_while_lose_nothing},
        {"restarts that fail for good stop the pool", restarts_that_fail_for_good_stop_the_pool},
        {"a crashed job is settled although no fork works again", a_crashed_job_is_settled_although_no_fork_works_again},
        {"a threaded process may not start a pool", a_threaded_process_may_not_start_a_pool},
        {"a thread started later stops restarts only", a_thread_started_later_stops_restarts_only},
        {"a resize whose forks fail is made up later", a_resize_whose_forks_fail_is_made_up_later},
        {"a threaded process may shrink a pool but not grow it", a_threaded_process_may_shrink_a_pool_but_not_grow_it},
        {"a program without standard descriptors has a pool", a_program_without_standard_descriptors_has_a_pool},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool fork", NULL, NULL, NULL, NULL, forks}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
