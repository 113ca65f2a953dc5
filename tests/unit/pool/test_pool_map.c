/* SPDX-License-Identifier: MIT
 *
 * hay_pool_map(): every item has its own result in its own place, whatever becomes of the others, the workers, the time or the
 * pool.
 */
#include "unit/plugin/failing_malloc.h"
#include "unit/pool/pool_fixture.h"

#include <pthread.h>

static const struct hay_pool_options two = {.workers = 2, .crash_retries = HAY_POOL_NO_CRASH_RETRY, .grace_ms = 100};
static const struct hay_pool_options in_line = {.workers = HAY_POOL_INLINE};

enum { MANY = 10000 };

struct items {
    char (*texts)[24];
    struct hay_span *args;
    struct hay_map_result *results;
    size_t count;
};

static void items_new(struct items *items, size_t count)
{
    *items = (struct items){calloc(count, sizeof *items->texts), calloc(count, sizeof *items->args),
                            calloc(count, sizeof *items->results), count};
    CU_ASSERT_FATAL(items->texts && items->args && items->results);
    for (size_t i = 0; i < count; i++) {
        snprintf(items->texts[i], sizeof items->texts[i], "%zu", i);
        items->args[i] = (struct hay_span){items->texts[i], strlen(items->texts[i])};
    }
}

static void items_free(struct items *items)
{
    hay_map_release(items->results, items->count);
    free(items->texts);
    free(items->args);
    free(items->results);
}

static enum hay_status map(struct fixture *fixture, struct items *items, const char *function, int timeout_ms)
{
    return hay_pool_map(fixture->pool, function, items->args, items->count, timeout_ms, items->results, NULL);
}

static bool is_echo(const struct items *items, size_t i)
{
    const struct hay_map_result *item = &items->results[i];
    return item->outcome == HAY_OUTCOME_OK && item->attempts == 1 && item->size == strlen(items->texts[i]) &&
           strcmp(item->bytes, items->texts[i]) == 0;
}

static size_t count_of(const struct items *items, enum hay_outcome outcome)
{
    size_t found = 0;
    for (size_t i = 0; i < items->count; i++) {
        CU_ASSERT(items->results[i].bytes && items->results[i].bytes[items->results[i].size] == '\0');
        found += items->results[i].outcome == outcome;
    }
    return found;
}

static void end_pool(struct fixture *fixture)
{
    hay_pool_close(fixture->pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture->pool, LIMIT_MS), HAY_OK);
    fixture_free(fixture);
}

static void results_stand_in_the_order_of_the_args(void)
{
    const struct hay_pool_options options[] = {two, in_line, {.workers = 2, .max_jobs = 3}, {.workers = 1, .max_bytes = 1}};
    for (int i = 0; i < 4; i++) {
        struct fixture fixture;
        struct items items;
        items_new(&items, i == 3 ? MANY / 10 : MANY);
        fixture_start(&fixture, &options[i]);
        CU_ASSERT_EQUAL(map(&fixture, &items, "t.echo", -1), HAY_OK);
        size_t right = 0;
        for (size_t at = 0; at < items.count; at++)
            right += is_echo(&items, at);
        CU_ASSERT_EQUAL(right, items.count);
        CU_ASSERT(fixture.rooms == 0 && fixture.results == 0);
        items_free(&items);
        end_pool(&fixture);
    }
}

static void nothing_to_map_is_done_at_once(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &two);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", NULL, 0, -1, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", NULL, 0, 0, NULL, NULL), HAY_OK);
    end_pool(&fixture);
}

static void absent_args_are_null(void)
{
    struct fixture fixture;
    struct hay_map_result results[3];
    struct hay_span args[3] = {{"1", 1}, {NULL, 0}, {"3", 1}};
    fixture_start(&fixture, &two);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", args, 3, -1, results, NULL), HAY_OK);
    CU_ASSERT_STRING_EQUAL(results[0].bytes, "1");
    CU_ASSERT_STRING_EQUAL(results[1].bytes, "null");
    CU_ASSERT_STRING_EQUAL(results[2].bytes, "3");
    hay_map_release(results, 3);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", NULL, 3, -1, results, NULL), HAY_OK);
    CU_ASSERT_STRING_EQUAL(results[2].bytes, "null");
    hay_map_release(results, 3);
    hay_map_release(results, 3);
    CU_ASSERT_PTR_NULL(results[0].bytes);
    hay_map_release(NULL, 3);
    end_pool(&fixture);
}

