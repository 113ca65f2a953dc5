/* SPDX-License-Identifier: MIT
 *
 * Memory between processes: values, arrays, and raw blocks with or without a name.
 *
 * Values, arrays and blocks without a name are anonymous: make them before the fork; parent and children then use them by the
 * same pointer. Freeing takes one from the calling process only; the memory goes with the last process that has it. All begin
 * as zeros. A value or an array takes at least a page and three mappings: for many numbers take one array.
 *
 * The kill rule, timeouts and error objects are those of <hayfork/sync.h>. NULL for an object or a result gives HAY_EINVAL.
 */
#ifndef HAYFORK_SHARED_H
#define HAYFORK_SHARED_H

#include <hayfork/error.h>
#include <hayfork/sync.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum hay_type {
    HAY_TYPE_NONE = 0,          /* elements of a size that the program knows */
    HAY_I8, HAY_I16, HAY_I32, HAY_I64,
    HAY_U8, HAY_U16, HAY_U32, HAY_U64,
    HAY_F32, HAY_F64
};

/* Bytes of one: 1, 2, 4, 8; 0 for HAY_TYPE_NONE and what is no type. */
HAY_API size_t hay_type_size(enum hay_type type);

/* ---- Value: one number ---- */

struct hay_value;

/* Zero. The caller frees it. Fails with HAY_EINVAL (no such type), HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_value *hay_value_new(enum hay_type type, struct hay_error *error);
/* HAY_EBUSY, and nothing is freed: the calling thread holds its lock. */
HAY_API enum hay_status hay_value_free(struct hay_value *value);
/* HAY_TYPE_NONE for NULL. */
HAY_API enum hay_type hay_value_type(const struct hay_value *value);

/* Each of these is one atomic step that needs no lock, and someone else's lock does not keep it out. A load acquires and a store
 * releases, as in C11; add, sub and cas are sequentially consistent. None blocks; all may be called in a signal handler.
 * _i64 is for the signed types, _u64 for the unsigned ones, _f64 for the floating ones: another type gives HAY_EINVAL.
 * A result that the type cannot hold gives HAY_ERANGE and changes nothing: integers never wrap, and what is finite never becomes
 * an infinity by rounding to HAY_F32 (which rounds to nearest). HAY_F64 follows IEEE 754.
 * load: the number. store: `number` from now on. add (and sub): `*result`, which may be NULL, gets the new number.
 * cas: HAY_OK: it was `*expected` and is now `desired`; HAY_ESTATE: it was not, `*expected` gets what it is. Floating numbers
 * are compared bit by bit: a NaN equals itself, and 0 is not -0. */
HAY_API enum hay_status hay_value_load_i64(const struct hay_value *value, int64_t *number);
HAY_API enum hay_status hay_value_store_i64(struct hay_value *value, int64_t number);
HAY_API enum hay_status hay_value_add_i64(struct hay_value *value, int64_t number, int64_t *result);
HAY_API enum hay_status hay_value_cas_i64(struct hay_value *value, int64_t *expected, int64_t desired);

HAY_API enum hay_status hay_value_load_u64(const struct hay_value *value, uint64_t *number);
HAY_API enum hay_status hay_value_store_u64(struct hay_value *value, uint64_t number);
HAY_API enum hay_status hay_value_add_u64(struct hay_value *value, uint64_t number, uint64_t *result);
HAY_API enum hay_status hay_value_sub_u64(struct hay_value *value, uint64_t number, uint64_t *result);
HAY_API enum hay_status hay_value_cas_u64(struct hay_value *value, uint64_t *expected, uint64_t desired);

HAY_API enum hay_status hay_value_load_f64(const struct hay_value *value, double *number);
HAY_API enum hay_status hay_value_store_f64(struct hay_value *value, double number);
HAY_API enum hay_status hay_value_add_f64(struct hay_value *value, double number, double *result);
HAY_API enum hay_status hay_value_cas_f64(struct hay_value *value, double *expected, double desired);

/* Its own lock, recursive as in Python, for steps that take several calls: as hay_mutex_lock() and hay_mutex_unlock(). */
HAY_API enum hay_status hay_value_lock(struct hay_value *value, int timeout_ms);
HAY_API enum hay_status hay_value_unlock(struct hay_value *value);
/* The lock as a mutex, for hay_mutex_consistent() and hay_condition_new(). Borrowed: it goes with the value. NULL for NULL. */
HAY_API struct hay_mutex *hay_value_mutex(struct hay_value *value);

