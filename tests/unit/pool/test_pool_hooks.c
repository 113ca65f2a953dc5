/* SPDX-License-Identifier: MIT
 *
 * What the program sets in each worker: its hooks at the worker's start and end, rlimits and nice. And the rules for what is
 * tried again.
 */
#include "unit/pool/pool_fixture.h"

#include "config.h"
#include "ipc/frame.h"

#include <sys/resource.h>
#include <sys/stat.h>

#define HOOK_FRAME_FD 500

struct hooks {
    _Atomic uint32_t started, stopped, wrong;
    _Atomic int fails_with;
    struct rlimit seen;
    struct fixture *context;
};

static struct hooks *hooks;

static int on_start(void *context, int worker)
{
    if (context != hooks->context || worker < 0 || worker > 1)
        atomic_fetch_add(&hooks->wrong, 1);
    getrlimit(RLIMIT_CORE, &hooks->seen);
    atomic_fetch_add(&hooks->started, 1);
    return atomic_load(&hooks->fails_with);
}

static void on_stop(void *context, int worker)
{
    if (context != hooks->context || worker < 0 || worker > 1)
        atomic_fetch_add(&hooks->wrong, 1);
    atomic_fetch_add(&hooks->stopped, 1);
}

static void hooks_new(struct fixture *fixture)
{
    if (!hooks)
        hooks = mmap(NULL, sizeof *hooks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(hooks, 0, sizeof *hooks);
    hooks->context = fixture;
}

static void each_worker_is_started_and_stopped_once(void)
{
    struct fixture fixture;
    hooks_new(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .worker_start = on_start, .worker_stop = on_stop,
                                                       .max_jobs_per_worker = 5});
    for (int i = 0; i < 50; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(atomic_load(&hooks->started) >= 10);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&hooks->started), atomic_load(&hooks->stopped));
    CU_ASSERT_EQUAL(atomic_load(&hooks->wrong), 0);
    fixture_end(&fixture);
}

static void crash_at_stop(void *context, int worker)
{
    (void)context;
    if (worker)
        raise(SIGKILL);
    for (;;)
        pause();
}

/* What it was to write may be lost, and no result tells. */
static void a_stop_that_crashes_or_hangs_is_told(void)
{
    struct fixture fixture;
    for (int workers = 1; workers <= 2; workers++) {
        fixture_start(&fixture, &(struct hay_pool_options){.workers = workers, .worker_stop = crash_at_stop});
        CU_ASSERT(workers_are_ready(&fixture, workers));
        hay_pool_close(fixture.pool);
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
        CU_ASSERT_EQUAL(fixture.logs, (uint64_t)workers);
        CU_ASSERT_STRING_EQUAL(fixture.log, "hayfork: worker 0 was told to stop: killed: the worker had not ended after 5 s, in "
                                         "worker_stop() of the program");
        CU_ASSERT(ended_as(&fixture, 1, HAY_OUTCOME_OK));
        fixture_end(&fixture);
    }
}

static void exit_at_stop(void *context, int worker)
{
    (void)context, (void)worker;
    exit(0);
}

/* By the code it would have ended in good order, but nothing of the stop behind this was done. */
static void a_stop_that_exits_with_0_is_told(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .worker_stop = exit_at_stop});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(fixture.logs, 1);
    CU_ASSERT_STRING_EQUAL(fixture.log, "hayfork: worker 0 was told to stop: exited with 0, in worker_stop() of the program");
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 1);
    fixture_end(&fixture);
}

static char own_path[] = "/tmp/hayfork-test-XXXXXX";
static FILE *own_file;

static int open_own_file(void *context, int worker)
{
    (void)context, (void)worker;
    own_file = fopen(own_path, "a");
    return own_file ? 0 : 1;
}

static int fn_note(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    fwrite("x", 1, 1, own_file);
    return task->host->result(task, args, size);
}

static void what_a_plugin_has_buffered_is_written_at_an_orderly_end(void)
{
    struct fixture fixture;
    struct stat file;
    int fd = mkstemp(own_path);
    CU_ASSERT(fd >= 0);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2, .worker_start = open_own_file, .max_jobs_per_worker = 9});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "h.note", "", fn_note, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < 50; i++)
        submit(&fixture, "h.note", "1");
    CU_ASSERT(all_come(&fixture));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_end(&fixture);
    CU_ASSERT(fstat(fd, &file) == 0 && file.st_size == 50);
    close(fd);
    unlink(own_path);
}

static int fn_put(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    char text[24] = "";
    memcpy(text, args, size < sizeof text - 1 ? size : sizeof text - 1);
    return write(atoi(text), "x", 1) == 1 ? task->host->result(task, "true", 4) : task->host->result(task, "false", 5);
}

