/* SPDX-License-Identifier: MIT
 *
 * Threads of one process use the same objects as processes do. Each case guards plain data, so that a build with
 * ThreadSanitizer, under which this program has to be clean, sees what the objects order.
 */
#include <hayfork/shared.h>
#include <hayfork/sync.h>

#include "support/tap.h"

#include <pthread.h>
#include <stdint.h>

#define THREADS 4
#define ROUNDS 2000
#define LONG_MS 30000

static struct hay_mutex *mutex;
static struct hay_condition *condition;
static struct hay_semaphore *empty, *full;
static struct hay_event *event;
static struct hay_barrier *barrier;
static struct hay_value *value;
static long plain, cells[THREADS];
static int failures[THREADS];       /* each thread its own; CUnit's assertions are for the first thread */

static void run_threads(void *(*run)(void *index))
{
    pthread_t threads[THREADS];
    for (intptr_t i = 0; i < THREADS; i++) {
        failures[i] = 0;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, run, (void *)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CU_ASSERT_EQUAL(failures[i], 0);
    }
}

static void expect(void *index, enum hay_status status)
{
    failures[(intptr_t)index] += status != HAY_OK;
}

static void *add_in_mutex(void *index)
{
    for (int i = 0; i < ROUNDS; i++) {
        expect(index, hay_mutex_lock(mutex, LONG_MS));
        plain++;
        expect(index, hay_mutex_unlock(mutex));
    }
    return NULL;
}

static void a_mutex_excludes_threads(void)
{
    mutex = hay_mutex_new(NULL, NULL);
    plain = 0;
    run_threads(add_in_mutex);
    CU_ASSERT_EQUAL(plain, THREADS * ROUNDS);
    CU_ASSERT_EQUAL(hay_mutex_free(mutex), HAY_OK);
}

/* Round and round: each waits for its turn. */
static void *take_turns(void *index)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        expect(index, hay_mutex_lock(mutex, LONG_MS));
        while (plain % THREADS != (intptr_t)index)
            expect(index, hay_condition_wait(condition, LONG_MS));
        plain++;
        expect(index, hay_condition_notify_all(condition));
        expect(index, hay_mutex_unlock(mutex));
    }
    return NULL;
}

static void threads_take_turns_by_a_condition(void)
{
    mutex = hay_mutex_new(NULL, NULL);
    condition = hay_condition_new(mutex, NULL);
    plain = 0;
    run_threads(take_turns);
    CU_ASSERT_EQUAL(plain, THREADS * (ROUNDS / 10));
    hay_condition_free(condition);
    CU_ASSERT_EQUAL(hay_mutex_free(mutex), HAY_OK);
}

/* The even ones hand numbers to the odd ones, through one cell. */
static void *hand_over(void *index)
{
    for (int i = 0; i < ROUNDS; i++) {
        int gives = (intptr_t)index % 2 == 0;
        expect(index, hay_semaphore_wait(gives ? empty : full, LONG_MS));
        plain += gives ? 1 : -1;
        expect(index, hay_semaphore_post(gives ? full : empty));
    }
    return NULL;
}

static void semaphores_hand_data_over(void)
{
    for (int tracked = 0; tracked < 2; tracked++) {
        struct hay_semaphore_options one = {.value = 1, .tracked = tracked}, none = {.tracked = tracked};
        empty = hay_semaphore_new(&one, NULL);
        full = hay_semaphore_new(&none, NULL);
        plain = 0;
        run_threads(hand_over);
        CU_ASSERT_EQUAL(plain, 0);
        hay_semaphore_free(empty);
        hay_semaphore_free(full);
    }
}

static void *set_or_await(void *index)
{
    if ((intptr_t)index == 0) {
        plain = 42;
        expect(index, hay_event_set(event));
    } else {
        expect(index, hay_event_wait(event, LONG_MS));
        failures[(intptr_t)index] += plain != 42;
    }
    return NULL;
}

static void what_came_before_a_set_is_seen_after_the_wait(void)
{
    for (int i = 0; i < 50; i++) {
        event = hay_event_new(NULL);
        plain = 0;
        run_threads(set_or_await);
        hay_event_free(event);
    }
}

static int sum_up(void *context)
{
    (void)context;
    plain = 0;
    for (int i = 0; i < THREADS; i++)
        plain += cells[i];
    return 0;
}

static void *go_in_step(void *index)
{
    for (int i = 1; i <= ROUNDS / 10; i++) {
        cells[(intptr_t)index] = i;
        expect(index, hay_barrier_wait(barrier, LONG_MS, NULL));
        failures[(intptr_t)index] += plain != (long)THREADS * i;
        expect(index, hay_barrier_wait(barrier, LONG_MS, NULL));
    }
    return NULL;
}

static void a_barrier_orders_the_rounds_of_threads(void)
{
    struct hay_barrier_options options = {.parties = THREADS, .action = sum_up};
    barrier = hay_barrier_new(&options, NULL);
    run_threads(go_in_step);
    CU_ASSERT_EQUAL(plain, THREADS * (ROUNDS / 10));
    hay_barrier_free(barrier);
}

static void *add_to_value(void *index)
{
    for (int i = 0; i < ROUNDS; i++) {
        expect(index, hay_value_add_i64(value, 1, NULL));
        expect(index, hay_value_lock(value, LONG_MS));
        expect(index, hay_value_lock(value, LONG_MS));
        plain++;
        expect(index, hay_value_unlock(value));
        expect(index, hay_value_unlock(value));
    }
    return NULL;
}

static void values_add_and_lock_between_threads(void)
{
    int64_t number = 0;
    value = hay_value_new(HAY_I64, NULL);
    plain = 0;
    run_threads(add_to_value);
    CU_ASSERT_EQUAL(hay_value_load_i64(value, &number), HAY_OK);
    CU_ASSERT_EQUAL(number, THREADS * ROUNDS);
    CU_ASSERT_EQUAL(plain, THREADS * ROUNDS);
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
}

static CU_TestInfo cases[] = {
    {"a mutex excludes threads", a_mutex_excludes_threads},
    {"threads take turns by a condition", threads_take_turns_by_a_condition},
    {"semaphores hand data over", semaphores_hand_data_over},
    {"what came before a set is seen after the wait", what_came_before_a_set_is_seen_after_the_wait},
    {"a barrier orders the rounds of threads", a_barrier_orders_the_rounds_of_threads},
    {"values add and lock between threads", values_add_and_lock_between_threads},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "threads", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
