/* SPDX-License-Identifier: MIT
 *
 * The parent side of a pool: accepts jobs, and settles each exactly once.
 *
 * The parts: queue (what waits), delay (what waits to be tried again), dispatch (what goes where), slot and slot_life (one worker
 * and what it holds), supervisor (starts, stops, restarts), death (what is left of a worker), lookout (looks, deadlines), recycle
 * (workers that had enough), resize (more and fewer of them), cancel (of jobs), settle (how attempts end), standstill (hold,
 * pause, freeze, a late master), shutdown (close, terminate, breakdown), logpipe (what workers print), recorder (counts and
 * estimates). What they all report to is at the end of this file. Nothing here reads the args of jobs, and nothing that a worker
 * says is believed before it is checked; a result is checked to be one line of JSON.
 */
#ifndef MASTER_MASTER_H
#define MASTER_MASTER_H

#include "base/owner.h"
#include "job/job.h"
#include "job/retry.h"
#include "master/delay.h"
#include "master/logpipe.h"
#include "master/queue.h"
#include "master/recorder.h"
#include "master/slot.h"

#include <hayfork/error.h>
#include <hayfork/jobline.h>

#include <ev.h>

/* What a new worker is given; its main runs in the child. */
struct master_worker {
    struct ledger *ledger;
    int fd;               /* its end of the pipe */
    int index;
    void *context;        /* options.worker_context */
};

#define MASTER_AHEAD_JOBS 4

struct master_options {
    struct ev_loop *loop;
    int workers;
    uint32_t function_count;
    uint64_t max_jobs, max_bytes, max_result_bytes;
    uint64_t ahead_bytes;       /* of each worker, once all have MASTER_AHEAD_JOBS; 0: as max_bytes */
    int64_t timeout_ns, start_timeout_ns, grace_ns;
    struct retry_policy retry;
    uint64_t max_jobs_per_worker, max_worker_bytes;  /* 0: no limit, for these three */
    int64_t max_worker_age_ns;
    bool raw_results;
    int (*worker_main)(struct master_worker *worker);
    void *worker_context;
    int *keep;                 /* descriptors that a worker keeps; the caller's, behind a first place that is filled in here */
    size_t keep_count;
    const void *ready_bytes;   /* what a READY frame has to carry; the caller keeps it */
    size_t ready_size;

    void *context;
    void (*on_result)(void *context, const struct hay_result *result);
    void (*on_room)(void *context);
    void (*on_log)(void *context, int worker, const char *line, size_t size);
    void (*on_progress)(void *context, const struct hay_result *job, const char *json, size_t size);
    void (*on_broken)(void *context, const char *reason);
};

/* So many workers are forked in a row; thousands would keep the loop from its signals for half a minute. */
#define MASTER_FORKS 64

struct master {
    struct master_options options;
    struct ev_loop *loop;
    struct job_store store;
    struct queue queue;
    struct delay delay;        /* jobs that wait for theirs */
    struct list fresh;         /* queued, but only for a worker that ran nothing yet */
    struct list stragglers;    /* given up, and not reaped */
    struct recorder recorder;
    struct slot **slots;       /* each stays where it is, and as long as the master, for watchers point at it */
    int slot_count;            /* slots in use: wanted ones, and surplus ones whose worker still lives */
    int recycle_turn;          /* the slot that is looked at first when one is to be replaced */
    int slots_made;
    int wanted;                /* workers; slots from this one on are surplus */
    int first_slot;            /* where the dispatcher begins: turns round */
    ev_prepare prepare;
    ev_io tick;                /* on a timerfd: see master_want_tick() */
    int64_t tick_ns;           /* when the tick is due, TIME_NEVER: not armed */
    int64_t served_ns;         /* when the one that is served began, TIME_NEVER: none is */
    struct log_turns turns;
    int callback_depth;        /* the program's code is being run: it may not turn the loop */
    struct master *next_of_thread;
    uint64_t owner;            /* the process; children inherit the list */
    int losses;                /* in a row: of workers that settled nothing, with no job begun, or charged, meanwhile */
    uint64_t begun_at_loss;    /* at the last: how many had begun */
    int64_t first_loss_ns;
    int forks;                 /* of this tick, at most MASTER_FORKS */
    int cancel_signal;         /* asks a running job to end that was cancelled */
    int64_t wall_offset_ns;    /* CLOCK_REALTIME - CLOCK_MONOTONIC, of the last tick */
    int64_t paused_ns;         /* since when results are not read, 0: not paused */
    int64_t frozen_ns;         /* since when the workers are stopped, 0: not */
    int64_t still_ns;          /* paused or frozen: since when that is not yet excluded from deadlines */
    uint64_t oom_kills;        /* the kernel's count, */
    int64_t oom_read_ns;       /* and when it was read; 0: it has changed since */
    bool is_held;              /* sends nothing */
    bool holds_loop;           /* counts as an active watcher, because jobs are pending */
    bool is_dirty;             /* the dispatcher has something to look at */
    bool is_timeless;          /* the timer could not be set: the pool has to stop */
    bool is_room_wanted;       /* somebody was refused: tell when there is some */
    bool is_resized;
    bool is_closed;            /* takes no more jobs */
    bool is_terminating;       /* kills what is left */
    bool is_cancelling;        /* within master_cancel_all(), whose next round, if there is one, has these: */
    bool cancel_running;
    uint64_t cancel_newest;    /* the last job that is meant; 0: there is no next round */
    bool is_broken;
    bool is_broken_told;
    char broken_reason[256];   /* a whole sentence */
    uint64_t log_dropped;      /* by workers that are gone */
    unsigned char *outbox_copy;
};

