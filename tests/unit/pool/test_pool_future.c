/* SPDX-License-Identifier: MIT
 *
 * Futures: results that are held, waits that are bounded, and lives that end in any order.
 */
#include "unit/plugin/failing_malloc.h"
#include "unit/pool/pool_fixture.h"

static const struct hay_pool_options two = {.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY, .grace_ms = 100};
static const struct hay_pool_options in_line = {.workers = HAY_POOL_INLINE};

static struct hay_future *future_of(struct fixture *fixture, const char *function, const char *args)
{
    struct hay_job job = {.function = function, .args = {args, strlen(args)}, .id = {"\"name\"", 6}, .tag = 7};
    struct hay_future *future = hay_pool_future(fixture->pool, &job, LIMIT_MS, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    return future;
}

static bool is_text(struct hay_span span, const char *text)
{
    return span.at && span.size == strlen(text) && strcmp(span.at, text) == 0;
}

static bool settled_as(struct hay_future *future, enum hay_outcome outcome)
{
    const struct hay_result *result = hay_future_result(future);
    return result && result->outcome == outcome;
}

/* Closed and joined; the results went to futures, so the book is empty. */
static void end_pool(struct fixture *fixture)
{
    hay_pool_close(fixture->pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture->pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(fixture->results, 0);
    fixture_free(fixture);
}

static void hold_results(const struct hay_pool_options *options)
{
    struct fixture fixture;
    enum { COUNT = 50 };
    struct hay_future *futures[COUNT];
    char text[24];
    fixture_start(&fixture, options);
    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof text, "%d", i);
        futures[i] = future_of(&fixture, "t.echo", text);
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        snprintf(text, sizeof text, "%d", i);
        CU_ASSERT_EQUAL(hay_future_wait(futures[i], LIMIT_MS), HAY_OK);
        const struct hay_result *result = hay_future_result(futures[i]);
        CU_ASSERT_FATAL(result != NULL);
        CU_ASSERT(result->outcome == HAY_OUTCOME_OK && is_text(result->value, text) && is_text(result->args, text));
        CU_ASSERT(is_text(result->id, "\"name\"") && result->tag == 7 && result->attempts == 1);
        CU_ASSERT_EQUAL(result->number, (uint64_t)i + 1);
        CU_ASSERT(!result->message.at);
        CU_ASSERT_EQUAL(hay_future_wait(futures[i], 0), HAY_OK);
    }
    for (int i = 0; i < COUNT; i++)
        hay_future_free(futures[i]);
    end_pool(&fixture);
}

static void a_future_holds_its_result_whatever_came_since(void)
{
    hold_results(&two);
    hold_results(&in_line);
}

static void a_wait_ends_at_its_time_and_the_job_goes_on(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    struct hay_future *future = future_of(&fixture, "t.hold", "1");
    CU_ASSERT_EQUAL(hay_future_wait(future, 0), HAY_ETIMEDOUT);
    int64_t begin_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_future_wait(future, 60), HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - begin_ns >= 59 * NS_PER_MS);
    CU_ASSERT_PTR_NULL(hay_future_result(future));
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT(hay_future_number(future) == 1 && hay_future_number(NULL) == 0);
    /* Results of other jobs do not stretch it. */
    struct hay_future *other = future_of(&fixture, "t.echo", "2");
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    do {
        CU_ASSERT_EQUAL(hay_future_wait(future, 60), HAY_ETIMEDOUT);
    } while (!hay_future_result(other) && clock_now_ns() < deadline_ns);
    CU_ASSERT(settled_as(other, HAY_OUTCOME_OK));
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_future_wait(future, -1), HAY_OK);
    CU_ASSERT(settled_as(future, HAY_OUTCOME_OK));
    hay_future_free(future);
    hay_future_free(other);
    end_pool(&fixture);
}

