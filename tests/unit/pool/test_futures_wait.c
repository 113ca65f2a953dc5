/* SPDX-License-Identifier: MIT
 *
 * Waiting for several futures: for all, for the first, for the first failure.
 */
#include "unit/pool/pool_fixture.h"

static const struct hay_pool_options three = {.workers = 3, .crash_retries = HAY_POOL_NO_CRASH_RETRY, .grace_ms = 100};

static struct hay_future *future_of(struct fixture *fixture, const char *function, const char *args)
{
    struct hay_job job = {.function = function, .args = {args, strlen(args)}};
    struct hay_future *future = hay_pool_future(fixture->pool, &job, LIMIT_MS, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(future);
    return future;
}

static bool is_settled(const struct hay_future *future)
{
    return hay_future_result(future) != NULL;
}

static void end(struct fixture *fixture, struct hay_future **futures, size_t count)
{
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, count, HAY_FUTURES_ALL, LIMIT_MS), HAY_OK);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT(is_settled(futures[i]));
        hay_future_free(futures[i]);
    }
    hay_pool_close(fixture->pool);
    CU_ASSERT_EQUAL(hay_pool_join(fixture->pool, LIMIT_MS), HAY_OK);
    fixture_free(fixture);
}

static void all_have_their_results(void)
{
    struct fixture fixture;
    struct hay_future *futures[200];
    fixture_start(&fixture, &three);
    for (int i = 0; i < 200; i++)
        futures[i] = future_of(&fixture, i % 3 ? "t.echo" : i % 2 ? "t.die" : "t.fail_before", i % 3 ? "1" : "9");
    end(&fixture, futures, 200);
}

static void the_first_is_enough(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &three);
    struct hay_future *futures[] = {future_of(&fixture, "t.hold", "1"), future_of(&fixture, "t.hold", "1"),
                                    future_of(&fixture, "t.echo", "1")};
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_FIRST, LIMIT_MS), HAY_OK);
    CU_ASSERT(!is_settled(futures[0]) && !is_settled(futures[1]) && is_settled(futures[2]));
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_FIRST, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 2, HAY_FUTURES_FIRST, 20), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_ALL, 20), HAY_ETIMEDOUT);
    end(&fixture, futures, 3);
}

static void the_first_failure_is_enough(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &three);
    struct hay_future *futures[] = {future_of(&fixture, "t.echo", "1"), future_of(&fixture, "t.hold", "1"),
                                    future_of(&fixture, "t.echo", "1"), future_of(&fixture, "t.fail_before", "9")};
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 4, HAY_FUTURES_FIRST_FAILURE, LIMIT_MS), HAY_OK);
    CU_ASSERT(!is_settled(futures[1]) && is_settled(futures[3]));
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_FIRST_FAILURE, 20), HAY_ETIMEDOUT);
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_FIRST_FAILURE, LIMIT_MS), HAY_OK); /* none failed: all */
    CU_ASSERT(is_settled(futures[0]) && is_settled(futures[1]) && is_settled(futures[2]));
    end(&fixture, futures, 4);
}

static void one_may_stand_there_twice_and_none_is_fine(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &three);
    struct hay_future *future = future_of(&fixture, "t.echo", "1"), *futures[] = {future, future, future};
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_ALL, LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_futures_wait(NULL, 0, HAY_FUTURES_FIRST, -1), HAY_OK);
    end(&fixture, futures, 1);
}

static struct hay_future *doomed[2];

static void free_both(void *context, const struct hay_result *result)
{
    (void)context, (void)result;
    for (int i = 0; i < 2; i++) {
        hay_future_free(doomed[i]);
        doomed[i] = NULL;
    }
}

static void a_callback_may_free_what_is_waited_for(void)
{
    struct fixture fixture;
    fixture_start(&fixture, &three);
    doomed[0] = future_of(&fixture, "t.echo", "1");
    doomed[1] = hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.sleep", .args = {"20", 2}, .on_done = free_both},
                                -1, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(doomed[1]);
    CU_ASSERT_EQUAL(hay_futures_wait(doomed, 2, HAY_FUTURES_ALL, LIMIT_MS), HAY_OK);
    CU_ASSERT_PTR_NULL(doomed[0]);
    end(&fixture, NULL, 0);
}

static bool ended_so(const struct hay_future *future, enum hay_outcome outcome)
{
    return is_settled(future) && hay_future_result(future)->outcome == outcome;
}

static void cancel_the_others(void *context, const struct hay_result *result)
{
    (void)result;
    hay_pool_cancel_all(*(struct hay_pool **)context, true);
}

/* What runs and what waits, by a callback within the wait. */
static void cancelling_all_ends_every_wait(void)
{
    for (enum hay_futures_mode mode = HAY_FUTURES_ALL; mode <= HAY_FUTURES_FIRST_FAILURE; mode++) {
        struct fixture fixture;
        fixture_start(&fixture, &three);
        struct hay_future *futures[5] = {future_of(&fixture, "t.hold", "1"), future_of(&fixture, "t.hold", "1")};
        CU_ASSERT(begins(&fixture, 2));
        for (int i = 2; i < 4; i++)
            futures[i] = hay_pool_future(fixture.pool, &(struct hay_job){.function = "t.hold", .priority = -1}, 0, NULL);
        struct hay_job job = {.function = "t.echo", .on_done = cancel_the_others, .done_context = &fixture.pool};
        futures[4] = hay_pool_future(fixture.pool, &job, 0, NULL);
        CU_ASSERT_FATAL(futures[2] && futures[3] && futures[4]);
        CU_ASSERT_EQUAL(hay_futures_wait(futures, 4, mode, LIMIT_MS), HAY_OK);
        CU_ASSERT_EQUAL(hay_futures_wait(futures, 4, HAY_FUTURES_ALL, LIMIT_MS), HAY_OK);
        for (int i = 0; i < 4; i++)
            CU_ASSERT(ended_so(futures[i], HAY_OUTCOME_CANCELLED));
        CU_ASSERT(ended_so(futures[4], HAY_OUTCOME_OK));
        end(&fixture, futures, 5);
    }
}

static void bad_use_gets_a_status(void)
{
    struct fixture one, other;
    fixture_start(&one, &three);
    fixture_start(&other, &three);
    struct hay_future *futures[] = {future_of(&one, "t.hold", "1"), future_of(&other, "t.hold", "1"), NULL};
    CU_ASSERT_EQUAL(hay_futures_wait(NULL, 1, HAY_FUTURES_ALL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 3, HAY_FUTURES_ALL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 2, HAY_FUTURES_ALL, 0), HAY_EINVAL); /* of two pools */
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 1, (enum hay_futures_mode)7, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 1, HAY_FUTURES_ALL, 0), HAY_ETIMEDOUT);
    atomic_store(&board->release, 1);
    CU_ASSERT_EQUAL(hay_future_wait(futures[0], LIMIT_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_futures_wait(futures, 2, HAY_FUTURES_ALL, LIMIT_MS), HAY_OK); /* pending ones of one pool */
    hay_future_free(futures[0]);
    hay_future_free(futures[1]);
    hay_pool_free(other.pool);
    free(other.book);
    end(&one, NULL, 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"all have their results", all_have_their_results},
        {"the first is enough", the_first_is_enough},
        {"the first failure is enough", the_first_failure_is_enough},
        {"one may stand there twice and none is fine", one_may_stand_there_twice_and_none_is_fine},
        {"a callback may free what is waited for", a_callback_may_free_what_is_waited_for},
        {"cancelling all ends every wait", cancelling_all_ends_every_wait},
        {"bad use gets a status", bad_use_gets_a_status},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"futures wait", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
