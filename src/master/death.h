/* SPDX-License-Identifier: MIT
 *
 * What is left of a dead worker: whatever lies in its pipe, log pipe and outbox is read before anybody is blamed, the jobs
 * that it held are settled or returned, and it is reaped last. Then its restart is planned, with back-off when it settled
 * nothing.
 */
#ifndef MASTER_DEATH_H
#define MASTER_DEATH_H

#include "base/clock.h"
#include "process/exit.h"

#define DEATH_RESTART_MAX_NS (2 * NS_PER_S) /* the longest back-off */

struct master;
struct slot;

/* It has ended, in this way; unless other code took it, it is unreaped, so its group's number is still its own. */
void death_bury(struct slot *slot, struct hay_exit status);
/* Kill and reap all at once, without waiting for the loop: for freeing the pool. Who is stuck in the kernel is given up. */
void death_discard_all(struct master *master);
/* No process could be made for it. That, too, is tried again later, and may stop the pool. */
void death_of_start(struct slot *slot);

#endif