static void a_dead_worker_ends_the_wait(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    struct hay_future *killed = future_of(&fixture, "t.hold", "1"), *left = future_of(&fixture, "t.die", "-42");
    CU_ASSERT(begins(&fixture, 1));
    signal_worker(atomic_load(&board->pid), SIGKILL);
    CU_ASSERT_EQUAL(hay_future_wait(killed, LIMIT_MS), HAY_OK);
    CU_ASSERT(settled_as(killed, HAY_OUTCOME_CRASH) && hay_future_result(killed)->signal == SIGKILL);
    CU_ASSERT_EQUAL(hay_future_wait(left, LIMIT_MS), HAY_OK);
    CU_ASSERT(settled_as(left, HAY_OUTCOME_CRASH) && hay_future_result(left)->exit_code == 42);
    CU_ASSERT(strstr(hay_future_result(left)->message.at, "42") != NULL);
    hay_future_free(killed);
    hay_future_free(left);
    end_pool(&fixture);
}

static void cancelling_settles_what_is_queued_and_kills_what_runs(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 50});
    struct hay_future *running = future_of(&fixture, "t.hold", "1"), *queued = future_of(&fixture, "t.echo", "2");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_future_cancel(queued, NULL), HAY_OK);
    CU_ASSERT(settled_as(queued, HAY_OUTCOME_CANCELLED));
    CU_ASSERT_EQUAL(hay_future_cancel(queued, &error), HAY_EUNKNOWN);
    CU_ASSERT_STRING_EQUAL(error.text, "the job is settled already");
    CU_ASSERT_EQUAL(hay_future_cancel(running, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_future_wait(running, LIMIT_MS), HAY_OK);
    CU_ASSERT(settled_as(running, HAY_OUTCOME_CANCELLED));
    struct hay_future *next = future_of(&fixture, "t.echo", "3");
    CU_ASSERT_EQUAL(hay_future_wait(next, LIMIT_MS), HAY_OK);
    CU_ASSERT(settled_as(next, HAY_OUTCOME_OK));
    hay_future_free(running);
    hay_future_free(queued);
    hay_future_free(next);
    end_pool(&fixture);
}

static void a_pending_future_may_be_freed(void)
{
    struct fixture fixture;
    struct hay_pool_stats stats;
    fixture_start(&fixture, &two);
    hay_future_free(future_of(&fixture, "t.hold", "1"));
    hay_future_free(future_of(&fixture, "t.echo", "1"));
    CU_ASSERT(begins(&fixture, 1));
    atomic_store(&board->release, 1);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.by_outcome[HAY_OUTCOME_OK], 2);
    fixture_free(&fixture);
}

static void a_future_outlives_its_pool(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1});
    struct hay_future *done = future_of(&fixture, "t.echo", "5"), *running = future_of(&fixture, "t.hold", "1");
    struct hay_future *queued = future_of(&fixture, "t.echo", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_future_wait(done, LIMIT_MS), HAY_OK);
    fixture_free(&fixture);
    struct hay_future *all[] = {done, running, queued};
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(hay_future_wait(all[i], -1), HAY_OK);
        CU_ASSERT_EQUAL(hay_future_cancel(all[i], NULL), HAY_EUNKNOWN);
        CU_ASSERT(settled_as(all[i], i ? HAY_OUTCOME_CANCELLED : HAY_OUTCOME_OK));
    }
    CU_ASSERT(is_text(hay_future_result(done)->value, "5"));
    CU_ASSERT(hay_future_result(queued)->message.size > 0);
    for (int i = 0; i < 3; i++)
        hay_future_free(all[i]);
}

static void terminating_settles_all_futures(void)
{
    struct fixture fixture;
    struct hay_future *futures[40];
    fixture_start(&fixture, &two);
    for (int i = 0; i < 40; i++)
        futures[i] = future_of(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2));
    hay_pool_terminate(fixture.pool, 50);
    for (int i = 0; i < 40; i++) {
        CU_ASSERT_EQUAL(hay_future_wait(futures[i], LIMIT_MS), HAY_OK);
        CU_ASSERT(settled_as(futures[i], HAY_OUTCOME_CANCELLED));
        hay_future_free(futures[i]);
    }
    struct hay_error error = {0};
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    fixture_free(&fixture);
}

