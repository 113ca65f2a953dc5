/* SPDX-License-Identifier: MIT */
#include "master/queue.h"

#include <stdlib.h>
#include <string.h>

void queue_init(struct queue *queue)
{
    *queue = (struct queue){0};
}

void queue_release(struct queue *queue)
{
    for (size_t i = 0; i < queue->level_count; i++)
        free(queue->levels[i].jobs);
    free(queue->levels);
    queue_init(queue);
}

/* The first level whose priority is not below this one. */
static size_t find_level(const struct queue *queue, int32_t priority)
{
    size_t low = 0, high = queue->level_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (queue->levels[middle].priority < priority)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void drop_level(struct queue *queue, size_t i)
{
    free(queue->levels[i].jobs);
    queue->level_count--;
    memmove(&queue->levels[i], &queue->levels[i + 1], (queue->level_count - i) * sizeof *queue->levels);
}

static struct list *add_level(struct queue *queue, size_t at, int32_t priority)
{
    if (queue->level_count == queue->level_capacity) {
        size_t capacity = queue->level_capacity ? queue->level_capacity * 2 : 4;
        struct queue_level *levels = realloc(queue->levels, capacity * sizeof *levels);
        if (!levels)
            return NULL;
        queue->levels = levels;
        queue->level_capacity = capacity;
    }
    struct list *jobs = malloc(sizeof *jobs);
    if (!jobs)
        return NULL;
    list_init(jobs);
    memmove(&queue->levels[at + 1], &queue->levels[at], (queue->level_count - at) * sizeof *queue->levels);
    queue->levels[at] = (struct queue_level){priority, jobs};
    queue->level_count++;
    return jobs;
}

struct list *queue_level_of(struct queue *queue, int32_t priority)
{
    size_t at = find_level(queue, priority);
    if (at < queue->level_count && queue->levels[at].priority == priority)
        return queue->levels[at].jobs;
    /* A queue that runs empty keeps its one level, so that steady traffic of one priority allocates nothing. */
    if (!queue->size && queue->level_count) {
        queue->levels[0].priority = priority;
        return queue->levels[0].jobs;
    }
    return add_level(queue, at, priority);
}

int queue_return(struct queue *queue, struct job *job)
{
    struct list *jobs = queue_level_of(queue, job->priority);
    if (!jobs)
        return -ENOMEM;
    struct list *at = jobs->next;
    if (queue->returned && queue->returned->priority == job->priority) {
        at = &queue->returned->node;
        while (at != jobs && LIST_ITEM(at, struct job, node)->number > job->number)
            at = at->prev;
        at = at->next;
    }
    while (at != jobs && LIST_ITEM(at, struct job, node)->number < job->number)
        at = at->next;
    queue->returned = job;
    list_insert_before(at, &job->node);
    queue->size++;
    return 0;
}

void queue_drop_level(struct queue *queue, int32_t priority)
{
    size_t at = find_level(queue, priority);
    if (list_empty(queue->levels[at].jobs))
        drop_level(queue, at);
}
