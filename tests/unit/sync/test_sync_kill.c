/* SPDX-License-Identifier: MIT
 *
 * SIGKILL at random instants. A victim runs calls in a loop and is killed, 2,000 times for each kind of call; two survivors
 * use the same objects all the time, mostly in waits without a timeout, and have to get on after every single kill.
 */
#include <hayfork/shared.h>
#include <hayfork/sync.h>

#include "unit/sync/kill.h"

#define SURVIVORS 2

struct scene {
    struct hay_mutex *mutex;
    struct hay_value *value;
    struct hay_semaphore *semaphore;
    struct hay_condition *condition;
    struct hay_event *event;
    struct hay_barrier *barrier;
    _Atomic int stop, victim_runs, turn;
    _Atomic int progress[SURVIVORS];
    _Atomic int passes, deaths_seen;
    volatile int first, second;     /* equal, under the mutex */
    volatile int number;            /* under the mutex */
};

struct cast {
    int (*victim)(void *scene);
    int (*survivor)(struct scene *scene, int index);
    /* After a kill, in the parent. NULL: both survivors have to make progress. */
    bool (*after)(struct scene *scene);
};

static struct scene *scene;
static const struct cast *cast;

static int play_victim(void *argument)
{
    atomic_store(&scene->victim_runs, 1);
    return cast->victim(argument);
}

static int play_survivor(void *argument)
{
    int index = (int)((_Atomic int *)argument - scene->progress);
    while (!atomic_load(&scene->stop)) {
        CHILD_CHECK(cast->survivor(scene, index) == 0);
        /* Now and then leave the processor to the others: there may be only one or two. */
        if (atomic_fetch_add(&scene->progress[index], 1) % 16 == 0)
            related_nap();
    }
    return 0;
}

static int total_progress(void)
{
    int total = 0;
    for (int i = 0; i < SURVIVORS; i++)
        total += atomic_load(&scene->progress[i]);
    return total;
}

static bool await_total(int goal)
{
    int64_t limit_ms = related_now_ms() + LONG_MS;
    while (total_progress() < goal && related_now_ms() < limit_ms)
        related_nap();
    return total_progress() >= goal;
}

static bool await_each(void)
{
    bool all = true;
    int before[SURVIVORS];
    for (int i = 0; i < SURVIVORS; i++)
        before[i] = atomic_load(&scene->progress[i]);
    for (int i = 0; i < SURVIVORS; i++)
        all = all && related_await(&scene->progress[i], before[i] + 1);
    return all;
}

/* Whether the scene got through all kills; the survivors are still there then. */
static bool kill_many(pid_t *survivors)
{
    unsigned seed = kill_seed();
    for (int i = 0; i < SURVIVORS; i++)
        survivors[i] = related_start(play_survivor, &scene->progress[i]);
    for (int i = 0; i < KILLS; i++) {
        atomic_store(&scene->victim_runs, 0);
        atomic_store(&scene->turn, i);
        pid_t victim = related_start(play_victim, scene);
        bool runs = related_await(&scene->victim_runs, 1);
        kill_at_random(victim, &seed);
        if (!runs || !(cast->after ? cast->after(scene) : await_each())) {
            printf("# stuck after kill %d\n", i + 1);
            return false;
        }
    }
    return true;
}

static void end_survivors(const pid_t *survivors, void (*release)(void))
{
    atomic_store(&scene->stop, 1);
    if (release)
        release();
    for (int i = 0; i < SURVIVORS; i++)
        CU_ASSERT_EQUAL(related_join(survivors[i]), 0);
}

/* ---- lock ---- */

static int change_both(struct scene *s, int index)
{
    (void)index;
    enum hay_status status = hay_mutex_lock(s->mutex, -1);
    if (status == HAY_EOWNERDEAD) {
        atomic_fetch_add(&s->deaths_seen, 1);
        s->second = s->first;
        CHILD_CHECK(hay_mutex_consistent(s->mutex) == HAY_OK);
    } else {
        CHILD_CHECK(status == HAY_OK && s->first == s->second);
    }
    s->first++;
    s->second++;
    return hay_mutex_unlock(s->mutex);
}

static int change_for_ever(void *argument)
{
    for (;;)
        if (change_both(argument, 0))
            return 1;
}