static void one_failure_is_its_own(void)
{
    struct fixture fixture;
    struct items items;
    items_new(&items, 6);
    fixture_start(&fixture, &two);
    /* Attempt 1 fails for all but 0. */
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.fail_before", -1), HAY_OK);
    CU_ASSERT(items.results[0].outcome == HAY_OUTCOME_OK && strcmp(items.results[0].bytes, "\"passed\"") == 0);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_ERROR), 5);
    CU_ASSERT_STRING_EQUAL(items.results[5].bytes, "not yet");
    hay_map_release(items.results, items.count);
    /* A result that is not JSON costs its own item only. */
    items.args[2] = (struct hay_span){"{", 1};
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.echo", -1), HAY_OK);
    CU_ASSERT(count_of(&items, HAY_OUTCOME_OK) == 5 && items.results[2].outcome == HAY_OUTCOME_ERROR);
    items_free(&items);
    end_pool(&fixture);
}

static void a_killed_worker_costs_one_item_and_no_wait(void)
{
    struct fixture fixture;
    struct items items;
    items_new(&items, 100);
    fixture_start(&fixture, &two);
    for (size_t i = 0; i < items.count; i++)
        items.args[i] = (struct hay_span){i % 10 ? "0" : "1", 1};
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.die_before", LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_CRASH), 10);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_OK), 90);
    for (size_t i = 0; i < items.count; i += 10)
        CU_ASSERT(items.results[i].outcome == HAY_OUTCOME_CRASH && strstr(items.results[i].bytes, "SIGKILL"));
    items_free(&items);
    end_pool(&fixture);
}

static void the_end_of_the_time_cancels_what_is_unfinished(void)
{
    struct fixture fixture;
    struct items items;
    struct hay_error error = {0};
    struct hay_pool_stats stats;
    items_new(&items, 5000);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 50, .max_jobs = 1000});
    /* Another's job is left alone. */
    uint64_t other = submit(&fixture, "t.hold", "1");
    CU_ASSERT(begins(&fixture, 1));
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.hold", items.args, items.count, 100, items.results, &error), HAY_ETIMEDOUT);
    CU_ASSERT(strstr(error.text, "unfinished") != NULL);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_CANCELLED), items.count);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT_EQUAL(stats.pending, 1);
    CU_ASSERT_EQUAL(entry_of(&fixture, other)->count, 0);
    hay_map_release(items.results, items.count);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, other, HAY_OUTCOME_OK));
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.echo", LIMIT_MS), HAY_OK);
    CU_ASSERT(is_echo(&items, items.count - 1));
    items_free(&items);
    end_pool(&fixture);
}

static void what_was_done_in_time_is_kept(void)
{
    struct fixture fixture;
    struct items items;
    items_new(&items, 64);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 20});
    for (size_t i = 0; i < items.count; i++)
        items.args[i] = i < 8 ? (struct hay_span){"0", 1} : (struct hay_span){"60000", 5};
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.sleep", 500), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_OK), 8);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_CANCELLED), 56);
    items_free(&items);
    end_pool(&fixture);
}

static void no_time_at_all_is_no_hang(void)
{
    const struct hay_pool_options *options[] = {&two, &in_line};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        struct items items;
        items_new(&items, MANY);
        fixture_start(&fixture, options[i]);
        CU_ASSERT_EQUAL(map(&fixture, &items, "t.echo", 0), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_OK) + count_of(&items, HAY_OUTCOME_CANCELLED), items.count);
        items_free(&items);
        end_pool(&fixture);
    }
}

static void a_paused_pool_ends_the_map_all_the_same(void)
{
    struct fixture fixture;
    struct items items;
    items_new(&items, 10);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = HAY_POOL_NO_GRACE});
    CU_ASSERT(workers_are_ready(&fixture, 1));
    hay_pool_pause(fixture.pool, true);
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.hold", 50), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_CANCELLED), 10);
    hay_pool_pause(fixture.pool, false);
    items_free(&items);
    end_pool(&fixture);
}

