/* SPDX-License-Identifier: MIT
 *
 * Values: every type, its limits, atomic changes from many processes, the lock, and bad use.
 */
#include <hayfork/shared.h>

#include "unit/sync/related.h"

#include <float.h>
#include <math.h>

static struct hay_value *make(enum hay_type type)
{
    struct hay_value *value = hay_value_new(type, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_EQUAL(hay_value_type(value), type);
    return value;
}

static int64_t signed_of(struct hay_value *value)
{
    int64_t number = 12345;
    CU_ASSERT_EQUAL(hay_value_load_i64(value, &number), HAY_OK);
    return number;
}

static uint64_t unsigned_of(struct hay_value *value)
{
    uint64_t number = 12345;
    CU_ASSERT_EQUAL(hay_value_load_u64(value, &number), HAY_OK);
    return number;
}

static double floating_of(struct hay_value *value)
{
    double number = 12345;
    CU_ASSERT_EQUAL(hay_value_load_f64(value, &number), HAY_OK);
    return number;
}

static void a_signed_value_keeps_to_the_limits_of_its_type(void)
{
    const struct { enum hay_type type; int64_t min, max; } types[] = {
        {HAY_I8, INT8_MIN, INT8_MAX}, {HAY_I16, INT16_MIN, INT16_MAX}, {HAY_I32, INT32_MIN, INT32_MAX},
        {HAY_I64, INT64_MIN, INT64_MAX},
    };
    for (int i = 0; i < 4; i++) {
        struct hay_value *value = make(types[i].type);
        int64_t result = 0, expected = 0;
        CU_ASSERT_EQUAL(signed_of(value), 0);
        CU_ASSERT_EQUAL(hay_value_store_i64(value, types[i].max), HAY_OK);
        CU_ASSERT_EQUAL(hay_value_add_i64(value, 1, &result), HAY_ERANGE);
        CU_ASSERT_EQUAL(signed_of(value), types[i].max);
        CU_ASSERT_EQUAL(hay_value_add_i64(value, -1, &result), HAY_OK);
        CU_ASSERT_EQUAL(result, types[i].max - 1);
        CU_ASSERT_EQUAL(hay_value_store_i64(value, types[i].min), HAY_OK);
        CU_ASSERT_EQUAL(hay_value_add_i64(value, -1, NULL), HAY_ERANGE);
        CU_ASSERT_EQUAL(signed_of(value), types[i].min);
        if (i < 3) {
            CU_ASSERT_EQUAL(hay_value_store_i64(value, types[i].max + 1), HAY_ERANGE);
            CU_ASSERT_EQUAL(hay_value_store_i64(value, types[i].min - 1), HAY_ERANGE);
            CU_ASSERT_EQUAL(hay_value_cas_i64(value, &expected, types[i].max + 1), HAY_ERANGE);
        }
        expected = 7;
        CU_ASSERT_EQUAL(hay_value_cas_i64(value, &expected, 8), HAY_ESTATE);
        CU_ASSERT_EQUAL(expected, types[i].min);
        CU_ASSERT_EQUAL(hay_value_cas_i64(value, &expected, -8), HAY_OK);
        CU_ASSERT_EQUAL(signed_of(value), -8);
        CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
    }
}

static void an_unsigned_value_keeps_to_the_limits_of_its_type(void)
{
    const struct { enum hay_type type; uint64_t max; } types[] = {
        {HAY_U8, UINT8_MAX}, {HAY_U16, UINT16_MAX}, {HAY_U32, UINT32_MAX}, {HAY_U64, UINT64_MAX},
    };
    for (int i = 0; i < 4; i++) {
        struct hay_value *value = make(types[i].type);
        uint64_t result = 0, expected = 3;
        CU_ASSERT_EQUAL(unsigned_of(value), 0);
        CU_ASSERT_EQUAL(hay_value_sub_u64(value, 1, &result), HAY_ERANGE);
        CU_ASSERT_EQUAL(hay_value_add_u64(value, types[i].max, &result), HAY_OK);
        CU_ASSERT_EQUAL(result, types[i].max);
        CU_ASSERT_EQUAL(hay_value_add_u64(value, 1, NULL), HAY_ERANGE);
        CU_ASSERT_EQUAL(unsigned_of(value), types[i].max);
        CU_ASSERT_EQUAL(hay_value_sub_u64(value, 2, &result), HAY_OK);
        CU_ASSERT_EQUAL(result, types[i].max - 2);
        if (i < 3) {
            CU_ASSERT_EQUAL(hay_value_store_u64(value, types[i].max + 1), HAY_ERANGE);
            CU_ASSERT_EQUAL(hay_value_cas_u64(value, &expected, types[i].max + 1), HAY_ERANGE);
        }
        CU_ASSERT_EQUAL(hay_value_cas_u64(value, &expected, 1), HAY_ESTATE);
        CU_ASSERT_EQUAL(expected, types[i].max - 2);
        CU_ASSERT_EQUAL(hay_value_cas_u64(value, &expected, 1), HAY_OK);
        CU_ASSERT_EQUAL(unsigned_of(value), 1);
        CU_ASSERT_EQUAL(hay_value_store_u64(value, types[i].max), HAY_OK);
        CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
    }
}

static void a_floating_value_rounds_as_its_type_and_never_to_an_infinity(void)
{
    struct hay_value *value = make(HAY_F64);
    double result = 0, expected = 0.25;
    CU_ASSERT_EQUAL(floating_of(value), 0);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, 0.1), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_add_f64(value, 0.2, &result), HAY_OK);
    CU_ASSERT_EQUAL(result, 0.1 + 0.2);
    CU_ASSERT_EQUAL(hay_value_cas_f64(value, &expected, 1), HAY_ESTATE);
    CU_ASSERT_EQUAL(expected, 0.1 + 0.2);
    CU_ASSERT_EQUAL(hay_value_cas_f64(value, &expected, NAN), HAY_OK);
    expected = NAN;
    CU_ASSERT_EQUAL(hay_value_cas_f64(value, &expected, 1), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, DBL_MAX), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_add_f64(value, DBL_MAX, &result), HAY_OK);
    CU_ASSERT_TRUE(isinf(result));
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);

    value = make(HAY_F32);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, 0.1), HAY_OK);
    const volatile float tenth = 0.1f; /* a constant may have more digits than its type */
    CU_ASSERT_EQUAL(floating_of(value), (double)tenth);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, 1e300), HAY_ERANGE);
    expected = (double)tenth;
    CU_ASSERT_EQUAL(hay_value_cas_f64(value, &expected, 1e300), HAY_ERANGE);
    CU_ASSERT_EQUAL(floating_of(value), (double)tenth);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, (double)FLT_MAX), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_add_f64(value, (double)FLT_MAX, NULL), HAY_ERANGE);
    /* What rounds to the largest float fits: its usual seven or eight digits are a little more than it. */
    CU_ASSERT_EQUAL(hay_value_store_f64(value, 0.5), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, 0x1.ffffffp127), HAY_ERANGE);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, -0x1.ffffffp127), HAY_ERANGE);
    CU_ASSERT_EQUAL(floating_of(value), 0.5);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, -3.4028235e38), HAY_OK);
    CU_ASSERT_EQUAL(floating_of(value), (double)-FLT_MAX);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, 3.4028235e38), HAY_OK);
    CU_ASSERT_EQUAL(floating_of(value), (double)FLT_MAX);
    CU_ASSERT_EQUAL(hay_value_store_f64(value, INFINITY), HAY_OK);
    CU_ASSERT_TRUE(isinf(floating_of(value)));
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
}

