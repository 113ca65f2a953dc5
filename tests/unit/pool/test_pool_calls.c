/* SPDX-License-Identifier: MIT
 *
 * The calls of a pool in every order, right and wrong: before the start, after close, twice, with NULL; priorities; what
 * comes back with a result; callbacks that call the pool; and that a pool leaves no process, descriptor or memory behind.
 */
#include "unit/pool/pool_fixture.h"

#include <hayfork/pipe.h>

static const struct hay_pool_options one = {.workers = 1}, two = {.workers = 2};

static void no_pool_is_no_crash(void)
{
    struct hay_pool_stats stats;
    struct hay_job job = {.function = "t.echo"};
    hay_pool_free(NULL);
    hay_pool_close(NULL);
    hay_pool_cancel_all(NULL, true);
    hay_pool_pause(NULL, true);
    hay_pool_stats(NULL, &stats);
    CU_ASSERT(stats.accepted == 0 && stats.workers == 0);
    CU_ASSERT_EQUAL(hay_pool_join(NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_start(NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_submit(NULL, &job, 0, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_cancel(NULL, 1, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_turn(NULL, 0), HAY_EINVAL);
    CU_ASSERT(!hay_pool_has_room(NULL, 1));
    CU_ASSERT_EQUAL(hay_pool_worker_pid(NULL, 0), 0);
    CU_ASSERT_EQUAL(hay_pool_find(NULL, "t.echo", 6), -1);
    CU_ASSERT_PTR_NULL(hay_pool_function(NULL, 0));
    CU_ASSERT_PTR_NULL(hay_pool_plugin(NULL, 0));
    hay_pool_terminate(NULL, 0);
}

static void options_out_of_range_are_refused(void)
{
    const struct hay_pool_options wrong[] = {
        {.workers = -2}, {.workers = 1000000}, {.timeout_ms = -1}, {.timeout_ms = INT64_MAX}, {.grace_ms = -2},
            {.grace_ms = INT64_MAX},
        {.retry_delay_ms = -1}, {.retry_delay_ms = INT64_MAX}, {.retries = -1}, {.crash_retries = -2},
            {.max_result_bytes = UINT64_MAX}, {.start_timeout_ms = -1},
        {.keep_count = 1}, {.keep_fds = (const int[]){2}, .keep_count = 1}, {.keep_fds = (const int[]){-1}, .keep_count = 1},
            {.keep_fds = (const int[]){1 << 20}, .keep_count = 1}, {.keep_fds = (const int[]){2}, .keep_count = SIZE_MAX}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct hay_error error = {0};
        CU_ASSERT_PTR_NULL(hay_pool_new(&wrong[i], &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
        CU_ASSERT(strlen(error.text) > 0);
        CU_ASSERT_PTR_NULL(hay_pool_new(&wrong[i], NULL));
    }
    struct hay_pool *pool = hay_pool_new(NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL(pool);
    hay_pool_free(pool);
}

static void what_belongs_to_one_process_is_not_kept_by_workers(void)
{
    struct hay_pipe *ends[2];
    struct hay_error error = {0};
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ends[0], &ends[1], NULL), HAY_OK);
    int fd = hay_pipe_handle(ends[1])->fd;
    struct hay_pool_options options = {.workers = 1, .keep_fds = &fd, .keep_count = 1};
    CU_ASSERT_PTR_NULL(hay_pool_new(&options, &error));
    CU_ASSERT(error.status == HAY_EINVAL && strstr(error.text, "an end of a pipe") != NULL);
    hay_pipe_free(ends[1]);
    hay_pipe_free(ends[0]);
}

static void a_pool_that_never_started_refuses_work(void)
{
    struct fixture fixture;
    struct hay_job job = {.function = "t.echo"};
    fixture_new(&fixture, &one);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 1000, NULL, NULL), HAY_ESTATE);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 0));
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 1000), HAY_EOF);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, 1, NULL), HAY_EUNKNOWN);
    hay_pool_cancel_all(fixture.pool, true);
    hay_pool_pause(fixture.pool, true);
    CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, 0), 0);
    hay_pool_join(fixture.pool, 1000);
    fixture_free(&fixture);
}

