/* SPDX-License-Identifier: MIT
 *
 * The condition: exact numbers of wakes, timeouts, predicates, killed waiters, a dead holder, and bad use.
 */
#include <hayfork/sync.h>

#include "unit/sync/related.h"

#include <sys/time.h>

#define CROWD 6

struct shared {
    struct hay_mutex *mutex;
    struct hay_condition *condition;
    _Atomic int sleeping, woken;
    int number;         /* under the mutex */
};

static struct shared *make_shared(bool recursive)
{
    struct shared *shared = related_share(sizeof *shared);
    struct hay_mutex_options options = {.recursive = recursive};
    shared->mutex = hay_mutex_new(&options, NULL);
    shared->condition = hay_condition_new(shared->mutex, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared->condition);
    return shared;
}

static void drop_shared(struct shared *shared)
{
    hay_condition_free(shared->condition);
    CU_ASSERT_EQUAL(hay_mutex_free(shared->mutex), HAY_OK);
    munmap(shared, sizeof *shared);
}

static int wait_once(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_lock(shared->mutex, -1) == HAY_OK);
    atomic_fetch_add(&shared->sleeping, 1);
    enum hay_status status = hay_condition_wait(shared->condition, -1);
    atomic_fetch_add(&shared->woken, 1);
    CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_OK);
    return (int)status;
}

/* They count themselves with the mutex held, which they let go only when they are in the wait. */
static void start_crowd(struct shared *shared, pid_t *pids, int count)
{
    int before = atomic_load(&shared->sleeping);
    for (int i = 0; i < count; i++)
        pids[i] = related_start(wait_once, shared);
    CU_ASSERT_TRUE(related_await(&shared->sleeping, before + count));
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, LONG_MS), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
}

static void notify(struct shared *shared, int count)
{
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, LONG_MS), HAY_OK);
    CU_ASSERT_EQUAL(HAY_OK,
        count < 0 ? hay_condition_notify_all(shared->condition) : hay_condition_notify(shared->condition, count));
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
}

/* More than two of the looks that a sleeper takes of itself: who would leave without cause has had its chance. */
static void let_all_look_again(void)
{
    struct hay_event *never = hay_event_new(NULL);
    CU_ASSERT_EQUAL(hay_event_wait(never, 250), HAY_ETIMEDOUT);
    hay_event_free(never);
}

static void notify_wakes_exactly_so_many(void)
{
    struct shared *shared = make_shared(false);
    pid_t pids[CROWD];
    start_crowd(shared, pids, CROWD);
    notify(shared, 0);
    let_all_look_again();
    CU_ASSERT_EQUAL(atomic_load(&shared->woken), 0);
    notify(shared, 1);
    CU_ASSERT_TRUE(related_await(&shared->woken, 1));
    let_all_look_again();
    CU_ASSERT_EQUAL(atomic_load(&shared->woken), 1);
    notify(shared, 3);
    CU_ASSERT_TRUE(related_await(&shared->woken, 4));
    let_all_look_again();
    CU_ASSERT_EQUAL(atomic_load(&shared->woken), 4);
    notify(shared, 100);
    CU_ASSERT_TRUE(related_await(&shared->woken, CROWD));
    for (int i = 0; i < CROWD; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), HAY_OK);
    /* What was too many is not kept for those who come later. */
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_condition_wait(shared->condition, 200), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    drop_shared(shared);
}

static void notify_all_wakes_all(void)
{
    struct shared *shared = make_shared(false);
    pid_t pids[CROWD];
    for (int round = 0; round < 3; round++) {
        start_crowd(shared, pids, CROWD);
        notify(shared, -1);
        for (int i = 0; i < CROWD; i++)
            CU_ASSERT_EQUAL(related_join(pids[i]), HAY_OK);
    }
    notify(shared, -1);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_condition_wait(shared->condition, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    drop_shared(shared);
}

static void a_wait_times_out_with_the_mutex_held_and_not_early(void)
{
    for (int recursive = 0; recursive < 2; recursive++) {
        struct shared *shared = make_shared(recursive);
        CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
        if (recursive)
            CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
        int64_t before_ms = related_now_ms();
        CU_ASSERT_EQUAL(hay_condition_wait(shared->condition, 250), HAY_ETIMEDOUT);
        int64_t took_ms = related_now_ms() - before_ms;
        CU_ASSERT_TRUE(took_ms >= 249 && took_ms < 5000);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        if (recursive)
            CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
        CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_ESTATE);
        drop_shared(shared);
    }
}

static bool is_four(void *context)
{
    return ((struct shared *)context)->number == 4;
}

static int count_to_four(void *argument)
{
    struct shared *shared = argument;
    for (int i = 0; i < 4; i++) {
        CHILD_CHECK(hay_mutex_lock(shared->mutex, LONG_MS) == HAY_OK);
        shared->number++;
        CHILD_CHECK(hay_condition_notify(shared->condition, 1) == HAY_OK);
        CHILD_CHECK(hay_mutex_unlock(shared->mutex) == HAY_OK);
    }
    return 0;
}

