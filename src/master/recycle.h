/* SPDX-License-Identifier: MIT
 *
 * Workers that had enough, of jobs, memory or life, or that are surplus. Such a worker runs dry, is told to end when it is
 * idle, and another takes its place unless it is surplus. That is no death, and costs no job anything.
 *
 * No worker starts more jobs than it may; the first ones of a pool may start fewer, each another number, so that they do not
 * all end at the same time. For memory and age at most a quarter of the workers, and at least one, is out of service at a
 * time, and an age is stretched by up to a quarter; a worker that waits for its turn takes one job at a time. With none of
 * this wanted it costs a test of a flag for each batch of results.
 */
#ifndef MASTER_RECYCLE_H
#define MASTER_RECYCLE_H

#include <stdint.h>

struct master;
struct slot;

/* A worker is ready: what it may do. */
void recycle_begin(struct slot *slot);
/* A batch of results came from it. */
void recycle_after_batch(struct slot *slot);
/* An idle or busy slot's part of the tick. Returns when it wants the next. */
int64_t recycle_tick(struct slot *slot, int64_t now_ns);
/* Send away who has to go and can. Before jobs are dispatched. */
void recycle_all(struct master *master);

#endif
