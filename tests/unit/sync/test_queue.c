/* SPDX-License-Identifier: MIT
 *
 * Queues: order, bounds, timeouts, close, sizes, and use from many processes. Where a test needs somebody to be asleep in a
 * call, it waits until the queue's bell has counted a listener.
 */
#include "base/clock.h"
#include "sync/sharedqueue.h"
#include "unit/sync/related.h"

#include <hayfork/queue_json.h>

#include <pthread.h>
#include <sched.h>
#include <sys/time.h>

static struct hay_queue *new_queue(size_t max_items, size_t max_bytes)
{
    struct hay_queue_options options = {max_items, max_bytes};
    struct hay_error error = {0};
    struct hay_queue *queue = hay_queue_new(&options, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    return queue;
}

static enum hay_status put_int(struct hay_queue *queue, int value, int timeout_ms)
{
    return hay_queue_put(queue, &value, sizeof value, timeout_ms);
}

/* The value, or minus the status. */
static int get_int(struct hay_queue *queue, int timeout_ms)
{
    int value = 0;
    size_t size;
    enum hay_status status = hay_queue_get(queue, &value, sizeof value, &size, timeout_ms);
    return status ? -(int)status : size == sizeof value ? value : -1000;
}

static void await_listener(struct doorbell *bell, uint32_t before)
{
    while (atomic_load(&bell->listeners) == before)
        sched_yield();
}

static int put_second_ten(void *arg)
{
    for (int i = 10; i < 20; i++)
        CHILD_CHECK(put_int(arg, i, -1) == HAY_OK);
    return 0;
}

static void items_of_parent_and_child_come_out_in_order(void)
{
    struct hay_queue *queue = new_queue(100, 0);
    for (int i = 0; i < 10; i++)
        CU_ASSERT_EQUAL(put_int(queue, i, 0), HAY_OK);
    CU_ASSERT_EQUAL(related_join(related_start(put_second_ten, queue)), 0);
    for (int i = 0; i < 20; i++)
        CU_ASSERT_EQUAL(get_int(queue, 0), i);
    CU_ASSERT_EQUAL(get_int(queue, 0), -HAY_EEMPTY);
    hay_queue_free(queue);
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

static void the_length_follows_put_and_get(void)
{
    struct hay_queue *queue = new_queue(5, 0);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    put_int(queue, 1, 0);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 1);
    put_int(queue, 2, 0);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 2);
    CU_ASSERT_EQUAL(hay_queue_bytes(queue), 16);
    get_int(queue, 0);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 1);
    get_int(queue, 0);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    CU_ASSERT_EQUAL(hay_queue_bytes(queue), 0);
    hay_queue_free(queue);
}

static void bytes_bound_the_queue_too(void)
{
    static char bytes[1000];
    struct hay_queue *queue = new_queue(0, 1000);
    CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 1001, 0), HAY_EMSGSIZE);
    for (int round = 0; round < 7; round++) {
        CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 500, 0), HAY_OK); /* 504 */
        CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 497, 0), HAY_EFULL);
        CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 496, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_bytes(queue), 1000);
        CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 1, 0), HAY_EFULL);
        CU_ASSERT_EQUAL(hay_queue_get(queue, bytes, sizeof bytes, NULL, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_get(queue, bytes, sizeof bytes, NULL, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_put(queue, bytes, 1000, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_get(queue, bytes, sizeof bytes, NULL, 0), HAY_OK);
    }
    hay_queue_free(queue);
}

static void fill_item(unsigned char *bytes, size_t size, unsigned seed)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(seed * 31 + i * 7);
}

static void items_of_all_sizes_survive_the_wrap(void)
{
    unsigned char bytes[300], wanted[300];
    struct hay_queue *queue = new_queue(5, 331);
    for (unsigned put = 0, got = 0; got < 3000;) {
        size_t size = put * 37 % 300;
        fill_item(bytes, size, put);
        if (put < 3000 && hay_queue_put(queue, bytes, size, 0) == HAY_OK) {
            put++;
            continue;
        }
        size_t taken = 999;
        CU_ASSERT_EQUAL_FATAL(hay_queue_get(queue, bytes, sizeof bytes, &taken, 0), HAY_OK);
        CU_ASSERT_EQUAL_FATAL(taken, got * 37 % 300);
        fill_item(wanted, taken, got);
        CU_ASSERT(memcmp(bytes, wanted, taken) == 0);
        got++;
    }
    hay_queue_free(queue);
}