/* Are we in a child of its process? Watchers come along there, and must not touch what is the parent's. */
static inline bool master_is_copy(const struct master *master)
{
    return master->owner != owner_token();
}

/* ---- for the pool ---- */

/* Half-built masters may be released. 0 or -errno. */
int master_init(struct master *master, const struct master_options *options);
void master_release(struct master *master);
/* Fork the workers. A failed fork is the pool's failure only when no worker could be started. */
enum hay_status master_start(struct master *master, struct hay_error *error);

struct master_submission {
    uint32_t function;
    struct hay_span id, args;
    uint64_t tag, key;
    int64_t timeout_ns;  /* -1: the default */
    int64_t retries;     /* -1: the default */
    int32_t priority;
    void (*on_done)(void *context, const struct hay_result *result);
    void *done_context;
};
bool master_has_room(const struct master *master, uint64_t size);
enum hay_status master_submit(struct master *master, const struct master_submission *submission, uint64_t *number,
                              struct hay_error *error);
/* Results handed up, all told. */
static inline uint64_t master_delivered(const struct master *master)
{
    return master->store.in_state[JOB_DONE];
}
static inline uint64_t master_pending(const struct master *master)
{
    return master->store.accepted - master_delivered(master);
}

/* cancel.c */
enum hay_status master_cancel(struct master *master, uint64_t number);
void master_cancel_all(struct master *master, bool running);
/* All that was submitted with this done_context, running or not. May be repeated. */
void master_cancel_batch(struct master *master, const void *done_context);

/* resize.c: this many workers, and room for so many jobs. */
enum hay_status master_resize(struct master *master, int workers, uint64_t max_jobs, struct hay_error *error);

/* standstill.c: read no results; send no jobs; stop the workers. */
void master_pause(struct master *master, bool paused);
void master_hold(struct master *master, bool held);
void master_freeze(struct master *master, bool frozen);
/* The loop is about to be turned by a program that was elsewhere: what is late already is not for the master's standing still. */
void master_arrive(struct master *master);

/* shutdown.c */
void master_close(struct master *master);
/* Cancel everything and kill what has not ended after the grace. */
void master_terminate(struct master *master, int64_t grace_ns);
/* Closed, all settled, no process left. */
bool master_is_done(const struct master *master);

/* ---- reports from the parts ---- */

/* The loop cannot watch what a pool hangs on: it has to stop. */
void master_lose_loop(struct master *master);
/* Look at the clock no later than this. */
void master_want_tick(struct master *master, int64_t when_ns);
/* Tell the program that there is room again, if it wanted to know and there is. */
void master_tell_room(struct master *master);
/* Does a callback of any pool of this thread run in this loop? What it was given stands in buffers that a turn would change. */
bool master_is_calling_in(const struct ev_loop *loop);

static inline void master_mark_dirty(struct master *master)
{
    master->is_dirty = true;
}

#endif
