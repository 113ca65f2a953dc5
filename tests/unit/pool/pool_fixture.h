/* SPDX-License-Identifier: MIT
 *
 * A pool with the test's own functions, and a book that records each result by the job's number. Waits are bounded by LIMIT_MS
 * and fail the case when the
 * time is up; nothing sleeps in the hope that something has happened. `board` is shared with the workers: jobs report there and
 * wait there.
 */
#ifndef TESTS_UNIT_POOL_POOL_FIXTURE_H
#define TESTS_UNIT_POOL_POOL_FIXTURE_H

#include "base/clock.h"
#include "support/tap.h"

#include <hayfork/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 60000
#define BOOK_JOBS 200001

struct board {
    _Atomic uint32_t began;      /* jobs of `t.hold` and `t.spin` that run or ran */
    _Atomic uint32_t release;    /* `t.hold` ends when this is not 0 */
    _Atomic pid_t pid;           /* of the last job that began */
    _Atomic uint32_t stop;       /* workers stop before they read */
    _Atomic uint32_t waiting;    /* workers that read, where the program counts them */
};

struct entry {
    uint8_t count;
    enum hay_outcome outcome;
    int signal, exit_code, worker;
    uint32_t attempts;
    pid_t pid;
    uint64_t tag;
    int64_t start_ns, run_ns;
    size_t id_size, value_size, message_size;
    bool has_id, has_cause;
    char id[16], value[32], message[200];
    uint64_t place;              /* it was the n-th to come */
};

struct fixture {
    struct hay_pool *pool;
    struct entry *book;          /* by number */
    uint64_t results;            /* that came */
    uint64_t submitted;
    uint64_t rooms;
    uint64_t progress, odd_progress;
    uint64_t broken;
    uint64_t results_at_broken;
    char reason[300];
    uint64_t logs;
    char log[200];
    void (*on_result)(struct fixture *fixture, const struct hay_result *result);
};

static struct board *board;

/* ---- functions ---- */

static inline void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

static inline int give(hay_task *task, const char *text)
{
    return task->host->result(task, text, strlen(text));
}

static inline int fn_echo(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    return task->host->result(task, args, size);
}

static inline long number_of(const void *args, size_t size)
{
    char text[24] = "";
    memcpy(text, args, size < sizeof text - 1 ? size : sizeof text - 1);
    return strtol(text, NULL, 10);
}

/* Runs until the board lets it go, or it is killed. */
static inline int fn_hold(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_store(&board->pid, getpid());
    atomic_fetch_add(&board->began, 1);
    while (!atomic_load(&board->release))
        nap();
    return give(task, "true");
}

/* Runs until it is cancelled. */
static inline int fn_polite(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    atomic_store(&board->pid, getpid());
    atomic_fetch_add(&board->began, 1);
    while (!task->host->cancelled(task))
        nap();
    return give(task, "\"stopped\"");
}

static inline int fn_sleep(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    int64_t end_ns = clock_now_ns() + number_of(args, size) * NS_PER_MS;
    atomic_fetch_add(&board->began, 1);
    while (clock_now_ns() < end_ns)
        nap();
    return give(task, "0");
}

/* Dies by the signal in its args, or exits with the negated number. */
static inline int fn_die(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task, (void)function;
    long how = number_of(args, size);
    if (how <= 0)
        _exit((int)-how);
    signal((int)how, SIG_DFL);
    raise((int)how);
    return -1;
}

/* Dies in its first n attempts. */
static inline int fn_die_before(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    if (task->attempt <= (uint32_t)number_of(args, size))
        kill(getpid(), SIGKILL);
    return give(task, "\"survived\"");
}

static inline int fn_fail_before(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    if (task->attempt <= (uint32_t)number_of(args, size))
        return task->host->fail(task, "not yet");
    return give(task, "\"passed\"");
}

/* A result of n bytes: one JSON number. */
static inline int fn_fill(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    static char bytes[65536];
    memset(bytes, ' ', sizeof bytes);
    long left = number_of(args, size);
    if (left && task->host->result(task, "7", 1))
        return -1;
    for (left--; left > 0; left -= (long)sizeof bytes)
        if (task->host->result(task, bytes, left < (long)sizeof bytes ? (size_t)left : sizeof bytes))
            return -1;
    return 0;
}