static void a_worker_keeps_the_descriptors_that_it_is_to_keep(void)
{
    struct fixture fixture;
    char kept_text[24], other_text[24], got[8];
    int kept[2], other[2];
    CU_ASSERT(pipe2(kept, O_CLOEXEC | O_NONBLOCK) == 0 && pipe2(other, O_NONBLOCK) == 0);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .keep_fds = &kept[1], .keep_count = 1,
                                                     .max_jobs_per_worker = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "h.put", "", fn_put, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    snprintf(kept_text, sizeof kept_text, "%d", kept[1]);
    snprintf(other_text, sizeof other_text, "%d", other[1]);
    for (int i = 0; i < 2; i++) { /* also in the worker that comes after the first */
        submit(&fixture, "h.put", kept_text);
        submit(&fixture, "h.put", other_text);
    }
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(read(kept[0], got, sizeof got), 2);
    CU_ASSERT(read(other[0], got, sizeof got) < 0);
    fixture_end(&fixture);
    for (int i = 0; i < 2; i++) {
        close(kept[i]);
        close(other[i]);
    }
}

static void a_worker_that_dies_is_not_stopped(void)
{
    struct fixture fixture;
    hooks_new(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .worker_start = on_start, .worker_stop = on_stop,
                                                       .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    submit(&fixture, "t.die", "9");
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&hooks->started), 2);
    CU_ASSERT_EQUAL(atomic_load(&hooks->stopped), 1);
    fixture_end(&fixture);
}

static void a_worker_that_will_not_start_stops_the_pool_with_its_reason(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    hooks_new(&fixture);
    atomic_store(&hooks->fails_with, 7);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .worker_start = on_start, .worker_stop = on_stop});
    uint64_t number = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_SKIPPED));
    CU_ASSERT_EQUAL(fixture.broken, 1);
    CU_ASSERT(strstr(fixture.reason, "worker_start() refused with 7") != NULL);
    CU_ASSERT_EQUAL(atomic_load(&hooks->stopped), 0);
    /* The reason is told once in the text, not twice. */
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, NULL, &error), HAY_EBROKEN);
    const char *first = strstr(error.text, "had to stop");
    CU_ASSERT(first && !strstr(first + 1, "had to stop"));
    CU_ASSERT_EQUAL(hay_pool_resize(fixture.pool, 2, &error), HAY_EBROKEN);
    fixture_end(&fixture);
}

static void one_that_was_to_be_tried_again_says_what_had_failed(void)
{
    struct fixture fixture;
    hooks_new(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .worker_start = on_start, .retries = 1,
                                                       .retry_delay_ms = 10 * LIMIT_MS, .retry_delay_max_ms = 10 * LIMIT_MS});
    uint64_t failed = submit(&fixture, "t.fail_before", "9");
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); stats_of(&fixture).waiting < 1 && clock_now_ns() < deadline_ns;)
        hay_pool_turn(fixture.pool, 10);
    atomic_store(&hooks->fails_with, 7);
    uint64_t died = submit(&fixture, "t.die", "9"), never = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.broken, 1);
    CU_ASSERT(ended_as(&fixture, failed, HAY_OUTCOME_SKIPPED));
    CU_ASSERT_STRING_EQUAL(fixture.book[failed].message, "the pool had to stop before it was tried again: not yet");
    CU_ASSERT(fixture.book[failed].has_cause);
    CU_ASSERT(ended_as(&fixture, died, HAY_OUTCOME_SKIPPED));
    CU_ASSERT(strstr(fixture.book[died].message, "before it was tried again: killed by SIGKILL") != NULL);
    CU_ASSERT(fixture.book[died].has_cause);
    CU_ASSERT(ended_as(&fixture, never, HAY_OUTCOME_SKIPPED));
    CU_ASSERT(strstr(fixture.book[never].message, "worker_start() refused with 7") != NULL);
    CU_ASSERT(!fixture.book[never].has_cause);
    fixture_end(&fixture);
}

static int say_rubbish(void *context, int worker)
{
    (void)context, (void)worker;
    static const char text[] = "bad\033[2J\nnews\177!";
    struct frame_head head = {.size = sizeof head + sizeof text - 1, .type = FRAME_READY, .flags = FRAME_FAILED};
    char bytes[sizeof head + sizeof text];
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, text, sizeof text);
    if (write(HOOK_FRAME_FD, bytes, head.size) < 0)
        _exit(1);
    _exit(0);
}

static void a_workers_words_are_one_line(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .worker_start = say_rubbish});
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.broken, 1);
    CU_ASSERT(strstr(fixture.reason, "bad [2J news !") != NULL);
    fixture_end(&fixture);
}

