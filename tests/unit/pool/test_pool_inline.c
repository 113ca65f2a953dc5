/* SPDX-License-Identifier: MIT
 *
 * A pool without workers: the same calls, outcomes and counts in the calling process.
 */
#include "unit/pool/pool_fixture.h"

#include <sys/time.h>
#include <sys/wait.h>

static const struct hay_pool_options plain = {.workers = HAY_POOL_INLINE};

static void jobs_run_as_they_are_submitted(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &plain);
    uint64_t a = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {"[5]", 3}, .id = {"\"x\"", 3}, .tag = 9});
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK));
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, a)->value, "[5]");
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, a)->id, "\"x\"");
    CU_ASSERT(entry_of(&fixture, a)->tag == 9 && entry_of(&fixture, a)->pid == getpid() && entry_of(&fixture, a)->attempts == 1);
    uint64_t b = submit_job(&fixture, (struct hay_job){.index = 0});
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, b)->value, "null");
    CU_ASSERT(!entry_of(&fixture, b)->has_id);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 1000), HAY_EOF);
    CU_ASSERT(hay_pool_has_room(fixture.pool, 1u << 30));
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 0), 0);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 1000), HAY_ESTATE);
    hay_pool_pause(fixture.pool, true);
    hay_pool_cancel_all(fixture.pool, true);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, a, NULL), HAY_EUNKNOWN);
    fixture_end(&fixture);
}

static void outcomes_and_retries_are_the_same(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE, .retries = 2});
    uint64_t a = submit(&fixture, "t.fail_before", "2"), b = submit(&fixture, "t.fail_before", "3"), c = submit(&fixture,
            "t.echo", "{");
    uint64_t d = submit(&fixture, "t.fill", "0"), e = submit(&fixture, "t.fill", "16777217");
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK) && entry_of(&fixture, a)->attempts == 3);
    CU_ASSERT(ended_as(&fixture, b, HAY_OUTCOME_ERROR) && entry_of(&fixture, b)->attempts == 3);
    CU_ASSERT(ended_as(&fixture, c, HAY_OUTCOME_ERROR) && ended_as(&fixture, d, HAY_OUTCOME_ERROR) && ended_as(&fixture, e,
            HAY_OUTCOME_ERROR));
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT(stats.accepted == 5 && stats.by_outcome[HAY_OUTCOME_OK] == 1 && stats.by_outcome[HAY_OUTCOME_ERROR] == 4 &&
              stats.pending == 0);
    CU_ASSERT_EQUAL(stats.started - stats.retried, 5);
    fixture_end(&fixture);
}

static void a_timeout_tells_the_job_to_stop(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE, .timeout_ms = 30});
    uint64_t number = submit(&fixture, "t.polite", "1");
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->count, 1);
    CU_ASSERT(entry_of(&fixture, number)->run_ns >= 29 * NS_PER_MS);
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->outcome, HAY_OUTCOME_TIMEOUT); /* as with workers */
    /* The time between two jobs belongs to neither. */
    nanosleep(&(struct timespec){0, 50 * NS_PER_MS}, NULL);
    int64_t before_ns = clock_now_ns();
    number = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {"1", 1}, .timeout_ms = HAY_JOB_NO_TIMEOUT});
    CU_ASSERT(entry_of(&fixture, number)->run_ns <= clock_now_ns() - before_ns);
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->outcome, HAY_OUTCOME_OK);
    fixture_end(&fixture);
}

static void submit_another(struct fixture *fixture, const struct hay_result *result)
{
    if (result->tag != 1)
        return;
    char before[8];
    copy_span(before, sizeof before, result->value);
    fixture->submitted += hay_pool_submit(fixture->pool, &(struct hay_job){.function = "t.echo", .args = {"[99]", 4}}, 0, NULL,
                                          NULL) == HAY_OK;
    /* What a result points to is good during the whole call. */
    CU_ASSERT_EQUAL(result->value.size, 3);
    CU_ASSERT(memcmp(result->value.at, before, 3) == 0);
}

static void a_callback_may_submit_and_keeps_its_result(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &plain);
    fixture.on_result = submit_another;
    submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {"[1]", 3}, .tag = 1});
    fixture.on_result = NULL;
    CU_ASSERT_EQUAL(fixture.results, 2);
    fixture_end(&fixture);
}

static struct hay_pool *seen;
static uint64_t pending_in_function, pending_in_progress;

static uint64_t pending_now(void)
{
    struct hay_pool_stats stats;
    hay_pool_stats(seen, &stats);
    return stats.pending;
}

static int fn_look(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    pending_in_function = pending_now();
    task->host->progress(task, "1", 1);
    return give(task, "null");
}

static void look_at_progress(void *context, const struct hay_result *job, const char *json, size_t size)
{
    (void)context, (void)job, (void)json, (void)size;
    pending_in_progress = pending_now();
}

