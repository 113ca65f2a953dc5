/* SPDX-License-Identifier: MIT
 *
 * The byte buffer: what goes in comes out in order, storage grows and is given back, and a refusal harms nothing. The long
 * test compares it with a plain array over many random steps.
 */
#include "base/buffer.h"
#include "support/tap.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool holds(const struct buffer *buffer, const void *bytes, size_t size)
{
    return buffer_size(buffer) == size && (!size || memcmp(buffer_at(buffer), bytes, size) == 0);
}

static void a_new_buffer_is_empty_and_owns_nothing(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    CU_ASSERT_EQUAL(buffer_size(&buffer), 0);
    CU_ASSERT_PTR_NULL(buffer.data);
    buffer_release(&buffer);
    buffer_release(&buffer);
    CU_ASSERT_PTR_NULL(buffer.data);
}

static void appended_bytes_come_back_in_order(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    CU_ASSERT_EQUAL(buffer_append(&buffer, "hay", 3), 0);
    CU_ASSERT_EQUAL(buffer_append(&buffer, NULL, 0), 0);
    CU_ASSERT_EQUAL(buffer_append(&buffer, "\0fork", 5), 0);
    CU_ASSERT(holds(&buffer, "hay\0fork", 8));
    buffer_consume(&buffer, 2, 4096);
    CU_ASSERT(holds(&buffer, "y\0fork", 6));
    buffer_release(&buffer);
}

static void reserved_room_counts_only_once_committed(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    unsigned char *at = buffer_reserve(&buffer, 100000);
    CU_ASSERT_PTR_NOT_NULL_FATAL(at);
    memset(at, 'a', 100000);
    CU_ASSERT_EQUAL(buffer_size(&buffer), 0);
    buffer_commit(&buffer, 3);
    CU_ASSERT(holds(&buffer, "aaa", 3));
    buffer_release(&buffer);
}

static void truncate_keeps_the_front_and_never_grows(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    CU_ASSERT_EQUAL(buffer_append(&buffer, "0123456789", 10), 0);
    buffer_consume(&buffer, 2, 4096);
    buffer_truncate(&buffer, 20);
    CU_ASSERT(holds(&buffer, "23456789", 8));
    buffer_truncate(&buffer, 3);
    CU_ASSERT(holds(&buffer, "234", 3));
    buffer_truncate(&buffer, 0);
    CU_ASSERT_EQUAL(buffer_size(&buffer), 0);
    buffer_release(&buffer);
}

static void running_empty_gives_back_large_storage_and_keeps_small(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    CU_ASSERT_EQUAL(buffer_append(&buffer, "small", 5), 0);
    buffer_consume(&buffer, 5, 65536);
    CU_ASSERT_PTR_NOT_NULL(buffer.data);
    CU_ASSERT_PTR_NOT_NULL_FATAL(buffer_reserve(&buffer, 1 << 20));
    buffer_commit(&buffer, 1 << 20);
    buffer_consume(&buffer, (1 << 20) - 1, 65536);
    CU_ASSERT_PTR_NOT_NULL(buffer.data);
    buffer_consume(&buffer, 1, 65536);
    CU_ASSERT_PTR_NULL(buffer.data);
    CU_ASSERT_EQUAL(buffer.capacity, 0);
    CU_ASSERT_EQUAL(buffer_append(&buffer, "again", 5), 0);
    CU_ASSERT(holds(&buffer, "again", 5));
    buffer_release(&buffer);
}

static void a_steady_flow_does_not_grow_the_storage(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    char block[1000];
    memset(block, 'b', sizeof block);
    CU_ASSERT_EQUAL(buffer_append(&buffer, block, sizeof block), 0);
    for (int i = 0; i < 10000; i++) {
        CU_ASSERT_EQUAL_FATAL(buffer_append(&buffer, block, sizeof block), 0);
        buffer_consume(&buffer, sizeof block, 1 << 20);
    }
    CU_ASSERT(buffer.capacity <= 8192);
    CU_ASSERT_EQUAL(buffer_size(&buffer), sizeof block);
    buffer_release(&buffer);
}

static void an_impossible_size_is_refused_and_harms_nothing(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    CU_ASSERT_EQUAL(buffer_append(&buffer, "kept", 4), 0);
    CU_ASSERT_PTR_NULL(buffer_reserve(&buffer, SIZE_MAX));
    CU_ASSERT_PTR_NULL(buffer_reserve(&buffer, SIZE_MAX / 2));
    CU_ASSERT_PTR_NULL(buffer_reserve(&buffer, SIZE_MAX / 2 - 3));
    CU_ASSERT(holds(&buffer, "kept", 4));
    CU_ASSERT_EQUAL(buffer_append(&buffer, "!", 1), 0);
    CU_ASSERT(holds(&buffer, "kept!", 5));
    buffer_release(&buffer);
}

#define MODEL_MAX 300000

static void random_steps_agree_with_a_plain_array(void)
{
    struct buffer buffer;
    buffer_init(&buffer);
    unsigned char *model = malloc(MODEL_MAX);
    CU_ASSERT_PTR_NOT_NULL_FATAL(model);
    size_t size = 0;
    unsigned seed = 20260101, wrong = 0;
    for (int i = 0; i < 20000; i++) {
        size_t n = (size_t)rand_r(&seed) % (i % 50 == 0 ? 60000 : 600);
        switch (rand_r(&seed) % 5) {
        case 0: case 1: case 2:
            if (size + n > MODEL_MAX)
                break;
            for (size_t k = 0; k < n; k++)
                model[size + k] = (unsigned char)(i + (int)k);
            wrong += buffer_append(&buffer, model + size, n) != 0;
            size += n;
            break;
        case 3:
            n = n > size ? size : n;
            buffer_consume(&buffer, n, 16384);
            memmove(model, model + n, size - n);
            size -= n;
            break;
        default:
            if (i % 7 == 0 && n < size) {
                buffer_truncate(&buffer, size - n);
                size -= n;
            }
        }
        wrong += !holds(&buffer, model, size);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    free(model);
    buffer_release(&buffer);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a_new_buffer_is_empty_and_owns_nothing", a_new_buffer_is_empty_and_owns_nothing},
        {"appended_bytes_come_back_in_order", appended_bytes_come_back_in_order},
        {"reserved_room_counts_only_once_committed", reserved_room_counts_only_once_committed},
        {"truncate_keeps_the_front_and_never_grows", truncate_keeps_the_front_and_never_grows},
        {"running_empty_gives_back_large_storage_and_keeps_small", running_empty_gives_back_large_storage_and_keeps_small},
        {"a_steady_flow_does_not_grow_the_storage", a_steady_flow_does_not_grow_the_storage},
        {"an_impossible_size_is_refused_and_harms_nothing", an_impossible_size_is_refused_and_harms_nothing},
        {"random_steps_agree_with_a_plain_array", random_steps_agree_with_a_plain_array},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"buffer", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
