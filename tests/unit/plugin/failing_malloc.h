/* SPDX-License-Identifier: MIT
 *
 * Makes the n-th allocation of this program's own objects fail, for a test that tries every n. The program is linked with
 * --wrap for each of the three; libc's own allocations are left alone.
 */
#ifndef TESTS_UNIT_PLUGIN_FAILING_MALLOC_H
#define TESTS_UNIT_PLUGIN_FAILING_MALLOC_H

#include <stdbool.h>
#include <stdlib.h>

/* How many allocations still succeed before one fails; -1: all. */
static long allocations_left = -1;

static inline bool allocation_fails(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
    return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return allocation_fails() ? NULL : __real_realloc(old, size);
}

#endif
