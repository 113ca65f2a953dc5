/* SPDX-License-Identifier: MIT
 *
 * The event: waits, timeouts, a set that is cleared at once, a signal handler that sets, killed waiters, and bad use.
 */
#include <hayfork/sync.h>

#include "unit/sync/related.h"

struct shared {
    struct hay_event *event;
    _Atomic int ready;
};

static struct shared *make_shared(void)
{
    struct shared *shared = related_share(sizeof *shared);
    shared->event = hay_event_new(NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared->event);
    return shared;
}

static void drop_shared(struct shared *shared)
{
    hay_event_free(shared->event);
    munmap(shared, sizeof *shared);
}

static void a_wait_is_false_before_and_true_after_it_is_set(void)
{
    struct shared *shared = make_shared();
    CU_ASSERT_FALSE(hay_event_is_set(shared->event));
    CU_ASSERT_EQUAL(hay_event_wait(shared->event, 0), HAY_ETIMEDOUT);
    int64_t before_ms = related_now_ms();
    CU_ASSERT_EQUAL(hay_event_wait(shared->event, 250), HAY_ETIMEDOUT);
    int64_t took_ms = related_now_ms() - before_ms;
    CU_ASSERT_TRUE(took_ms >= 249 && took_ms < 5000);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(hay_event_set(shared->event), HAY_OK);
        CU_ASSERT_TRUE(hay_event_is_set(shared->event));
        CU_ASSERT_EQUAL(hay_event_wait(shared->event, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_event_wait(shared->event, -1), HAY_OK);
    }
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(hay_event_clear(shared->event), HAY_OK);
        CU_ASSERT_FALSE(hay_event_is_set(shared->event));
        CU_ASSERT_EQUAL(hay_event_wait(shared->event, 0), HAY_ETIMEDOUT);
    }
    drop_shared(shared);
}

static int set_it(void *argument)
{
    return (int)hay_event_set(((struct shared *)argument)->event);
}

static int await_it(void *argument)
{
    struct shared *shared = argument;
    return (int)hay_event_wait(shared->event, -1);
}

static void a_set_in_a_child_wakes_the_parent(void)
{
    struct shared *shared = make_shared();
    pid_t pid = related_start(set_it, shared);
    CU_ASSERT_EQUAL(hay_event_wait(shared->event, LONG_MS), HAY_OK);
    CU_ASSERT_EQUAL(related_join(pid), 0);
    drop_shared(shared);
}

static void a_set_that_is_cleared_at_once_releases_all_who_waited(void)
{
    struct shared *shared = make_shared();
    pid_t pids[4];
    for (int i = 0; i < 4; i++) {
        pids[i] = related_start(await_it, shared);
        CU_ASSERT_TRUE(related_await_asleep(pids[i]));
    }
    CU_ASSERT_EQUAL(hay_event_set(shared->event), HAY_OK);
    CU_ASSERT_EQUAL(hay_event_clear(shared->event), HAY_OK);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), HAY_OK);
    drop_shared(shared);
}

static void killed_waiters_delay_nobody(void)
{
    struct shared *shared = make_shared();
    pid_t dead[3], living = 0;
    for (int i = 0; i < 3; i++) {
        dead[i] = related_start(await_it, shared);
        CU_ASSERT_TRUE(related_await_asleep(dead[i]));
    }
    living = related_start(await_it, shared);
    CU_ASSERT_TRUE(related_await_asleep(living));
    for (int i = 0; i < 3; i++)
        related_kill(dead[i]);
    CU_ASSERT_EQUAL(hay_event_set(shared->event), HAY_OK);
    CU_ASSERT_EQUAL(related_join(living), HAY_OK);
    drop_shared(shared);
}

static struct hay_event *handled;

static void on_signal(int number)
{
    (void)number;
    hay_event_set(handled);
}

static int wait_to_be_interrupted(void *argument)
{
    struct shared *shared = argument;
    struct sigaction action = {.sa_handler = on_signal};
    handled = shared->event;
    sigaction(SIGUSR1, &action, NULL);
    atomic_store(&shared->ready, 1);
    return (int)hay_event_wait(shared->event, -1);
}

static void a_handler_may_set_what_it_interrupts(void)
{
    struct shared *shared = make_shared();
    pid_t pid = related_start(wait_to_be_interrupted, shared);
    CU_ASSERT_TRUE(related_await(&shared->ready, 1));
    CU_ASSERT_TRUE(related_await_asleep(pid));
    kill(pid, SIGUSR1);
    CU_ASSERT_EQUAL(related_join(pid), HAY_OK);
    drop_shared(shared);
}

static void nothing_at_all_is_a_status(void)
{
    CU_ASSERT_EQUAL(hay_event_set(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_event_clear(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_event_wait(NULL, -1), HAY_EINVAL);
    CU_ASSERT_FALSE(hay_event_is_set(NULL));
    hay_event_free(NULL);
}

static CU_TestInfo cases[] = {
    {"a wait is false before and true after it is set", a_wait_is_false_before_and_true_after_it_is_set},
    {"a set in a child wakes the parent", a_set_in_a_child_wakes_the_parent},
    {"a set that is cleared at once releases all who waited", a_set_that_is_cleared_at_once_releases_all_who_waited},
    {"killed waiters delay nobody", killed_waiters_delay_nobody},
    {"a handler may set what it interrupts", a_handler_may_set_what_it_interrupts},
    {"nothing at all is a status", nothing_at_all_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "event", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
