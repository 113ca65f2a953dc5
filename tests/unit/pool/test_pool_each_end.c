/* SPDX-License-Identifier: MIT
 *
 * The ends of hay_pool_each() but its producer's own: time, a receiver that says stop, a pool that closes or breaks.
 */
#include "unit/pool/each_stream.h"

#include <pthread.h>

static void the_end_of_the_time_cancels_and_tells_the_rest(void)
{
    for (int ordered = 0; ordered < 2; ordered++) {
        struct fixture fixture;
        struct stream stream;
        struct hay_error error = {0};
        fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 30});
        stream_init(&stream, &fixture, NULL, UINT64_MAX);
        stream.function_of = first_holds;
        stream.each.function = "t.echo";
        stream.each.ordered = ordered;
        stream.each.window = 500;
        CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &stream.each, 100, &error), HAY_ETIMEDOUT);
        CU_ASSERT(error.status == HAY_ETIMEDOUT && strstr(error.text, "unfinished"));
        CU_ASSERT_EQUAL(stream.told, stream.taken);
        CU_ASSERT(stream.seen[0] == 1 && stream.by_outcome[HAY_OUTCOME_CANCELLED] >= 1);
        CU_ASSERT(!ordered || (stream.out_of_order == 0 && stream.taken == 500));
        CU_ASSERT_EQUAL(stream.by_outcome[HAY_OUTCOME_OK] + stream.by_outcome[HAY_OUTCOME_CANCELLED], stream.told);
        end_pool(&fixture);
    }
}

static void the_end_of_the_time_comes_inline_too(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &in_line);
    stream_init(&stream, &fixture, "t.echo", 20000000);
    CU_ASSERT_EQUAL(run(&stream, 50), HAY_ETIMEDOUT);
    CU_ASSERT(stream.told == stream.taken && stream.wrong == 0);
    end_pool(&fixture);
}

static const char *some_bytes(uint64_t index)
{
    (void)index;
    return "\"fifty bytes of args, for which there is room once\"";
}

/* The second job is taken, as there is room for a small one, but not for its bytes. */
static void what_was_taken_and_had_no_room_is_told_too(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_bytes = 80, .grace_ms = HAY_POOL_NO_GRACE});
    stream_init(&stream, &fixture, "t.hold", UINT64_MAX);
    stream.args_of = some_bytes;
    CU_ASSERT_EQUAL(run(&stream, 100), HAY_ETIMEDOUT);
    CU_ASSERT(stream.taken == 2 && stream.told == 2 && stream.by_outcome[HAY_OUTCOME_CANCELLED] == 2);
    end_pool(&fixture);
}

static void a_receiver_that_says_stop_is_told_nothing_more(void)
{
    const struct hay_pool_options *options[] = {&two, &in_line};
    for (int i = 0; i < 4; i++) {
        struct fixture fixture;
        struct stream stream;
        struct hay_pool_stats stats;
        fixture_start(&fixture, options[i % 2]);
        stream_init(&stream, &fixture, "t.echo", UINT64_MAX);
        stream.each.ordered = i >= 2;
        stream.stop_at = 25;
        CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_ECANCELLED);
        CU_ASSERT_EQUAL(stream.told, 25);
        hay_pool_stats(fixture.pool, &stats);
        CU_ASSERT_EQUAL(stats.pending, 0);
        stream_init(&stream, &fixture, "t.echo", 10);
        CU_ASSERT(run(&stream, LIMIT_MS) == HAY_OK && is_whole(&stream));
        end_pool(&fixture);
    }
}

static void stop_ends_what_runs(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .grace_ms = 30});
    stream_init(&stream, &fixture, NULL, 100);
    stream.each.function = "t.echo";
    stream.function_of = first_holds;
    stream.stop_at = 5;
    CU_ASSERT_EQUAL(run(&stream, -1), HAY_ECANCELLED);
    CU_ASSERT_EQUAL(stream.told, 5);
    end_pool(&fixture);
}

static void close_at_ten(struct stream *stream, const struct hay_result *result)
{
    (void)result;
    if (stream->told == 10)
        hay_pool_close(stream->fixture->pool);
}

