/* SPDX-License-Identifier: MIT
 *
 * Arrays: zeros at first, bounds, sizes, sums by many processes, the lock, and bad use.
 */
#include <hayfork/shared.h>

#include "unit/sync/related.h"

#include <string.h>

static void a_new_array_is_all_zeros_even_where_another_was(void)
{
    for (int round = 0; round < 20; round++) {
        struct hay_array *array = hay_array_new(HAY_I32, 10000, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(array);
        int32_t *data = hay_array_data(array);
        long sum = 0;
        for (int i = 0; i < 10000; i++)
            sum += data[i] != 0;
        CU_ASSERT_EQUAL(sum, 0);
        memset(data, 0xa5, 10000 * sizeof *data);
        CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
    }
}

struct record {
    char name[20];
    int number;
};

static void an_array_knows_what_it_is(void)
{
    const enum hay_type types[] = {HAY_I8, HAY_I16, HAY_I32, HAY_I64, HAY_U8, HAY_U16, HAY_U32, HAY_U64, HAY_F32, HAY_F64};
    const size_t sizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
    for (int i = 0; i < 10; i++) {
        struct hay_array *array = hay_array_new(types[i], 3, NULL);
        CU_ASSERT_EQUAL(hay_type_size(types[i]), sizes[i]);
        CU_ASSERT_EQUAL(hay_array_type(array), types[i]);
        CU_ASSERT_EQUAL(hay_array_element_size(array), sizes[i]);
        CU_ASSERT_EQUAL(hay_array_count(array), 3);
        CU_ASSERT_EQUAL((uintptr_t)hay_array_data(array) % 64, 0);
        uint64_t element = UINT64_C(0x1122334455667788), got = element;
        CU_ASSERT_EQUAL(hay_array_set(array, 2, &element, sizes[i]), HAY_OK);
        CU_ASSERT_EQUAL(hay_array_get(array, 1, &got, sizes[i]), HAY_OK);
        CU_ASSERT_NOT_EQUAL(memcmp(&got, &element, sizes[i]), 0);
        CU_ASSERT_EQUAL(hay_array_get(array, 2, &got, sizes[i]), HAY_OK);
        CU_ASSERT_EQUAL(memcmp(&got, &element, sizes[i]), 0);
        CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
    }
    struct hay_array *array = hay_array_new_sized(sizeof(struct record), 5, NULL);
    struct record record = {"five", 5}, got;
    CU_ASSERT_EQUAL(hay_array_type(array), HAY_TYPE_NONE);
    CU_ASSERT_EQUAL(hay_array_set(array, 4, &record, sizeof record), HAY_OK);
    CU_ASSERT_EQUAL(hay_array_get(array, 4, &got, sizeof got), HAY_OK);
    CU_ASSERT_STRING_EQUAL(got.name, "five");
    CU_ASSERT_EQUAL(got.number, 5);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
}

static void an_index_out_of_bounds_and_a_wrong_size_are_statuses(void)
{
    struct hay_array *array = hay_array_new(HAY_F64, 4, NULL);
    double element = 1;
    float narrow = 1;
    const size_t bad[] = {4, 5, SIZE_MAX, SIZE_MAX / 8 + 1};
    for (int i = 0; i < 4; i++) {
        CU_ASSERT_EQUAL(hay_array_get(array, bad[i], &element, sizeof element), HAY_ERANGE);
        CU_ASSERT_EQUAL(hay_array_set(array, bad[i], &element, sizeof element), HAY_ERANGE);
    }
    CU_ASSERT_EQUAL(hay_array_set(array, 3, &element, sizeof element), HAY_OK);
    CU_ASSERT_EQUAL(hay_array_get(array, 0, &narrow, sizeof narrow), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_set(array, 0, &narrow, sizeof narrow), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_get(array, 0, NULL, sizeof element), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_set(array, 0, NULL, sizeof element), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
    array = hay_array_new(HAY_I8, 0, NULL);
    char byte = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(array);
    CU_ASSERT_EQUAL(hay_array_count(array), 0);
    CU_ASSERT_EQUAL(hay_array_get(array, 0, &byte, 1), HAY_ERANGE);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
}

static void a_size_that_overflows_is_a_status(void)
{
    struct hay_error error;
    CU_ASSERT_PTR_NULL(hay_array_new(HAY_I64, SIZE_MAX / 4, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ERANGE);
    CU_ASSERT_PTR_NULL(hay_array_new(HAY_U8, SIZE_MAX, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ERANGE);
    CU_ASSERT_PTR_NULL(hay_array_new_sized(SIZE_MAX, 2, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ERANGE);
    CU_ASSERT_PTR_NULL(hay_array_new_sized(1, PTRDIFF_MAX / 2, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ENOMEM);
    CU_ASSERT_PTR_NULL(hay_array_new_sized(0, 2, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_array_new(HAY_TYPE_NONE, 2, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_array_new((enum hay_type)99, 2, NULL));
}

#define TOUCHES 20000

static int touch_under_the_lock(void *argument)
{
    struct hay_array *array = argument;
    for (int i = 0; i < TOUCHES; i++) {
        double element = 0;
        CHILD_CHECK(hay_array_lock(array, LONG_MS) == HAY_OK);
        CHILD_CHECK(hay_array_get(array, (size_t)i % 7, &element, sizeof element) == HAY_OK);
        element += 1;
        CHILD_CHECK(hay_array_set(array, (size_t)i % 7, &element, sizeof element) == HAY_OK);
        CHILD_CHECK(hay_array_unlock(array) == HAY_OK);
    }
    return 0;
}

static void what_children_do_under_the_lock_adds_up(void)
{
    struct hay_array *array = hay_array_new(HAY_F64, 7, NULL);
    pid_t pids[4];
    double sum = 0, element = 0;
    for (int i = 0; i < 4; i++)
        pids[i] = related_start(touch_under_the_lock, array);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), 0);
    for (size_t i = 0; i < 7; i++) {
        CU_ASSERT_EQUAL(hay_array_get(array, i, &element, sizeof element), HAY_OK);
        sum += element;
    }
    CU_ASSERT_EQUAL(sum, 4 * TOUCHES);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
}

struct torn {
    struct hay_array *array;
    _Atomic int stop;
};

static int flip(void *argument)
{
    struct torn *torn = argument;
    const uint64_t values[] = {0, UINT64_MAX};
    for (unsigned i = 0; !atomic_load(&torn->stop); i++)
        CHILD_CHECK(hay_array_set(torn->array, 1, &values[i % 2], sizeof values[0]) == HAY_OK);
    return 0;
}

static void an_element_is_never_seen_half_written(void)
{
    struct torn *torn = related_share(sizeof *torn);
    torn->array = hay_array_new(HAY_U64, 3, NULL);
    pid_t pid = related_start(flip, torn);
    int odd = 0;
    for (int i = 0; i < 300000; i++) {
        uint64_t element = 5;
        if (hay_array_get(torn->array, 1, &element, sizeof element) != HAY_OK || (element && element != UINT64_MAX))
            odd++;
    }
    CU_ASSERT_EQUAL(odd, 0);
    atomic_store(&torn->stop, 1);
    CU_ASSERT_EQUAL(related_join(pid), 0);
    CU_ASSERT_EQUAL(hay_array_free(torn->array), HAY_OK);
    munmap(torn, sizeof *torn);
}

static int die_with_the_lock(void *argument)
{
    CHILD_CHECK(hay_array_lock(argument, -1) == HAY_OK);
    kill(getpid(), SIGKILL);
    return 1;
}

static void the_lock_tells_of_a_dead_holder(void)
{
    struct hay_array *array = hay_array_new(HAY_I64, 1, NULL);
    CU_ASSERT_EQUAL(related_join(related_start(die_with_the_lock, array)), -SIGKILL);
    CU_ASSERT_EQUAL(hay_array_lock(array, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_EBUSY);
    CU_ASSERT_EQUAL(hay_mutex_consistent(hay_array_mutex(array)), HAY_OK);
    CU_ASSERT_EQUAL(hay_array_unlock(array), HAY_OK);
    CU_ASSERT_EQUAL(hay_array_unlock(array), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_array_free(array), HAY_OK);
}

static void nothing_at_all_is_a_status(void)
{
    char byte = 0;
    CU_ASSERT_EQUAL(hay_array_get(NULL, 0, &byte, 1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_set(NULL, 0, &byte, 1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_lock(NULL, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_unlock(NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_array_free(NULL), HAY_OK);
    CU_ASSERT_PTR_NULL(hay_array_mutex(NULL));
    CU_ASSERT_PTR_NULL(hay_array_data(NULL));
    CU_ASSERT_EQUAL(hay_array_count(NULL), 0);
    CU_ASSERT_EQUAL(hay_array_element_size(NULL), 0);
    CU_ASSERT_EQUAL(hay_array_type(NULL), HAY_TYPE_NONE);
}

static CU_TestInfo cases[] = {
    {"a new array is all zeros, even where another was", a_new_array_is_all_zeros_even_where_another_was},
    {"an array knows what it is", an_array_knows_what_it_is},
    {"an index out of bounds and a wrong size are statuses", an_index_out_of_bounds_and_a_wrong_size_are_statuses},
    {"a size that overflows is a status", a_size_that_overflows_is_a_status},
    {"what children do under the lock adds up", what_children_do_under_the_lock_adds_up},
    {"an element is never seen half written", an_element_is_never_seen_half_written},
    {"the lock tells of a dead holder", the_lock_tells_of_a_dead_holder},
    {"nothing at all is a status", nothing_at_all_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "array", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
