/* SPDX-License-Identifier: MIT
 *
 * The barrier: places, the action, lock step, everything that breaks it, and what heals it.
 */
#include <hayfork/sync.h>

#include "unit/sync/related.h"

#define PARTIES 4
#define ROUNDS 1000

struct shared {
    struct hay_barrier *barrier;
    _Atomic int actions, ready, failing, deadly;
    _Atomic int places[PARTIES];
    _Atomic int rounds[PARTIES];
    _Atomic int number;
};

static int act(void *context)
{
    struct shared *shared = context;
    atomic_fetch_add(&shared->actions, 1);
    if (atomic_load(&shared->deadly))
        kill(getpid(), SIGKILL);
    return atomic_load(&shared->failing);
}

static struct shared *make_shared(int parties, bool with_action)
{
    struct shared *shared = related_share(sizeof *shared);
    struct hay_barrier_options options = {.parties = parties, .action = with_action ? act : NULL, .context = shared};
    shared->barrier = hay_barrier_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(shared->barrier);
    return shared;
}

static void drop_shared(struct shared *shared)
{
    hay_barrier_free(shared->barrier);
    munmap(shared, sizeof *shared);
}

static int pass_once(void *argument)
{
    struct shared *shared = argument;
    int index = -1;
    enum hay_status status = hay_barrier_wait(shared->barrier, -1, &index);
    CHILD_CHECK((status == HAY_OK) == (index >= 0));
    if (status == HAY_OK)
        atomic_fetch_add(&shared->places[index], 1);
    return (int)status;
}

static void await_waiting(struct shared *shared, int count)
{
    int64_t limit_ms = related_now_ms() + LONG_MS;
    while (hay_barrier_waiting(shared->barrier) != count && related_now_ms() < limit_ms)
        related_nap();
    CU_ASSERT_EQUAL(hay_barrier_waiting(shared->barrier), count);
}

static void join_all(const pid_t *pids, int count, int code)
{
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), code);
}

static void each_party_gets_its_own_place_and_the_action_runs_once(void)
{
    for (int with_action = 0; with_action < 2; with_action++) {
        struct shared *shared = make_shared(PARTIES, with_action);
        pid_t pids[PARTIES];
        CU_ASSERT_EQUAL(hay_barrier_parties(shared->barrier), PARTIES);
        for (int i = 0; i < PARTIES; i++) {
            CU_ASSERT_EQUAL(atomic_load(&shared->actions), 0);
            pids[i] = related_start(pass_once, shared);
            if (i < PARTIES - 1)
                await_waiting(shared, i + 1);
        }
        join_all(pids, PARTIES, HAY_OK);
        for (int i = 0; i < PARTIES; i++)
            CU_ASSERT_EQUAL(atomic_load(&shared->places[i]), 1);
        CU_ASSERT_EQUAL(atomic_load(&shared->actions), with_action);
        CU_ASSERT_EQUAL(hay_barrier_waiting(shared->barrier), 0);
        CU_ASSERT_FALSE(hay_barrier_broken(shared->barrier));
        drop_shared(shared);
    }
}

static int go_in_step(void *argument)
{
    struct shared *shared = argument;
    int me = atomic_fetch_add(&shared->number, 1);
    for (int round = 1; round <= ROUNDS; round++) {
        atomic_store(&shared->rounds[me], round);
        CHILD_CHECK(hay_barrier_wait(shared->barrier, LONG_MS, NULL) == HAY_OK);
        for (int i = 0; i < PARTIES; i++) {
            int other = atomic_load(&shared->rounds[i]);
            CHILD_CHECK(other == round || other == round + 1);
        }
    }
    return 0;
}

static void a_thousand_rounds_go_in_lock_step(void)
{
    for (int with_action = 0; with_action < 2; with_action++) {
        struct shared *shared = make_shared(PARTIES, with_action);
        pid_t pids[PARTIES];
        for (int i = 0; i < PARTIES; i++)
            pids[i] = related_start(go_in_step, shared);
        join_all(pids, PARTIES, 0);
        CU_ASSERT_EQUAL(atomic_load(&shared->actions), with_action * ROUNDS);
        drop_shared(shared);
    }
}

static void a_party_of_one_always_passes(void)
{
    struct shared *shared = make_shared(1, true);
    for (int i = 1; i <= 3; i++) {
        int index = -1;
        CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, 0, &index), HAY_OK);
        CU_ASSERT_EQUAL(index, 0);
        CU_ASSERT_EQUAL(atomic_load(&shared->actions), i);
    }
    drop_shared(shared);
}

