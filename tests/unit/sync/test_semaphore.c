/* SPDX-License-Identifier: MIT
 *
 * Semaphores: plain, bounded and tracked; what becomes of a dead process's units; and bad use.
 */
#include <hayfork/sync.h>

#include "base/clock.h"
#include "sync/holders.h"
#include "sync/life.h"
#include "unit/sync/related.h"

#include <string.h>

struct shared {
    struct hay_semaphore *semaphore;
    _Atomic int ready, inside, most, go;
};

static struct hay_semaphore *make(unsigned value, unsigned max, bool tracked)
{
    struct hay_semaphore_options options = {.value = value, .max = max, .tracked = tracked};
    struct hay_semaphore *semaphore = hay_semaphore_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(semaphore);
    return semaphore;
}

static unsigned value_of(struct hay_semaphore *semaphore)
{
    unsigned value = 12345;
    CU_ASSERT_EQUAL(hay_semaphore_value(semaphore, &value), HAY_OK);
    return value;
}

static void units_are_counted(void)
{
    for (int tracked = 0; tracked < 2; tracked++) {
        struct hay_semaphore *semaphore = make(2, 0, tracked);
        CU_ASSERT_EQUAL(value_of(semaphore), 2);
        CU_ASSERT_EQUAL(hay_semaphore_wait(semaphore, -1), HAY_OK);
        CU_ASSERT_EQUAL(hay_semaphore_wait(semaphore, 0), HAY_OK);
        CU_ASSERT_EQUAL(value_of(semaphore), 0);
        CU_ASSERT_EQUAL(hay_semaphore_wait(semaphore, 0), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_OK);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_OK);
        CU_ASSERT_EQUAL(value_of(semaphore), 2);
        hay_semaphore_free(semaphore);
    }
}

static void an_unbounded_one_may_exceed_its_start_and_a_bounded_one_may_not(void)
{
    for (int tracked = 0; tracked < 2; tracked++) {
        struct hay_semaphore *semaphore = make(1, 0, tracked);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_OK);
        CU_ASSERT_EQUAL(value_of(semaphore), 2);
        hay_semaphore_free(semaphore);
        semaphore = make(1, 1, tracked);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_ERANGE);
        CU_ASSERT_EQUAL(hay_semaphore_wait(semaphore, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_OK);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_ERANGE);
        CU_ASSERT_EQUAL(value_of(semaphore), 1);
        hay_semaphore_free(semaphore);
        semaphore = make(HAY_SEMAPHORE_MAX, 0, tracked);
        CU_ASSERT_EQUAL(hay_semaphore_post(semaphore), HAY_ERANGE);
        hay_semaphore_free(semaphore);
    }
}

static void a_timeout_is_not_early(void)
{
    for (int tracked = 0; tracked < 2; tracked++) {
        struct hay_semaphore *semaphore = make(0, 0, tracked);
        int64_t before_ms = related_now_ms();
        CU_ASSERT_EQUAL(hay_semaphore_wait(semaphore, 250), HAY_ETIMEDOUT);
        int64_t took_ms = related_now_ms() - before_ms;
        CU_ASSERT_TRUE(took_ms >= 249 && took_ms < 5000);
        hay_semaphore_free(semaphore);
    }
}

static int go_in_and_out(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < 2000; i++) {
        CHILD_CHECK(hay_semaphore_wait(shared->semaphore, LONG_MS) == HAY_OK);
        int now = atomic_fetch_add(&shared->inside, 1) + 1;
        if (now > atomic_load(&shared->most))
            atomic_store(&shared->most, now);
        atomic_fetch_sub(&shared->inside, 1);
        CHILD_CHECK(hay_semaphore_post(shared->semaphore) == HAY_OK);
    }
    return 0;
}

static void no_more_processes_are_inside_than_there_are_units(void)
{
    for (int tracked = 0; tracked < 2; tracked++) {
        struct shared *shared = related_share(sizeof *shared);
        shared->semaphore = make(2, 2, tracked);
        pid_t pids[5];
        for (int i = 0; i < 5; i++)
            pids[i] = related_start(go_in_and_out, shared);
        for (int i = 0; i < 5; i++)
            CU_ASSERT_EQUAL(related_join(pids[i]), 0);
        CU_ASSERT_TRUE(atomic_load(&shared->most) <= 2);
        CU_ASSERT_EQUAL(value_of(shared->semaphore), 2);
        hay_semaphore_free(shared->semaphore);
        munmap(shared, sizeof *shared);
    }
}

static int wait_for_one(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_semaphore_wait(shared->semaphore, -1) == HAY_OK);
    atomic_fetch_add(&shared->inside, 1);
    return 0;
}

