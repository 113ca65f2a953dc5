/* SPDX-License-Identifier: MIT
 *
 * The items of a queue: their order, sizes and number, JSON, what bounds a queue, and bad use.
 */
#include "sync/sharedqueue.h"
#include "unit/sync/queue_fixture.h"

#include <hayfork/queue_json.h>

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

static void an_item_touches_nothing_beyond_the_ring(void)
{
    enum { UNITS = 7, GUARD = 8 };
    static uint64_t memory[GUARD + UNITS + GUARD];
    static const char text[] = "one item's bytes, up to all of a ring's but a size";
    struct ring ring = {.at = (unsigned char *)(memory + GUARD), .units = UNITS};
    uint64_t mark = 0;
    for (size_t i = 0; i < 1000; i++) {
        char back[(UNITS - 1) * RING_UNIT];
        size_t size = i % (sizeof back + 1);
        ring_write(&ring, mark, text, size);
        CU_ASSERT_EQUAL(ring_size_at(&ring, mark), size);
        ring_read(&ring, mark, back, size);
        CU_ASSERT_EQUAL(memcmp(back, text, size), 0);
        mark = ring_after(&ring, mark, ring_units_of(size));
    }
    for (size_t i = 0; i < GUARD; i++)
        CU_ASSERT(!memory[i] && !memory[GUARD + UNITS + i]);
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
    char byte = 0;
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
        TEST(the_length_follows_put_and_get),
        TEST(bytes_bound_the_queue_too),
        TEST(items_of_all_sizes_survive_the_wrap),
        TEST(an_item_touches_nothing_beyond_the_ring),
        TEST(items_without_bytes_count),
        TEST(counters_may_run_over),
        TEST(an_item_larger_than_the_buffer_stays),
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