static void a_pool_closed_half_way_finishes_what_it_took(void)
{
    const struct hay_pool_options small = {.workers = 2, .max_jobs = 8};
    const struct hay_pool_options *options[] = {&small, &in_line};
    for (int i = 0; i < 4; i++) {
        struct fixture fixture;
        struct stream stream;
        struct hay_error error = {0};
        fixture_start(&fixture, options[i % 2]);
        stream_init(&stream, &fixture, "t.echo", 1000);
        stream.each.ordered = i >= 2;
        stream.on_told = close_at_ten;
        CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &stream.each, LIMIT_MS, &error), HAY_ESTATE);
        CU_ASSERT_STRING_EQUAL(error.text, "the pool is closed");
        CU_ASSERT(is_whole(&stream) && stream.by_outcome[HAY_OUTCOME_SKIPPED] == 1);
        CU_ASSERT(stream.by_outcome[HAY_OUTCOME_OK] == stream.told - 1 && stream.told < 1000);
        end_pool(&fixture);
    }
}

/* Runs in each new worker. */
static void die_young(void)
{
    if (board && atomic_load(&board->stop))
        _exit(3);
}

static void kill_workers_at_ten(struct stream *stream, const struct hay_result *result)
{
    (void)result;
    if (stream->told != 10)
        return;
    atomic_store(&board->stop, 1);
    for (int i = 0; i < 2; i++)
        signal_worker(hay_pool_worker_pid(stream->fixture->pool, i), SIGKILL);
}

static void a_pool_that_breaks_ends_the_stream(void)
{
    struct fixture fixture;
    struct stream stream;
    struct hay_error error = {0};
    CU_ASSERT_EQUAL_FATAL(pthread_atfork(NULL, NULL, die_young), 0);
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 2, .max_jobs = 10});
    CU_ASSERT(workers_are_ready(&fixture, 2));
    stream_init(&stream, &fixture, "t.echo", UINT64_MAX);
    stream.each.ordered = true;
    stream.on_told = kill_workers_at_ten;
    CU_ASSERT_EQUAL(hay_pool_each(fixture.pool, &stream.each, 60000, &error), HAY_EBROKEN);
    CU_ASSERT(strstr(error.text, "had to stop") && strstr(stream.first_message, "had to stop"));
    CU_ASSERT(is_whole(&stream) && stream.out_of_order == 0);
    CU_ASSERT(stream.by_outcome[HAY_OUTCOME_OK] >= 10 && stream.by_outcome[HAY_OUTCOME_SKIPPED] == 11);
    CU_ASSERT_EQUAL(fixture.broken, 1);
    atomic_store(&board->stop, 0);
    fixture_free(&fixture);
}

/* What is told within another call of it says stop, and that other call does not. */
static bool say_stop_inside(void *context, uint64_t index, const struct hay_result *result)
{
    static bool is_inside;
    struct stream *stream = context;
    (void)index, (void)result;
    stream->told++;
    stream->wrong += stream->stop_at != 0;
    if (is_inside)
        stream->stop_at = stream->told;
    if (is_inside || stream->stop_at)
        return false;
    is_inside = true;
    hay_pool_cancel_all(stream->fixture->pool, true);
    is_inside = false;
    return true;
}

static void a_stop_within_another_call_stands(void)
{
    struct fixture fixture;
    struct stream stream;
    fixture_start(&fixture, &two);
    stream_init(&stream, &fixture, "t.echo", UINT64_MAX);
    stream.each.result = say_stop_inside;
    CU_ASSERT_EQUAL(run(&stream, LIMIT_MS), HAY_ECANCELLED);
    CU_ASSERT(stream.stop_at != 0 && stream.wrong == 0);
    end_pool(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the end of the time cancels and tells the rest", the_end_of_the_time_cancels_and_tells_the_rest},
        {"the end of the time comes inline too", the_end_of_the_time_comes_inline_too},
        {"what was taken and had no room is told too", what_was_taken_and_had_no_room_is_told_too},
        {"a receiver that says stop is told nothing more", a_receiver_that_says_stop_is_told_nothing_more},
        {"stop ends what runs", stop_ends_what_runs},
        {"a pool closed half-way finishes what it took", a_pool_closed_half_way_finishes_what_it_took},
        {"a pool that breaks ends the stream", a_pool_that_breaks_ends_the_stream},
        {"a stop within another call stands", a_stop_within_another_call_stands},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"ends of pool each", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