static inline int fn_print(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    printf("%.*s\n", (int)size, (const char *)args);
    fflush(stdout);
    return give(task, "null");
}

static inline int fn_progress(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    task->host->progress(task, "[1]", 3);
    return give(task, "null");
}

/* ---- callbacks ---- */

static inline void copy_span(char *out, size_t room, struct hay_span span)
{
    size_t size = span.size < room - 1 ? span.size : room - 1;
    if (size && span.at)
        memcpy(out, span.at, size);
    out[size] = '\0';
}

static inline void book_result(void *context, const struct hay_result *result)
{
    struct fixture *fixture = context;
    fixture->results++;
    if (result->number < BOOK_JOBS) {
        struct entry *entry = &fixture->book[result->number];
        uint8_t count = entry->count;
        *entry = (struct entry){.count = (uint8_t)(count + 1), .outcome = result->outcome, .signal = result->signal,
                                .exit_code = result->exit_code, .worker = result->worker, .attempts = result->attempts,
                                    .pid = result->pid,
                                .tag = result->tag, .start_ns = result->start_ns, .run_ns = result->run_ns,
                                    .id_size = result->id.size,
                                .value_size = result->value.size, .message_size = result->message.size,
                                    .has_id = result->id.at != NULL, .has_cause = result->has_cause,
                                .place = fixture->results};
        copy_span(entry->id, sizeof entry->id, result->id);
        copy_span(entry->value, sizeof entry->value, result->value);
        copy_span(entry->message, sizeof entry->message, result->message);
    }
    if (fixture->on_result)
        fixture->on_result(fixture, result);
}

static inline void book_room(void *context)
{
    ((struct fixture *)context)->rooms++;
}

static inline void book_progress(void *context, const struct hay_result *job, const char *json, size_t size)
{
    (void)job;
    bool is_told = size == 3 && memcmp(json, "[1]", 3) == 0;
    ((struct fixture *)context)->progress += is_told;
    ((struct fixture *)context)->odd_progress += !is_told;
}

static inline void book_log(void *context, int worker, const char *line, size_t size)
{
    (void)worker;
    struct fixture *fixture = context;
    fixture->logs++;
    copy_span(fixture->log, sizeof fixture->log, (struct hay_span){line, size});
}

/* In place of book_log(), for the next pool. */
static void (*fixture_log)(void *context, int worker, const char *line, size_t size);

static inline void book_broken(void *context, const char *reason)
{
    struct fixture *fixture = context;
    fixture->broken++;
    fixture->results_at_broken = fixture->results;
    snprintf(fixture->reason, sizeof fixture->reason, "%s", reason);
}

/* ---- the pool ---- */

static inline void fixture_register(struct fixture *fixture)
{
    static const struct { const char *name; hay_run_fn *run; } functions[] = {
        {"t.echo", fn_echo}, {"t.hold", fn_hold}, {"t.polite", fn_polite}, {"t.sleep", fn_sleep}, {"t.die", fn_die},
            {"t.die_before", fn_die_before},
        {"t.fail_before", fn_fail_before}, {"t.fill", fn_fill}, {"t.print", fn_print}, {"t.progress", fn_progress}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        CU_ASSERT_EQUAL(hay_pool_register(fixture->pool, functions[i].name, "a test's", functions[i].run, NULL, NULL), HAY_OK);
}

/* A pool with its functions, not started. */
static inline void fixture_new(struct fixture *fixture, const struct hay_pool_options *given)
{
    struct hay_error error = {0};
    struct hay_pool_options options = *given;
    *fixture = (struct fixture){.book = calloc(BOOK_JOBS, sizeof(struct entry))};
    if (!board)
        board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    atomic_store(&board->began, 0);
    atomic_store(&board->release, 0);
    atomic_store(&board->stop, 0);
    atomic_store(&board->waiting, 0);
    options.context = fixture;
    options.on_result = book_result;
    options.on_room = book_room;
    options.on_log = fixture_log ? fixture_log : book_log;
    options.on_progress = book_progress;
    options.on_broken = book_broken;
    fixture->pool = hay_pool_new(&options, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->pool);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->book);
    fixture_register(fixture);
}

