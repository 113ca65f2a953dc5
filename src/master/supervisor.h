/* SPDX-License-Identifier: MIT
 *
 * The life of the workers: start, READY, looks at busy slots, deadlines, death, restart with back-off, stop.
 *
 * Before it judges a deadline it reads the pipe and the outbox; before it signals a worker because of a job it takes back all else, so
 * nothing else can have started when the signal arrives. A worker is reaped last.
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "process/child.h"

#include <hayfork/error.h>
#include <hayfork/jobline.h>

#include <stdint.h>

struct master;
struct slot;

enum hay_status supervisor_start(struct slot *slot, struct hay_error *error);
/* The slot's part of the tick. Returns when it wants the next. */
int64_t supervisor_tick(struct slot *slot, int64_t now_ns);
/* The worker did what cannot be: kill it, and let its death be handled with this reason. */
void supervisor_fault(struct slot *slot, const char *reason);
/* End the job that runs there, with this outcome: ask, then kill after the grace. False when it does not run there (any more). */
bool supervisor_end_job(struct slot *slot, uint64_t number, enum hay_outcome outcome, int64_t grace_ns);
/* Tell an idle worker to end in good order. */
void supervisor_stop(struct slot *slot);
/* SIGKILL, to the worker and its group. */
void supervisor_kill(struct slot *slot);
/* Kill and reap at once, without waiting for the loop: for freeing the pool. */
void supervisor_discard(struct slot *slot);
/* Time that deadlines are not to count has passed: the master was stopped, or did not read. */
void supervisor_exclude(struct slot *slot, int64_t from_ns, int64_t to_ns);

#endif