static void each_post_lets_one_waiter_go(void)
{
    struct shared *shared = related_share(sizeof *shared);
    shared->semaphore = make(0, 0, false);
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        pids[i] = related_start(wait_for_one, shared);
        CU_ASSERT_TRUE(related_await_asleep(pids[i]));
    }
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(atomic_load(&shared->inside), i);
        CU_ASSERT_EQUAL(hay_semaphore_post(shared->semaphore), HAY_OK);
        CU_ASSERT_TRUE(related_await(&shared->inside, i + 1));
    }
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), 0);
    hay_semaphore_free(shared->semaphore);
    munmap(shared, sizeof *shared);
}

static int take_two_and_stay(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_semaphore_wait(shared->semaphore, -1) == HAY_OK);
    CHILD_CHECK(hay_semaphore_wait(shared->semaphore, -1) == HAY_OK);
    atomic_store(&shared->ready, 1);
    while (pause() < 0)
        ;
    return 1;
}

static void a_dead_process_keeps_its_units(void)
{
    struct shared *shared = related_share(sizeof *shared);
    shared->semaphore = make(3, 3, false);
    pid_t pid = related_start(take_two_and_stay, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    related_kill(pid);
    CU_ASSERT_EQUAL(value_of(shared->semaphore), 1);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 300), HAY_ETIMEDOUT);
    hay_semaphore_free(shared->semaphore);
    munmap(shared, sizeof *shared);
}

static void a_tracked_semaphore_gets_the_units_of_the_dead_back(void)
{
    struct shared *shared = related_share(sizeof *shared);
    shared->semaphore = make(3, 3, true);
    pid_t pid = related_start(take_two_and_stay, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 0), HAY_ETIMEDOUT);
    related_kill(pid);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 0), HAY_OK);
    CU_ASSERT_EQUAL(value_of(shared->semaphore), 1);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, -1), HAY_OK);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(hay_semaphore_post(shared->semaphore), HAY_OK);
    CU_ASSERT_EQUAL(hay_semaphore_post(shared->semaphore), HAY_ERANGE);
    hay_semaphore_free(shared->semaphore);
    munmap(shared, sizeof *shared);
}

/* Nobody reaps the holder while the waiter waits: a zombie holds nothing. */
static void a_waiter_gets_the_unit_of_a_holder_that_dies_meanwhile_reaped_or_not(void)
{
    struct shared *shared = related_share(sizeof *shared);
    shared->semaphore = make(2, 0, true);
    pid_t holder = related_start(take_two_and_stay, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    pid_t waiters[2];
    for (int i = 0; i < 2; i++) {
        waiters[i] = related_start(wait_for_one, shared);
        CU_ASSERT_TRUE(related_await_asleep(waiters[i]));
    }
    kill(holder, SIGKILL);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(related_join(waiters[i]), 0);
    waitpid(holder, NULL, 0);
    CU_ASSERT_EQUAL(value_of(shared->semaphore), 2);
    hay_semaphore_free(shared->semaphore);
    munmap(shared, sizeof *shared);
}

static int give_what_the_parent_took(void *argument)
{
    struct shared *shared = argument;
    return (int)hay_semaphore_post(shared->semaphore);
}

static void a_child_gives_a_tracked_unit_of_its_own_not_its_parents(void)
{
    struct shared *shared = related_share(sizeof *shared);
    shared->semaphore = make(1, 1, true);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(related_start(give_what_the_parent_took, shared)), HAY_ERANGE);
    CU_ASSERT_EQUAL(value_of(shared->semaphore), 0);
    hay_semaphore_free(shared->semaphore);
    shared->semaphore = make(1, 2, true);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(related_start(give_what_the_parent_took, shared)), HAY_OK);
    CU_ASSERT_EQUAL(value_of(shared->semaphore), 1);
    hay_semaphore_free(shared->semaphore);
    munmap(shared, sizeof *shared);
}

static void a_full_table_of_holders_is_a_status_and_the_dead_make_room(void)
{
    struct shared *shared = related_share(sizeof *shared);
    struct hay_semaphore_options options = {.value = 5, .tracked = true, .max_holders = 1};
    shared->semaphore = hay_semaphore_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared->semaphore);
    pid_t pid = related_start(take_two_and_stay, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, -1), HAY_EFULL);
    related_kill(pid);
    CU_ASSERT_EQUAL(hay_semaphore_wait(shared->semaphore, -1), HAY_OK);
    CU_ASSERT_EQUAL(value_of(shared->semaphore), 4);
    hay_semaphore_free(shared->semaphore);
    munmap(shared, sizeof *shared);
}

static int take_one_and_die_in_a_change(void *argument)
{
    struct holders *holders = argument;
    CHILD_CHECK(holders_take(holders, 0) == 0);
    CHILD_CHECK(pthread_mutex_lock(&holders->lock) == 0);
    atomic_store(&holders->taken, 9);
    return raise(SIGKILL);
}

