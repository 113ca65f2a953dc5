/* SPDX-License-Identifier: MIT
 *
 * First in, first out within a priority, for jobs of very different length: what waits for a worker begins before what was
 * submitted later, also where workers are sent several jobs at once.
 */
#include "unit/pool/pool_fixture.h"

/* Fast jobs first, so that workers are sent more than one at a time. */
static void start_warm(struct fixture *fixture, int workers)
{
    fixture_start(fixture, &(struct hay_pool_options){.workers = workers});
    CU_ASSERT(workers_are_ready(fixture, workers));
    for (int i = 0; i < 400; i++)
        submit(fixture, "t.echo", "1");
    CU_ASSERT(all_come(fixture));
}

/* For two workers: the short one in the middle needs neither of the long ones to end. */
static uint64_t submit_three(struct fixture *fixture, int priority_step)
{
    submit_job(fixture, (struct hay_job){.function = "t.hold", .priority = 2 * priority_step});
    uint64_t number = submit_job(fixture, (struct hay_job){.function = "t.echo", .args = {"1", 1}, .priority = priority_step});
    submit_job(fixture, (struct hay_job){.function = "t.hold"});
    return number;
}

static void expect_short_then_both(struct fixture *fixture, uint64_t short_one)
{
    CU_ASSERT(comes(fixture, fixture->submitted - 2));
    CU_ASSERT(ended_as(fixture, short_one, HAY_OUTCOME_OK));
    CU_ASSERT(begins(fixture, 2));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(fixture));
    fixture_end(fixture);
}

static void idle_workers_take_the_first_of_the_queue(void)
{
    struct fixture fixture;
    for (int step = 0; step < 2; step++) {
        start_warm(&fixture, 2);
        expect_short_then_both(&fixture, submit_three(&fixture, step));
    }
}

static uint64_t submitted_inside;

static void submit_inside(struct fixture *fixture, const struct hay_result *result)
{
    (void)result;
    fixture->on_result = NULL;
    submitted_inside = submit_three(fixture, 0);
}

/* The worker whose result it is asks for more before the others are looked at. */
static void so_they_do_of_what_a_callback_submits(void)
{
    struct fixture fixture;
    start_warm(&fixture, 2);
    fixture.on_result = submit_inside;
    submit(&fixture, "t.echo", "1");
    CU_ASSERT(comes(&fixture, fixture.submitted));
    expect_short_then_both(&fixture, submitted_inside);
}

static void nothing_is_sent_behind_what_is_known_to_be_long(void)
{
    struct fixture fixture;
    struct hay_pool_stats before, after;
    start_warm(&fixture, 1);
    submit(&fixture, "t.hold", NULL);
    CU_ASSERT(begins(&fixture, 1));
    for (int64_t end_ns = clock_now_ns() + 100 * NS_PER_MS; clock_now_ns() < end_ns;)
        hay_pool_turn(fixture.pool, 2);
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    atomic_store(&board->release, 0);
    hay_pool_stats(fixture.pool, &before);
    for (int i = 0; i < 5; i++)
        submit(&fixture, i ? "t.echo" : "t.hold", "1");
    CU_ASSERT(begins(&fixture, 2));
    atomic_store(&board->release, 1);
    CU_ASSERT(all_come(&fixture));
    hay_pool_stats(fixture.pool, &after);
    CU_ASSERT_EQUAL(after.recalled, before.recalled);
    fixture_end(&fixture);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"idle workers take the first of the queue", idle_workers_take_the_first_of_the_queue},
        {"so they do of what a callback submits", so_they_do_of_what_a_callback_submits},
        {"nothing is sent behind what is known to be long", nothing_is_sent_behind_what_is_known_to_be_long},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool order", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
