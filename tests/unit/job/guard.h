/* SPDX-License-Identifier: MIT
 *
 * Copies of test inputs that touch forbidden memory: a load one byte behind (or before) the input is a fault of the program, and
 * no sanitizer is needed to see it.
 */
#ifndef TESTS_UNIT_JOB_GUARD_H
#define TESTS_UNIT_JOB_GUARD_H

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define GUARD_ROOM ((size_t)1 << 20)
#define GUARD_PAGE ((size_t)65536) /* a multiple of every page size in use */

/* GUARD_ROOM writable bytes between two pages that nobody may touch; NULL when they cannot be had. Kept for ever. */
static inline char *guard_room(void)
{
    static char *room;
    if (!room) {
        char *all = mmap(NULL, GUARD_ROOM + 2 * GUARD_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (all == MAP_FAILED)
            return NULL;
        if (mprotect(all + GUARD_PAGE, GUARD_ROOM, PROT_READ | PROT_WRITE) == 0)
            room = all + GUARD_PAGE;
    }
    return room;
}

/* The bytes, at most GUARD_ROOM, with their end at the forbidden page. */
static inline const char *guard_behind(const void *bytes, size_t size)
{
    char *room = guard_room();
    return room ? memcpy(room + GUARD_ROOM - size, bytes, size) : NULL;
}

/* The bytes with the forbidden page right before them. */
static inline const char *guard_before(const void *bytes, size_t size)
{
    char *room = guard_room();
    return room ? memcpy(room, bytes, size) : NULL;
}

#endif