static void functions_are_added_before_the_start_only(void)
{
    static char wordy[70000];
    struct fixture fixture;
    fixture_new(&fixture, &one);
    memset(wordy, 'w', sizeof wordy - 1);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.wordy", wordy, fn_echo, NULL, NULL), HAY_ERANGE);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.echo", "", fn_echo, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "noperiod", "", fn_echo, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "a.b.c", "", fn_echo, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, NULL, "", fn_echo, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.null", "", NULL, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.late", "", fn_echo, NULL, NULL), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pool_load(fixture.pool, "demo", NULL), HAY_ESTATE);
    CU_ASSERT_STRING_EQUAL(hay_pool_function(fixture.pool, 0)->name, "t.echo");
    CU_ASSERT_PTR_NULL(hay_pool_function(fixture.pool, 10));
    CU_ASSERT_PTR_NULL(hay_pool_function(fixture.pool, -1));
    CU_ASSERT_EQUAL(hay_pool_find(fixture.pool, "t.hold", 6), 1);
    CU_ASSERT_EQUAL(hay_pool_find(fixture.pool, "t.hol", 5), -1);
    fixture_end(&fixture);
}

static void a_pool_without_jobs_ends_in_good_order(void)
{
    for (int workers = 1; workers <= 16; workers += 5) {
        struct fixture fixture;
        struct hay_pool_stats stats;
        fixture_start(&fixture, &(struct hay_pool_options){.workers = workers});
        hay_pool_close(fixture.pool);
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
        hay_pool_stats(fixture.pool, &stats);
        CU_ASSERT_EQUAL(stats.deaths, 0); /* they were asked to end */
        CU_ASSERT_EQUAL(stats.restarts, 0);
        CU_ASSERT_EQUAL(fixture.broken, 0);
        for (int i = 0; i < workers; i++)
            CU_ASSERT_EQUAL(hay_pool_worker_pid(fixture.pool, i), 0);
        fixture_free(&fixture);
    }
}

static void freeing_a_young_pool_is_not_its_breakdown(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 16});
    struct hay_pool *pool = fixture.pool;
    hay_pool_free(pool);
    CU_ASSERT_EQUAL(fixture.broken, 0);
    CU_ASSERT(has_no_child());
    free(fixture.book);
}

static void terminating_a_young_pool_is_not_its_breakdown(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 16});
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 1000), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(fixture.broken, 0);
    fixture_end(&fixture);
}

static void calls_after_close_and_twice_are_harmless(void)
{
    struct fixture fixture;
    struct hay_job job = {.function = "t.echo"};
    fixture_start(&fixture, &two);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 0), HAY_ESTATE);
    uint64_t number = submit(&fixture, "t.echo", "[1,2]");
    hay_pool_close(fixture.pool);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 1000, NULL, NULL), HAY_ESTATE);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 0));
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 1000), HAY_EOF);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture.pool, number, NULL), HAY_EUNKNOWN);
    hay_pool_cancel_all(fixture.pool, true);
    hay_pool_pause(fixture.pool, true);
    hay_pool_pause(fixture.pool, false);
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, -5), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 0), HAY_OK);
    fixture_end(&fixture);
}

static void a_join_that_is_too_short_changes_nothing(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &one);
    uint64_t number = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, 20), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, 10), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(fixture.results, 0);
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void unknown_functions_and_bad_jobs_are_refused(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    fixture_start(&fixture, &one);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.function = "t.none"}, 0, NULL, &error), HAY_EUNKNOWN);
    CU_ASSERT(strstr(error.text, "t.none") != NULL);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.function = ""}, 0, NULL, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.index = 10}, 0, NULL, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.index = -1}, 0, NULL, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.timeout_ms = -2}, 0, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.args = {"x", (size_t)5 << 30}}, 0, NULL, NULL),
                    HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &(struct hay_job){.id = {"x", (size_t)5 << 30}}, 0, NULL, NULL), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, NULL, 0, NULL, NULL), HAY_EINVAL);
    fixture_end(&fixture);
}

static void one_worker_keeps_priority_and_order(void)
{
    struct fixture fixture;
    uint64_t numbers[60];
    fixture_start(&fixture, &one);
    for (int i = 0; i < 60; i++)
        numbers[i] = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {"1", 1}, .priority = i % 3 == 0 ?
                                                           INT32_MIN : i % 3 == 1 ? 0 : INT32_MAX});
    CU_ASSERT(all_come(&fixture));
    for (int i = 0; i < 60; i++)
        CU_ASSERT_EQUAL(entry_of(&fixture, numbers[i])->place, (uint64_t)((2 - i % 3) * 20 + i / 3 + 1));
    fixture_end(&fixture);
}

/* Takes some 100 us. */
static int fn_short(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    nanosleep(&(struct timespec){0, 50000}, NULL);
    return fn_echo(task, function, args, size);
}

