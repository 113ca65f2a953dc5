/* SPDX-License-Identifier: MIT
 *
 * How much a pool accepts, in jobs and in bytes, when it refuses, and when it tells that there is room again.
 */
#include "unit/pool/pool_fixture.h"

static void a_full_queue_refuses_and_tells_of_room(void)
{
    struct fixture fixture;
    struct hay_job job = {.function = "t.echo", .args = {"1", 1}};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_jobs = 8});
    submit(&fixture, "t.hold", "1");
    for (int i = 1; i < 8; i++)
        CU_ASSERT(submit(&fixture, "t.echo", "1") > 0);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 0, NULL, NULL), HAY_EFULL);
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 20, NULL, NULL), HAY_ETIMEDOUT);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 0));
    CU_ASSERT_EQUAL(fixture.rooms, 0);
    atomic_store(&board->release, 1);
    CU_ASSERT(submit(&fixture, "t.echo", "1") > 0); /* waits for room */
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.rooms, 1);
    CU_ASSERT(hay_pool_has_room(fixture.pool, 0));
    fixture_end(&fixture);
}

static void bytes_count_but_one_job_always_fits(void)
{
    struct fixture fixture;
    static char args[5000];
    memset(args, '1', sizeof args);
    struct hay_job job = {.function = "t.echo", .args = {args, 600}};
    fixture_start(&fixture, &(struct hay_pool_options){.workers = 1, .max_bytes = 1000});
    CU_ASSERT(submit_job(&fixture, (struct hay_job){.function = "t.echo", .args = {args, 15}, .id = {args, 4000}}) > 0);
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 1));
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 0, NULL, NULL), HAY_EFULL);
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT_EQUAL(fixture.rooms, 1);
    CU_ASSERT(hay_pool_has_room(fixture.pool, 5000));
    CU_ASSERT(submit_job(&fixture, (struct hay_job){.function = "t.fill", .args = {"600", 3}}) > 0);
    CU_ASSERT(hay_pool_has_room(fixture.pool, 997));
    CU_ASSERT(!hay_pool_has_room(fixture.pool, 998));
    CU_ASSERT(all_come(&fixture));
    submit(&fixture, "t.hold", "1");
    job.args.size = 1000;
    CU_ASSERT_EQUAL(hay_pool_submit(fixture.pool, &job, 20, NULL, NULL), HAY_ETIMEDOUT); /* room for a job, not for this one */
    atomic_store(&board->release, 1);
    fixture_end(&fixture);
}

/* Accepted at once, behind one that runs. */
static int taken(struct fixture *fixture, size_t size, int most)
{
    static char args[1000000];
    memset(args, '1', sizeof args);
    struct hay_job job = {.function = "t.echo", .args = {args, size}};
    int count = 0;
    while (count < most && hay_pool_submit(fixture->pool, &job, 0, NULL, NULL) == HAY_OK)
        count++;
    fixture->submitted += (uint64_t)count;
    return count;
}

static void a_default_queue_is_bounded_in_bytes_beyond_four_jobs_a_worker(void)
{
    const struct hay_pool_options options[] = {{.workers = 1}, {.workers = 2}, {.workers = 1, .max_jobs = 500},
                                               {.workers = 1, .max_bytes = 3000000}};
    const struct {
        size_t size;
        int taken[4]; /* with each of the options, with one job that is there */
    } cases[] = {{1000, {524, 1048, 499, 2999}}, {100000, {5, 10, 499, 29}}, {1000000, {3, 7, 67, 2}}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
            struct fixture fixture;
            fixture_start(&fixture, &options[i]);
            submit(&fixture, "t.hold", "1");
            CU_ASSERT_EQUAL(taken(&fixture, cases[n].size, 4000), cases[n].taken[i]);
            CU_ASSERT_EQUAL(fixture.rooms, 0);
            atomic_store(&board->release, 1);
            CU_ASSERT(all_come(&fixture));
            CU_ASSERT_EQUAL(fixture.rooms, 1);
            fixture_end(&fixture);
        }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a full queue refuses and tells of room", a_full_queue_refuses_and_tells_of_room},
        {"bytes count but one job always fits", bytes_count_but_one_job_always_fits},
        {"a default queue is bounded in bytes beyond four jobs a worker",
         a_default_queue_is_bounded_in_bytes_beyond_four_jobs_a_worker},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool room", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
