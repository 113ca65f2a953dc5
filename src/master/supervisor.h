/* SPDX-License-Identifier: MIT
 *
 * The life of the workers: start, READY, death, restart with back-off, stop. Whatever a dead worker left in its pipe and outbox is
 * read before anybody is blamed, and it is reaped last. What a living one does is the lookout's matter.
 */
#ifndef MASTER_SUPERVISOR_H
#define MASTER_SUPERVISOR_H

#include "process/child.h"

#include <hayfork/error.h>

#include <stdint.h>

struct master;
struct slot;

enum hay_status supervisor_start(struct slot *slot, struct hay_error *error);
/* The slot's part of the tick. Returns when it wants the next. */
int64_t supervisor_tick(struct slot *slot, int64_t now_ns);
/* The worker did what cannot be: kill it, and let its death be handled with this reason. */
void supervisor_fault(struct slot *slot, const char *reason);
/* Tell an idle worker to end in good order. */
void supervisor_stop(struct slot *slot);
/* SIGKILL, to the worker and its group. */
void supervisor_kill(struct slot *slot);
/* Kill and reap at once, without waiting for the loop: for freeing the pool. */
void supervisor_discard(struct slot *slot);

#endif
