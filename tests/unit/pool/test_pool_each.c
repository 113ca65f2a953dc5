/* SPDX-License-Identifier: MIT
 *
 * hay_pool_each(): a lazy producer, a bounded window, results in order or as they come.
 */
#include "unit/plugin/failing_malloc.h"
#include "unit/pool/each_stream.h"

static void a_stream_is_told_whole(const struct hay_pool_options *options, bool ordered, uint64_t window)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, options);
    stream_init(&stream, &fixture, "t.echo", INDEX_MAX);
    stream.each.ordered = ordered;
    stream.each.window = window;
    CU_ASSERT_EQUAL(run(&stream, -1), HAY_OK);
    CU_ASSERT(is_whole(&stream) && stream.taken == INDEX_MAX && stream.asked == INDEX_MAX + 1);
    CU_ASSERT(!ordered || stream.out_of_order == 0);
    CU_ASSERT(!window || stream.most_open <= window);
    CU_ASSERT(fixture.results == 0 && fixture.rooms == 0);
    end_pool(&fixture);
}

static void streams_are_told_whole_in_windows_of_all_sizes(void)
{
    const struct hay_pool_options small = {.workers = 2, .max_jobs = 2};
    for (int ordered = 0; ordered < 2; ordered++) {
        for (uint64_t window = 0; window < 200; window = window * 5 + 1) {
            a_stream_is_told_whole(&two, ordered, window);
            a_stream_is_told_whole(&in_line, ordered, window);
        }
        a_stream_is_told_whole(&small, ordered, 0);
        a_stream_is_told_whole(&small, ordered, UINT64_MAX);
    }
}

static void an_empty_stream_is_done_at_once(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &two);
    stream_init(&stream, &fixture, "t.echo", 0);
    CU_ASSERT_EQUAL(run(&stream, 0), HAY_OK);
    CU_ASSERT(stream.asked == 1 && stream.told == 0);
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(run(&stream, -1), HAY_OK);
    end_pool(&fixture);
}

/* ---- laziness ---- */

static void release_when_full(struct stream *stream)
{
    if (stream->taken == 16 - 1)
        atomic_store(&board->release, 1);
}

static void a_slow_first_job_holds_back_no_more_than_the_window(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &two);
    stream_init(&stream, &fixture, NULL, 1000);
    stream.each.ordered = true;
    stream.each.window = 16;
    stream.function_of = first_holds;
    stream.on_next = release_when_full;
    CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
    CU_ASSERT(stream.out_of_order == 0 && stream.told == 1000);
    CU_ASSERT_EQUAL(stream.most_open, 16);
    CU_ASSERT_EQUAL(stream.wrong, 1); /* the first gave "true" */
    end_pool(&fixture);
}

static void the_producer_is_asked_only_when_there_is_room(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs = 4, .grace_ms = HAY_POOL_NO_GRACE});
    stream_init(&stream, &fixture, "t.hold", UINT64_MAX);
    CU_ASSERT_EQUAL(run(&stream, 100), HAY_ETIMEDOUT);
    CU_ASSERT(stream.asked == 4 && stream.told == 4 && stream.by_outcome[HAY_OUTCOME_CANCELLED] == 4);
    end_pool(&fixture);
}

static const char *no_time(uint64_t index)
{
    (void)index;
    return "0";
}

/* Asked for the next job, it takes its time, and waits until the ones before have begun. */
static void wait_for_those_before(struct stream *stream)
{
    int64_t limit_ns = clock_deadline_ns(LIMIT_MS);
    while (atomic_load(&board->began) < stream->taken && clock_now_ns() < limit_ns)
        nap();
    CU_ASSERT_EQUAL(atomic_load(&board->began), stream->taken);
    nap();
}

static void a_slow_producer_leaves_no_worker_idle(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &two);
    CU_ASSERT(workers_are_ready(&fixture, 2));
    stream_init(&stream, &fixture, "t.sleep", 4);
    stream.args_of = no_time;
    stream.on_next = wait_for_those_before;
    CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(stream.told, 4);
    end_pool(&fixture);
}

/* ---- what goes wrong ---- */

static const char *every_tenth_dies(uint64_t index)
{
    return index % 10 ? "0" : "1";
}

static void killed_workers_cost_their_items_only(void)
{
    for (int ordered = 0; ordered < 2; ordered++) {
        struct fixture fixture;
        struct stream stream;
        fixture_start(&fixture, &two);
        stream_init(&stream, &fixture, "t.die_before", 60);
        stream.each.ordered = ordered;
        stream.args_of = every_tenth_dies;
        CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
        CU_ASSERT(is_whole(&stream) && (!ordered || stream.out_of_order == 0));
        CU_ASSERT(stream.by_outcome[HAY_OUTCOME_CRASH] == 6 && stream.by_outcome[HAY_OUTCOME_OK] == 54);
        CU_ASSERT(strstr(stream.first_message, "SIGKILL") != NULL);
        end_pool(&fixture);
    }
}

