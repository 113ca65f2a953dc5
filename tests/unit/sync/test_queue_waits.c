/* SPDX-License-Identifier: MIT
 *
 * Waits of a queue: full, empty or closed, with timeouts and signals, and use from many processes and threads. Where a test
 * needs somebody to be asleep in a call, it waits until the queue's bell has counted a listener.
 */
#include "base/clock.h"
#include "sync/sharedqueue.h"
#include "unit/sync/queue_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

static void await_listener(struct doorbell *bell, uint32_t before)
{
    while (atomic_load(&bell->listeners) == before)
        sched_yield();
}

static int drain_six(void *arg)
{
    for (int i = 1; i <= 6; i++)
        CHILD_CHECK(get_int(arg, -1) == i);
    return 0;
}

static void a_full_queue_refuses_and_has_room_when_drained(void)
{
    struct hay_queue *queue = new_queue(6, 0);
    for (int i = 1; i <= 6; i++)
        CU_ASSERT_EQUAL(put_int(queue, i, i % 2 ? -1 : 0), HAY_OK);
    CU_ASSERT_EQUAL(put_int(queue, 7, 0), HAY_EFULL);
    int64_t began_ns = clock_now_ns();
    CU_ASSERT_EQUAL(put_int(queue, 7, 200), HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - began_ns >= 200 * NS_PER_MS);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 6);
    CU_ASSERT_EQUAL(related_join(related_start(drain_six, queue)), 0);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    CU_ASSERT_EQUAL(put_int(queue, 8, 0), HAY_OK);
    CU_ASSERT_EQUAL(get_int(queue, 0), 8);
    hay_queue_free(queue);
}

static void an_empty_queue_refuses_and_times_out_never_early(void)
{
    struct hay_queue *queue = new_queue(1, 0);
    int64_t began_ns = clock_now_ns();
    CU_ASSERT_EQUAL(get_int(queue, 0), -HAY_EEMPTY);
    int timeouts_ms[] = {1, 20, 200};
    for (size_t i = 0; i < sizeof timeouts_ms / sizeof timeouts_ms[0]; i++) {
        began_ns = clock_now_ns();
        CU_ASSERT_EQUAL(get_int(queue, timeouts_ms[i]), -HAY_ETIMEDOUT);
        CU_ASSERT(clock_now_ns() - began_ns >= timeouts_ms[i] * NS_PER_MS);
    }
    hay_queue_free(queue);
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
}

static void signals_do_not_end_a_wait(void)
{
    struct hay_queue *queue = new_queue(1, 0);
    struct sigaction action = {.sa_handler = on_alarm}, old;
    struct itimerval often = {{0, 5000}, {0, 5000}}, never = {0};
    sigaction(SIGALRM, &action, &old);
    setitimer(ITIMER_REAL, &often, NULL);
    int64_t began_ns = clock_now_ns();
    CU_ASSERT_EQUAL(get_int(queue, 150), -HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - began_ns >= 150 * NS_PER_MS);
    CU_ASSERT_EQUAL(put_int(queue, 1, 0), HAY_OK);
    began_ns = clock_now_ns();
    CU_ASSERT_EQUAL(put_int(queue, 2, 150), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_queue_join(queue, 150), HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - began_ns >= 300 * NS_PER_MS);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &old, NULL);
    hay_queue_free(queue);
}

static void a_closed_queue_is_drained_then_ends(void)
{
    struct hay_queue *queue = new_queue(2, 0);
    put_int(queue, 1, 0);
    put_int(queue, 2, 0);
    CU_ASSERT(!hay_queue_closed(queue));
    CU_ASSERT_EQUAL(hay_queue_close(queue), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_close(queue), HAY_OK);
    CU_ASSERT(hay_queue_closed(queue));
    CU_ASSERT_EQUAL(put_int(queue, 3, -1), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 2);
    CU_ASSERT_EQUAL(get_int(queue, -1), 1);
    CU_ASSERT_EQUAL(put_int(queue, 3, 0), HAY_ESTATE);
    CU_ASSERT_EQUAL(get_int(queue, -1), 2);
    CU_ASSERT_EQUAL(get_int(queue, -1), -HAY_EOF);
    CU_ASSERT_EQUAL(get_int(queue, 0), -HAY_EOF);
    void *bytes = queue;
    CU_ASSERT_EQUAL(hay_queue_take(queue, &bytes, NULL, 10), HAY_EOF);
    CU_ASSERT_PTR_NULL(bytes);
    hay_queue_free(queue);
}