static void processes_killed_in_lock(void)
{
    static const struct cast parts = {change_for_ever, change_both, NULL};
    pid_t survivors[SURVIVORS];
    for (int recursive = 0; recursive < 2; recursive++) {
        struct hay_mutex_options options = {.recursive = recursive};
        scene = related_share(sizeof *scene);
        cast = &parts;
        scene->mutex = hay_mutex_new(&options, NULL);
        CU_ASSERT_TRUE(kill_many(survivors));
        end_survivors(survivors, NULL);
        printf("# %d deaths with the mutex held\n", atomic_load(&scene->deaths_seen));
        CU_ASSERT_TRUE(atomic_load(&scene->deaths_seen) > 0);
        CU_ASSERT_EQUAL(hay_mutex_free(scene->mutex), HAY_OK);
        munmap(scene, sizeof *scene);
    }
}

/* ---- semaphore ---- */

static unsigned units(struct scene *s)
{
    unsigned value = 0;
    CHILD_CHECK(hay_semaphore_value(s->semaphore, &value) == HAY_OK);
    return value;
}

static bool await_no_units(struct scene *s)
{
    int64_t limit_ms = related_now_ms() + LONG_MS;
    while (units(s) && related_now_ms() < limit_ms)
        related_nap();
    return units(s) == 0;
}

static int take_one(struct scene *s, int index)
{
    (void)index;
    return hay_semaphore_wait(s->semaphore, -1);
}

static int take_for_ever(void *argument)
{
    for (;;)
        if (take_one(argument, 0))
            return 1;
}

/* A post that comes when nobody sleeps tests nothing. */
static int give_for_ever(void *argument)
{
    struct scene *s = argument;
    for (;;) {
        if (hay_semaphore_post(s->semaphore))
            return 1;
        while (units(s))
            ;
    }
}

static bool give_two_and_see_them_taken(struct scene *s)
{
    int before = total_progress();
    hay_semaphore_post(s->semaphore);
    hay_semaphore_post(s->semaphore);
    return await_total(before + 2) && await_no_units(s);
}

/* With takers about, there are units to fight for while the victim lives. */
static int take_while_others_give(void *argument)
{
    struct scene *s = argument;
    for (int i = 0; i < 8; i++)
        if (hay_semaphore_post(s->semaphore))
            return 1;
    return take_for_ever(argument);
}

static void release_takers(void)
{
    for (int i = 0; i < SURVIVORS; i++)
        hay_semaphore_post(scene->semaphore);
}

static void play_semaphore(const struct cast *parts)
{
    pid_t survivors[SURVIVORS];
    scene = related_share(sizeof *scene);
    cast = parts;
    scene->semaphore = hay_semaphore_new(NULL, NULL);
    CU_ASSERT_TRUE(kill_many(survivors));
    end_survivors(survivors, release_takers);
    hay_semaphore_free(scene->semaphore);
    munmap(scene, sizeof *scene);
}

static void processes_killed_in_semaphore_wait(void)
{
    static const struct cast parts = {take_while_others_give, take_one, give_two_and_see_them_taken};
    play_semaphore(&parts);
}

static void processes_killed_in_semaphore_post(void)
{
    static const struct cast parts = {give_for_ever, take_one, await_no_units};
    play_semaphore(&parts);
}

static int take_and_give(struct scene *s, int index)
{
    (void)index;
    return hay_semaphore_wait(s->semaphore, -1) == HAY_OK ? hay_semaphore_post(s->semaphore) : 1;
}

static int take_and_give_for_ever(void *argument)
{
    for (;;)
        if (take_and_give(argument, 0))
            return 1;
}

static void processes_killed_with_tracked_units(void)
{
    static const struct cast parts = {take_and_give_for_ever, take_and_give, NULL};
    struct hay_semaphore_options options = {.value = 1, .max = 1, .tracked = true};
    pid_t survivors[SURVIVORS];
    scene = related_share(sizeof *scene);
    cast = &parts;
    scene->semaphore = hay_semaphore_new(&options, NULL);
    CU_ASSERT_TRUE(kill_many(survivors));
    end_survivors(survivors, NULL);
    CU_ASSERT_EQUAL(units(scene), 1);
    hay_semaphore_free(scene->semaphore);
    munmap(scene, sizeof *scene);
}

/* ---- condition ---- */

static enum hay_status repaired(struct scene *s, enum hay_status status)
{
    return status == HAY_EOWNERDEAD ? hay_mutex_consistent(s->mutex) : status;
}