static void a_producer_that_fails_ends_the_stream_and_not_the_pool(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &two);
    for (int ordered = 0; ordered < 2; ordered++) {
        stream_init(&stream, &fixture, "t.echo", 7); /* it meant to give more */
        stream.each.ordered = ordered;
        CU_ASSERT_EQUAL(run(&stream, -1), HAY_OK);
        CU_ASSERT(is_whole(&stream) && stream.by_outcome[HAY_OUTCOME_OK] == 7);
    }
    end_pool(&fixture);
}

static const char *some_are_unknown(uint64_t index)
{
    return index % 3 ? "t.echo" : "t.none";
}

static void a_job_that_is_refused_is_told_as_rejected(void)
{
    const struct hay_pool_options *options[] = {&two, &in_line};
    for (int i = 0; i < 4; i++) {
        struct fixture fixture;
        struct stream stream;
        fixture_start(&fixture, options[i % 2]);
        stream_init(&stream, &fixture, "t.echo", 300);
        stream.each.ordered = i >= 2;
        stream.function_of = some_are_unknown;
        CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
        CU_ASSERT(is_whole(&stream) && (i < 2 || stream.out_of_order == 0));
        CU_ASSERT(stream.by_outcome[HAY_OUTCOME_REJECTED] == 100 && stream.by_outcome[HAY_OUTCOME_OK] == 200);
        CU_ASSERT_STRING_EQUAL(stream.first_message, "unknown function \"t.none\"");
        end_pool(&fixture);
    }
}

/* ---- callbacks ---- */

/* Not at the first alone: what is in the window may all have come to its end while that was waited for. */
static void cancel_until_one_is(struct stream *stream, const struct hay_result *result)
{
    (void)result;
    if (!stream->by_outcome[HAY_OUTCOME_CANCELLED])
        hay_pool_cancel_all(stream->fixture->pool, true);
}

/* What is cancelled by `result` comes back before that call returns, and still in order. */
static void a_receiver_may_cancel(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &two);
    stream_init(&stream, &fixture, "t.echo", 100000); /* far more than the window */
    stream.each.ordered = true;
    stream.on_told = cancel_until_one_is;
    CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
    CU_ASSERT(is_whole(&stream) && stream.out_of_order == 0);
    CU_ASSERT(stream.by_outcome[HAY_OUTCOME_CANCELLED] > 0);
    end_pool(&fixture);
}

static void wait_in_vain(struct stream *stream)
{
    struct hay_error error = {0};
    struct stream inner;
    stream_init(&inner, stream->fixture, "t.echo", 1);
    CU_ASSERT_EQUAL(hay_pool_each(stream->fixture->pool, &inner.each, -1, &error), HAY_ESTATE);
    CU_ASSERT(error.text[0] && inner.asked == 0);
}

static void wait_in_vain_when_told(struct stream *stream, const struct hay_result *result)
{
    (void)result;
    wait_in_vain(stream);
}

static void callbacks_do_not_turn_the_loop(void)
{
    const struct hay_pool_options *options[] = {&two, &in_line};
    for (int i = 0; i < 2; i++) {
        struct fixture fixture;
        struct stream stream;
        fixture_start(&fixture, options[i]);
        stream_init(&stream, &fixture, "t.echo", 3);
        stream.on_next = wait_in_vain;
        stream.on_told = wait_in_vain_when_told;
        CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
        CU_ASSERT(is_whole(&stream));
        end_pool(&fixture);
    }
}

static void another_s_jobs_live_beside_the_stream(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs = 20});
    for (int i = 0; i < 20; i++)
        submit(&fixture, "t.echo", "1");
    stream_init(&stream, &fixture, "t.echo", 500);
    CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_OK);
    CU_ASSERT(is_whole(&stream) && all_come(&fixture));
    hay_pool_close(fixture.pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(fixture.results, 20);
    fixture_free(&fixture);
}

/* ---- bounds, memory, bad use ---- */

static void memory_does_not_grow_with_the_stream(void)
{
    struct fixture fixture;
    struct stream stream;
    long pages[2] = {0, 0};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs = 512});
    for (int i = 0; i < 2; i++) {
        stream_init(&stream, &fixture, "t.echo", i ? 300000 : 3000);
        stream.each.ordered = true;
        CU_ASSERT_EQUAL(run(&stream, 120000), HAY_OK);
        CU_ASSERT_EQUAL(stream.told, stream.count);
        FILE *statm = fopen("/proc/self/statm", "r");
        CU_ASSERT_FATAL(statm != NULL);
        CU_ASSERT_EQUAL(fscanf(statm, "%*d %ld", &pages[i]), 1);
        fclose(statm);
    }
    if (!getenv("HAY_SANITIZED"))
        CU_ASSERT((pages[1] - pages[0]) * sysconf(_SC_PAGESIZE) < 1024 * 1024);
    end_pool(&fixture);
}

