/* SPDX-License-Identifier: MIT
 *
 * Who holds how many units of a tracked semaphore: a table in shared memory, under a robust lock.
 *
 * A process is {pid, start time}, so a new process with an old number is not taken for its predecessor. Each change is committed
 * by one store to a holder's `units` or to `total`; `taken` is only their sum, made anew when the lock's holder died.
 */
#ifndef SYNC_HOLDERS_H
#define SYNC_HOLDERS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct holder {
    _Atomic uint32_t units;     /* 0: free */
    _Atomic int32_t pid;
    _Atomic uint64_t start;     /* clock ticks after boot; 0: not known */
};

struct holders {
    pthread_mutex_t lock;
    _Atomic uint32_t total;     /* units, held and free */
    _Atomic uint32_t taken;
    uint32_t max;               /* for total */
    uint32_t capacity;
    _Atomic int64_t searched_ns; /* the last turn to look for dead ones */
    _Atomic uint32_t used;      /* no holder at or after this was ever used */
    struct holder at[];
};

/* Bytes for a table of so many. */
size_t holders_size(uint32_t capacity);
/* For zeroed memory. 0 or -errno. */
int holders_init(struct holders *holders, uint32_t total, uint32_t max, uint32_t capacity);

/* All take the lock, and give -ETIMEDOUT if it cannot be had by the deadline, or another -errno. */
/* 0; -EAGAIN: no unit is free; -ENOSPC: the table is full. */
int holders_take(struct holders *holders, int64_t deadline_ns);
/* 0; -ERANGE: it would be more than max. */
int holders_give(struct holders *holders, int64_t deadline_ns);
/* Is it the caller's turn to look for dead ones, who waits? One has it in each `every_ns`. */
bool holders_search_is_due(struct holders *holders, int64_t now_ns, int64_t every_ns);
/* Take their units from the dead. How many are free now. */
int64_t holders_reclaim(struct holders *holders, int64_t deadline_ns);

#endif