/* ---- callbacks ---- */

struct call {
    struct hay_future *future;
    int count;
    enum hay_status wait, cancel;
    bool frees, had_result;
};

static void on_done(void *context, const struct hay_result *result)
{
    struct call *call = context;
    call->count++;
    if (!call->future)
        return;
    call->had_result = hay_future_result(call->future) != NULL && hay_future_result(call->future)->number == result->number;
    call->wait = hay_future_wait(call->future, LIMIT_MS);
    call->cancel = hay_future_cancel(call->future, NULL);
    if (call->frees)
        hay_future_free(call->future);
}

static struct hay_future *future_with(struct fixture *fixture, struct call *call, const char *function)
{
    struct hay_job job = {.function = function, .args = {"1", 1}, .on_done = on_done, .done_context = call};
    call->future = NULL; /* inline pools call before there is one */
    call->future = hay_pool_future(fixture->pool, &job, LIMIT_MS, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(call->future);
    return call->future;
}

static void the_callback_comes_after_the_result_and_once(void)
{
    struct fixture fixture;
    struct call call = {0}, freed = {0};
    fixture_start(&fixture, &two);
    struct hay_future *future = future_with(&fixture, &call, "t.echo");
    CU_ASSERT_EQUAL(hay_future_wait(future, LIMIT_MS), HAY_OK);
    CU_ASSERT(call.count == 1 && call.had_result && call.wait == HAY_OK && call.cancel == HAY_EUNKNOWN);
    hay_future_free(future);
    hay_future_free(future_with(&fixture, &freed, "t.echo"));
    freed.future = NULL;
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(freed.count, 1);
    fixture_free(&fixture);
    fixture_start(&fixture, &in_line);
    future = future_with(&fixture, &call, "t.echo");
    CU_ASSERT_EQUAL(call.count, 2);
    hay_future_free(future);
    end_pool(&fixture);
}

static void a_callback_may_free_the_future_that_is_waited_for(void)
{
    struct fixture fixture;
    struct call call = {.frees = true};
    fixture_start(&fixture, &two);
    struct hay_future *future = future_with(&fixture, &call, "t.echo");
    CU_ASSERT_EQUAL(hay_future_wait(future, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(call.count, 1);
    end_pool(&fixture);
}

static struct call *other_call;

static void wait_for_other(struct fixture *fixture, const struct hay_result *result)
{
    (void)fixture, (void)result;
    other_call->wait = hay_future_wait(other_call->future, LIMIT_MS);
    other_call->count = 100;
}

static void a_callback_does_not_wait_for_another(void)
{
    struct fixture fixture;
    struct call call = {0};
    fixture_start(&fixture, &two);
    fixture.on_result = wait_for_other;
    call.future = future_of(&fixture, "t.hold", "1");
    other_call = &call;
    CU_ASSERT(begins(&fixture, 1));
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(call.count == 100 && call.wait == HAY_ETIMEDOUT);
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_future_wait(call.future, LIMIT_MS), HAY_OK);
    hay_future_free(call.future);
    CU_ASSERT_EQUAL(fixture.results, 1);
    fixture.results = 0;
    end_pool(&fixture);
}

/* ---- refusals ---- */

static void bad_use_gets_a_status_and_a_text(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    CU_ASSERT_PTR_NULL(hay_pool_future(NULL, &(struct hay_job){.function = "t.echo"}, 0, &error));
    CU_ASSERT(error.status == HAY_EINVAL && error.text[0]);
    CU_ASSERT_EQUAL(hay_future_wait(NULL, -1), HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_future_result(NULL));
    CU_ASSERT_EQUAL(hay_future_cancel(NULL, &error), HAY_EINVAL);
    hay_future_free(NULL);
    fixture_new(&fixture, &two);
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, NULL, 0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ESTATE);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.none"}, 0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EUNKNOWN);
    end_pool(&fixture);
}

static void a_full_queue_refuses(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs = 1, .grace_ms = HAY_POOL_NO_GRACE});
    struct hay_future *future = future_of(&fixture, "t.hold", "1");
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EFULL);
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.echo"}, 20, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_future_cancel(future, NULL), HAY_OK);
    struct hay_future *next = future_of(&fixture, "t.echo", "1");
    CU_ASSERT_EQUAL(hay_future_wait(next, LIMIT_MS), HAY_OK);
    hay_future_free(next);
    hay_future_free(future);
    end_pool(&fixture);
}