/* ---- Array: a fixed number of elements of one size ---- */

struct hay_array;

/* `count` zeros; 0 elements are allowed. The caller frees it. The second is for elements of any size, such as a struct.
 * Fails with HAY_EINVAL (no such type, elements of no size), HAY_ERANGE (the size overflows), HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_array *hay_array_new(enum hay_type type, size_t count, struct hay_error *error);
HAY_API struct hay_array *hay_array_new_sized(size_t element_size, size_t count, struct hay_error *error);
/* HAY_EBUSY, and nothing is freed: the calling thread holds its lock. */
HAY_API enum hay_status hay_array_free(struct hay_array *array);

/* Copy one element out or in. `size` is that of what `element` points to: sizeof (double), say.
 * HAY_ERANGE: no such index; HAY_EINVAL: `size` is not the element's. Neither takes the lock; an element of 1, 2, 4 or 8 bytes is
 * never seen half written, a larger one may be unless all use the lock. Neither blocks. */
HAY_API enum hay_status hay_array_get(const struct hay_array *array, size_t index, void *element, size_t size);
HAY_API enum hay_status hay_array_set(struct hay_array *array, size_t index, const void *element, size_t size);

/* The elements themselves, one after the other, from an address that is a multiple of 64. No bounds are checked here.
 * NULL for NULL. */
HAY_API void *hay_array_data(struct hay_array *array);
/* 0 and HAY_TYPE_NONE for NULL. */
HAY_API size_t hay_array_count(const struct hay_array *array);
HAY_API size_t hay_array_element_size(const struct hay_array *array);
HAY_API enum hay_type hay_array_type(const struct hay_array *array);

/* As for a value. */
HAY_API enum hay_status hay_array_lock(struct hay_array *array, int timeout_ms);
HAY_API enum hay_status hay_array_unlock(struct hay_array *array);
HAY_API struct hay_mutex *hay_array_mutex(struct hay_array *array);

/* ---- Block: bytes ---- */

struct hay_block;

/* Anonymous, for this process and those that it forks; `size` bytes of zeros. The caller frees it.
 * Fails with HAY_EINVAL (size 0), HAY_ERANGE (a size that overflows), HAY_ENOMEM or HAY_ESYSTEM. */
HAY_API struct hay_block *hay_block_new(size_t size, struct hay_error *error);

/* Named, for any process of the same user (POSIX shm_open(3), mode 0600). A name is 1 to 254 bytes without '/', but for one at
 * the front, which makes no difference, and is not "." or "..".
 * Create makes a new block, and has all of its memory at hand before it returns (Python and plain shm_open answer a full /dev/shm
 * with SIGBUS at the first touch). Open finds one, with the size that it has, whatever made it.
 * Both fail with HAY_EINVAL (the name, size 0), HAY_ERANGE (the size), HAY_ENOMEM (also: /dev/shm is full), HAY_ESYSTEM (see
 * sys_errno); create with HAY_EBUSY (the name is taken); open with HAY_EUNKNOWN (no such block) or HAY_ESTATE (it is empty: its
 * creator is at work, or died at it).
 * The name stays until hay_block_unlink(), whoever dies: nobody removes it behind your back. */
HAY_API struct hay_block *hay_block_create(const char *name, size_t size, struct hay_error *error);
HAY_API struct hay_block *hay_block_open(const char *name, struct hay_error *error);

/* Takes the memory from this process only; a name and what is in it stay. */
HAY_API void hay_block_free(struct hay_block *block);
/* Removes the name; who has the block keeps it. HAY_EUNKNOWN: no such block; HAY_EINVAL: no such name; HAY_ESYSTEM. */
HAY_API enum hay_status hay_block_unlink(const char *name, struct hay_error *error);

/* From an address that is a multiple of the page size. NULL and 0 for NULL. */
HAY_API void *hay_block_data(struct hay_block *block);
HAY_API size_t hay_block_size(const struct hay_block *block);

#ifdef __cplusplus
}
#endif
#endif