static void the_job_that_runs_is_pending(void)
{
    struct hay_pool_stats stats;
    seen = hay_pool_new(&(struct hay_pool_options){.workers = HAY_POOL_INLINE, .on_progress = look_at_progress}, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen);
    CU_ASSERT_EQUAL(hay_pool_register(seen, "i.look", "", fn_look, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(seen, NULL), HAY_OK);
    for (uint64_t i = 1; i <= 2; i++) {
        CU_ASSERT_EQUAL(hay_pool_submit(seen, &(struct hay_job){.function = "i.look"}, 0, NULL, NULL), HAY_OK);
        CU_ASSERT(pending_in_function == 1 && pending_in_progress == 1);
        hay_pool_stats(seen, &stats);
        CU_ASSERT(stats.accepted == i && stats.pending == 0 && stats.by_outcome[HAY_OUTCOME_OK] == i);
        pending_in_function = pending_in_progress = 0;
    }
    hay_pool_free(seen);
}

static uint32_t described; /* attempts whose progress came with all that is known of the job */

static void check_description(void *context, const struct hay_result *job, const char *json, size_t size)
{
    (void)context, (void)json, (void)size;
    described += job->number == 1 && job->attempts == described + 1 && job->tag == 7 && job->key == 8 && job->function == 0 &&
                 job->id.size == 3 && memcmp(job->id.at, "\"x\"", 3) == 0 && job->args.size == 1 && *job->args.at == '5' &&
                 job->outcome == HAY_OUTCOME_OK && !job->value.at && !job->message.at && job->exit_code == -1 &&
                 job->pid == getpid() && job->start_ns > 0;
}

static int fn_report_and_fail(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    task->host->progress(task, "1", 1);
    return task->host->fail(task, "no");
}

static void progress_tells_whose_it_is(void)
{
    struct hay_pool_options options = {.workers = HAY_POOL_INLINE, .retries = 1, .on_progress = check_description};
    struct hay_pool *pool = hay_pool_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
    CU_ASSERT_EQUAL(hay_pool_register(pool, "i.report", "", fn_report_and_fail, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(pool, NULL), HAY_OK);
    struct hay_job job = {.function = "i.report", .args = {"5", 1}, .id = {"\"x\"", 3}, .tag = 7, .key = 8};
    CU_ASSERT_EQUAL(hay_pool_submit(pool, &job, 0, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(described, 2);
    hay_pool_free(pool);
}

static void retries_wait_for_their_delay(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE, .retries = 2, .retry_delay_ms = 50});
    int64_t start_ns = clock_now_ns();
    uint64_t number = submit(&fixture, "t.fail_before", "2");
    int64_t waited_ns = (25 + 50) * NS_PER_MS, took_ns = clock_now_ns() - start_ns;
    CU_ASSERT(took_ns >= waited_ns); /* half of the delay is sure, and it doubles */
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->attempts, 3);
    CU_ASSERT(entry_of(&fixture, number)->run_ns <= took_ns - waited_ns); /* of the last attempt alone */
    fixture_end(&fixture);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

/* A timer of the program goes off again and again during the waits. */
static void signals_of_the_program_take_no_attempt_away(void)
{
    struct fixture fixture;
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = HAY_POOL_INLINE, .retries = 2, .retry_delay_ms = 50});
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    int64_t start_ns = clock_now_ns();
    uint64_t number = submit(&fixture, "t.fail_before", "2");
    int64_t took_ns = clock_now_ns() - start_ns;
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    CU_ASSERT(took_ns >= (25 + 50) * NS_PER_MS);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(entry_of(&fixture, number)->attempts, 3);
    fixture_end(&fixture);
}

static _Atomic int *told; /* shared with children: results that were told, by whomever */

static void count_results(struct fixture *fixture, const struct hay_result *result)
{
    (void)fixture, (void)result;
    atomic_fetch_add(told, 1);
}

static int fn_fork(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char text[24];
    snprintf(text, sizeof text, "%d", (int)fork());
    return task->host->result(task, text, strlen(text));
}

static void a_function_that_returns_in_a_child_too_has_one_result(void)
{
    struct fixture fixture;
    int status = 0;
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fixture_new(&fixture, &plain);
    fixture.on_result = count_results;
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "i.fork", "", fn_fork, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t number = submit(&fixture, "i.fork", "1");
    pid_t child = (pid_t)strtol(entry_of(&fixture, number)->value, NULL, 10);
    CU_ASSERT(child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) != 0);
    CU_ASSERT_EQUAL(atomic_load(told), 1);
    fixture_end(&fixture);
}

static void closing_ends_it(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &plain);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, NULL, NULL), HAY_ESTATE);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 0));
    hay_pool_terminate(fixture.pool, 0);
    fixture_end(&fixture);
    fixture_start(&fixture, &plain);
    fixture_free(&fixture);
}

static int fn_log(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    task->host->log(task, HAY_LOG_INFO, "a line");
    return give(task, "1");
}

static void a_line_that_a_function_logs_is_handed_up(void)
{
    static const int workers[] = {HAY_POOL_INLINE, 1};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_new(&fixture, &(struct hay_pool_options){.workers = workers[i]});
        CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.log", "log", fn_log, NULL, NULL), HAY_OK);
        CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
        submit(&fixture, "t.log", NULL);
        hay_pool_close(fixture.pool);
        while (hay_pool_turn(fixture.pool, LIMIT_MS) == HAY_OK)
            continue;
        CU_ASSERT(fixture.results == 1 && fixture.logs == 1 && strcmp(fixture.log, "a line") == 0);
        fixture_free(&fixture);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"jobs run as they are submitted", jobs_run_as_they_are_submitted},
        {"outcomes and retries are the same", outcomes_and_retries_are_the_same},
        {"a timeout tells the job to stop", a_timeout_tells_the_job_to_stop},
        {"a callback may submit and keeps its result", a_callback_may_submit_and_keeps_its_result},
        {"the job that runs is pending", the_job_that_runs_is_pending},
        {"progress tells whose it is", progress_tells_whose_it_is},
        {"a line that a function logs is handed up", a_line_that_a_function_logs_is_handed_up},
        {"retries wait for their delay", retries_wait_for_their_delay},
        {"signals of the program take no attempt away", signals_of_the_program_take_no_attempt_away},
        {"a function that returns in a child too has one result", a_function_that_returns_in_a_child_too_has_one_result},
        {"closing ends it", closing_ends_it},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool inline", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
