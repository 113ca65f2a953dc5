/* SPDX-License-Identifier: MIT
 *
 * The jobs that wait for a worker: higher priority first, and in order of acceptance within one priority, also for jobs that come
 * back. One FIFO per priority that occurs, in a sorted array; with the usual single priority every call is constant time.
 * Bounds are the owner's matter.
 */
#ifndef MASTER_QUEUE_H
#define MASTER_QUEUE_H

#include "job/job.h"

#include <stddef.h>

struct queue_level;

struct queue {
    struct queue_level *levels;  /* by descending priority; none is empty but the last one used */
    size_t level_count, level_capacity;
    size_t size;
};

void queue_init(struct queue *queue);
void queue_release(struct queue *queue);
/* At the tail of its priority. 0 or -ENOMEM (only for a priority that is not there yet). */
int queue_push(struct queue *queue, struct job *job);
/* A job that was out: before all of its priority that were accepted after it. 0 or -ENOMEM. */
int queue_return(struct queue *queue, struct job *job);
/* The next to go, or NULL. */
struct job *queue_peek(const struct queue *queue);
/* Take a queued job out, the next one or any other. */
void queue_remove(struct queue *queue, struct job *job);

#endif
