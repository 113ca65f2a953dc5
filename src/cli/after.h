/* SPDX-License-Identifier: MIT
 *
 * Jobs that come after others: `"after": ["id", 7]` on a job line. It knows which place in the input an id has and how that job
 * ended, keeps a job until all that it comes after have ended, and says of each whether it may start, is skipped or is rejected.
 * Because the jobs named stand earlier in the input, there are no circles, and a full store always empties again.
 *
 * Bounded: the last AFTER_REMEMBERED jobs are remembered, at two bits each for how they ended. Their ids cost nothing while
 * they count up by one, nothing while the input can be read again (`replay`), else 16 bytes each.
 */
#ifndef CLI_AFTER_H
#define CLI_AFTER_H

#include "cli/after_ids.h"

#include <hayfork/pool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum after_verdict { AFTER_READY, AFTER_WAITS, AFTER_SKIP, AFTER_REJECT };

/* A job that was kept. */
struct after_job {
    struct after_job *next, *previous;
    struct hay_job job;         /* points into `bytes` */
    uint64_t seq;
    size_t waits;               /* for how many others */
    size_t size_bytes;
    bool skip;                  /* one of them did not end ok */
    char reason[160];           /* then why */
    char bytes[];
};

struct after;

/* NULL when memory is out. `replay` (may be NULL: the input cannot be read again) calls after_learn() for each earlier job, in
 * order, and returns 0 or -errno. */
struct after *after_new(uint64_t max_jobs, int (*replay)(void *context, struct after *after), void *context);
/* NULL is fine. */
void after_free(struct after *after);
/* 0, or the -errno for which not all that is asked here can be known any more: nothing more should be started. */
int after_failure(const struct after *after);
/* The next job of the input; `seq` counts up by one from 1. */
void after_note(struct after *after, uint64_t seq, struct hay_span id);
/* False: out of memory. */
bool after_learn(struct after *after, uint64_t seq, struct hay_span id);
/* May the job at `seq`, noted just now, start? AFTER_WAITS: it was copied, and comes back by after_next(). `reason` is for SKIP
 * and REJECT. After a failure: SKIP. */
enum after_verdict after_ask(struct after *after, const struct hay_job *job, uint64_t seq, struct hay_span list, char *reason,
                             size_t capacity);
void after_settle(struct after *after, uint64_t seq, enum hay_outcome outcome);
/* A kept job that waits for nothing any more, the oldest first; the caller's then, until after_drop(). NULL: there is none
 * now. */
struct after_job *after_next(struct after *after);
bool after_has_next(const struct after *after);
void after_drop(struct after *after, struct after_job *kept);
/* None of them will be started: all become ready, those that wait too. Is there one? */
bool after_abandon(struct after *after);
/* Are ids kept as they come? Else they are asked for by `replay` when they are needed. */
bool after_keeps_ids(const struct after *after);
/* Take no more: as many are kept as the queue may hold. */
bool after_is_full(const struct after *after);
/* Kept, or handed out and not dropped. NULL is fine. */
size_t after_count(const struct after *after);

#endif