static void release_the_first(void *context, const struct hay_result *result)
{
    (void)context, (void)result;
    atomic_store(&board->release, 1);
}

/* The first job ends after the second one's result has come. */
static void submit_release(struct stream *stream)
{
    struct hay_job job = {.function = "t.echo", .on_done = release_the_first};
    if (stream->taken != 2)
        return;
    while (hay_pool_submit(stream->fixture->pool, &job, 0, NULL, NULL) == HAY_ENOMEM) /* that can be once */
        ;
}

/* Whatever allocation fails, the stream ends, and what was taken was told. */
static void any_allocation_may_fail(void)
{
    int lost = 0;
    for (int ordered = 0; ordered < 2; ordered++) {
        struct fixture fixture;
        fixture_start(&fixture, &two);
        CU_ASSERT(workers_are_ready(&fixture, 2));
        for (long fail_at = 0; fail_at < 12; fail_at++) {
            struct stream stream;
            stream_init(&stream, &fixture, "t.echo", 2);
            stream.each.ordered = ordered;
            stream.function_of = first_holds;
            stream.on_next = submit_release;
            atomic_store(&board->release, 0);
            allocations_left = fail_at;
            enum hay_status status = run(&stream, LIMIT_MS);
            allocations_left = -1;
            CU_ASSERT(status == HAY_OK || (status == HAY_ENOMEM && stream.taken == 0));
            CU_ASSERT(stream.told == stream.taken && (!ordered || stream.out_of_order == 0));
            CU_ASSERT(stream.by_outcome[HAY_OUTCOME_OK] + 1 >= stream.told);
            lost += strcmp(stream.first_message, "out of memory: the result could not be kept") == 0;
            while (hay_pool_turn(fixture.pool, LIMIT_MS) == HAY_OK)
                ;
        }
        CU_ASSERT_EQUAL(lost, ordered); /* the copy of one early result */
        end_pool(&fixture);
    }
}

static void bad_use_gets_a_status_and_a_text(void)
{
    struct fixture fixture;
    struct stream stream;
    struct hay_error error = {0};
    fixture_new(&fixture, &two);
    stream_init(&stream, &fixture, "t.echo", 2);
    struct hay_each good = stream.each, each = good;
    CU_ASSERT_EQUAL(hay_pool_each(NULL, &good, -1, &error), HAY_EINVAL);
    CU_ASSERT(error.text[0]);
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, NULL, -1, NULL), HAY_EINVAL);
    each.next = NULL;
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &each, -1, NULL), HAY_EINVAL);
    each = good;
    each.result = NULL;
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &each, -1, NULL), HAY_EINVAL);
    each = good;
    each.function = "t.none";
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &each, -1, NULL), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(stream.asked, 0);
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &good, -1, &error), HAY_ESTATE);
    CU_ASSERT_STRING_EQUAL(error.text, "the pool has not started");
    CU_ASSERT(stream.told == 1 && stream.by_outcome[HAY_OUTCOME_SKIPPED] == 1);
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &good, 0, NULL), HAY_ESTATE); /* and not that the time was up */
    hay_pool_close(fixture.pool);
    fixture_free(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"streams are told whole, in windows of all sizes", streams_are_told_whole_in_windows_of_all_sizes},
        {"an empty stream is done at once", an_empty_stream_is_done_at_once},
        {"a slow first job holds back no more than the window", a_slow_first_job_holds_back_no_more_than_the_window},
        {"the producer is asked only when there is room", the_producer_is_asked_only_when_there_is_room},
        {"a slow producer leaves no worker idle", a_slow_producer_leaves_no_worker_idle},
        {"killed workers cost their items only", killed_workers_cost_their_items_only},
        {"a producer that fails ends the stream and not the pool", a_producer_that_fails_ends_the_stream_and_not_the_pool},
        {"a job that is refused is told as rejected", a_job_that_is_refused_is_told_as_rejected},
        {"a receiver may cancel", a_receiver_may_cancel},
        {"callbacks do not turn the loop", callbacks_do_not_turn_the_loop},
        {"another's jobs live beside the stream", another_s_jobs_live_beside_the_stream},
        {"memory does not grow with the stream", memory_does_not_grow_with_the_stream},
        {"any allocation may fail", any_allocation_may_fail},
        {"bad use gets a status and a text", bad_use_gets_a_status_and_a_text},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool each", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
