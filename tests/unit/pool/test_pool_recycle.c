/* SPDX-License-Identifier: MIT
 *
 * Workers that are replaced because they had enough jobs, memory or life: in time, not all at once, without a death, and
 * without cost for any job.
 */
#include "support/numbers.h"
#include "unit/pool/pool_fixture.h"

#define JOBS 3000

static uint64_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Keeps so many MiB for good. */
static int fn_grow(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    static void *kept;
    size_t bytes = (size_t)number_of(args, size) << 20;
    void *more = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (more == MAP_FAILED)
        return task->host->fail(task, "no memory");
    memset(more, 1, bytes);
    kept = more;
    return give(task, kept ? "true" : "false");
}

/* How many of the jobs so far ran in the process that ran most, and in how many processes. */
static uint64_t most_by_process(const struct fixture *fixture, uint64_t *processes)
{
    static pid_t pids[BOOK_JOBS];
    static uint64_t counts[BOOK_JOBS];
    uint64_t used = 0, most = 0;
    for (uint64_t number = 1; number <= fixture->submitted; number++) {
        uint64_t at = 0;
        while (at < used && pids[at] != fixture->book[number].pid)
            at++;
        if (at == used) {
            pids[used] = fixture->book[number].pid;
            counts[used++] = 0;
        }
        most = ++counts[at] > most ? counts[at] : most;
    }
    *processes = used;
    return most;
}

static bool is_costless(const struct fixture *fixture)
{
    struct hay_pool_stats stats = stats_of(fixture);
    return stats.deaths == 0 && stats.retried == 0 && stats.by_outcome[HAY_OUTCOME_OK] == stats.accepted && fixture->broken == 0;
}

static void no_worker_runs_more_than_its_number_of_jobs(void)
{
    static const uint64_t limits[] = {1, 2, 10, 300};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct fixture fixture;
        uint64_t processes, jobs = limits[i] * 50 < JOBS ? limits[i] * 50 : JOBS;
        fixture_start(&fixture, &(struct hay_pool_options){.workers = 3, .max_jobs_per_worker = limits[i],
                                                           .crash_retries = HAY_POOL_NO_CRASH_RETRY});
        for (uint64_t n = 0; n < jobs; n++)
            submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(most_by_process(&fixture, &processes) <= limits[i]);
        CU_ASSERT(processes >= jobs / limits[i]);
        CU_ASSERT(processes <= jobs / limits[i] + 6); /* the first ones had fewer */
        CU_ASSERT(is_costless(&fixture));
        fixture_end(&fixture);
    }
}

/* How many jobs the first process of a worker ran. */
static uint64_t count_of_first(const struct fixture *fixture, int worker)
{
    pid_t first = 0;
    uint64_t count = 0;
    for (uint64_t number = 1; number <= fixture->submitted; number++) {
        const struct entry *entry = entry_of(fixture, number);
        if (entry->worker == worker && !first)
            first = entry->pid;
        count += entry->pid == first;
    }
    return count;
}

/* Those of the pool's beginning have fewer, each another number, from a half of it up. */
static void the_first_workers_do_not_end_together(void)
{
    struct fixture fixture;
    uint64_t counts[4];
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4, .max_jobs_per_worker = 100});
    for (int i = 0; i < 4; i++)
        submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 4)); /* none is late */
    for (int i = 0; i < JOBS; i++)
        submit(&fixture, "t.echo", "1");
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    for (int i = 0; i < 4; i++) {
        counts[i] = count_of_first(&fixture, i);
        CU_ASSERT(counts[i] >= 50 && counts[i] <= 100);
        for (int n = 0; n < i; n++)
            CU_ASSERT_NOT_EQUAL(counts[i], counts[n]);
    }
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

/* A single worker has its whole number from the first on. */
static void one_worker_has_all_its_jobs(void)
{
    struct fixture fixture;
    uint64_t processes;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs_per_worker = 50});
    for (int i = 0; i < 200; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(most_by_process(&fixture, &processes), 50);
    CU_ASSERT_EQUAL(processes, 4);
    fixture_end(&fixture);
}

static void a_crash_retry_is_still_the_jobs_own(void)
{
    struct fixture fixture;
    uint64_t retried[20];
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs_per_worker = 2, .crash_retries = 1});
    for (int i = 0; i < 20; i++) {
        retried[i] = submit(&fixture, "t.die_before", "1");
        for (int n = 0; n < 5; n++)
            submit(&fixture, "t.echo", "1");
    }
    CU_ASSERT(all_come(&fixture));
    for (int i = 0; i < 20; i++)
        CU_ASSERT(ended_as(&fixture, retried[i], HAY_OUTCOME_OK) && entry_of(&fixture, retried[i])->attempts == 2);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 20);
    CU_ASSERT_EQUAL(stats_of(&fixture).retried, 20);
    fixture_end(&fixture);
}