static void inline_pools_call_them_too(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    hooks_new(&fixture);
    atomic_store(&hooks->fails_with, 3);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE, .worker_start = on_start,
                                                     .worker_stop = on_stop});
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, &error), HAY_EPLUGIN);
    CU_ASSERT(strstr(error.text, "refused with 3") != NULL);
    atomic_store(&hooks->fails_with, 0);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, &error), HAY_OK);
    submit(&fixture, "t.echo", "1");
    fixture_end(&fixture);
    CU_ASSERT_EQUAL(atomic_load(&hooks->started), 2);
    CU_ASSERT_EQUAL(atomic_load(&hooks->stopped), 1);
    CU_ASSERT_EQUAL(atomic_load(&hooks->wrong), 0);
}

/* ---- limits ---- */

static int fn_limits(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    static const int kinds[] = {RLIMIT_CPU, RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_AS};
    char text[160];
    int n = snprintf(text, sizeof text, "[%d", getpriority(PRIO_PROCESS, 0));
    for (size_t i = 0; i < 4; i++) {
        struct rlimit limit;
        getrlimit(kinds[i], &limit);
        long long now = limit.rlim_cur == RLIM_INFINITY ? -1 : (long long)limit.rlim_cur;
        n += snprintf(text + n, sizeof text - (size_t)n, ",%lld", now);
    }
    snprintf(text + n, sizeof text - (size_t)n, "]");
    return give(task, text);
}

static int fn_allocate(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    void *volatile bytes = malloc((size_t)number_of(args, size) << 20); /* gcc 16 leaves out one that is only freed */
    free(bytes);
    return give(task, bytes ? "true" : "false");
}

static int fn_write(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    FILE *file = tmpfile();
    if (!file)
        return task->host->fail(task, "no file");
    for (long i = 0; i < number_of(args, size); i++)
        fputc('x', file);
    fclose(file);
    return give(task, "true");
}

static int fn_burn(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    while (!atomic_load(&board->release))
        ;
    return give(task, "true");
}

static void start_limited(struct fixture *fixture, struct hay_limits limits)
{
    fixture_new(fixture, &(struct hay_pool_options){.workers = 1, .limits = limits, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, "l.limits", "", fn_limits, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, "l.allocate", "", fn_allocate, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, "l.write", "", fn_write, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, "l.burn", "", fn_burn, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture->pool, NULL), HAY_OK);
}

static void workers_have_the_limits_that_were_set(void)
{
    struct fixture fixture;
    char expected[32];
    int nice_here = getpriority(PRIO_PROCESS, 0);
    start_limited(&fixture, (struct hay_limits){.cpu_s = 100, .files = 64, .file_bytes = 1 << 20, .nice = 2});
    uint64_t number = submit(&fixture, "l.limits", "1");
    CU_ASSERT(all_come(&fixture));
    snprintf(expected, sizeof expected, "[%d,100,64,1048576,", nice_here + 2 > 19 ? 19 : nice_here + 2);
    CU_ASSERT_EQUAL(strncmp(entry_of(&fixture, number)->value, expected, strlen(expected)), 0);
    CU_ASSERT_EQUAL(getpriority(PRIO_PROCESS, 0), nice_here); /* this process has kept its own */
    fixture_end(&fixture);
}

static void a_limit_above_the_hard_one_stays_at_it(void)
{
    struct fixture fixture;
    struct rlimit files;
    unsigned long long soft = 0;
    getrlimit(RLIMIT_NOFILE, &files);
    start_limited(&fixture, (struct hay_limits){.files = UINT64_MAX - 1});
    uint64_t number = submit(&fixture, "l.limits", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(sscanf(entry_of(&fixture, number)->value, "[%*d,%*u,%llu,", &soft), 1);
    CU_ASSERT_EQUAL(soft, files.rlim_max);
    fixture_end(&fixture);
}

/* Few files are enough to work with: the pipe is open before they count. */
static void a_limit_of_few_files_does_not_break_a_worker(void)
{
    struct fixture fixture;
    start_limited(&fixture, (struct hay_limits){.files = 3});
    uint64_t number = submit(&fixture, "t.echo", "1"), file = submit(&fixture, "l.write", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT(ended_as(&fixture, file, HAY_OUTCOME_ERROR));
    fixture_end(&fixture);
}

static void memory_beyond_the_limit_is_not_to_be_had(void)
{
#ifdef HAY_SANITIZED
    tap_skip("a sanitizer needs the address space");
#else
    struct fixture fixture;
    size_t mapped = (size_t)3 << 30; /* of ours does not count */
    void *much_here = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CU_ASSERT(much_here != MAP_FAILED);
    start_limited(&fixture, (struct hay_limits){.memory_bytes = UINT64_C(1) << 30});
    uint64_t little = submit(&fixture, "l.allocate", "16"), much = submit(&fixture, "l.allocate", "2048");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, little)->value, "true");
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, much)->value, "false");
    fixture_end(&fixture);
    munmap(much_here, mapped);
#endif
}