static int get_until_the_end(void *arg)
{
    CHILD_CHECK(get_int(arg, -1) == -HAY_EOF);
    return 0;
}

static int put_until_closed(void *arg)
{
    CHILD_CHECK(put_int(arg, 2, -1) == HAY_ESTATE);
    return 0;
}

static void a_close_wakes_all_who_wait(void)
{
    struct hay_queue *empty = new_queue(1, 0), *full = new_queue(1, 0);
    pid_t children[6];
    put_int(full, 1, 0);
    for (int i = 0; i < 6; i++) {
        struct doorbell *bell = i < 3 ? &empty->shared->items : &full->shared->room_now;
        uint32_t before = atomic_load(&bell->listeners);
        children[i] = i < 3 ? related_start(get_until_the_end, empty) : related_start(put_until_closed, full);
        await_listener(bell, before);
    }
    hay_queue_close(empty);
    hay_queue_close(full);
    for (int i = 0; i < 6; i++)
        CU_ASSERT_EQUAL(related_join(children[i]), 0);
    CU_ASSERT_EQUAL(hay_queue_length(full), 1);
    hay_queue_free(empty);
    hay_queue_free(full);
}

static int wait_for_seven(void *arg)
{
    CHILD_CHECK(get_int(arg, -1) == 7);
    return 0;
}

