/* SPDX-License-Identifier: MIT */
#include "job/job.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_JOBS 128

struct job_chunk {
    alignas(64) struct job jobs[CHUNK_JOBS]; /* none shares a cache line with another */
    struct job_chunk *next;
};
_Static_assert(sizeof(struct job) == 256, "whole cache lines");

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
}

void job_store_release(struct job_store *store)
{
    while (store->chunks) {
        struct job_chunk *chunk = store->chunks;
        store->chunks = chunk->next;
        for (int i = 0; i < CHUNK_JOBS; i++) {
            free(chunk->jobs[i].failure);
            if (chunk->jobs[i].bytes != chunk->jobs[i].inside)
                free(chunk->jobs[i].bytes);
        }
        free(chunk);
    }
    free(store->places);
    job_store_init(store);
}

static bool is_live(const struct job *job)
{
    return job->state != JOB_DONE && job->state != JOB_NEW;
}

static void keep_free(struct job_store *store, struct job *job)
{
    job->bytes = job->inside;
    job->failure = NULL;
    job->state = JOB_DONE;
    job->node.next = store->free ? &store->free->node : NULL;
    store->free = job;
}

static void put_in_place(void *context, struct job *job)
{
    struct job_store *store = context;
    struct job **place = job_place(store, job->number);
    store->displaced += *place != NULL;
    if (!*place || (*place)->number < job->number)
        *place = job;
}

static bool add_places(struct job_store *store)
{
    uint64_t count = store->place_count ? store->place_count * 2 : CHUNK_JOBS;
    struct job **places = calloc(count, sizeof *places);
    if (!places)
        return false;
    free(store->places);
    store->places = places;
    store->place_count = count;
    store->displaced = 0;
    job_store_each(store, put_in_place, store);
    return true;
}

static bool add_chunk(struct job_store *store)
{
    struct job_chunk *chunk = aligned_alloc(alignof(struct job_chunk), sizeof *chunk);
    if (!chunk || (store->record_count + CHUNK_JOBS > store->place_count && !add_places(store))) {
        free(chunk);
        return false;
    }
    chunk->next = store->chunks;
    store->chunks = chunk;
    store->record_count += CHUNK_JOBS;
    for (int i = CHUNK_JOBS - 1; i >= 0; i--)
        keep_free(store, &chunk->jobs[i]);
    return true;
}

struct job *job_new(struct job_store *store, uint64_t size)
{
    if (!store->free && !add_chunk(store))
        return NULL;
    struct job *job = store->free;
    if (size > sizeof job->inside) {
        unsigned char *bytes = size <= SIZE_MAX / 2 ? malloc(size) : NULL;
        if (!bytes)
            return NULL;
        job->bytes = bytes;
    }
    store->free = job->node.next ? LIST_ITEM(job->node.next, struct job, node) : NULL;
    job_prefetch(store->free);
    list_init(&job->node);
    job->attempts = 0;
    job->state = JOB_NEW;
    job->losses = 0;
    job->needs_fresh = job->is_cancelled = false;
    job->worker = -1;
    job->start_ns = job->run_ns = job->due_ns = job->lost_ns = 0;
    job->pid = 0;
    return job;
}

static void drop_failure(struct job_store *store, struct job *job)
{
    if (!job->failure)
        return;
    store->failure_count--;
    free(job->failure);
    job->failure = NULL;
}

void job_keep_failure(struct job_store *store, struct job *job, const char *text, size_t size)
{
    drop_failure(store, job);
    if (store->failure_count >= JOB_FAILURES_MAX)
        return;
    if (size > JOB_FAILURE_SIZE)
        for (size = JOB_FAILURE_SIZE; size && (text[size] & 0xc0) == 0x80;) /* no character is cut in two */
            size--;
    job->failure = strndup(text, size);
    store->failure_count += job->failure != NULL;
}

void job_free(struct job_store *store, struct job *job)
{
    drop_failure(store, job);
    if (job->bytes != job->inside)
        free(job->bytes);
    keep_free(store, job);
}

struct job *job_find(const struct job_store *store, uint64_t number)
{
    struct job *job = store->place_count ? *job_place(store, number) : NULL;
    if (job && job->number == number)
        return job;
    for (struct job_chunk *chunk = store->displaced ? store->chunks : NULL; chunk; chunk = chunk->next)
        for (int i = 0; i < CHUNK_JOBS; i++)
            if (is_live(&chunk->jobs[i]) && chunk->jobs[i].number == number)
                return &chunk->jobs[i];
    return NULL;
}

void job_store_each(struct job_store *store, void (*each)(void *context, struct job *job), void *context)
{
    for (struct job_chunk *chunk = store->chunks; chunk; chunk = chunk->next)
        for (int i = 0; i < CHUNK_JOBS; i++)
            if (is_live(&chunk->jobs[i]))
                each(context, &chunk->jobs[i]);
}

bool job_store_is_sound(const struct job_store *store)
{
    uint64_t sum = 0;
    for (int i = JOB_WAITING; i < JOB_STATE_COUNT; i++)
        sum += store->in_state[i];
    return sum == store->accepted && (store->bytes == 0 || store->in_state[JOB_DONE] < store->accepted);
}