static void freeze_it(void *context, const struct hay_result *result)
{
    struct fixture *fixture = context;
    int64_t limit_ns = clock_deadline_ns(LIMIT_MS);
    (void)result;
    while (!atomic_load(&board->began) && clock_now_ns() < limit_ns)
        nap();
    hay_pool_freeze(fixture->pool, true);
}

/* Nobody can end what a frozen worker runs. The job is settled later, when nobody listens. */
static void a_frozen_pool_does_not_hang_the_map(void)
{
    struct fixture fixture;
    struct items items;
    struct hay_pool_stats stats;
    items_new(&items, 3);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = HAY_POOL_NO_GRACE});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    struct hay_job job = {.function = "t.echo", .on_done = freeze_it, .done_context = &fixture};
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 0, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.hold", 50), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_CANCELLED), 3);
    items_free(&items);
    hay_pool_stats(fixture.pool, &stats);
    CU_ASSERT(stats.pending >= 1 && stats.pending <= 3);
    hay_pool_freeze(fixture.pool, false);
    end_pool(&fixture);
}

/* ---- the pool ends ---- */

static void close_it(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    hay_pool_close(fixture->pool);
}

static void a_pool_closed_half_way_skips_the_rest(void)
{
    struct fixture fixture;
    struct items items;
    struct hay_error error = {0};
    items_new(&items, 100);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs = 10});
    fixture.on_result = close_it;
    submit(&fixture, "t.echo", "1"); /* by the only worker, and so before all others */
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", items.args, items.count, LIMIT_MS, items.results, &error), HAY_ESTATE);
    CU_ASSERT_STRING_EQUAL(error.text, "the pool is closed");
    size_t ok = count_of(&items, HAY_OUTCOME_OK);
    CU_ASSERT(ok >= 9 && ok < 100);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_SKIPPED), 100 - ok);
    CU_ASSERT_STRING_EQUAL(items.results[99].bytes, "the pool is closed");
    CU_ASSERT_EQUAL(fixture.results, 1);
    items_free(&items);
    end_pool(&fixture);
}

/* Runs in each new worker. */
static void die_young(void)
{
    if (board && atomic_load(&board->stop))
        _exit(3);
}

/* Whether all items were queued already when it broke, or just some. */
static void a_pool_that_breaks(uint64_t max_jobs)
{
    struct fixture fixture;
    struct items items;
    struct hay_error error = {0};
    items_new(&items, 50);
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs = max_jobs});
    atomic_store(&board->stop, 1);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", items.args, items.count, 60000, items.results, &error), HAY_EBROKEN);
    CU_ASSERT(strstr(error.text, "had to stop") != NULL);
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_SKIPPED), 50);
    CU_ASSERT(strstr(items.results[0].bytes, "had to stop") && strstr(items.results[49].bytes, "had to stop"));
    CU_ASSERT_EQUAL(fixture.broken, 1);
    atomic_store(&board->stop, 0);
    items_free(&items);
    fixture_free(&fixture);
}

static void a_pool_that_breaks_skips_the_rest(void)
{
    CU_ASSERT_EQUAL_FATAL(pthread_atfork(NULL, NULL, die_young), 0);
    a_pool_that_breaks(10);
    a_pool_that_breaks(0);
}

/* ---- refusals ---- */

static void map_inside(struct fixture *fixture, const struct hay_result *result)
{
    struct hay_map_result item = {.bytes = NULL};
    struct hay_error error = {0};
    (void)result;
    CU_ASSERT_EQUAL(hay_pool_map(fixture->pool, "t.echo", NULL, 1, -1, &item, &error), HAY_ESTATE);
    CU_ASSERT(item.outcome == HAY_OUTCOME_SKIPPED && strcmp(item.bytes, error.text) == 0);
    hay_map_release(&item, 1);
}

static void a_callback_may_not_map(void)
{
    const struct hay_pool_options *options[] = {&two, &in_line};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        fixture_start(&fixture, options[i]);
        fixture.on_result = map_inside;
        submit(&fixture, "t.echo", "1");
        CU_ASSERT(all_come(&fixture));
        fixture_end(&fixture);
    }
}