static void a_party_that_leaves_at_its_timeout_breaks_it_for_all(void)
{
    struct shared *shared = make_shared(PARTIES, false);
    pid_t pids[2];
    for (int i = 0; i < 2; i++)
        pids[i] = related_start(pass_once, shared);
    await_waiting(shared, 2);
    int64_t before_ms = related_now_ms();
    CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, 250, NULL), HAY_ETIMEDOUT);
    int64_t took_ms = related_now_ms() - before_ms;
    CU_ASSERT_TRUE(took_ms >= 249 && took_ms < 5000);
    join_all(pids, 2, HAY_EBROKEN);
    CU_ASSERT_TRUE(hay_barrier_broken(shared->barrier));
    CU_ASSERT_EQUAL(hay_barrier_waiting(shared->barrier), 0);
    CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, -1, NULL), HAY_EBROKEN);
    drop_shared(shared);
}

static void an_abort_breaks_it_and_a_reset_heals_it(void)
{
    struct shared *shared = make_shared(3, false);
    pid_t pids[3];
    for (int i = 0; i < 2; i++)
        pids[i] = related_start(pass_once, shared);
    await_waiting(shared, 2);
    CU_ASSERT_EQUAL(hay_barrier_abort(shared->barrier), HAY_OK);
    CU_ASSERT_EQUAL(hay_barrier_abort(shared->barrier), HAY_OK);
    join_all(pids, 2, HAY_EBROKEN);
    CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, 0, NULL), HAY_EBROKEN);
    CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
    CU_ASSERT_FALSE(hay_barrier_broken(shared->barrier));
    CU_ASSERT_EQUAL(hay_barrier_waiting(shared->barrier), 0);
    for (int i = 0; i < 3; i++)
        pids[i] = related_start(pass_once, shared);
    join_all(pids, 3, HAY_OK);
    drop_shared(shared);
}

static void a_reset_sends_those_who_wait_away_and_the_next_round_passes(void)
{
    struct shared *shared = make_shared(3, true);
    pid_t pids[3];
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++)
            pids[i] = related_start(pass_once, shared);
        await_waiting(shared, 2);
        CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
        join_all(pids, 2, HAY_EBROKEN);
        CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
        for (int i = 0; i < 3; i++)
            pids[i] = related_start(pass_once, shared);
        join_all(pids, 3, HAY_OK);
    }
    CU_ASSERT_EQUAL(atomic_load(&shared->actions), 3);
    drop_shared(shared);
}

static void a_waiter_that_sleeps_through_many_resets_has_not_passed(void)
{
    struct shared *shared = make_shared(2, false);
    pid_t pid = related_start(pass_once, shared);
    await_waiting(shared, 1);
    related_stop(pid);
    for (int i = 0; i < 200; i++) {
        CU_ASSERT_EQUAL(hay_barrier_abort(shared->barrier), HAY_OK);
        CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
    }
    kill(pid, SIGCONT);
    CU_ASSERT_EQUAL(related_join(pid), HAY_EBROKEN);
    drop_shared(shared);
}

static void an_action_that_fails_or_dies_breaks_it_for_all(void)
{
    for (int dies = 0; dies < 2; dies++) {
        struct shared *shared = make_shared(3, true);
        pid_t pids[3];
        atomic_store(dies ? &shared->deadly : &shared->failing, 1);
        for (int i = 0; i < 2; i++)
            pids[i] = related_start(pass_once, shared);
        await_waiting(shared, 2);
        pids[2] = related_start(pass_once, shared);
        CU_ASSERT_EQUAL(related_join(pids[2]), dies ? -SIGKILL : (int)HAY_EBROKEN);
        join_all(pids, 2, HAY_EBROKEN);
        atomic_store(&shared->deadly, 0);
        atomic_store(&shared->failing, 0);
        CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
        for (int i = 0; i < 3; i++)
            pids[i] = related_start(pass_once, shared);
        join_all(pids, 3, HAY_OK);
        CU_ASSERT_EQUAL(atomic_load(&shared->actions), 2);
        drop_shared(shared);
    }
}

static int act_until_told(void *context)
{
    struct shared *shared = context;
    atomic_store(&shared->actions, 1);
    return related_await(&shared->ready, 1) ? 0 : 1;
}

