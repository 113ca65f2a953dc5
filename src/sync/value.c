/* SPDX-License-Identifier: MIT
 *
 * A shared number: one atomic 64-bit cell, and a recursive mutex. The cell holds an int64_t, a uint64_t or a double, whatever
 * the width of the type: a narrow type only has narrow limits. Each change is one compare-and-swap of a checked result.
 */
#include "base/clock.h"
#include "base/error.h"
#include "sync/mutex.h"

#include <hayfork/shared.h>

#include <math.h>
#include <string.h>

enum family { NO_FAMILY, SIGNED, UNSIGNED, FLOATING };

struct type_traits {
    size_t size;
    enum family family;
    int64_t min, max;           /* of a signed type */
    uint64_t unsigned_max;      /* of an unsigned type */
};

struct hay_value {
    _Atomic uint64_t cell;      /* with the lock in one cache line */
    struct hay_mutex mutex;
    enum hay_type type;
    struct type_traits traits;
    struct mapping mapping;
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics in shared memory have to be free of locks");

static const struct type_traits traits[] = {
    [HAY_TYPE_NONE] = {0, NO_FAMILY, 0, 0, 0},
    [HAY_I8] = {1, SIGNED, INT8_MIN, INT8_MAX, 0},
    [HAY_I16] = {2, SIGNED, INT16_MIN, INT16_MAX, 0},
    [HAY_I32] = {4, SIGNED, INT32_MIN, INT32_MAX, 0},
    [HAY_I64] = {8, SIGNED, INT64_MIN, INT64_MAX, 0},
    [HAY_U8] = {1, UNSIGNED, 0, 0, UINT8_MAX},
    [HAY_U16] = {2, UNSIGNED, 0, 0, UINT16_MAX},
    [HAY_U32] = {4, UNSIGNED, 0, 0, UINT32_MAX},
    [HAY_U64] = {8, UNSIGNED, 0, 0, UINT64_MAX},
    [HAY_F32] = {4, FLOATING, 0, 0, 0},
    [HAY_F64] = {8, FLOATING, 0, 0, 0},
};

size_t hay_type_size(enum hay_type type)
{
    return (unsigned)type < sizeof traits / sizeof traits[0] ? traits[type].size : 0;
}

struct hay_value *hay_value_new(enum hay_type type, struct hay_error *error)
{
    if (!hay_type_size(type)) {
        error_set(error, HAY_EINVAL, "no such type of value: %d", (int)type);
        return NULL;
    }
    struct hay_value *value = mapping_new(sizeof *value, offsetof(struct hay_value, mapping), "a value", error);
    if (!value)
        return NULL;
    value->type = type;
    value->traits = traits[type];
    int rc = mutex_init(&value->mutex, true);
    if (rc < 0) {
        mapping_close_own(value->mapping);
        error_system(error, -rc, "cannot make a value's lock");
        return NULL;
    }
    return value;
}

enum hay_status hay_value_free(struct hay_value *value)
{
    if (!value)
        return HAY_OK;
    if (mutex_is_mine(&value->mutex))
        return HAY_EBUSY;
    mapping_close_own(value->mapping);
    return HAY_OK;
}

enum hay_type hay_value_type(const struct hay_value *value)
{
    return value ? value->type : HAY_TYPE_NONE;
}

static inline bool is_of(const struct hay_value *value, enum family family)
{
    return value && value->traits.family == family;
}

static inline bool fits_signed(const struct hay_value *value, int64_t number)
{
    return number >= value->traits.min && number <= value->traits.max;
}

#define FLOAT_TOO_LARGE 0x1.ffffffp127 /* FLT_MAX and half a step: what is below rounds to it at most */

/* The double that the type holds for `number`, or false. */
static bool round_floating(const struct hay_value *value, double *number)
{
    if (value->type == HAY_F64)
        return true;
    if (isfinite(*number) && fabs(*number) >= FLOAT_TOO_LARGE)
        return false;
    *number = (double)(float)*number;
    return true;
}

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static double number_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

enum hay_status hay_value_load_i64(const struct hay_value *value, int64_t *number)
{
    if (!is_of(value, SIGNED) || !number)
        return HAY_EINVAL;
    *number = (int64_t)atomic_load_explicit(&value->cell, memory_order_acquire);
    return HAY_OK;
}

enum hay_status hay_value_store_i64(struct hay_value *value, int64_t number)
{
    if (!is_of(value, SIGNED))
        return HAY_EINVAL;
    if (!fits_signed(value, number))
        return HAY_ERANGE;
    atomic_store_explicit(&value->cell, (uint64_t)number, memory_order_release);
    return HAY_OK;
}

enum hay_status hay_value_add_i64(struct hay_value *value, int64_t number, int64_t *result)
{
    if (!is_of(value, SIGNED))
        return HAY_EINVAL;
    int64_t sum;
    uint64_t cell = atomic_load(&value->cell);
    do {
        if (__builtin_add_overflow((int64_t)cell, number, &sum) || !fits_signed(value, sum))
            return HAY_ERANGE;
    } while (!atomic_compare_exchange_weak(&value->cell, &cell, (uint64_t)sum));
    if (result)
        *result = sum;
    return HAY_OK;
}

enum hay_status hay_value_cas_i64(struct hay_value *value, int64_t *expected, int64_t desired)
{
    if (!is_of(value, SIGNED) || !expected)
        return HAY_EINVAL;
    if (!fits_signed(value, desired))
        return HAY_ERANGE;
    uint64_t cell = (uint64_t)*expected;
    bool is_done = atomic_compare_exchange_strong(&value->cell, &cell, (uint64_t)desired);
    *expected = (int64_t)cell;
    return is_done ? HAY_OK : HAY_ESTATE;
}

enum hay_status hay_value_load_u64(const struct hay_value *value, uint64_t *number)
{
    if (!is_of(value, UNSIGNED) || !number)
        return HAY_EINVAL;
    *number = atomic_load_explicit(&value->cell, memory_order_acquire);
    return HAY_OK;
}

enum hay_status hay_value_store_u64(struct hay_value *value, uint64_t number)
{
    if (!is_of(value, UNSIGNED))
        return HAY_EINVAL;
    if (number > value->traits.unsigned_max)
        return HAY_ERANGE;
    atomic_store_explicit(&value->cell, number, memory_order_release);
    return HAY_OK;
}

enum hay_status hay_value_add_u64(struct hay_value *value, uint64_t number, uint64_t *result)
{
    if (!is_of(value, UNSIGNED))
        return HAY_EINVAL;
    uint64_t cell = atomic_load(&value->cell);
    do {
        if (number > value->traits.unsigned_max - cell)
            return HAY_ERANGE;
    } while (!atomic_compare_exchange_weak(&value->cell, &cell, cell + number));
    if (result)
        *result = cell + number;
    return HAY_OK;
}

enum hay_status hay_value_sub_u64(struct hay_value *value, uint64_t number, uint64_t *result)
{
    if (!is_of(value, UNSIGNED))
        return HAY_EINVAL;
    uint64_t cell = atomic_load(&value->cell);
    do {
        if (number > cell)
            return HAY_ERANGE;
    } while (!atomic_compare_exchange_weak(&value->cell, &cell, cell - number));
    if (result)
        *result = cell - number;
    return HAY_OK;
}

enum hay_status hay_value_cas_u64(struct hay_value *value, uint64_t *expected, uint64_t desired)
{
    if (!is_of(value, UNSIGNED) || !expected)
        return HAY_EINVAL;
    if (desired > value->traits.unsigned_max)
        return HAY_ERANGE;
    bool is_done = atomic_compare_exchange_strong(&value->cell, expected, desired);
    return is_done ? HAY_OK : HAY_ESTATE;
}

enum hay_status hay_value_load_f64(const struct hay_value *value, double *number)
{
    if (!is_of(value, FLOATING) || !number)
        return HAY_EINVAL;
    *number = number_of(atomic_load_explicit(&value->cell, memory_order_acquire));
    return HAY_OK;
}

enum hay_status hay_value_store_f64(struct hay_value *value, double number)
{
    if (!is_of(value, FLOATING))
        return HAY_EINVAL;
    if (!round_floating(value, &number))
        return HAY_ERANGE;
    atomic_store_explicit(&value->cell, bits_of(number), memory_order_release);
    return HAY_OK;
}

enum hay_status hay_value_add_f64(struct hay_value *value, double number, double *result)
{
    if (!is_of(value, FLOATING))
        return HAY_EINVAL;
    double sum;
    uint64_t cell = atomic_load(&value->cell);
    do {
        sum = number_of(cell) + number;
        if (!round_floating(value, &sum))
            return HAY_ERANGE;
    } while (!atomic_compare_exchange_weak(&value->cell, &cell, bits_of(sum)));
    if (result)
        *result = sum;
    return HAY_OK;
}

enum hay_status hay_value_cas_f64(struct hay_value *value, double *expected, double desired)
{
    if (!is_of(value, FLOATING) || !expected)
        return HAY_EINVAL;
    if (!round_floating(value, &desired))
        return HAY_ERANGE;
    uint64_t cell = bits_of(*expected);
    bool is_done = atomic_compare_exchange_strong(&value->cell, &cell, bits_of(desired));
    *expected = number_of(cell);
    return is_done ? HAY_OK : HAY_ESTATE;
}

enum hay_status hay_value_lock(struct hay_value *value, int timeout_ms)
{
    return value ? mutex_lock(&value->mutex, timeout_ms) : HAY_EINVAL;
}

enum hay_status hay_value_unlock(struct hay_value *value)
{
    return value ? mutex_unlock(&value->mutex) : HAY_EINVAL;
}

struct hay_mutex *hay_value_mutex(struct hay_value *value)
{
    return value ? &value->mutex : NULL;
}