static inline void fixture_start(struct fixture *fixture, const struct hay_pool_options *given)
{
    struct hay_error error = {0};
    fixture_new(fixture, given);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture->pool, &error), HAY_OK);
}

/* Returns the job's number, 0 when it was refused. */
static inline uint64_t submit_job(struct fixture *fixture, struct hay_job job)
{
    uint64_t number = 0;
    enum hay_status status = hay_pool_submit(fixture->pool, &job, LIMIT_MS, &number, NULL);
    fixture->submitted += status == HAY_OK;
    return status == HAY_OK ? number : 0;
}

static inline uint64_t submit(struct fixture *fixture, const char *function, const char *args)
{
    return submit_job(fixture, (struct hay_job){.function = function, .args = {args, args ? strlen(args) : 0}});
}

/* Turn until so many results are there; the limit is for each. */
static inline bool comes(struct fixture *fixture, uint64_t results)
{
    uint64_t before = fixture->results;
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (fixture->results < results && clock_now_ns() < deadline_ns) {
        if (hay_pool_turn(fixture->pool, 1000) == HAY_EOF)
            break;
        if (fixture->results != before)
            deadline_ns = clock_deadline_ns(LIMIT_MS);
        before = fixture->results;
    }
    return fixture->results >= results;
}

static inline bool all_come(struct fixture *fixture)
{
    return comes(fixture, fixture->submitted);
}

/* Turn until the board shows so many begun jobs. */
static inline bool begins(struct fixture *fixture, uint32_t count)
{
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (atomic_load(&board->began) < count && clock_now_ns() < deadline_ns)
        hay_pool_turn(fixture->pool, 2);
    return atomic_load(&board->began) >= count;
}

static inline bool workers_are_ready(struct fixture *fixture, int count)
{
    struct hay_pool_stats stats;
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    /* A job keeps the loop turning while workers come up. */
    do {
        submit(fixture, "t.echo", "1");
        if (!all_come(fixture))
            return false;
        hay_pool_stats(fixture->pool, &stats);
    } while (stats.workers_ready < count && clock_now_ns() < deadline_ns);
    return stats.workers_ready >= count;
}

static inline struct hay_pool_stats stats_of(const struct fixture *fixture)
{
    struct hay_pool_stats stats;
    hay_pool_stats(fixture->pool, &stats);
    return stats;
}

static inline const struct entry *entry_of(const struct fixture *fixture, uint64_t number)
{
    return &fixture->book[number < BOOK_JOBS ? number : 0];
}

static inline bool ended_as(const struct fixture *fixture, uint64_t number, enum hay_outcome outcome)
{
    const struct entry *entry = entry_of(fixture, number);
    if (number && entry->count == 1 && entry->outcome == outcome)
        return true;
    printf("# job %llu: %d results, %s %.60s%.100s\n", (unsigned long long)number, entry->count,
           hay_outcome_name(entry->outcome), entry->value, entry->message);
    return false;
}

/* Each accepted job has exactly one result, and the statistics say the same. */
static inline bool is_conserved(const struct fixture *fixture)
{
    struct hay_pool_stats stats;
    uint64_t settled = 0, once = 0;
    hay_pool_stats(fixture->pool, &stats);
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        settled += stats.by_outcome[i];
    for (uint64_t i = 1; i < BOOK_JOBS; i++) {
        if (fixture->book[i].count > 1)
            return false;
        once += fixture->book[i].count;
    }
    return stats.accepted == settled + stats.pending && once == fixture->results && settled == fixture->results;
}

static inline bool has_no_child(void)
{
    return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static inline void fixture_free(struct fixture *fixture)
{
    hay_pool_free(fixture->pool);
    fixture->pool = NULL;
    CU_ASSERT(has_no_child());
    free(fixture->book);
}

/* Close, join, and check that everything has come and gone. */
static inline void fixture_end(struct fixture *fixture)
{
    hay_pool_close(fixture->pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture->pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(fixture->results, fixture->submitted);
    CU_ASSERT(is_conserved(fixture));
    fixture_free(fixture);
}

/* Never 0 or less: that would be the test's own group. */
static inline void signal_worker(pid_t pid, int signal_number)
{
    CU_ASSERT_FATAL(pid > 0);
    kill(pid, signal_number);
}

static inline int count_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
