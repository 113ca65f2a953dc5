/* SPDX-License-Identifier: MIT
 *
 * Jobs that use what their program made before the pool: queues, a mutex, a tracked semaphore, a barrier and an event. Workers
 * are forked, so that they have it under the same pointers, and a worker that takes a dead one's place has it too. And what they
 * are to themselves and to the kernel.
 */
#include "unit/pool/pool_fixture.h"

#include <hayfork/process.h>
#include <hayfork/queue.h>
#include <hayfork/sync.h>
#include <hayfork/wait.h>

static struct hay_queue *asked, *answered;
static struct hay_mutex *mutex;
static struct hay_semaphore *units;
static struct hay_barrier *barrier;
static struct hay_event *event;
static int kept_fd;

static int answer_status(hay_task *task, enum hay_status status)
{
    return status == HAY_OK ? give(task, "0") : task->host->fail(task, hay_status_text(status));
}

/* Waits for a question by the queue's descriptor, and answers with it, after one byte to the descriptor that it was to keep. */
static int fn_serve(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    struct hay_handle *handles[] = {hay_queue_handle(asked)};
    bool ready;
    int number;
    enum hay_status status = HAY_EEMPTY;
    atomic_fetch_add(&board->began, 1);
    while (status == HAY_EEMPTY) { /* another job may have taken what the descriptor told of */
        status = hay_wait(handles, 1, &ready, LIMIT_MS, NULL);
        if (status == HAY_OK)
            status = hay_queue_get(asked, &number, sizeof number, NULL, 0);
    }
    if (status == HAY_OK && write(kept_fd, "b", 1) != 1)
        status = HAY_ESYSTEM;
    if (status == HAY_OK)
        status = hay_queue_put(answered, &number, sizeof number, LIMIT_MS);
    return answer_status(task, status);
}

static bool answer_comes(struct fixture *fixture, int *number)
{
    struct pollfd item = {.fd = hay_queue_fd(answered), .events = POLLIN};
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (poll(&item, 1, 0) == 0 && clock_now_ns() < deadline_ns)
        hay_pool_turn(fixture->pool, 1);
    return hay_queue_get(answered, number, sizeof *number, NULL, 0) == HAY_OK;
}

/* Four jobs for two workers, which both wait when the first question is put. */
static void ask(struct fixture *fixture, int first)
{
    unsigned seen = 0;
    char byte;
    atomic_store(&board->began, 0);
    for (int i = 0; i < 4; i++)
        submit(fixture, "s.serve", NULL);
    CU_ASSERT_FATAL(begins(fixture, 2));
    for (int number = first; number < first + 4; number++)
        CU_ASSERT_EQUAL(hay_queue_put(asked, &number, sizeof number, 0), HAY_OK);
    for (int i = 0, number; i < 4; i++)
        if (answer_comes(fixture, &number) && number >= first && number < first + 4)
            seen |= 1u << (number - first);
    CU_ASSERT_EQUAL(seen, 0xf);
    CU_ASSERT(all_come(fixture));
    for (uint64_t number = fixture->submitted - 3; number <= fixture->submitted; number++)
        CU_ASSERT(ended_as(fixture, number, HAY_OUTCOME_OK));
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(read(kept_fd - 1, &byte, 1), 1);
}

static void jobs_are_asked_and_answer_by_queues(void)
{
    struct fixture fixture;
    int fds[2];
    asked = hay_queue_new(&(struct hay_queue_options){.max_items = 10}, NULL);
    answered = hay_queue_new(&(struct hay_queue_options){.max_items = 10}, NULL);
    CU_ASSERT_FATAL(asked && answered && pipe2(fds, O_CLOEXEC) == 0);
    kept_fd = fcntl(fds[1], F_DUPFD_CLOEXEC, 300);
    CU_ASSERT_FATAL(kept_fd >= 300 && dup3(fds[0], kept_fd - 1, O_CLOEXEC) >= 0);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2, .keep_fds = &kept_fd, .keep_count = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "s.serve", "answer", fn_serve, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    ask(&fixture, 10);
    for (int i = 0; i < 4; i++)
        submit(&fixture, "t.die", "9");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(stats_of(&fixture).restarts >= 1);
    ask(&fixture, 20);
    fixture_end(&fixture);
    hay_queue_free(asked);
    hay_queue_free(answered);
    close(fds[0]);
    close(fds[1]);
    close(kept_fd);
    close(kept_fd - 1);
}

/* Dies with a task of the queue, a unit of the semaphore and the mutex. */
static int fn_grab(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char byte;
    if (hay_queue_get(asked, &byte, 1, NULL, LIMIT_MS) == HAY_OK && hay_semaphore_wait(units, LIMIT_MS) == HAY_OK &&
        hay_mutex_lock(mutex, LIMIT_MS) == HAY_OK)
        kill(getpid(), SIGKILL);
    return give(task, "0");
}

/* Finds what the dead one left, and puts it right. */
static int fn_mend(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    enum hay_status status = hay_mutex_lock(mutex, LIMIT_MS);
    if (status != HAY_EOWNERDEAD)
        return task->host->fail(task, "the mutex does not tell");
    hay_mutex_consistent(mutex);
    hay_mutex_unlock(mutex);
    status = hay_semaphore_wait(units, LIMIT_MS);
    if (status == HAY_OK)
        status = hay_semaphore_post(units);
    return answer_status(task, status);
}