static void one_who_leaves_during_the_action_breaks_the_next_round(void)
{
    struct shared *shared = related_share(sizeof *shared);
    struct hay_barrier_options options = {.parties = 2, .action = act_until_told, .context = shared};
    shared->barrier = hay_barrier_new(&options, NULL);
    pid_t pids[2] = {related_start(pass_once, shared), related_start(pass_once, shared)};
    CU_ASSERT(related_await(&shared->actions, 1));
    CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, 0, NULL), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, 20, NULL), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_barrier_waiting(shared->barrier), 1); /* the last one is at its action */
    atomic_store(&shared->ready, 1);
    join_all(pids, 2, HAY_OK);
    CU_ASSERT_TRUE(hay_barrier_broken(shared->barrier));
    CU_ASSERT_EQUAL(hay_barrier_wait(shared->barrier, 0, NULL), HAY_EBROKEN);
    CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
    for (int i = 0; i < 2; i++)
        pids[i] = related_start(pass_once, shared);
    join_all(pids, 2, HAY_OK);
    CU_ASSERT_FALSE(hay_barrier_broken(shared->barrier));
    drop_shared(shared);
}

/* Here the barrier is in another round by then, in which this thread is the last party again. */
static int act_through_a_reset(void *context)
{
    struct shared *shared = context;
    atomic_store(&shared->actions, 1);
    CHILD_CHECK(related_await(&shared->ready, 1));
    CHILD_CHECK(hay_barrier_wait(shared->barrier, -1, NULL) == HAY_ESTATE);
    return 0;
}

static void a_reset_during_the_action_breaks_the_round_of_a_lone_party(void)
{
    struct shared *shared = related_share(sizeof *shared);
    struct hay_barrier_options options = {.parties = 1, .action = act_through_a_reset, .context = shared};
    shared->barrier = hay_barrier_new(&options, NULL);
    pid_t pid = related_start(pass_once, shared);
    CU_ASSERT(related_await(&shared->actions, 1));
    CU_ASSERT_EQUAL(hay_barrier_reset(shared->barrier), HAY_OK);
    atomic_store(&shared->ready, 1);
    CU_ASSERT_EQUAL(related_join(pid), HAY_EBROKEN);
    CU_ASSERT_FALSE(hay_barrier_broken(shared->barrier));
    drop_shared(shared);
}

static int wait_inside(void *context)
{
    struct hay_barrier **barrier = context;
    return hay_barrier_wait(*barrier, -1, NULL) == HAY_ESTATE ? 0 : 1;
}

static void an_action_that_waits_for_its_own_barrier_gets_a_status(void)
{
    static struct hay_barrier *barrier;
    struct hay_barrier_options options = {.parties = 1, .action = wait_inside, .context = &barrier};
    barrier = hay_barrier_new(&options, NULL);
    CU_ASSERT_EQUAL(hay_barrier_wait(barrier, -1, NULL), HAY_OK);
    hay_barrier_free(barrier);
}

static void bad_use_is_a_status(void)
{
    struct hay_error error;
    const int bad[] = {0, -1, 1000001};
    for (int i = 0; i < 3; i++) {
        struct hay_barrier_options options = {.parties = bad[i]};
        error.status = HAY_OK;
        CU_ASSERT_PTR_NULL(hay_barrier_new(&options, &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    }
    CU_ASSERT_PTR_NULL(hay_barrier_new(NULL, NULL));
    CU_ASSERT_EQUAL(hay_barrier_wait(NULL, -1, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_barrier_abort(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_barrier_reset(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_barrier_parties(NULL), 0);
    CU_ASSERT_EQUAL(hay_barrier_waiting(NULL), 0);
    CU_ASSERT_FALSE(hay_barrier_broken(NULL));
    hay_barrier_free(NULL);
}

static CU_TestInfo cases[] = {
    {"each party gets its own place, and the action runs once", each_party_gets_its_own_place_and_the_action_runs_once},
    {"a thousand rounds go in lock step", a_thousand_rounds_go_in_lock_step},
    {"a party of one always passes", a_party_of_one_always_passes},
    {"a party that leaves at its timeout breaks it for all", a_party_that_leaves_at_its_timeout_breaks_it_for_all},
    {"an abort breaks it, and a reset heals it", an_abort_breaks_it_and_a_reset_heals_it},
    {"a waiter that sleeps through many resets has not passed", a_waiter_that_sleeps_through_many_resets_has_not_passed},
    {"a reset sends those who wait away, and the next round passes",
        a_reset_sends_those_who_wait_away_and_the_next_round_passes},
    {"an action that fails or dies breaks it for all", an_action_that_fails_or_dies_breaks_it_for_all},
    {"one who leaves during the action breaks the next round", one_who_leaves_during_the_action_breaks_the_next_round},
    {"a reset during the action breaks the round of a lone party", a_reset_during_the_action_breaks_the_round_of_a_lone_party},
    {"an action that waits for its own barrier gets a status", an_action_that_waits_for_its_own_barrier_gets_a_status},
    {"bad use is a status", bad_use_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "barrier", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