static int consume_one(struct scene *s, int index)
{
    (void)index;
    CHILD_CHECK(repaired(s, hay_mutex_lock(s->mutex, -1)) == HAY_OK);
    while (!s->number)
        CHILD_CHECK(repaired(s, hay_condition_wait(s->condition, -1)) == HAY_OK);
    s->number--;
    return hay_mutex_unlock(s->mutex);
}

static int produce(struct scene *s, int count, bool all)
{
    CHILD_CHECK(repaired(s, hay_mutex_lock(s->mutex, -1)) == HAY_OK);
    s->number += count;
    CHILD_CHECK((all ? hay_condition_notify_all(s->condition) : hay_condition_notify(s->condition, count)) == HAY_OK);
    return hay_mutex_unlock(s->mutex);
}

static int consume_for_ever(void *argument)
{
    for (;;)
        if (consume_one(argument, 0))
            return 1;
}

/* In turn by notify and by notify_all. It takes back what nobody comes for. */
static int notify_for_ever(void *argument)
{
    struct scene *s = argument;
    bool all = atomic_load(&s->turn) % 2;
    for (;;)
        if (s->number < 8 ? produce(s, 1, all) : consume_one(s, 0))
            return 1;
}

static bool all_is_consumed(struct scene *s)
{
    int64_t limit_ms = related_now_ms() + LONG_MS;
    int before = total_progress();
    produce(s, 2, false);
    while (s->number && related_now_ms() < limit_ms)
        related_nap();
    return await_total(before + 2);
}

static void release_consumers(void)
{
    produce(scene, 1000, true);
}

static void play_condition(const struct cast *parts)
{
    pid_t survivors[SURVIVORS];
    scene = related_share(sizeof *scene);
    cast = parts;
    scene->mutex = hay_mutex_new(NULL, NULL);
    scene->condition = hay_condition_new(scene->mutex, NULL);
    CU_ASSERT_TRUE(kill_many(survivors));
    end_survivors(survivors, release_consumers);
    hay_condition_free(scene->condition);
    CU_ASSERT_EQUAL(hay_mutex_free(scene->mutex), HAY_OK);
    munmap(scene, sizeof *scene);
}

static void processes_killed_in_condition_wait(void)
{
    static const struct cast parts = {consume_for_ever, consume_one, all_is_consumed};
    play_condition(&parts);
}

static void processes_killed_in_condition_notify(void)
{
    static const struct cast parts = {notify_for_ever, consume_one, all_is_consumed};
    play_condition(&parts);
}

/* ---- event ---- */

static int await_event(struct scene *s, int index)
{
    (void)index;
    return hay_event_wait(s->event, -1);
}

/* In turn asleep until it is killed, and coming and going. */
static int await_event_for_ever(void *argument)
{
    struct scene *s = argument;
    int timeout_ms = atomic_load(&s->turn) % 2 ? -1 : 0;
    for (;;)
        if (hay_event_wait(s->event, timeout_ms) == HAY_EINVAL)
            return 1;
}

static int set_and_clear_event(void *argument)
{
    struct scene *s = argument;
    for (;;)
        if (hay_event_set(s->event) || hay_event_clear(s->event))
            return 1;
}

static bool set_wakes_both(struct scene *s)
{
    hay_event_clear(s->event);
    int before[SURVIVORS];
    for (int i = 0; i < SURVIVORS; i++)
        before[i] = atomic_load(&s->progress[i]);
    hay_event_set(s->event);
    bool all = true;
    for (int i = 0; i < SURVIVORS; i++)
        all = all && related_await(&s->progress[i], before[i] + 1);
    hay_event_clear(s->event);
    return all;
}

static void release_event(void)
{
    hay_event_set(scene->event);
}

static void play_event(const struct cast *parts)
{
    pid_t survivors[SURVIVORS];
    scene = related_share(sizeof *scene);
    cast = parts;
    scene->event = hay_event_new(NULL);
    CU_ASSERT_TRUE(kill_many(survivors));
    end_survivors(survivors, release_event);
    hay_event_free(scene->event);
    munmap(scene, sizeof *scene);
}

static void processes_killed_in_event_wait(void)
{
    static const struct cast parts = {await_event_for_ever, await_event, set_wakes_both};
    play_event(&parts);
}

static void processes_killed_in_event_set_and_clear(void)
{
    static const struct cast parts = {set_and_clear_event, await_event, set_wakes_both};
    play_event(&parts);
}

/* ---- barrier ---- */