static void a_file_beyond_the_limit_is_a_crash_by_its_signal(void)
{
    struct fixture fixture;
    start_limited(&fixture, (struct hay_limits){.file_bytes = 10000});
    uint64_t small = submit(&fixture, "l.write", "9000"), large = submit(&fixture, "l.write", "20000");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, small, HAY_OUTCOME_OK));
    CU_ASSERT(ended_as(&fixture, large, HAY_OUTCOME_CRASH) && entry_of(&fixture, large)->signal == SIGXFSZ);
    fixture_end(&fixture);
}

static void cpu_time_beyond_the_limit_is_a_crash_by_its_signal(void)
{
    struct fixture fixture;
    start_limited(&fixture, (struct hay_limits){.cpu_s = 1});
    uint64_t number = submit(&fixture, "l.burn", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_CRASH) && entry_of(&fixture, number)->signal == SIGXCPU);
    fixture_end(&fixture);
}

static void options_out_of_range_are_refused(void)
{
    static const struct hay_pool_options wrong[] = {{.limits.nice = -1}, {.limits.nice = 20}, {.max_worker_age_ms = -1},
                                                    {.max_worker_age_ms = INT64_MAX}, {.retry_delay_max_ms = -1},
                                                    {.retry_delay_max_ms = INT64_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hay_error error = {0};
        CU_ASSERT_PTR_NULL(hay_pool_new(&wrong[i], &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    }
}

/* ---- what is tried again ---- */

static void final_errors_are_not_tried_again_but_timeouts_are(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retries = 2, .retry_timeouts = true, .final_errors = true,
                                                       .retry_delay_ms = 1, .grace_ms = 5000});
    uint64_t error = submit(&fixture, "t.fail_before", "1");
    uint64_t timeout = submit_job(&fixture, (struct hay_job){.function = "t.polite", .timeout_ms = 20});
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, error, HAY_OUTCOME_ERROR) && entry_of(&fixture, error)->attempts == 1);
    CU_ASSERT(ended_as(&fixture, timeout, HAY_OUTCOME_TIMEOUT) && entry_of(&fixture, timeout)->attempts == 3);
    fixture_end(&fixture);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE, .retries = 2, .final_errors = true});
    error = submit(&fixture, "t.fail_before", "1");
    CU_ASSERT(ended_as(&fixture, error, HAY_OUTCOME_ERROR) && entry_of(&fixture, error)->attempts == 1);
    fixture_end(&fixture);
}

/* Uncapped, the delays of eight retries would add up to hours. */
static void a_delay_has_its_cap(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .retries = 8, .retry_delay_ms = 60000,
                                                       .retry_delay_max_ms = 5});
    uint64_t number = submit(&fixture, "t.fail_before", "8");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK) && entry_of(&fixture, number)->attempts == 9);
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo starts[] = {
        {"each worker is started and stopped once", each_worker_is_started_and_stopped_once},
        {"a stop that crashes or hangs is told", a_stop_that_crashes_or_hangs_is_told},
        {"a stop that exits with 0 is told", a_stop_that_exits_with_0_is_told},
        {"what a plugin has buffered is written at an orderly end", what_a_plugin_has_buffered_is_written_at_an_orderly_end},
        {"a worker keeps the descriptors that it is to keep", a_worker_keeps_the_descriptors_that_it_is_to_keep},
        {"a worker that dies is not stopped", a_worker_that_dies_is_not_stopped},
        {"a worker that will not start stops the pool with its reason",
         a_worker_that_will_not_start_stops_the_pool_with_its_reason},
        {"one that was to be tried again says what had failed", one_that_was_to_be_tried_again_says_what_had_failed},
        {"a worker's words are one line", a_workers_words_are_one_line},
        {"inline pools call them too", inline_pools_call_them_too},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo limits[] = {
        {"workers have the limits that were set", workers_have_the_limits_that_were_set},
        {"a limit above the hard one stays at it", a_limit_above_the_hard_one_stays_at_it},
        {"a limit of few files does not break a worker", a_limit_of_few_files_does_not_break_a_worker},
        {"memory beyond the limit is not to be had", memory_beyond_the_limit_is_not_to_be_had},
        {"a file beyond the limit is a crash by its signal", a_file_beyond_the_limit_is_a_crash_by_its_signal},
        {"cpu time beyond the limit is a crash by its signal", cpu_time_beyond_the_limit_is_a_crash_by_its_signal},
        {"options out of range are refused", options_out_of_range_are_refused},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo retries[] = {
        {"final errors are not tried again, but timeouts are", final_errors_are_not_tried_again_but_timeouts_are},
        {"a delay has its cap", a_delay_has_its_cap},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool hooks", NULL, NULL, NULL, NULL, starts},
                             {"pool worker limits", NULL, NULL, NULL, NULL, limits},
                             {"pool retries", NULL, NULL, NULL, NULL, retries},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