static void bad_use_gets_a_status_and_a_text(void)
{
    struct fixture fixture;
    struct hay_error error = {0};
    struct hay_map_result items[2];
    struct hay_span args[2] = {{"1", 1}, {"2", 1}};
    CU_ASSERT_EQUAL(hay_pool_map(NULL, "t.echo", args, 2, -1, items, &error), HAY_EINVAL);
    CU_ASSERT(items[1].outcome == HAY_OUTCOME_SKIPPED && strcmp(items[1].bytes, error.text) == 0);
    hay_map_release(items, 2);
    fixture_new(&fixture, &two);
    for (int timeout_ms = -1; timeout_ms < 2; timeout_ms++) { /* also where there is no time to find it out */
        CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", args, 2, timeout_ms, items, &error), HAY_ESTATE);
        CU_ASSERT_STRING_EQUAL(error.text, "the pool has not started");
        CU_ASSERT_EQUAL(items[1].outcome, HAY_OUTCOME_SKIPPED);
        hay_map_release(items, 2);
    }
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.none", args, 2, -1, items, &error), HAY_EUNKNOWN);
    CU_ASSERT_STRING_EQUAL(error.text, "unknown function \"t.none\"");
    hay_map_release(items, 2);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, NULL, args, 2, -1, items, NULL), HAY_EINVAL);
    CU_ASSERT_STRING_EQUAL(items[0].bytes, "no function");
    hay_map_release(items, 2);
    CU_ASSERT_EQUAL(hay_pool_map(fixture.pool, "t.echo", args, 2, -1, NULL, &error), HAY_EINVAL);
    end_pool(&fixture);
}

static int fn_lack(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    int status = fn_echo(task, function, args, size);
    if (size == 1 && *(const char *)args == '1')
        allocations_left = 0; /* an inline pool's next allocation is the copy */
    return status;
}

static void an_item_that_cannot_be_kept_is_an_error_that_says_so(void)
{
    struct fixture fixture;
    struct items items;
    items_new(&items, 3);
    fixture_new(&fixture, &in_line);
    CU_ASSERT_EQUAL(hay_pool_register(fixture.pool, "t.lack", "memory", fn_lack, NULL, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.lack", -1), HAY_OK);
    allocations_left = -1;
    CU_ASSERT(is_echo(&items, 0) && is_echo(&items, 2));
    CU_ASSERT_EQUAL(items.results[1].outcome, HAY_OUTCOME_ERROR);
    CU_ASSERT(strstr(items.results[1].bytes, "out of memory") && items.results[1].size == strlen(items.results[1].bytes));
    hay_map_release(items.results, 3);
    hay_map_release(items.results, 3);
    allocations_left = 0;
    CU_ASSERT_EQUAL(map(&fixture, &items, "t.echo", -1), HAY_ENOMEM);
    allocations_left = -1;
    CU_ASSERT_EQUAL(count_of(&items, HAY_OUTCOME_SKIPPED), 3);
    items_free(&items);
    end_pool(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"results stand in the order of the args", results_stand_in_the_order_of_the_args},
        {"nothing to map is done at once", nothing_to_map_is_done_at_once},
        {"absent args are null", absent_args_are_null},
        {"one failure is its own", one_failure_is_its_own},
        {"a killed worker costs one item and no wait", a_killed_worker_costs_one_item_and_no_wait},
        {"the end of the time cancels what is unfinished", the_end_of_the_time_cancels_what_is_unfinished},
        {"what was done in time is kept", what_was_done_in_time_is_kept},
        {"no time at all is no hang", no_time_at_all_is_no_hang},
        {"a paused pool ends the map all the same", a_paused_pool_ends_the_map_all_the_same},
        {"a frozen pool does not hang the map", a_frozen_pool_does_not_hang_the_map},
        {"a pool closed half-way skips the rest", a_pool_closed_half_way_skips_the_rest},
        {"a pool that breaks skips the rest", a_pool_that_breaks_skips_the_rest},
        {"a callback may not map", a_callback_may_not_map},
        {"bad use gets a status and a text", bad_use_gets_a_status_and_a_text},
        {"an item that cannot be kept is an error that says so", an_item_that_cannot_be_kept_is_an_error_that_says_so},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool map", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