static void a_worker_that_grew_is_replaced(void)
{
    struct fixture fixture;
    struct hay_pool_options options = {.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY};
    options.max_worker_bytes = resident_bytes() + (UINT64_C(96) << 20);
    fixture_new(&fixture, &options);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.grow", "", fn_grow, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT(workers_are_ready(&fixture, 1));
    pid_t first = hay_pool_worker_pid(fixture.pool, 0);
    uint64_t small = submit(&fixture, "t.grow", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, small, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 0), first);
    uint64_t large = submit(&fixture, "t.grow", "128");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, large, HAY_OUTCOME_OK));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); stats_of(&fixture).restarts == 0 && clock_now_ns() < deadline_ns;) {
        submit(&fixture, "t.sleep", "10");
        CU_ASSERT(all_come(&fixture));
    }
    CU_ASSERT_EQUAL(stats_of(&fixture).restarts, 1);
    uint64_t after = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(entry_of(&fixture, after)->pid != first);
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

/* A limit that no worker can keep: each is replaced after some jobs, and all jobs are done. */
static void a_limit_below_an_empty_worker_stops_nothing(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .max_worker_bytes = 1, .max_worker_age_ms = 1});
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); stats_of(&fixture).restarts < 10 && clock_now_ns() < deadline_ns;) {
        for (int i = 0; i < 50; i++)
            submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
    }
    CU_ASSERT(stats_of(&fixture).restarts >= 10);
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

static bool all_are_of_generation(struct fixture *fixture, uint64_t generation)
{
    struct hay_worker info;
    for (int i = 0; hay_pool_worker(fixture->pool, i, &info); i++)
        if (info.generation < generation)
            return false;
    return true;
}

/* Four workers, of which one at a time is out of service. */
static void old_workers_are_replaced_one_after_the_other(void)
{
    struct fixture fixture;
    int fewest = 4;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4, .max_worker_age_ms = 100});
    CU_ASSERT(workers_are_ready(&fixture, 4));
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (!all_are_of_generation(&fixture, 4) && clock_now_ns() < deadline_ns) {
        if (stats_of(&fixture).pending < 20)
            submit(&fixture, "t.sleep", "2");
        hay_pool_turn(fixture.pool, 1);
        int ready = stats_of(&fixture).workers_ready;
        fewest = ready < fewest ? ready : fewest;
    }
    CU_ASSERT(all_are_of_generation(&fixture, 4));
    CU_ASSERT_EQUAL(fewest, 3);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

static int wait_at_the_gate(void *context, int worker)
{
    (void)context, (void)worker;
    while (atomic_load(&board->stop))
        nap();
    return 0;
}

static bool all_were_replaced(struct fixture *fixture, const pid_t *before)
{
    for (int i = 0; i < 8; i++) {
        pid_t now = hay_pool_worker_pid(fixture->pool, i);
        if (now <= 0 || now == before[i])
            return false;
    }
    return true;
}

/* Eight workers pass their limit at once, and no new one gets through the gate: two are out of service, and six work on. Then
 * the gate is opened, and the others' turn comes. */
static void at_most_a_quarter_is_out_of_service(const struct hay_pool_options *options)
{
    struct fixture fixture;
    pid_t before[8];
    fixture_start(&fixture, options);
    for (int i = 0; i < 8; i++)
        submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 8));
    for (int i = 0; i < 8; i++)
        before[i] = hay_pool_worker_pid(fixture.pool, i);
    atomic_store(&board->stop, 1);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (stats_of(&fixture).workers_ready > 6 && clock_now_ns() < deadline_ns) {
        submit(&fixture, "t.sleep", "1");
        CU_ASSERT(all_come(&fixture));
    }
    bool is_kept = true;
    for (int i = 0; i < 40 && is_kept; i++) { /* longer than between two looks at the memory */
        submit(&fixture, "t.sleep", "5");
        is_kept = all_come(&fixture) && stats_of(&fixture).workers_ready == 6;
    }
    CU_ASSERT(is_kept);
    atomic_store(&board->stop, 0);
    while (!all_were_replaced(&fixture, before) && clock_now_ns() < deadline_ns) {
        submit(&fixture, "t.sleep", "1");
        CU_ASSERT(all_come(&fixture));
    }
    CU_ASSERT(all_were_replaced(&fixture, before));
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

static void at_most_a_quarter_is_replaced_for_its_memory(void)
{
    at_most_a_quarter_is_out_of_service(&(struct hay_pool_options){.workers = 8, .max_worker_bytes = 1,
                                                                   .worker_start = wait_at_the_gate, .start_timeout_ms = 60000});
}

static void at_most_a_quarter_is_replaced_for_its_age(void)
{
    at_most_a_quarter_is_out_of_service(&(struct hay_pool_options){.workers = 8, .max_worker_age_ms = 1,
                                                                   .worker_start = wait_at_the_gate, .start_timeout_ms = 60000});
}