/* With a recursive mutex held twice: a wait lets go of all of it, or the child would never come in. */
static void wait_for_returns_when_the_predicate_is_true(void)
{
    struct shared *shared = make_shared(true);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    pid_t pid = related_start(count_to_four, shared);
    CU_ASSERT_EQUAL(hay_condition_wait_for(shared->condition, is_four, shared, LONG_MS), HAY_OK);
    CU_ASSERT_EQUAL(shared->number, 4);
    CU_ASSERT_EQUAL(hay_condition_wait_for(shared->condition, is_four, shared, 0), HAY_OK);
    shared->number = 5;
    int64_t before_ms = related_now_ms();
    CU_ASSERT_EQUAL(hay_condition_wait_for(shared->condition, is_four, shared, 150), HAY_ETIMEDOUT);
    CU_ASSERT_TRUE(related_now_ms() - before_ms >= 149);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(related_join(pid), 0);
    drop_shared(shared);
}

static bool is_asked_again(void *times)
{
    return (*(int *)times)++ > 0;
}

static void wait_for_asks_a_last_time_when_the_time_is_up(void)
{
    struct shared *shared = make_shared(false);
    int times = 0;
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_condition_wait_for(shared->condition, is_asked_again, &times, 20), HAY_OK);
    CU_ASSERT_EQUAL(times, 2);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    drop_shared(shared);
}

static void killed_waiters_keep_no_notification_from_the_living(void)
{
    struct shared *shared = make_shared(false);
    pid_t dead[CROWD], living[2];
    start_crowd(shared, dead, CROWD);
    start_crowd(shared, living, 2);
    for (int i = 0; i < CROWD; i++)
        related_kill(dead[i]);
    notify(shared, 1);
    CU_ASSERT_TRUE(related_await(&shared->woken, 1));
    notify(shared, 1);
    CU_ASSERT_TRUE(related_await(&shared->woken, 2));
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(related_join(living[i]), HAY_OK);
    drop_shared(shared);
}

static int die_before_notifying(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_lock(shared->mutex, -1) == HAY_OK);
    kill(getpid(), SIGKILL);
    return 1;
}

static void notify_one(struct shared *shared, int woken)
{
    notify(shared, 1);
    CU_ASSERT_TRUE(related_await(&shared->woken, woken));
    let_all_look_again();
    CU_ASSERT_EQUAL(atomic_load(&shared->woken), woken);
}

/* The first waiter cannot come for what it was notified of; who came after that leaves it alone. */
static void who_comes_later_takes_no_older_notification(void)
{
    struct shared *shared = make_shared(false);
    pid_t first, later[2];
    start_crowd(shared, &first, 1);
    related_stop(first);
    notify(shared, 1);
    start_crowd(shared, later, 2);
    notify_one(shared, 1);
    kill(first, SIGCONT);
    CU_ASSERT_TRUE(related_await(&shared->woken, 2));
    CU_ASSERT_EQUAL(related_join(first), HAY_OK);
    notify_one(shared, 3);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(related_join(later[i]), HAY_OK);
    drop_shared(shared);
}

/* What nobody has come for is void when all are notified, and not taken for a waiter's to come. */
static void a_notify_after_all_were_notified_is_for_who_waits_then(void)
{
    struct shared *shared = make_shared(false);
    pid_t first, later;
    start_crowd(shared, &first, 1);
    related_stop(first);
    notify(shared, 1);
    notify(shared, -1);
    kill(first, SIGCONT);
    CU_ASSERT_EQUAL(related_join(first), HAY_OK);
    start_crowd(shared, &later, 1);
    notify_one(shared, 2);
    CU_ASSERT_EQUAL(related_join(later), HAY_OK);
    drop_shared(shared);
}

/* More notifications wait to be taken than a condition tells apart. */
static void many_notifications_are_kept_for_who_waits(void)
{
    enum { MANY = 40 };
    struct shared *shared = make_shared(false);
    pid_t pids[MANY], late;
    for (int i = 0; i < MANY; i++) {
        start_crowd(shared, &pids[i], 1);
        related_stop(pids[i]);
        notify(shared, 1);
    }
    start_crowd(shared, &late, 1);
    let_all_look_again();
    CU_ASSERT_EQUAL(atomic_load(&shared->woken), 0);
    for (int i = 0; i < MANY; i++)
        kill(pids[i], SIGCONT);
    for (int i = 0; i < MANY; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), HAY_OK);
    CU_ASSERT_EQUAL(atomic_load(&shared->woken), MANY);
    notify_one(shared, MANY + 1);
    CU_ASSERT_EQUAL(related_join(late), HAY_OK);
    drop_shared(shared);
}

