/* SPDX-License-Identifier: MIT
 *
 * What goes where. Workers are topped up with queued jobs as far as their windows allow, each with no more than its share of a
 * short queue; when a worker is idle and nothing is queued, unstarted work is taken back from the slot that has most of it.
 */
#ifndef MASTER_DISPATCH_H
#define MASTER_DISPATCH_H

struct master;
struct slot;

/* Serve all slots. */
void dispatch_all(struct master *master);
/* Serve this slot, which has just settled something. */
void dispatch_slot(struct master *master, struct slot *slot);

#endif
