/* SPDX-License-Identifier: MIT
 *
 * The job record, its states, and the store that keeps records.
 *
 * A job's id and args are kept until it is settled, inside the record when they are short. Exactly one function moves a job from
 * state to state; it checks a table of allowed moves and keeps the census, from which the conservation law follows: every
 * accepted job is in exactly one state, and done ones are settled exactly once.
 */
#ifndef JOB_JOB_H
#define JOB_JOB_H

#include "base/list.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum job_state {
    JOB_NEW,      /* being filled in */
    JOB_WAITING,  /* for its retry delay */
    JOB_QUEUED,
    JOB_SENT,     /* with a worker, not started as far as is known */
    JOB_STARTED,  /* claimed by a worker */
    JOB_DONE,
    JOB_STATE_COUNT
};

struct hay_result;

/* What sending, starting and settling touch comes first: with short args that is three cache lines a job. */
struct job {
    struct list node;         /* in the list that its state has: a level of the queue, the fresh ones, a place of the wheel */
    uint64_t number;          /* order of acceptance, from 1 */
    unsigned char *bytes;     /* id, then args; points at `inside` or at its own memory */
    uint32_t id_size;         /* JOB_NO_ID: no id */
    uint32_t args_size;
    uint32_t function;
    uint32_t attempts;        /* how often it was started */
    uint8_t state;            /* enum job_state */
    uint8_t losses;           /* head of a window whose worker died with nothing claimed: as often as that counts */
    bool needs_fresh;         /* must be the first job of its worker */
    bool is_cancelled;        /* never begins again, and where it runs it is asked to end */
    int32_t worker;           /* of the last attempt, -1 */
    uint64_t tag;

    int64_t start_ns;         /* CLOCK_MONOTONIC */
    int64_t run_ns;
    int64_t timeout_ns;       /* 0: none */
    pid_t pid;
    int32_t priority;
    int32_t retries_left;     /* after errors (and timeouts) */
    int32_t crashes_left;
    void (*on_done)(void *context, const struct hay_result *result); /* NULL: the pool's on_result */
    void *done_context;
    int64_t due_ns;           /* waiting: until when */

    uint64_t key;
    char *failure;            /* how the attempt before ended, while it may be tried again; NULL: not known */
    int64_t lost_ns;          /* the last of the losses */
    unsigned char inside[104];
};
#define JOB_NO_ID UINT32_MAX
#define JOB_FAILURE_SIZE 200
#define JOB_FAILURES_MAX 16384

/* Thousands of records are more than the nearest caches hold: whoever walks over them asks for those a few steps ahead. Any
 * pointer will do, so it is counted on as a number. */
static inline void job_prefetch(const struct job *job)
{
    for (uintptr_t at = (uintptr_t)job, line = 0; line < 3; line++)
        __builtin_prefetch((const void *)(at + 64 * line));
}

static inline const unsigned char *job_args(const struct job *job)
{
    return job->bytes + (job->id_size == JOB_NO_ID ? 0 : job->id_size);
}

static inline uint64_t job_size(const struct job *job)
{
    return (uint64_t)job->args_size + (job->id_size == JOB_NO_ID ? 0 : job->id_size);
}

struct job_chunk;

struct job_store {
    struct job *free;                    /* linked by node.next alone */
    struct job_chunk *chunks;
    /* Live jobs by the low bits of their numbers: as many places as records, so that all but very old ones have a place of their
     * own. A newer job takes it over; `displaced` counts those that have none. */
    struct job **places;
    uint64_t place_count, displaced, record_count;
    uint64_t in_state[JOB_STATE_COUNT];  /* the census; JOB_DONE counts all that ever were */
    uint64_t accepted;
    uint64_t bytes;                      /* ids and args of the jobs that are not done */
    uint64_t failure_count;              /* records that have `failure` */
};

void job_store_init(struct job_store *store);
void job_store_release(struct job_store *store);
/* A record in JOB_NEW with room for the bytes, or NULL. What becomes of the job is cleared; what it is (number, tag, key,
 * function, sizes, limits, priority, callback) the caller fills in. */
struct job *job_new(struct job_store *store, uint64_t size);
/* Where the live job of this number has its place, if it has one. There are places once there is a record. */
static inline struct job **job_place(const struct job_store *store, uint64_t number)
{
    return &store->places[number & (store->place_count - 1)];
}
/* Which move is allowed: [from][to]. */
extern const bool job_allowed[JOB_STATE_COUNT][JOB_STATE_COUNT];
/* The move from JOB_NEW counts the job as accepted; the one to JOB_DONE takes it off the books. False, with nothing changed, for
 * a move that the table does not know. */
static inline bool job_move(struct job_store *store, struct job *job, enum job_state next)
{
    if (!job_allowed[job->state][next])
        return false;
    struct job **place = job_place(store, job->number);
    if (job->state == JOB_NEW) {
        store->accepted++;
        store->bytes += job_size(job);
        store->displaced += *place != NULL;
        *place = job;
    } else {
        store->in_state[job->state]--;
    }
    if (next == JOB_DONE) {
        store->bytes -= job_size(job);
        if (*place == job)
            *place = NULL;
        else
            store->displaced--;
    }
    store->in_state[next]++;
    job->state = (uint8_t)next;
    return true;
}
/* Remember how an attempt ended: the first JOB_FAILURE_SIZE bytes of it, in JOB_FAILURES_MAX jobs at most. */
void job_keep_failure(struct job_store *store, struct job *job, const char *text, size_t size);
/* Give the record back: from JOB_NEW or JOB_DONE. */
void job_free(struct job_store *store, struct job *job);
/* The live record of this number, or NULL. O(1) unless jobs are much older than the others. */
struct job *job_find(const struct job_store *store, uint64_t number);
/* Call `each` on every live record (waiting to started); it may settle or move the one it is given. */
void job_store_each(struct job_store *store, void (*each)(void *context, struct job *job), void *context);
/* accepted = sum of the states, and what is not done has its bytes on the books. */
bool job_store_is_sound(const struct job_store *store);

#endif