static void a_waiter_is_told_when_a_holder_died(void)
{
    struct shared *shared = make_shared(false);
    pid_t pids[2];
    start_crowd(shared, pids, 2);
    CU_ASSERT_EQUAL(related_join(related_start(die_before_notifying, shared)), -SIGKILL);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_mutex_consistent(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_condition_wait(shared->condition, 0), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    drop_shared(shared);
}

static int die_after_notifying_all(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_lock(shared->mutex, -1) == HAY_OK);
    CHILD_CHECK(hay_condition_notify_all(shared->condition) == HAY_OK);
    kill(getpid(), SIGKILL);
    return 1;
}

static void who_is_released_and_told_of_a_death_leaves_the_count_right(void)
{
    struct shared *shared = make_shared(false);
    pid_t first, later;
    start_crowd(shared, &first, 1);
    CU_ASSERT_EQUAL(related_join(related_start(die_after_notifying_all, shared)), -SIGKILL);
    CU_ASSERT_EQUAL(related_join(first), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_mutex_consistent(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    start_crowd(shared, &later, 1);
    notify_one(shared, 2);
    CU_ASSERT_EQUAL(related_join(later), HAY_OK);
    drop_shared(shared);
}

static void nothing(int signal_number)
{
    (void)signal_number;
}

/* More often than a sleep looks up by itself. */
static int wait_among_signals(void *argument)
{
    struct sigaction action = {.sa_handler = nothing};
    struct itimerval often = {{0, 5000}, {0, 5000}};
    CHILD_CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    return wait_once(argument);
}

static void a_waiter_among_signals_is_told_when_a_holder_died(void)
{
    struct shared *shared = make_shared(false);
    pid_t waiter = related_start(wait_among_signals, shared);
    CU_ASSERT_TRUE(related_await(&shared->sleeping, 1));
    CU_ASSERT_EQUAL(related_join(related_start(die_before_notifying, shared)), -SIGKILL);
    CU_ASSERT_EQUAL(related_join(waiter), HAY_EOWNERDEAD);
    drop_shared(shared);
}

static int die_with_the_mutex(void *argument)
{
    struct shared *shared = argument;
    CHILD_CHECK(hay_mutex_lock(shared->mutex, -1) == HAY_OK && hay_mutex_lock(shared->mutex, -1) == HAY_OK);
    kill(getpid(), SIGKILL);
    return 1;
}

/* It looks whether it is the holder, and finds a dead one: that is kept for who locks. */
static void a_wait_without_the_mutex_hides_no_death(void)
{
    struct shared *shared = make_shared(true);
    CU_ASSERT_EQUAL(related_join(related_start(die_with_the_mutex, shared)), -SIGKILL);
    CU_ASSERT_EQUAL(hay_condition_wait(shared->condition, -1), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_mutex_consistent(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    drop_shared(shared);
}

static void bad_use_is_a_status(void)
{
    struct hay_error error;
    CU_ASSERT_PTR_NULL(hay_condition_new(NULL, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_condition_wait(NULL, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_condition_wait_for(NULL, is_four, NULL, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_condition_notify(NULL, 1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_condition_notify_all(NULL), HAY_EINVAL);
    hay_condition_free(NULL);
    struct shared *shared = make_shared(false);
    CU_ASSERT_EQUAL(hay_condition_wait(shared->condition, -1), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_condition_wait_for(shared->condition, is_four, shared, -1), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_condition_notify(shared->condition, 1), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_condition_notify_all(shared->condition), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_mutex_lock(shared->mutex, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_condition_notify(shared->condition, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_condition_wait_for(shared->condition, NULL, shared, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_mutex_unlock(shared->mutex), HAY_OK);
    drop_shared(shared);
}

static CU_TestInfo cases[] = {
    {"notify wakes exactly so many", notify_wakes_exactly_so_many},
    {"notify_all wakes all", notify_all_wakes_all},
    {"a wait times out with the mutex held, and not early", a_wait_times_out_with_the_mutex_held_and_not_early},
    {"wait_for returns when the predicate is true", wait_for_returns_when_the_predicate_is_true},
    {"wait_for asks a last time when the time is up", wait_for_asks_a_last_time_when_the_time_is_up},
    {"killed waiters keep no notification from the living", killed_waiters_keep_no_notification_from_the_living},
    {"a waiter is told when a holder died", a_waiter_is_told_when_a_holder_died},
    {"a waiter among signals is told when a holder died", a_waiter_among_signals_is_told_when_a_holder_died},
    {"who is released and told of a death leaves the count right", who_is_released_and_told_of_a_death_leaves_the_count_right},
    {"who comes later takes no older notification", who_comes_later_takes_no_older_notification},
    {"a notify after all were notified is for who waits then", a_notify_after_all_were_notified_is_for_who_waits_then},
    {"many notifications are kept for who waits", many_notifications_are_kept_for_who_waits},
    {"a wait without the mutex hides no death", a_wait_without_the_mutex_hides_no_death},
    {"bad use is a status", bad_use_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "condition", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
