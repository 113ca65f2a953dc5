/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_JOBS 128

const bool job_allowed[JOB_STATE_COUNT][JOB_STATE_COUNT] = {
    [JOB_NEW] = {[JOB_QUEUED] = true},
    [JOB_WAITING] = {[JOB_QUEUED] = true, [JOB_DONE] = true},
    [JOB_QUEUED] = {[JOB_SENT] = true, [JOB_DONE] = true},
    [JOB_SENT] = {[JOB_QUEUED] = true, [JOB_STARTED] = true, [JOB_DONE] = true},
    [JOB_STARTED] = {[JOB_WAITING] = true, [JOB_QUEUED] = true, [JOB_DONE] = true},
};

void job_store_init(struct job_store *store)
{
    *store = (struct job_store){0};
    list_init(&store->free);
}

void job_store_release(struct job_store *store)
{
    while (store->chunks) {
        struct job *chunk = store->chunks;
        store->chunks = chunk->next_chunk;
        for (int i = 0; i < CHUNK_JOBS; i++)
            if (chunk[i].bytes != chunk[i].inside)
                free(chunk[i].bytes);
        free(chunk);
    }
    list_init(&store->free);
}

static bool add_chunk(struct job_store *store)
{
    struct job *chunk = calloc(CHUNK_JOBS, sizeof *chunk);
    if (!chunk)
        return false;
    chunk->next_chunk = store->chunks;
    store->chunks = chunk;
    for (int i = CHUNK_JOBS - 1; i >= 0; i--) {
        chunk[i].state = JOB_DONE;
        chunk[i].bytes = chunk[i].inside;
        list_push_head(&store->free, &chunk[i].node);
    }
    return true;
}

struct job *job_new(struct job_store *store, uint64_t size)
{
    if (list_empty(&store->free) && !add_chunk(store))
        return NULL;
    struct job *job = LIST_ITEM(store->free.next, struct job, node);
    unsigned char *bytes = job->inside;
    if (size > sizeof job->inside) {
        bytes = size <= SIZE_MAX / 2 ? malloc(size) : NULL;
        if (!bytes)
            return NULL;
    }
    list_remove(&job->node);
    struct job *next_chunk = job->next_chunk;
    memset(job, 0, offsetof(struct job, inside));
    list_init(&job->node);
    job->next_chunk = next_chunk;
    job->bytes = bytes;
    job->worker = -1;
    job->state = JOB_NEW;
    return job;
}

void job_free(struct job_store *store, struct job *job)
{
    if (job->bytes != job->inside)
        free(job->bytes);
    job->bytes = job->inside;
    job->state = JOB_DONE;
    list_push_head(&store->free, &job->node);
}

void job_store_each(struct job_store *store, void (*each)(void *context, struct job *job), void *context)
{
    for (struct job *chunk = store->chunks; chunk; chunk = chunk->next_chunk)
        for (int i = 0; i < CHUNK_JOBS; i++)
            if (chunk[i].state != JOB_DONE && chunk[i].state != JOB_NEW)
                each(context, &chunk[i]);
}

bool job_store_is_sound(const struct job_store *store)
{
    uint64_t sum = 0;
    for (int i = JOB_WAITING; i < JOB_STATE_COUNT; i++)
        sum += store->in_state[i];
    return sum == store->accepted && (store->bytes == 0 || store->in_state[JOB_DONE] < store->accepted);
}
