/* SPDX-License-Identifier: MIT
 *
 * The jobs that wait for their retry delay, on a wheel of places of 2 ms each: putting one there, taking one away and a tick
 * cost the same however many wait. None comes early; one may come 2 ms late. What lies more than a turn of the wheel ahead is
 * looked at once a turn. The states of the jobs are their owner's matter.
 */
#ifndef MASTER_DELAY_H
#define MASTER_DELAY_H

#include "job/job.h"

#define DELAY_PLACES 1024 /* a turn is 2.1 s */

struct delay {
    struct list places[DELAY_PLACES];
    uint64_t used[DELAY_PLACES / 64]; /* a bit for each place: it may hold jobs */
    int64_t passed;                   /* the last place that was emptied of what was due, counted from the clock's zero */
};

void delay_init(struct delay *delay, int64_t now_ns);
/* Until job->due_ns; list_remove() takes it out again. Returns when to come for it. */
int64_t delay_put(struct delay *delay, struct job *job);
/* Move what is due to the end of `due`, in the order of the jobs' numbers. Returns when to come again, or TIME_NEVER. */
int64_t delay_take(struct delay *delay, int64_t now_ns, struct list *due);

#endif