/* While its caller is slow, a worker writes some results into the pipe, and later ones lie in its outbox when the pool looks. */
static void results_of_one_worker_come_in_order_to_a_slow_caller(void)
{
    enum { JOBS = 300 };
    struct fixture fixture;
    uint64_t numbers[JOBS];
    fixture_new(&fixture, &one);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.short", "", fn_short, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    for (int i = 0; i < JOBS; i++)
        numbers[i] = submit(&fixture, "t.short", "1");
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (fixture.results < JOBS && clock_now_ns() < deadline_ns) {
        hay_pool_turn(fixture.pool, 1000);
        for (int i = 0; i < 3; i++)
            nap();
    }
    CU_ASSERT_EQUAL(fixture.results, JOBS);
    int out_of_order = 0;
    for (int i = 0; i < JOBS; i++)
        out_of_order += entry_of(&fixture, numbers[i])->place != (uint64_t)i + 1;
    CU_ASSERT_EQUAL(out_of_order, 0);
    fixture_end(&fixture);
}

static void a_result_brings_back_what_was_submitted(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    char id[] = "\"abc\"", args[] = "[5]";
    uint64_t a = submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {args, 3}, .id = {id, 5},
                                                       .tag = UINT64_MAX});
    memset(id, '#', sizeof id);
    memset(args, '#', sizeof args); /* all was copied */
    uint64_t b = submit_job(&fixture, (struct hay_job){.index = 0});
    uint64_t c = submit_job(&fixture, (struct hay_job){.index = 0, .id = {"", 0}, .tag = 7});
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, a, HAY_OUTCOME_OK) && ended_as(&fixture, b, HAY_OUTCOME_OK) && ended_as(&fixture, c,
            HAY_OUTCOME_OK));
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, a)->id, "\"abc\"");
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, a)->value, "[5]");
    CU_ASSERT_EQUAL(entry_of(&fixture, a)->tag, UINT64_MAX);
    CU_ASSERT_STRING_EQUAL(entry_of(&fixture, b)->value, "null"); /* absent args */
    CU_ASSERT(!entry_of(&fixture, b)->has_id);
    CU_ASSERT_EQUAL(entry_of(&fixture, b)->tag, 0);
    CU_ASSERT_EQUAL(entry_of(&fixture, c)->id_size, 0);
    CU_ASSERT(a == 1 && b == 2 && c == 3);
    const struct entry *entry = entry_of(&fixture, a);
    CU_ASSERT(entry->attempts == 1 && entry->worker >= 0 && entry->worker < 2 && entry->pid > 0 && entry->signal == 0 &&
              entry->exit_code == -1);
    CU_ASSERT(entry->run_ns >= 0 && entry->run_ns < 10 * NS_PER_S);
    CU_ASSERT(entry->start_ns > clock_wall_ns() - 60 * NS_PER_S && entry->start_ns <= clock_wall_ns());
    fixture_end(&fixture);
}

static int fn_begun(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    char text[24];
    (void)function, (void)args, (void)size;
    snprintf(text, sizeof text, "%llu", (unsigned long long)task->begun);
    task->begun = 77; /* the next one's count is its own */
    return give(task, text);
}

/* Each attempt counts, and where the program runs them none. */
static void a_function_sees_how_many_its_worker_began(void)
{
    static const char *const counts[2][3] = {{"1", "4", "5"}, {"0", "0", "0"}};
    for (int k = 0; k < 2; k++) {
        struct fixture fixture;
        fixture_new(&fixture, &(struct hay_pool_options){.workers = k ? HAY_POOL_INLINE : 1, .retries = 1, .retry_delay_ms = 1});
        CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.begun", "", fn_begun, NULL, NULL), HAY_OK);
        CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
        for (int i = 0; i < 3; i++) {
            uint64_t number = submit(&fixture, "t.begun", "1");
            CU_ASSERT(all_come(&fixture));
            CU_ASSERT_STRING_EQUAL(entry_of(&fixture, number)->value, counts[k][i]);
            if (!i) /* takes two attempts */
                submit(&fixture, "t.fail_before", "1");
            CU_ASSERT(all_come(&fixture));
        }
        fixture_end(&fixture);
    }
}

/* ---- callbacks that call ---- */

static void submit_more(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    if (fixture->submitted < 3000)
        fixture->submitted += hay_pool_submit(fixture->pool, &(struct hay_job){.function = "t.echo", .args = {"2", 1}}, 0, NULL,
                                              NULL) == HAY_OK;
}

static void a_callback_may_submit(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    fixture.on_result = submit_more;
    for (int i = 0; i < 5; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, 3000));
    fixture.on_result = NULL;
    fixture_end(&fixture);
}