/* The long job finishes in the worker that is too old long since, and the idle ones are replaced beside it. */
static void a_long_job_is_waited_for_and_delays_nobody(void)
{
    struct fixture fixture;
    struct hay_worker info;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 3, .max_worker_age_ms = 50});
    CU_ASSERT(workers_are_ready(&fixture, 3));
    uint64_t number = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    pid_t pid = atomic_load(&board->pid);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); stats_of(&fixture).restarts < 6 && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture.pool, 10);
    CU_ASSERT(stats_of(&fixture).restarts >= 6);
    bool is_there = false;
    for (int i = 0; hay_pool_worker(fixture.pool, i, &info); i++)
        is_there |= info.pid == pid && info.job == number;
    CU_ASSERT(is_there);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(entry_of(&fixture, number)->pid == pid && entry_of(&fixture, number)->attempts == 1);
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

static int start_slowly(void *context, int worker)
{
    (void)context, (void)worker;
    for (int i = 0; i < 10; i++)
        nap();
    return 0;
}

/* So when the next one has started, the one before is too old again. */
static void where_all_are_too_old_all_the_time_each_has_its_turn(void)
{
    struct fixture fixture;
    struct hay_worker info;
    int replaced = 0;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4, .max_worker_age_ms = 1, .worker_start = start_slowly});
    CU_ASSERT(workers_are_ready(&fixture, 4));
    submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); replaced < 3 && clock_now_ns() < deadline_ns;) {
        hay_pool_turn(fixture.pool, 10);
        replaced = 0;
        for (int i = 0; hay_pool_worker(fixture.pool, i, &info); i++)
            replaced += info.generation >= 6;
    }
    CU_ASSERT_EQUAL(replaced, 3); /* all but the one with the job */
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(is_costless(&fixture));
    fixture_end(&fixture);
}

/* All at once, with kills and resizes. */
static void everything_together_loses_nothing(void)
{
    struct fixture fixture;
    unsigned dice = 7;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 4, .max_jobs_per_worker = 40, .max_worker_age_ms = 20,
                                                       .max_worker_bytes = resident_bytes() + 1, .crash_retries = 1000});
    for (int round = 0; round < 150; round++) {
        for (int i = 0; i < 30; i++)
            submit(&fixture, "t.echo", "1");
        dice = dice * 1103515245 + 12345;
        pid_t pid = hay_pool_worker_pid(fixture.pool, (int)(dice >> 20) % 4);
        if (pid > 0 && round % 3 == 0)
            kill(pid, SIGKILL);
        if (round % 10 == 0)
            CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 1 + (int)(dice >> 16) % 6, NULL), HAY_OK);
        hay_pool_turn(fixture.pool, 1);
    }
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(stats_of(&fixture).by_outcome[HAY_OUTCOME_OK], fixture.submitted);
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
}

static void the_end_of_the_pool_starts_nobody(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs_per_worker = 1});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    uint64_t restarts = stats_of(&fixture).restarts;
    submit(&fixture, "t.sleep", "5");
    submit(&fixture, "t.sleep", "5");
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(stats_of(&fixture).restarts <= restarts + 3);
    CU_ASSERT_EQUAL(stats_of(&fixture).deaths, 0);
    fixture_end(&fixture);
}

/* In a namespace of numbers with the /proc of another one. */
static void ask_for_memory(void)
{
    struct hay_error error = {0};
    CHILD_CHECK(!hay_pool_new(&(struct hay_pool_options){.workers = 1, .max_worker_bytes = 1 << 20}, &error));
    CHILD_CHECK(error.status == HAY_EINVAL && strstr(error.text, "/proc"));
    struct hay_pool *pool = hay_pool_new(&(struct hay_pool_options){.workers = 1, .max_jobs_per_worker = 1}, &error);
    CHILD_CHECK(pool);
    hay_pool_free(pool);
}

static void a_limit_of_memory_that_cannot_be_seen_is_refused(void)
{
    numbers_try(ask_for_memory);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"no worker runs more than its number of jobs", no_worker_runs_more_than_its_number_of_jobs},
        {"the first workers do not end together", the_first_workers_do_not_end_together},
        {"one worker has all its jobs", one_worker_has_all_its_jobs},
        {"a crash retry is still the job's own", a_crash_retry_is_still_the_jobs_own},
        {"a worker that grew is replaced", a_worker_that_grew_is_replaced},
        {"a limit below an empty worker stops nothing", a_limit_below_an_empty_worker_stops_nothing},
        {"a limit of memory that cannot be seen is refused", a_limit_of_memory_that_cannot_be_seen_is_refused},
        {"old workers are replaced one after the other", old_workers_are_replaced_one_after_the_other},
        {"at most a quarter is replaced for its memory", at_most_a_quarter_is_replaced_for_its_memory},
        {"at most a quarter is replaced for its age", at_most_a_quarter_is_replaced_for_its_age},
        {"a long job is waited for and delays nobody", a_long_job_is_waited_for_and_delays_nobody},
        {"where all are too old all the time each has its turn", where_all_are_too_old_all_the_time_each_has_its_turn},
        {"everything together loses nothing", everything_together_loses_nothing},
        {"the end of the pool starts nobody", the_end_of_the_pool_starts_nobody},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool recycling", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
