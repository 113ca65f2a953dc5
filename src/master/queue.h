/* SPDX-License-Identifier: MIT
 *
 * The jobs that wait for a worker: higher priority first, and in order of acceptance within one priority, also for jobs that come
 * back. One FIFO per priority that occurs, in a sorted array; with the usual single priority every call is constant time.
 * Bounds are the owner's matter.
 */
#ifndef MASTER_QUEUE_H
#define MASTER_QUEUE_H

#include "job/job.h"

#include <errno.h>
#include <stddef.h>

/* The head is on the heap, because jobs point at it while the array of levels moves. */
struct queue_level {
    int32_t priority;
    struct list *jobs;
};

struct queue {
    struct queue_level *levels;  /* by ascending priority, the next to go at the end; none is empty but the last one used */
    size_t level_count, level_capacity;
    size_t size;
    struct job *returned;        /* the last one, while it is queued: the next one mostly goes beside it */
};

void queue_init(struct queue *queue);
void queue_release(struct queue *queue);
/* The level of this priority, made if it is not there; NULL: out of memory. */
struct list *queue_level_of(struct queue *queue, int32_t priority);
/* Drop the level of this priority if it has run empty. */
void queue_drop_level(struct queue *queue, int32_t priority);

/* At the tail of its priority. 0 or -ENOMEM (only for a priority that is not there yet). */
static inline int queue_push(struct queue *queue, struct job *job)
{
    bool is_usual = queue->level_count == 1 && queue->levels[0].priority == job->priority;
    struct list *jobs = is_usual ? queue->levels[0].jobs : queue_level_of(queue, job->priority);
    if (!jobs)
        return -ENOMEM;
    list_push_tail(jobs, &job->node);
    queue->size++;
    return 0;
}

/* A job that was out: before all of its priority that were accepted after it. 0 or -ENOMEM. */
int queue_return(struct queue *queue, struct job *job);
/* The next to go, or NULL. */
static inline struct job *queue_peek(const struct queue *queue)
{
    return queue->size ? LIST_ITEM(queue->levels[queue->level_count - 1].jobs->next, struct job, node) : NULL;
}

/* Take a queued job out, the next one or any other. */
static inline void queue_remove(struct queue *queue, struct job *job)
{
    list_remove(&job->node);
    queue->size--;
    if (queue->returned == job)
        queue->returned = NULL;
    if (queue->level_count > 1)
        queue_drop_level(queue, job->priority);
}

#endif