static int depth, deepest;

static void submit_two_and_wait(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    depth++;
    deepest = depth > deepest ? depth : deepest;
    for (int i = 0; i < 2 && fixture->submitted < 400; i++) {
        enum hay_status status = hay_pool_submit(fixture->pool, &(struct hay_job){.function = "t.echo", .args = {"2", 1}}, 50,
                                                 NULL, NULL);
        fixture->submitted += status == HAY_OK;
    }
    depth--;
}

/* The header allows it: of the blocking calls only turn and join are forbidden in a callback. */
static void a_callback_may_submit_with_a_timeout(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    depth = deepest = 0;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs = 4});
    fixture.on_result = submit_two_and_wait;
    for (int i = 0; i < 4; i++)
        submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.deaths, 0); /* a stream out of step ends its worker */
    CU_ASSERT(deepest < 50);
    fixture.on_result = NULL;
    fixture_end(&fixture);
}

/* Of the first `jobs`: the first result was ok, most were cancelled in time, and none ended otherwise. */
static bool most_were_cancelled(const struct fixture *fixture, uint64_t jobs)
{
    uint64_t ok = 0, cancelled = 0;
    bool is_first_ok = false;
    for (uint64_t number = 1; number <= jobs; number++) {
        const struct entry *entry = entry_of(fixture, number);
        ok += entry->count == 1 && entry->outcome == HAY_OUTCOME_OK;
        cancelled += entry->count == 1 && entry->outcome == HAY_OUTCOME_CANCELLED;
        is_first_ok |= entry->place == 1 && entry->outcome == HAY_OUTCOME_OK;
    }
    return is_first_ok && cancelled > jobs / 2 && ok + cancelled == jobs;
}

/* The pool works on after what the callback did. */
static bool still_works(struct fixture *fixture)
{
    fixture->on_result = NULL;
    uint64_t number = submit(fixture, "t.echo", "3");
    return all_come(fixture) && ended_as(fixture, number, HAY_OUTCOME_OK);
}

static void cancel_the_rest(struct fixture *fixture, const struct hay_result *result)
{
    for (uint64_t number = result->number + 1; number <= result->number + 3; number++)
        hay_pool_cancel(fixture->pool, number, NULL);
}

static void a_callback_may_cancel(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    for (int i = 0; i < 500; i++)
        submit(&fixture, "t.echo", "1");
    fixture.on_result = cancel_the_rest;
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(most_were_cancelled(&fixture, 500));
    CU_ASSERT(still_works(&fixture));
    fixture_end(&fixture);
}