static void items_without_bytes_count(void)
{
    struct hay_queue *queue = new_queue(3, 8);
    size_t size = 9;
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(hay_queue_put(queue, NULL, 0, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_put(queue, NULL, 0, 0), HAY_EFULL);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 3);
    CU_ASSERT_EQUAL(hay_queue_get(queue, NULL, 0, &size, 0), HAY_OK);
    CU_ASSERT_EQUAL(size, 0);
    void *bytes = NULL;
    CU_ASSERT_EQUAL(hay_queue_take(queue, &bytes, &size, 0), HAY_OK);
    CU_ASSERT(bytes && *(char *)bytes == '\0' && size == 0);
    free(bytes);
    hay_queue_free(queue);
}

static void counters_may_run_over(void)
{
    struct hay_queue *queue = new_queue(3, 64);
    struct shared_queue *shared = queue->shared;
    uint64_t mark = (uint64_t)MARK_NUMBERS << 32 | (2 * shared->ring.units - 2);
    atomic_store(&shared->put.mark, mark);
    atomic_store(&shared->put.seen, mark);
    atomic_store(&shared->get.mark, mark);
    atomic_store(&shared->get.seen, mark);
    atomic_store(&shared->done, MARK_NUMBERS);
    for (int i = 1; i < 20; i++) {
        CU_ASSERT_EQUAL(put_int(queue, i, 0), HAY_OK);
        CU_ASSERT_EQUAL(put_int(queue, -i, 0), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_length(queue), 2);
        CU_ASSERT_EQUAL(hay_queue_bytes(queue), 16);
        CU_ASSERT_EQUAL(get_int(queue, 0), i);
        CU_ASSERT_EQUAL(get_int(queue, 0), -i);
        CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
    }
    CU_ASSERT(!hay_queue_closed(queue));
    hay_queue_free(queue);
}

static void an_item_larger_than_the_buffer_stays(void)
{
    struct hay_queue *queue = new_queue(3, 0);
    char buffer[8];
    size_t size = 0;
    CU_ASSERT_EQUAL(hay_queue_put(queue, "nine char", 9, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_get(queue, buffer, sizeof buffer, &size, -1), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(size, 9);
    CU_ASSERT_EQUAL(hay_queue_get(queue, NULL, 0, &size, -1), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 1);
    void *bytes = NULL;
    CU_ASSERT_EQUAL(hay_queue_take(queue, &bytes, &size, -1), HAY_OK);
    CU_ASSERT(size == 9 && strcmp(bytes, "nine char") == 0);
    free(bytes);
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

/* What would be 64 KiB in a pipe's buffer, and then stuck in a helper thread. */
static int put_a_megabyte(void *arg)
{
    static char bytes[1 << 20];
    memset(bytes, 'm', sizeof bytes);
    CHILD_CHECK(hay_queue_put(arg, bytes, sizeof bytes, 0) == HAY_OK);
    return 0;
}

static void a_child_that_has_put_may_be_joined_before_the_get(void)
{
    struct hay_queue *queue = new_queue(0, 1 << 20);
    void *bytes;
    size_t size;
    CU_ASSERT_EQUAL(related_join(related_start(put_a_megabyte, queue)), 0);
    CU_ASSERT_EQUAL_FATAL(hay_queue_take(queue, &bytes, &size, 0), HAY_OK);
    CU_ASSERT(size == 1 << 20 && ((char *)bytes)[0] == 'm' && ((char *)bytes)[size - 1] == 'm');
    free(bytes);
    hay_queue_free(queue);
}

static void json_that_cannot_be_written_takes_no_room(void)
{
    struct hay_queue *queue = new_queue(1, 0);
    json_t *circle = json_array(), *back = json_array(), *value = NULL;
    json_array_append_new(circle, back);
    json_array_append(back, circle);
    json_t *bad_text = json_stringn_nocheck("\xff", 1);
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, circle, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, bad_text, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_length(queue), 0);
    json_array_clear(back);
    json_decref(circle);
    json_decref(bad_text);
    value = json_pack("{s:i, s:n}", "a", 1, "b");
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, value, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, value, 0), HAY_EFULL);
    json_t *got = NULL;
    CU_ASSERT_EQUAL(hay_queue_get_json(queue, &got, 0), HAY_OK);
    CU_ASSERT(json_equal(value, got));
    json_decref(value);
    json_decref(got);
    hay_queue_free(queue);
}