#define ADDS 50000

static int add_integers(void *argument)
{
    for (int i = 0; i < ADDS; i++)
        CHILD_CHECK(hay_value_add_i64(argument, 1, NULL) == HAY_OK);
    return 0;
}

static int add_floats(void *argument)
{
    for (int i = 0; i < ADDS; i++)
        CHILD_CHECK(hay_value_add_f64(argument, 0.5, NULL) == HAY_OK);
    return 0;
}

static int add_under_the_lock(void *argument)
{
    for (int i = 0; i < ADDS; i++) {
        uint64_t number = 0;
        CHILD_CHECK(hay_value_lock(argument, LONG_MS) == HAY_OK);
        CHILD_CHECK(hay_value_load_u64(argument, &number) == HAY_OK);
        CHILD_CHECK(hay_value_store_u64(argument, number + 1) == HAY_OK);
        CHILD_CHECK(hay_value_unlock(argument) == HAY_OK);
    }
    return 0;
}

static void add_by(int (*run)(void *argument), struct hay_value *value)
{
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        pids[i] = related_start(run, value);
    for (int i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(related_join(pids[i]), 0);
}

static void no_addition_of_many_processes_is_lost(void)
{
    struct hay_value *value = make(HAY_I32);
    add_by(add_integers, value);
    CU_ASSERT_EQUAL(signed_of(value), 4 * ADDS);
    hay_value_free(value);
    value = make(HAY_F64);
    add_by(add_floats, value);
    CU_ASSERT_EQUAL(floating_of(value), 2.0 * ADDS);
    hay_value_free(value);
    value = make(HAY_U64);
    add_by(add_under_the_lock, value);
    CU_ASSERT_EQUAL(unsigned_of(value), 4 * ADDS);
    hay_value_free(value);
}

static int die_with_the_lock(void *argument)
{
    CHILD_CHECK(hay_value_store_i64(argument, 42) == HAY_OK);
    CHILD_CHECK(hay_value_lock(argument, -1) == HAY_OK);
    kill(getpid(), SIGKILL);
    return 1;
}

static void the_lock_is_recursive_and_tells_of_a_dead_holder(void)
{
    struct hay_value *value = make(HAY_I64);
    CU_ASSERT_EQUAL(hay_value_unlock(value), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_value_lock(value, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_lock(value, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_EBUSY);
    CU_ASSERT_EQUAL(hay_value_unlock(value), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_unlock(value), HAY_OK);
    CU_ASSERT_EQUAL(hay_mutex_free(hay_value_mutex(value)), HAY_EINVAL);
    CU_ASSERT_EQUAL(related_join(related_start(die_with_the_lock, value)), -SIGKILL);
    CU_ASSERT_EQUAL(signed_of(value), 42);
    CU_ASSERT_EQUAL(hay_value_lock(value, -1), HAY_EOWNERDEAD);
    CU_ASSERT_EQUAL(hay_mutex_consistent(hay_value_mutex(value)), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_unlock(value), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_lock(value, -1), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_unlock(value), HAY_OK);
    CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
}

static void bad_use_is_a_status(void)
{
    struct hay_error error;
    const int bad[] = {HAY_TYPE_NONE, -1, 11, 1000};
    int64_t i64 = 0;
    uint64_t u64 = 0;
    double f64 = 0;
    for (int i = 0; i < 4; i++) {
        error.status = HAY_OK;
        CU_ASSERT_PTR_NULL(hay_value_new((enum hay_type)bad[i], &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    }
    for (int type = 0; type < 4; type++) {
        struct hay_value *value = type == 0 ? NULL : make(type == 1 ? HAY_I8 : type == 2 ? HAY_U8 : HAY_F32);
        CU_ASSERT_EQUAL(hay_value_load_i64(value, &i64) == HAY_EINVAL, type != 1);
        CU_ASSERT_EQUAL(hay_value_store_i64(value, 0) == HAY_EINVAL, type != 1);
        CU_ASSERT_EQUAL(hay_value_add_i64(value, 0, NULL) == HAY_EINVAL, type != 1);
        CU_ASSERT_EQUAL(hay_value_cas_i64(value, &i64, 0) == HAY_EINVAL, type != 1);
        CU_ASSERT_EQUAL(hay_value_load_u64(value, &u64) == HAY_EINVAL, type != 2);
        CU_ASSERT_EQUAL(hay_value_store_u64(value, 0) == HAY_EINVAL, type != 2);
        CU_ASSERT_EQUAL(hay_value_add_u64(value, 0, NULL) == HAY_EINVAL, type != 2);
        CU_ASSERT_EQUAL(hay_value_sub_u64(value, 0, NULL) == HAY_EINVAL, type != 2);
        CU_ASSERT_EQUAL(hay_value_cas_u64(value, &u64, 0) == HAY_EINVAL, type != 2);
        CU_ASSERT_EQUAL(hay_value_load_f64(value, &f64) == HAY_EINVAL, type != 3);
        CU_ASSERT_EQUAL(hay_value_store_f64(value, 0) == HAY_EINVAL, type != 3);
        CU_ASSERT_EQUAL(hay_value_add_f64(value, 0, NULL) == HAY_EINVAL, type != 3);
        CU_ASSERT_EQUAL(hay_value_cas_f64(value, &f64, 0) == HAY_EINVAL, type != 3);
        CU_ASSERT_EQUAL(hay_value_load_i64(value, NULL), HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_value_cas_i64(value, NULL, 0), HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_value_load_u64(value, NULL), HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_value_cas_u64(value, NULL, 0), HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_value_load_f64(value, NULL), HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_value_cas_f64(value, NULL, 0), HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_value_free(value), HAY_OK);
    }
    CU_ASSERT_EQUAL(hay_value_lock(NULL, -1), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_value_unlock(NULL), HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_value_mutex(NULL));
    CU_ASSERT_EQUAL(hay_value_type(NULL), HAY_TYPE_NONE);
}

static CU_TestInfo cases[] = {
    {"a signed value keeps to the limits of its type", a_signed_value_keeps_to_the_limits_of_its_type},
    {"an unsigned value keeps to the limits of its type", an_unsigned_value_keeps_to_the_limits_of_its_type},
    {"a floating value rounds as its type, and never to an infinity",
        a_floating_value_rounds_as_its_type_and_never_to_an_infinity},
    {"no addition of many processes is lost", no_addition_of_many_processes_is_lost},
    {"the lock is recursive, and tells of a dead holder", the_lock_is_recursive_and_tells_of_a_dead_holder},
    {"bad use is a status", bad_use_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "value", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
