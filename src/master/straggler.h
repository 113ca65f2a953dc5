/* SPDX-License-Identifier: MIT
 *
 * Workers that were given up before they were dead: stuck in the kernel in spite of SIGKILL, or dead for their tracer alone.
 * They run no code of their own any more. Each is taken off the process table when it can be.
 */
#ifndef MASTER_STRAGGLER_H
#define MASTER_STRAGGLER_H

#include "base/list.h"
#include "process/child.h"

#include <stdint.h>

/* Takes the child over, whatever its state. */
void straggler_keep(struct list *stragglers, struct child *child);
/* Reap those that have ended. When to look again. */
int64_t straggler_tick(struct list *stragglers, int64_t now_ns);
/* Wait a moment for the tracers of dead ones, and leave the rest to whoever inherits our children. */
void straggler_release(struct list *stragglers);

#endif