static void json_of_any_kind_and_size_passes(void)
{
    struct hay_queue *queue = new_queue(4, 0);
    json_t *null = json_null(), *long_text = json_array(), *got = NULL;
    for (int i = 0; i < 5000; i++)
        json_array_append_new(long_text, json_integer(i));
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, null, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_put_json(queue, long_text, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_queue_put(queue, "{no", 3, 0), HAY_OK);
    CU_ASSERT(hay_queue_get_json(queue, &got, 0) == HAY_OK && json_is_null(got));
    CU_ASSERT(hay_queue_get_json(queue, &got, 0) == HAY_OK && json_equal(got, long_text));
    json_decref(got);
    CU_ASSERT(hay_queue_get_json(queue, &got, 0) == HAY_EINVAL && !got);
    CU_ASSERT_EQUAL(hay_queue_get_json(queue, &got, 0), HAY_EEMPTY);
    CU_ASSERT_EQUAL(hay_queue_get_json(queue, NULL, 0), HAY_EINVAL);
    json_decref(long_text);
    hay_queue_free(queue);
}

static void a_queue_of_size_0_is_refused(void)
{
    struct hay_queue_options bad[] = {
        {0, 0}, {((size_t)1 << 30) + 1, 0}, {SIZE_MAX, 1}, {1, SIZE_MAX}, {0, ((size_t)8 << 30) + 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct hay_error error = {0};
        CU_ASSERT_PTR_NULL(hay_queue_new(&bad[i], &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
        CU_ASSERT(error.text[0] != '\0');
        CU_ASSERT_PTR_NULL(hay_queue_new(&bad[i], NULL));
    }
}

static void null_gets_a_status(void)
{
    char byte;
    void *bytes;
    struct hay_queue *queue = hay_queue_new(NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    CU_ASSERT_EQUAL(hay_queue_put(NULL, "x", 1, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_put(queue, NULL, 1, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_put(queue, &byte, SIZE_MAX, 0), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_queue_get(NULL, &byte, 1, NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_get(queue, NULL, 1, NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_take(NULL, &bytes, NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_take(queue, NULL, NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_close(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_task_done(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_join(NULL, 0), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_queue_fd(NULL), -1);
    CU_ASSERT_PTR_NULL(hay_queue_handle(NULL));
    CU_ASSERT(!hay_queue_closed(NULL) && !hay_queue_length(NULL) && !hay_queue_bytes(NULL) && !hay_queue_lost(NULL));
    hay_queue_free(NULL);
    hay_queue_free(queue);
}

static void spoilt_memory_is_a_status(void)
{
    struct hay_queue *queue = new_queue(3, 64);
    char buffer[64];
    put_int(queue, 1, 0);
    memset(queue->shared->ring.at, 0xff, 8);
    CU_ASSERT_EQUAL(hay_queue_get(queue, buffer, sizeof buffer, NULL, -1), HAY_EBROKEN);
    memset(queue->shared->ring.at, 0, 8);
    queue->shared->ring.at[0] = 60;
    CU_ASSERT_EQUAL(hay_queue_get(queue, buffer, sizeof buffer, NULL, -1), HAY_EBROKEN);
    hay_queue_free(queue);
}

static int free_in_child(void *arg)
{
    hay_queue_free(arg);
    return 0;
}

static void freeing_is_for_this_process_only(void)
{
    struct hay_queue *queue = new_queue(3, 0);
    put_int(queue, 1, 0);
    CU_ASSERT_EQUAL(related_join(related_start(free_in_child, queue)), 0);
    CU_ASSERT_EQUAL(get_int(queue, 0), 1);
    hay_queue_free(queue);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(items_of_parent_and_child_come_out_in_order),
        TEST(a_full_queue_refuses_and_has_room_when_drained),
        TEST(an_empty_queue_refuses_and_times_out_never_early),
        TEST(signals_do_not_end_a_wait),
        TEST(the_length_follows_put_and_get),
        TEST(bytes_bound_the_queue_too),
        TEST(items_of_all_sizes_survive_the_wrap),
        TEST(items_without_bytes_count),
        TEST(counters_may_run_over),
        TEST(an_item_larger_than_the_buffer_stays),
        TEST(a_closed_queue_is_drained_then_ends),
        TEST(a_close_wakes_all_who_wait),
        TEST(a_sleeping_getter_and_putter_are_woken),
        TEST(a_small_item_passes_a_large_one_that_has_no_room),
        TEST(each_item_of_a_crowd_comes_out_once),
        TEST(threads_may_share_a_queue),
        TEST(a_child_that_has_put_may_be_joined_before_the_get),
        TEST(json_that_cannot_be_written_takes_no_room),
        TEST(json_of_any_kind_and_size_passes),
        TEST(a_queue_of_size_0_is_refused),
        TEST(null_gets_a_status),
        TEST(spoilt_memory_is_a_status),
        TEST(freeing_is_for_this_process_only),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
