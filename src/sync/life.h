/* SPDX-License-Identifier: MIT
 *
 * Which process, and does it live? A number alone will not do: the kernel gives it to another one day. {number, start time}
 * is one process only. Needs /proc; without it numbers are compared alone, and in doubt a process is alive.
 */
#ifndef SYNC_LIFE_H
#define SYNC_LIFE_H

#include <stdbool.h>
#include <stdint.h>

struct life {
    uint64_t start;     /* clock ticks after boot; 0: not known */
    int32_t pid;
};

/* The calling process. No system call but in the first call of each process, whichever way that was forked; while no descriptor
 * is free its start is not known, and is asked for again the next time. */
struct life life_own(void);
static inline bool life_is_same(struct life a, struct life b)
{
    return a.pid == b.pid && (a.start == b.start || !a.start || !b.start);
}
/* A zombie is dead; a process whose first thread has ended is not. */
bool life_is_over(struct life life);

#endif