/* Only the first one heals, or they would send each other away in turn. */
static int meet(struct scene *s, int index)
{
    enum hay_status status = hay_barrier_wait(s->barrier, 2, NULL);
    if (status == HAY_OK) {
        atomic_fetch_add(&s->passes, 1);
        return 0;
    }
    CHILD_CHECK(status == HAY_ETIMEDOUT || status == HAY_EBROKEN);
    if (index == 0)
        return hay_barrier_reset(s->barrier);
    while (hay_barrier_broken(s->barrier) && !atomic_load(&s->stop))
        related_nap();
    return 0;
}

static int meet_for_ever(void *argument)
{
    struct scene *s = argument;
    for (;;)
        if (hay_barrier_wait(s->barrier, -1, NULL) == HAY_EINVAL)
            return 1;
}

static int pass_time(void *context)
{
    struct timespec from, now;
    (void)context;
    clock_gettime(CLOCK_MONOTONIC, &from);
    do {
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (now.tv_sec == from.tv_sec && now.tv_nsec - from.tv_nsec < 2000);
    return 0;
}

static void processes_killed_in_a_barrier(void)
{
    static const struct cast parts = {meet_for_ever, meet, NULL};
    pid_t survivors[SURVIVORS];
    for (int with_action = 0; with_action < 2; with_action++) {
        struct hay_barrier_options options = {.parties = SURVIVORS + 1, .action = with_action ? pass_time : NULL};
        scene = related_share(sizeof *scene);
        cast = &parts;
        scene->barrier = hay_barrier_new(&options, NULL);
        CU_ASSERT_TRUE(kill_many(survivors));
        end_survivors(survivors, NULL);
        printf("# %d passes\n", atomic_load(&scene->passes));
        CU_ASSERT_TRUE(atomic_load(&scene->passes) > 0);
        hay_barrier_free(scene->barrier);
        munmap(scene, sizeof *scene);
    }
}

/* ---- value ---- */

static int add_under_the_lock(struct scene *s, int index)
{
    int64_t number = 0;
    (void)index;
    CHILD_CHECK(hay_value_lock(s->value, -1) != HAY_ESTATE);
    enum hay_status status = hay_value_lock(s->value, 0);
    if (status == HAY_EOWNERDEAD)
        CHILD_CHECK(hay_mutex_consistent(hay_value_mutex(s->value)) == HAY_OK);
    else
        CHILD_CHECK(status == HAY_OK);
    CHILD_CHECK(hay_value_load_i64(s->value, &number) == HAY_OK);
    CHILD_CHECK(hay_value_store_i64(s->value, number + 1) == HAY_OK);
    CHILD_CHECK(hay_value_unlock(s->value) == HAY_OK);
    return hay_value_unlock(s->value);
}

static int add_for_ever(void *argument)
{
    for (;;)
        if (add_under_the_lock(argument, 0))
            return 1;
}

static void processes_killed_in_a_values_lock(void)
{
    static const struct cast parts = {add_for_ever, add_under_the_lock, NULL};
    pid_t survivors[SURVIVORS];
    int64_t number = 0;
    scene = related_share(sizeof *scene);
    cast = &parts;
    scene->value = hay_value_new(HAY_I64, NULL);
    CU_ASSERT_TRUE(kill_many(survivors));
    end_survivors(survivors, NULL);
    CU_ASSERT_EQUAL(hay_value_load_i64(scene->value, &number), HAY_OK);
    CU_ASSERT_TRUE(number >= total_progress());
    hay_value_free(scene->value);
    munmap(scene, sizeof *scene);
}

static CU_TestInfo cases[] = {
    {"processes killed in lock and unlock harm nobody", processes_killed_in_lock},
    {"processes killed in a semaphore's wait harm nobody", processes_killed_in_semaphore_wait},
    {"processes killed in a semaphore's post harm nobody", processes_killed_in_semaphore_post},
    {"processes killed with tracked units give them back", processes_killed_with_tracked_units},
    {"processes killed in a condition's wait harm nobody", processes_killed_in_condition_wait},
    {"processes killed in a condition's notify harm nobody", processes_killed_in_condition_notify},
    {"processes killed in an event's wait harm nobody", processes_killed_in_event_wait},
    {"processes killed in an event's set and clear harm nobody", processes_killed_in_event_set_and_clear},
    {"processes killed in a barrier strand nobody", processes_killed_in_a_barrier},
    {"processes killed in a value's lock harm nobody", processes_killed_in_a_values_lock},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "kill", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
