/* SPDX-License-Identifier: MIT
 *
 * Watches what busy workers do: looks at those that are silent, takes back what waits behind an old job, and enforces deadlines.
 *
 * Before it judges a deadline it reads the pipe and the outbox; before it signals a worker because of a job it takes back all
 * else, so nothing else can have started there when the signal arrives. Time in which the master did not read is not counted.
 */
#ifndef MASTER_LOOKOUT_H
#define MASTER_LOOKOUT_H

#include "base/clock.h"

#include <stdint.h>

#define LOOKOUT_FIRST_NS (1 * NS_PER_MS) /* of silence before the first look; then 2, 4 … 64 ms */

struct job;
struct slot;

/* What is known of the newest claim once pipe and outbox were read. */
enum running {
    RUNNING_NONE,   /* nothing claimed lacks a result */
    RUNNING_MOVED,  /* the ledger moved meanwhile: look again */
    RUNNING_ENDED,  /* it returned, its result is on the way */
    RUNNING_NOW,    /* since *start_ns */
};
enum running lookout_examine(struct slot *slot, struct job **job, int64_t *start_ns);

/* A busy slot's part of the tick. Returns when it wants the next. */
int64_t lookout_tick(struct slot *slot, int64_t now_ns);
/* Time that deadlines are not to count has passed: the master was stopped, or did not read. What began meanwhile has the rest. */
void lookout_exclude(struct slot *slot, int64_t from_ns, int64_t to_ns);
/* The master was elsewhere and wrote and read nothing: jobs ran on, but what waited for it could do nothing. */
void lookout_excuse(struct slot *slot, int64_t from_ns, int64_t to_ns);
/* How much of a span there is from `begin_ns` on. */
int64_t lookout_part(int64_t from_ns, int64_t to_ns, int64_t begin_ns);

#endif