static void a_sleeping_getter_and_putter_are_woken(void)
{
    struct hay_queue *queue = new_queue(1, 0);
    uint32_t before = atomic_load(&queue->shared->items.listeners);
    pid_t child = related_start(wait_for_seven, queue);
    await_listener(&queue->shared->items, before);
    CU_ASSERT_EQUAL(put_int(queue, 7, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(child), 0);
    put_int(queue, 0, 0);
    before = atomic_load(&queue->shared->room_now.listeners);
    child = related_start(put_second_ten, queue);
    await_listener(&queue->shared->room_now, before);
    CU_ASSERT_EQUAL(get_int(queue, 0), 0);
    for (int i = 10; i < 20; i++)
        CU_ASSERT_EQUAL(get_int(queue, -1), i);
    CU_ASSERT_EQUAL(related_join(child), 0);
    hay_queue_free(queue);
}

struct put_job {
    struct hay_queue *queue;
    size_t size;
};

static int put_of_size(void *arg)
{
    static const char bytes[512];
    struct put_job *job = arg;
    CHILD_CHECK(hay_queue_put(job->queue, bytes, job->size, -1) == HAY_OK);
    return 0;
}

static void a_small_item_passes_a_large_one_that_has_no_room(void)
{
    static char bytes[512];
    struct hay_queue *queue = new_queue(100, 512);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 64, 0), HAY_OK);
    struct put_job large = {queue, 512}, small_one = {queue, 64};
    pid_t first = related_start(put_of_size, &large);
    await_listener(&queue->shared->room_now, 0);
    uint32_t before = atomic_load(&queue->shared->room_now.listeners);
    pid_t second = related_start(put_of_size, &small_one);
    await_listener(&queue->shared->room_now, before);
    CU_ASSERT_EQUAL(hay_queue_get(queue, bytes, sizeof bytes, NULL, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(second), 0);
    for (int i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(hay_queue_get(queue, bytes, sizeof bytes, NULL, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(first), 0);
    size_t size;
    CU_ASSERT(hay_queue_get(queue, bytes, sizeof bytes, &size, 0) == HAY_OK && size == 512);
    hay_queue_free(queue);
}

#define CROWD 4
#define CROWD_ITEMS 5000

struct crowd {
    struct hay_queue *queue;
    atomic_uchar (*seen)[CROWD_ITEMS];  /* shared: how often each item of each producer came out */
    int number;
};

static int crowd_put(void *arg)
{
    struct crowd *crowd = arg;
    for (int i = 0; i < CROWD_ITEMS; i++) {
        int item[2] = {crowd->number, i};
        CHILD_CHECK(hay_queue_put(crowd->queue, item, sizeof item, -1) == HAY_OK);
    }
    return 0;
}

static int crowd_get(void *arg)
{
    struct crowd *crowd = arg;
    int last[CROWD] = {-1, -1, -1, -1}, item[2];
    enum hay_status status;
    while ((status = hay_queue_get(crowd->queue, item, sizeof item, NULL, -1)) == HAY_OK) {
        CHILD_CHECK(item[0] >= 0 && item[0] < CROWD && item[1] > last[item[0]] && item[1] < CROWD_ITEMS);
        last[item[0]] = item[1];
        atomic_fetch_add(&crowd->seen[item[0]][item[1]], 1);
    }
    CHILD_CHECK(status == HAY_EOF);
    return 0;
}

static void each_item_of_a_crowd_comes_out_once(void)
{
    size_t sizes[] = {1, 3, 1000};
    for (size_t n = 0; n < sizeof sizes / sizeof sizes[0]; n++) {
        size_t bytes = sizeof(atomic_uchar[CROWD][CROWD_ITEMS]);
        void *seen = related_share(bytes);
        struct crowd crowd = {new_queue(sizes[n], 0), seen, 0};
        pid_t putters[CROWD], getters[CROWD];
        for (int i = 0; i < CROWD; i++) {
            crowd.number = i;
            getters[i] = related_start(crowd_get, &crowd);
            putters[i] = related_start(crowd_put, &crowd);
        }
        for (int i = 0; i < CROWD; i++)
            CU_ASSERT_EQUAL(related_join(putters[i]), 0);
        hay_queue_close(crowd.queue);
        for (int i = 0; i < CROWD; i++)
            CU_ASSERT_EQUAL(related_join(getters[i]), 0);
        int wrong = 0;
        for (int i = 0; i < CROWD * CROWD_ITEMS; i++)
            wrong += atomic_load(&crowd.seen[i / CROWD_ITEMS][i % CROWD_ITEMS]) != 1;
        CU_ASSERT_EQUAL(wrong, 0);
        munmap(seen, bytes);
        hay_queue_free(crowd.queue);
    }
}

static void *thread_put(void *arg)
{
    intptr_t wrong = 0;
    for (int i = 1; i <= 2000; i++)
        wrong += put_int(arg, i, -1) != HAY_OK;
    return (void *)wrong;
}

static void *thread_get(void *arg)
{
    intptr_t sum = 0;
    for (int value; (value = get_int(arg, -1)) > 0;)
        sum += value;
    return (void *)sum;
}

static void threads_may_share_a_queue(void)
{
    struct hay_queue *queue = new_queue(16, 0);
    pthread_t threads[4];
    intptr_t sum = 0;
    void *result;
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, i < 2 ? thread_put : thread_get, queue), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &result);
        CU_ASSERT_PTR_NULL(result);
    }
    hay_queue_close(queue);
    for (int i = 2; i < 4; i++) {
        pthread_join(threads[i], &result);
        sum += (intptr_t)result;
    }
    CU_ASSERT_EQUAL(sum, 2 * 2000 * 2001 / 2);
    hay_queue_free(queue);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(a_full_queue_refuses_and_has_room_when_drained),
        TEST(an_empty_queue_refuses_and_times_out_never_early),
        TEST(signals_do_not_end_a_wait),
        TEST(a_closed_queue_is_drained_then_ends),
        TEST(a_close_wakes_all_who_wait),
        TEST(a_sleeping_getter_and_putter_are_woken),
        TEST(a_small_item_passes_a_large_one_that_has_no_room),
        TEST(each_item_of_a_crowd_comes_out_once),
        TEST(threads_may_share_a_queue),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
