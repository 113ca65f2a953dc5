/* SPDX-License-Identifier: MIT
 *
 * The mutex: exclusion, recursion, timeouts, death of a holder, and bad use.
 */
#include <hayfork/sync.h>

#include "unit/sync/related.h"

struct shared {
    struct hay_mutex *mutex;
    _Atomic int ready, go;
    volatile long plain;
};

static struct shared *make_shared(bool recursive)
{
    struct shared *shared = related_share(sizeof *shared);
    struct hay_mutex_options options = {.recursive = recursive};
    shared->mutex = hay_mutex_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared->mutex);
    return shared;
}

static void drop_shared(struct shared *shared)
{
    CU_ASSERT_EQUAL(hay_mutex_free(shared->mutex), HAY_OK);
    munmap(shared, sizeof *shared);
}

static int add_many(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < 20000; i++) {
        CHILD_CHECK(hay_mutex_lock(shared->mutex, LONG_MS) == HAY_OK);
        shared->plain++;
        CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_OK);
    }
    return 0;
}

static void processes_exclude_each_other(void)
{
    struct shared *shared = make_shared(false);
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        pids[i] = related_start(add_many, shared);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), 0);
    CU_ASSERT_EQUAL(shared->plain, 80000);
    drop_shared(shared);
}

static int hold(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_lock(shared->mutex, LONG_MS) == HAY_OK);
    atomic_store(&shared->ready, 1);
    CHILD_CHECK(related_await(&shared->go, 1));
    CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_OK);
    return 0;
}

static void a_try_on_a_held_mutex_fails_at_once_and_a_timeout_is_not_early(void)
{
    struct shared *shared = make_shared(false);
    pid_t pid = related_start(hold, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_ETIMEDOUT);
    int64_t before_ms = related_now_ms();
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 250), HAY_ETIMEDOUT);
    int64_t took_ms = related_now_ms() - before_ms;
    CU_ASSERT_TRUE(took_ms >= 249 && took_ms < 5000);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_ESTATE);
    atomic_store(&shared->go, 1);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(related_join(pid), 0);
    drop_shared(shared);
}

static void locking_twice_and_unlocking_twice_are_statuses(void)
{
    struct hay_mutex *mutex = hay_mutex_new(NULL, NULL);
    CU_ASSERT_EQUAL(hay_mutex_unlock(mutex), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_consistent(mutex), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_lock(mutex, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_lock(mutex, 0), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_lock(mutex, -1), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_free(mutex), HAY_EBUSY);
    CU_ASSERT_EQUAL(hay_mutex_unlock(mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(mutex), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_free(mutex), HAY_OK);
}

static int unlock_what_the_parent_holds(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_ESTATE);
    CHILD_CHECK(hay_mutex_lock(shared->mutex, 0) == HAY_ETIMEDOUT);
    CHILD_CHECK(hay_mutex_free(shared->mutex) == HAY_OK);
    return 0;
}

static void a_child_does_not_hold_what_its_parent_holds(void)
{
    for (int recursive = 0; recursive < 2; recursive++) {
        struct shared *shared = make_shared(recursive);
        CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_OK);
        if (recursive)
            CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_OK);
        CU_ASSERT_EQUAL(related_join(related_start(unlock_what_the_parent_holds, shared)), 0);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        if (recursive)
            CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_ESTATE);
        drop_shared(shared);
    }
}

static int try_lock(void *argument)
{
    struct shared *shared = argument;
    enum hay_status status = hay_mutex_lock(shared->mutex, 0);
    if (status == HAY_OK)
        CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_OK);
    return (int)status;
}

static void a_recursive_mutex_is_unlocked_as_often_as_it_was_locked(void)
{
    struct shared *shared = make_shared(true);
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_OK);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(related_join(related_start(try_lock, shared)), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    }
    CU_ASSERT_EQUAL(related_join(related_start(try_lock, shared)), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_ESTATE);
    drop_shared(shared);
}

static int die_holding(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_lock(shared->mutex, -1) == HAY_OK);
    hay_mutex_lock(shared->mutex, 0);
    kill(getpid(), SIGKILL);
    return 1;
}

static void a_dead_holder_is_a_status_until_it_is_repaired(void)
{
    for (int recursive = 0; recursive < 2; recursive++) {
        struct shared *shared = make_shared(recursive);
        CU_ASSERT_EQUAL(related_join(related_start(die_holding, shared)), -SIGKILL);
        for (int i = 0; i < 2; i++) {
            CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_EOWNERDEAD);
            CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        }
        CU_ASSERT_EQUAL(related_join(related_start(try_lock, shared)), HAY_EOWNERDEAD);
        CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_EOWNERDEAD);
        CU_ASSERT_EQUAL(hay_mutex_consistent(shared->mutex), HAY_OK);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_ESTATE);
        CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        drop_shared(shared);
    }
}

static int wait_for_the_dead(void *argument)
{
    struct shared *shared = argument;
    enum hay_status status = hay_mutex_lock(shared->mutex, -1);
    CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_OK);
    return (int)status;
}

static void who_waits_for_a_holder_that_dies_is_told(void)
{
    struct shared *shared = make_shared(false);
    pid_t holder = related_start(hold, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    pid_t waiter = related_start(wait_for_the_dead, shared);
    CU_ASSERT_TRUE(related_await_asleep(waiter));
    related_kill(holder);
    CU_ASSERT_EQUAL(related_join(waiter), HAY_EOWNERDEAD);
    drop_shared(shared);
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_does_not_end_a_wait(void)
{
    struct shared *shared = make_shared(false);
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigaction(SIGUSR1, &action, &before);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, 0), HAY_OK);
    pid_t waiter = related_start(wait_for_the_dead, shared);
    for (int i = 0; i < 20; i++) {
        CU_ASSERT_TRUE(related_await_asleep(waiter));
        kill(waiter, SIGUSR1);
    }
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(related_join(waiter), HAY_OK);
    sigaction(SIGUSR1, &before, NULL);
    drop_shared(shared);
}

static void nothing_at_all_is_a_status(void)
{
    CU_ASSERT_EQUAL(hay_mutex_lock(NULL, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_mutex_unlock(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_mutex_consistent(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_mutex_free(NULL), HAY_OK);
}

static CU_TestInfo cases[] = {
    {"processes exclude each other", processes_exclude_each_other},
    {"a try on a held mutex fails at once, and a timeout is not early",
        a_try_on_a_held_mutex_fails_at_once_and_a_timeout_is_not_early},
    {"locking twice and unlocking twice are statuses", locking_twice_and_unlocking_twice_are_statuses},
    {"a child does not hold what its parent holds", a_child_does_not_hold_what_its_parent_holds},
    {"a recursive mutex is unlocked as often as it was locked", a_recursive_mutex_is_unlocked_as_often_as_it_was_locked},
    {"a dead holder is a status until it is repaired", a_dead_holder_is_a_status_until_it_is_repaired},
    {"who waits for a holder that dies is told", who_waits_for_a_holder_that_dies_is_told},
    {"a signal does not end a wait", a_signal_does_not_end_a_wait},
    {"nothing at all is a status", nothing_at_all_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "mutex", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