static void what_a_dead_job_held_is_given_back(void)
{
    struct fixture fixture;
    asked = hay_queue_new(&(struct hay_queue_options){.max_items = 10}, NULL);
    mutex = hay_mutex_new(NULL, NULL);
    units = hay_semaphore_new(&(struct hay_semaphore_options){.value = 1, .max = 1, .tracked = true}, NULL);
    CU_ASSERT_FATAL(asked && mutex && units);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "s.grab", "die", fn_grab, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "s.mend", "mend", fn_mend, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_put(asked, "t", 1, 0), HAY_OK);
    uint64_t grab = submit(&fixture, "s.grab", NULL), mend = submit(&fixture, "s.mend", NULL);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, grab, HAY_OUTCOME_CRASH));
    CU_ASSERT(ended_as(&fixture, mend, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(hay_queue_join(asked, LIMIT_MS), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_queue_lost(asked), 1);
    CU_ASSERT_EQUAL(hay_queue_task_done(asked), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_join(asked, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_lock(mutex, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(mutex), HAY_OK);
    fixture_end(&fixture);
    hay_queue_free(asked);
    hay_mutex_free(mutex);
    hay_semaphore_free(units);
}

static int fn_meet(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    int index;
    enum hay_status status = hay_barrier_wait(barrier, LIMIT_MS, &index);
    if (status == HAY_OK)
        status = hay_event_wait(event, LIMIT_MS);
    return answer_status(task, status);
}

/* The program is the third party. It turns the pool until both jobs are there, and not while it meets them. */
static void jobs_meet_their_program_at_a_barrier(void)
{
    struct fixture fixture;
    barrier = hay_barrier_new(&(struct hay_barrier_options){.parties = 3}, NULL);
    event = hay_event_new(NULL);
    CU_ASSERT_FATAL(barrier && event);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "s.meet", "meet", fn_meet, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int round = 0; round < 20; round++) {
        hay_event_clear(event);
        uint64_t one = submit(&fixture, "s.meet", NULL), other = submit(&fixture, "s.meet", NULL);
        int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
        while (hay_barrier_waiting(barrier) < 2 && clock_now_ns() < deadline_ns)
            hay_pool_turn(fixture.pool, 1);
        CU_ASSERT_EQUAL(hay_barrier_wait(barrier, LIMIT_MS, NULL), HAY_OK);
        CU_ASSERT_EQUAL(fixture.results, fixture.submitted - 2);
        hay_event_set(event);
        CU_ASSERT(all_come(&fixture));
        CU_ASSERT(ended_as(&fixture, one, HAY_OUTCOME_OK) && ended_as(&fixture, other, HAY_OUTCOME_OK));
    }
    fixture_end(&fixture);
    hay_barrier_free(barrier);
    hay_event_free(event);
}

static int run_nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* Its own name, that of a process that it starts, and whether its program is there. */
static int fn_who(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char text[64];
    struct hay_exit how = {0};
    struct hay_process *process = hay_process_new(run_nothing, NULL, NULL, NULL);
    if (!process || hay_process_start(process, NULL) || hay_process_join(process, LIMIT_MS, &how, NULL))
        return task->host->fail(task, "no process in a job");
    snprintf(text, sizeof text, "\"%s %s %d\"", hay_current_name(), hay_process_name(process), hay_parent_alive());
    hay_process_free(process);
    return give(task, text);
}

/* As Python's current_process() and parent_process() do. The program has had a child of its own before. */
static void workers_know_who_they_are(void)
{
    struct fixture fixture;
    char wanted[64];
    struct hay_process *process = hay_process_new(run_nothing, NULL, NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    CU_ASSERT_EQUAL(hay_process_start(process, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(process, LIMIT_MS, NULL, NULL), HAY_OK);
    hay_process_free(process);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "s.who", "who", fn_who, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < 2; i++) {
        const struct entry *entry = entry_of(&fixture, submit(&fixture, "s.who", NULL));
        CU_ASSERT(all_come(&fixture));
        int worker = entry->worker + 1;
        snprintf(wanted, sizeof wanted, "\"PoolWorker-%d PoolWorker-%d:%d 1\"", worker, worker, i + 1);
        CU_ASSERT_NSTRING_EQUAL(entry->value, wanted, strlen(wanted));
    }
    CU_ASSERT_STRING_EQUAL(hay_current_name(), "MainProcess");
    fixture_end(&fixture);
}

#define NO_SCORE 9999 /* not to be had here */

static bool may_set_score(void)
{
    return access("/proc/self/oom_score_adj", R_OK | W_OK) == 0;
}

static long oom_score(void)
{
    FILE *file = fopen("/proc/self/oom_score_adj", "r");
    long score;
    if (!file || fscanf(file, "%ld", &score) != 1)
        score = NO_SCORE;
    if (file)
        fclose(file);
    return score;
}

static int fn_oom_score(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char text[24];
    snprintf(text, sizeof text, "%ld", oom_score());
    return give(task, text);
}

static void workers_are_killed_before_their_program(void)
{
    struct fixture fixture;
    char wanted[24];
    long score = oom_score();
    snprintf(wanted, sizeof wanted, "%ld", !may_set_score() ? score : score < 500 ? score + 500 : 1000);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "s.oom_score", "score", fn_oom_score, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    const struct entry *entry = entry_of(&fixture, submit(&fixture, "s.oom_score", NULL));
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(entry->value_size, strlen(wanted));
    CU_ASSERT_NSTRING_EQUAL(entry->value, wanted, strlen(wanted));
    CU_ASSERT_EQUAL(oom_score(), score);
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"jobs are asked and answer by queues", jobs_are_asked_and_answer_by_queues},
        {"what a dead job held is given back", what_a_dead_job_held_is_given_back},
        {"jobs meet their program at a barrier", jobs_meet_their_program_at_a_barrier},
        {"workers know who they are", workers_know_who_they_are},
        {"workers are killed before their program", workers_are_killed_before_their_program},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool shared", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
