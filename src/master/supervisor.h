/* SPDX-License-Identifier: MIT
 *
 * The life of the workers: start, READY, stop, restart. What a busy one does is the lookout's matter, and what is left of a
 * dead one is settled in death.c.
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include <hayfork/error.h>

#include <stdint.h>

struct master;
struct slot;

enum hay_status supervisor_start(struct slot *slot, struct hay_error *error);
/* In a child of the master's process: the loop looks at this worker no more. */
void supervisor_leave(struct slot *slot);
/* The slot's part of the tick. Returns when it wants the next. */
int64_t supervisor_tick(struct slot *slot, int64_t now_ns);
/* The worker did what cannot be: kill it, and let its death be handled with this reason. */
void supervisor_fault(struct slot *slot, const char *reason);
/* Tell an idle worker to end in good order. */
void supervisor_stop(struct slot *slot);
/* SIGKILL, to the worker and its group. */
void supervisor_kill(struct slot *slot);

/* Killed, and not dead after all the time that it gets: buried as if it were. */
void supervisor_give_up(struct slot *slot);
/* For supervisor_tick(): the part of a killed worker that is not dead yet. */
int64_t supervisor_tick_killed(struct slot *slot, int64_t now_ns);

#endif
