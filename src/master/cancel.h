/* SPDX-License-Identifier: MIT
 *
 * Cancelling: one job, all, or a batch. What waits or is queued is settled at once; what was sent ahead is taken back first; what
 * runs is asked to end at the next tick, because this may be a callback in the middle of its worker's frames. The calls for the
 * pool are in master.h.
 */
#ifndef MASTER_CANCEL_H
#define MASTER_CANCEL_H

struct master;

/* Take back all that has not started from all workers. */
void cancel_recall_all(struct master *master);

#endif