static int fn_lack(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    int status = give(task, "1");
    allocations_left = 0; /* an inline pool's next allocation is the copy */
    return status;
}

static void a_result_that_cannot_be_kept_is_an_error_that_says_so(void)
{
    struct fixture fixture;
    fixture_new(&fixture, &in_line);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.lack", "memory", fn_lack, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    struct hay_future *future = future_of(&fixture, "t.lack", "1");
    CU_ASSERT_EQUAL(allocations_left, -1);
    allocations_left = -1;
    CU_ASSERT_EQUAL(hay_future_wait(future, 0), HAY_OK);
    CU_ASSERT(settled_as(future, HAY_OUTCOME_ERROR));
    CU_ASSERT(is_text(hay_future_result(future)->message, "out of memory: the result could not be kept"));
    CU_ASSERT(!hay_future_result(future)->value.at && hay_future_result(future)->number == 1);
    hay_future_free(future);
    struct hay_error error = {0};
    allocations_left = 0;
    CU_ASSERT_PTR_NULL(hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.echo"}, 0, &error));
    allocations_left = -1;
    CU_ASSERT_EQUAL(error.status, HAY_ENOMEM);
    end_pool(&fixture);
}

static void a_pool_closed_before_its_start_stays_closed(void)
{
    struct hay_error error = {0};
    const struct hay_pool_options *options[] = {&two, &in_line};
    for (int i = 0; i < 4; i++) {
        struct fixture fixture;
        fixture_new(&fixture, options[i % 2]);
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, -1), HAY_OK);
        if (i < 2)
            hay_pool_close(fixture.pool);
        else
            CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, &error), HAY_ESTATE);
        CU_ASSERT_STRING_EQUAL(error.text, "the pool was closed before it started");
        CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, -1), HAY_OK);
        fixture_free(&fixture);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a future holds its result, whatever came since", a_future_holds_its_result_whatever_came_since},
        {"a wait ends at its time and the job goes on", a_wait_ends_at_its_time_and_the_job_goes_on},
        {"a dead worker ends the wait", a_dead_worker_ends_the_wait},
        {"cancelling settles what is queued and kills what runs", cancelling_settles_what_is_queued_and_kills_what_runs},
        {"a pending future may be freed", a_pending_future_may_be_freed},
        {"a future outlives its pool", a_future_outlives_its_pool},
        {"terminating settles all futures", terminating_settles_all_futures},
        {"the callback comes after the result, and once", the_callback_comes_after_the_result_and_once},
        {"a callback may free the future that is waited for", a_callback_may_free_the_future_that_is_waited_for},
        {"a callback does not wait for another", a_callback_does_not_wait_for_another},
        {"bad use gets a status and a text", bad_use_gets_a_status_and_a_text},
        {"a full queue refuses", a_full_queue_refuses},
        {"a result that cannot be kept is an error that says so", a_result_that_cannot_be_kept_is_an_error_that_says_so},
        {"a pool closed before its start stays closed", a_pool_closed_before_its_start_stays_closed},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool future", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