static void a_sum_that_somebody_died_over_is_made_anew(void)
{
    size_t size = holders_size(3);
    struct holders *holders = related_share(size);
    struct life life = life_own();
    CU_ASSERT_EQUAL(holders_init(holders, 10, 10, 3), 0);
    CU_ASSERT(holders_take(holders, 0) == 0 && holders_take(holders, 0) == 0);
    CU_ASSERT(atomic_load(&holders->at[0].pid) == life.pid && atomic_load(&holders->at[0].start) == life.start);
    CU_ASSERT_EQUAL(related_join(related_start(take_one_and_die_in_a_change, holders)), -SIGKILL);
    CU_ASSERT_EQUAL(holders_take(holders, 0), 0);
    CU_ASSERT_EQUAL(atomic_load(&holders->taken), 4); /* the dead one's too, until it is looked for */
    CU_ASSERT_EQUAL(holders_reclaim(holders, 0), 7);
    munmap(holders, size);
}

static int search(void *argument)
{
    return (int)holders_reclaim(argument, clock_now_ns() + LONG_MS * NS_PER_MS);
}

/* Between the look and the lock, another search has freed the dead one's place, and it has been used again. */
static void a_search_takes_nothing_from_the_living_in_a_dead_ones_place(void)
{
    size_t size = holders_size(1);
    struct holders *holders = related_share(size);
    CU_ASSERT_EQUAL(holders_init(holders, 5, 5, 1), 0);
    CU_ASSERT_EQUAL(holders_take(holders, 0), 0);
    atomic_fetch_add(&holders->at[0].start, 1); /* a dead one's that had our number */
    CU_ASSERT_EQUAL(pthread_mutex_lock(&holders->lock), 0);
    pid_t pid = related_start(search, holders);
    CU_ASSERT_TRUE(related_await_asleep(pid));
    atomic_fetch_sub(&holders->at[0].start, 1);
    pthread_mutex_unlock(&holders->lock);
    CU_ASSERT_EQUAL(related_join(pid), 4);
    CU_ASSERT_EQUAL(atomic_load(&holders->at[0].units), 1);
    munmap(holders, size);
}

static void bad_use_is_a_status(void)
{
    struct hay_error error;
    const struct hay_semaphore_options bad[] = {
        {.value = 2, .max = 1},
        {.value = HAY_SEMAPHORE_MAX + 1u},
        {.max = HAY_SEMAPHORE_MAX + 1u},
        {.tracked = true, .max_holders = 65537},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(&error, 0, sizeof error);
        CU_ASSERT_PTR_NULL(hay_semaphore_new(&bad[i], &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
        CU_ASSERT_NOT_EQUAL(error.text[0], '\0');
        CU_ASSERT_PTR_NULL(hay_semaphore_new(&bad[i], NULL));
    }
    unsigned value;
    CU_ASSERT_EQUAL(hay_semaphore_wait(NULL, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_semaphore_post(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_semaphore_value(NULL, &value), HAY_EINVAL);
    hay_semaphore_free(NULL);
    struct hay_semaphore *semaphore = hay_semaphore_new(NULL, NULL);
    CU_ASSERT_EQUAL(hay_semaphore_value(semaphore, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(value_of(semaphore), 0);
    hay_semaphore_free(semaphore);
}

static CU_TestInfo cases[] = {
    {"units are counted", units_are_counted},
    {"an unbounded one may exceed its start, and a bounded one may not",
        an_unbounded_one_may_exceed_its_start_and_a_bounded_one_may_not},
    {"a timeout is not early", a_timeout_is_not_early},
    {"no more processes are inside than there are units", no_more_processes_are_inside_than_there_are_units},
    {"each post lets one waiter go", each_post_lets_one_waiter_go},
    {"a dead process keeps its units", a_dead_process_keeps_its_units},
    {"a tracked semaphore gets the units of the dead back", a_tracked_semaphore_gets_the_units_of_the_dead_back},
    {"a waiter gets the unit of a holder that dies meanwhile, reaped or not",
        a_waiter_gets_the_unit_of_a_holder_that_dies_meanwhile_reaped_or_not},
    {"a child gives a tracked unit of its own, not its parent's", a_child_gives_a_tracked_unit_of_its_own_not_its_parents},
    {"a full table of holders is a status, and the dead make room",
        a_full_table_of_holders_is_a_status_and_the_dead_make_room},
    {"a sum that somebody died over is made anew", a_sum_that_somebody_died_over_is_made_anew},
    {"a search takes nothing from the living in a dead one's place",
        a_search_takes_nothing_from_the_living_in_a_dead_ones_place},
    {"bad use is a status", bad_use_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "semaphore", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
