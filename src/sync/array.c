/* SPDX-License-Identifier: MIT
 *
 * A shared array: a header with a recursive mutex, and then the elements, in one mapping. The bounds are in the header, where
 * only this file writes them, before any fork.
 */
#include "base/error.h"
#include "sync/mutex.h"

#include <hayfork/shared.h>

#include <stdalign.h>
#include <string.h>

#define DATA_ALIGNMENT 64

struct hay_array {
    size_t count, element_size;
    enum hay_type type;
    struct hay_mutex mutex;
    struct mapping mapping;
    alignas(DATA_ALIGNMENT) unsigned char data[];
};

static struct hay_array *array_new(enum hay_type type, size_t element_size, size_t count, struct hay_error *error)
{
    struct mapping mapping;
    size_t size;
    if (__builtin_mul_overflow(element_size, count, &size) || size > PTRDIFF_MAX - sizeof(struct hay_array)) {
        error_set(error, HAY_ERANGE, "an array of %zu elements of %zu bytes is too large", count, element_size);
        return NULL;
    }
    int rc = mapping_open(&mapping, sizeof(struct hay_array) + size);
    if (rc < 0) {
        error_system(error, -rc, "cannot map an array of %zu elements of %zu bytes", count, element_size);
        return NULL;
    }
    struct hay_array *array = mapping.at;
    array->count = count;
    array->element_size = element_size;
    array->type = type;
    array->mapping = mapping;
    rc = mutex_init(&array->mutex, true);
    if (rc < 0) {
        mapping_close(&mapping);
        error_system(error, -rc, "cannot make an array's lock");
        return NULL;
    }
    return array;
}

struct hay_array *hay_array_new(enum hay_type type, size_t count, struct hay_error *error)
{
    size_t size = hay_type_size(type);
    if (!size) {
        error_set(error, HAY_EINVAL, "no such type of element: %d", (int)type);
        return NULL;
    }
    return array_new(type, size, count, error);
}

struct hay_array *hay_array_new_sized(size_t element_size, size_t count, struct hay_error *error)
{
    if (!element_size) {
        error_set(error, HAY_EINVAL, "an array's elements need a size");
        return NULL;
    }
    return array_new(HAY_TYPE_NONE, element_size, count, error);
}

enum hay_status hay_array_free(struct hay_array *array)
{
    if (!array)
        return HAY_OK;
    if (mutex_is_mine(&array->mutex))
        return HAY_EBUSY;
    mapping_close_own(array->mapping);
    return HAY_OK;
}

/* Whole, where the machine can: the elements lie at multiples of their size. */
static void copy_element(void *to, const void *from, size_t size, bool is_store)
{
#define COPY_AS(type) do { \
        type element; \
        if (is_store) { \
            memcpy(&element, from, sizeof element); \
            __atomic_store((type *)to, &element, __ATOMIC_RELAXED); \
        } else { \
            __atomic_load((const type *)from, &element, __ATOMIC_RELAXED); \
            memcpy(to, &element, sizeof element); \
        } \
    } while (0)
    switch (size) {
    case 1:
        COPY_AS(uint8_t);
        break;
    case 2:
        COPY_AS(uint16_t);
        break;
    case 4:
        COPY_AS(uint32_t);
        break;
    case 8:
        COPY_AS(uint64_t);
        break;
    default:
        memcpy(to, from, size);
    }
#undef COPY_AS
}

enum hay_status hay_array_get(const struct hay_array *array, size_t index, void *element, size_t size)
{
    if (!array || !element || size != array->element_size)
        return HAY_EINVAL;
    if (index >= array->count)
        return HAY_ERANGE;
    copy_element(element, array->data + index * size, size, false);
    return HAY_OK;
}

enum hay_status hay_array_set(struct hay_array *array, size_t index, const void *element, size_t size)
{
    if (!array || !element || size != array->element_size)
        return HAY_EINVAL;
    if (index >= array->count)
        return HAY_ERANGE;
    copy_element(array->data + index * size, element, size, true);
    return HAY_OK;
}

void *hay_array_data(struct hay_array *array)
{
    return array ? array->data : NULL;
}

size_t hay_array_count(const struct hay_array *array)
{
    return array ? array->count : 0;
}

size_t hay_array_element_size(const struct hay_array *array)
{
    return array ? array->element_size : 0;
}

enum hay_type hay_array_type(const struct hay_array *array)
{
    return array ? array->type : HAY_TYPE_NONE;
}

enum hay_status hay_array_lock(struct hay_array *array, int timeout_ms)
{
    return array ? mutex_lock(&array->mutex, timeout_ms) : HAY_EINVAL;
}

enum hay_status hay_array_unlock(struct hay_array *array)
{
    return array ? mutex_unlock(&array->mutex) : HAY_EINVAL;
}

struct hay_mutex *hay_array_mutex(struct hay_array *array)
{
    return array ? &array->mutex : NULL;
}