/* One that is queued is settled before the call returns. */
static void cancel_the_last(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    fixture->on_result = NULL;
    CU_ASSERT_EQUAL(entry_of(fixture, 500)->count, 0);
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture->pool, 500, NULL), HAY_OK);
    CU_ASSERT(ended_as(fixture, 500, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(hay_pool_cancel(fixture->pool, 500, NULL), HAY_EUNKNOWN);
}

static void what_a_callback_cancels_is_settled_at_once(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    for (int i = 0; i < 500; i++)
        submit(&fixture, "t.echo", "1");
    fixture.on_result = cancel_the_last;
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_PTR_NULL(fixture.on_result);
    for (uint64_t number = 1; number < 500; number++)
        CU_ASSERT(ended_as(&fixture, number, HAY_OUTCOME_OK));
    fixture_end(&fixture);
}

static void cancel_everything(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    hay_pool_cancel_all(fixture->pool, true);
}

static void a_callback_may_cancel_all(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    for (int i = 0; i < 500; i++)
        submit(&fixture, "t.echo", "1");
    fixture.on_result = cancel_everything;
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(most_were_cancelled(&fixture, 500));
    CU_ASSERT(still_works(&fixture));
    fixture_end(&fixture);
}

static void terminate_now(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    hay_pool_terminate(fixture->pool, 100);
    hay_pool_close(fixture->pool);
}

static void a_callback_may_terminate(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    for (int i = 0; i < 500; i++)
        submit(&fixture, i % 50 == 20 ? "t.hold" : "t.echo", "1");
    fixture.on_result = terminate_now;
    CU_ASSERT_EQUAL(hay_pool_turn(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(most_were_cancelled(&fixture, 500));
    fixture_end(&fixture);
}

/* ---- nothing is left ---- */

static void fifty_pools_leave_no_descriptor(void)
{
    int before = 0;
    for (int i = 0; i < 51; i++) {
        struct fixture fixture;
        fixture_start(&fixture, &two);
        if (i % 3 == 0) {
            submit(&fixture, "t.echo", "1");
            fixture_end(&fixture);
        } else if (i % 3 == 1) {
            submit(&fixture, "t.hold", "1");
            CU_ASSERT(begins(&fixture, 1));
            fixture_free(&fixture);
        } else {
            fixture_free(&fixture);
        }
        if (i == 0)
            before = count_fds();
    }
    CU_ASSERT_EQUAL(count_fds(), before);
}

static void freeing_settles_what_runs_and_what_waits(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    for (int i = 0; i < 300; i++)
        submit(&fixture, i % 2 ? "t.hold" : "t.echo", "1");
    CU_ASSERT(begins(&fixture, 2));
    hay_pool_free(fixture.pool);
    CU_ASSERT_EQUAL(fixture.results, 300);
    int wrong = 0;
    for (uint64_t i = 1; i <= 300; i++)
        wrong += fixture.book[i].count != 1 || (fixture.book[i].outcome != HAY_OUTCOME_OK &&
                                                fixture.book[i].outcome != HAY_OUTCOME_CANCELLED) ||
                 (i % 2 == 0 && fixture.book[i].outcome != HAY_OUTCOME_CANCELLED);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(has_no_child());
    free(fixture.book);
}

static void two_pools_live_side_by_side(void)
{
    struct fixture a, b;
    fixture_start(&a, &two);
    fixture_start(&b, &two);
    for (int i = 0; i < 2000; i++) {
        submit(&a, "t.echo", "1");
        submit(&b, i % 100 ? "t.echo" : "t.die_before", "1");
    }
    CU_ASSERT(all_come(&b));
    CU_ASSERT(all_come(&a));
    int wrong = 0;
    for (uint64_t i = 1; i <= 2000; i++)
        wrong += a.book[i].outcome != HAY_OUTCOME_OK || b.book[i].outcome != HAY_OUTCOME_OK;
    CU_ASSERT_EQUAL(wrong, 0);
    hay_pool_close(a.pool);
    CU_ASSERT_EQUAL(hay_pool_join(a.pool, LIMIT_MS), HAY_OK);
    hay_pool_free(a.pool);
    free(a.book);
    submit(&b, "t.echo", "3");
    CU_ASSERT(all_come(&b));
    fixture_end(&b);
}

int main(void)
{
    CU_TestInfo calls[] = {
        {"no pool is no crash", no_pool_is_no_crash},
        {"options out of range are refused", options_out_of_range_are_refused},
        {"what belongs to one process is not kept by workers", what_belongs_to_one_process_is_not_kept_by_workers},
        {"a pool that never started refuses work", a_pool_that_never_started_refuses_work},
        {"functions are added before the start only", functions_are_added_before_the_start_only},
        {"a pool without jobs ends in good order", a_pool_without_jobs_ends_in_good_order},
        {"freeing a young pool is not its breakdown", freeing_a_young_pool_is_not_its_breakdown},
        {"terminating a young pool is not its breakdown", terminating_a_young_pool_is_not_its_breakdown},
        {"calls after close and twice are harmless", calls_after_close_and_twice_are_harmless},
        {"a join that is too short changes nothing", a_join_that_is_too_short_changes_nothing},
        {"unknown functions and bad jobs are refused", unknown_functions_and_bad_jobs_are_refused},
        {"one worker keeps priority and order", one_worker_keeps_priority_and_order},
        {"results of one worker come in order to a slow caller", results_of_one_worker_come_in_order_to_a_slow_caller},
        {"a result brings back what was submitted", a_result_brings_back_what_was_submitted},
        {"a function sees how many its worker began", a_function_sees_how_many_its_worker_began},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo callbacks[] = {
        {"a callback may submit", a_callback_may_submit},
        {"a callback may submit with a timeout", a_callback_may_submit_with_a_timeout},
        {"a callback may cancel", a_callback_may_cancel},
        {"what a callback cancels is settled at once", what_a_callback_cancels_is_settled_at_once},
        {"a callback may cancel all", a_callback_may_cancel_all},
        {"a callback may terminate", a_callback_may_terminate},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo ends[] = {
        {"fifty pools leave no descriptor", fifty_pools_leave_no_descriptor},
        {"freeing settles what runs and what waits", freeing_settles_what_runs_and_what_waits},
        {"two pools live side by side", two_pools_live_side_by_side},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool calls", NULL, NULL, NULL, NULL, calls},
                             {"pool callbacks", NULL, NULL, NULL, NULL, callbacks},
                             {"pool end", NULL, NULL, NULL, NULL, ends},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
