/* SPDX-License-Identifier: MIT
 *
 * The master's place for one worker. It survives the worker: each process in it is one generation, with its own pipe and ledger.
 *
 * A slot knows what it sent (a ring of sendings by position), what of it the worker has claimed, and what is unsettled. After a
 * take-back the ring holds only claimed, unsettled sendings of the old epoch (and of a worker that is given up also what it did
 * not begin), and nothing new is sent until it is empty; so one ring and one epoch are enough, and a result of an earlier epoch
 * can only be one that was seen before.
 * Guarantee: a sending is settled at most once; what cannot be true is reported as a fault of the worker, and never believed.
 * Leaves to others: what to send (dispatch), when to look and to end a job (lookout), start, stop and kill (supervisor), what a
 * death leaves and when the next one starts (death).
 */
#ifndef MASTER_SLOT_H
#define MASTER_SLOT_H

#include "ipc/channel.h"
#include "ipc/ledger.h"
#include "job/job.h"
#include "process/child.h"

#include <hayfork/jobline.h>

#include <ev.h>

#define WINDOW_MAX 2048u
#define WINDOW_BYTES (256u * 1024)   /* may lie between master and worker, unless it is a single job */
#define POSITION_MAX (1u << 31)      /* a new epoch is opened before it */

enum slot_state {
    SLOT_DEAD,      /* no process; maybe waiting for its restart */
    SLOT_STARTING,  /* forked, not READY */
    SLOT_IDLE,      /* holds nothing */
    SLOT_BUSY,      /* holds at least one unsettled sending */
    SLOT_STOPPING,  /* was told to end */
    SLOT_STATE_COUNT
};

struct sending {
    struct job *job;       /* NULL: settled or taken back */
    uint64_t end_offset;   /* of its frame in the outgoing stream */
    uint32_t estimate_ns;
};

struct master;

struct slot {
    struct master *master;
    int index;
    enum slot_state state;
    uint32_t generation;
    struct child child;
    struct channel channel;
    struct ledger *ledger;
    ev_io exited;
    ev_child reaped;            /* on libev's default loop only, which reaps for everyone */

    struct sending *ring;       /* WINDOW_MAX entries, by position */
    uint32_t epoch;             /* of the ledger's word */
    uint32_t ring_epoch;        /* of the sendings in the ring */
    uint32_t base, next;        /* positions in use: all before `base` are settled */
    uint32_t claimed;           /* positions before it are claimed, as far as was read */
    uint32_t held;              /* unsettled sendings */
    uint32_t window;            /* how many it may hold */
    uint32_t batch_settled;     /* since the last batch ended */
    uint64_t claimed_offset;    /* end of the last frame known to be claimed */
    int64_t expected_ns;        /* estimated work it holds */
    uint64_t started_jobs;      /* in this generation */
    uint64_t settled_jobs;      /* in this generation, with those that are tried again */
    uint64_t settled_ever;
    int64_t busy_ns;            /* spent in jobs, ever */
    pid_t pid;                  /* of this generation, for results: `child` forgets it when other code reaped it */

    /* its end in good order: recycle.c and resize.c */
    bool is_surplus;            /* the pool wants fewer workers */
    bool is_recycled;           /* this worker is being replaced */
    bool is_successor;          /* this one replaces it, and is not ready */
    bool is_due;                /* too old or too large: takes one job at a time until it is its turn */
    uint64_t jobs_limit;        /* this generation starts so many at most */
    int64_t old_ns;             /* when it is too old */
    int64_t weighed_ns;         /* when its memory was looked at, */
    uint64_t weighed_jobs;      /* and what it had settled then */

    /* looks and deadlines: the lookout's */
    int64_t look_ns;            /* when to look next */
    int look_step;
    int64_t first_sight_ns;     /* when the newest claim was first seen, or a batch last arrived */
    int64_t excluded_ns;        /* since then: time that deadlines do not count */
    int64_t ended_ns;           /* when the running job was first seen to have ended, or its result last came on well; 0: not */
    size_t partial_at_end;      /* bytes of an unfinished frame that were there then */
    uint64_t ending;            /* number of the job that was asked to end, 0: none */
    enum hay_outcome ending_outcome;
    int64_t asked_ns;           /* when it was asked to end */
    int64_t kill_ns;            /* when it is killed, TIME_NEVER: not (yet) */
    bool killed;                /* SIGKILL was sent by us */
    int64_t killed_ns;          /* when it was, or was last seen to have had no effect yet */
    int survived;               /* so many looks */
    int64_t started_ns;         /* this generation's fork */
    uint64_t oom_kills;         /* the kernel's count about then */
    int64_t ready_ns;           /* when it became ready, 0: not yet */
    int64_t limited_ns;         /* when the limit for its start or its stop, which look_ns ends, began */
    int64_t resumed_ns;         /* when it was last continued between two jobs: none that it claims later began before that */
    int64_t broken_ns;          /* when its pipe ended while it lived, 0: not */
    int64_t restart_ns;         /* dead: when to start the next, TIME_NEVER: not */
    int failures;               /* generations in a row that settled nothing */
    char fault[200];            /* why we killed it, or once it is dead how it ended, if no job paid for that */

    struct log_pipe *log;       /* what the worker prints */
};

/* A dead slot, without a ring; NULL without memory. */
struct slot *slot_new(struct master *master, int index);
void slot_free(struct slot *slot);
/* The ring, for as long as the slot is in use. 0 or -ENOMEM. */
int slot_equip(struct slot *slot);
void slot_strip(struct slot *slot);
/* The only way to change the state: checks a table of allowed moves. */
void slot_set_state(struct slot *slot, enum slot_state next);
/* A new process: empty ring, first epoch, window of one. */
void slot_begin_generation(struct slot *slot);
/* Close all that the process had here but the ring; it may have come into being in part. */
void slot_end_generation(struct slot *slot);

/* A line that its worker has printed, or that is told of it, to the program. `context`: the slot, for log_pipe_open(). */
void slot_tell_line(void *context, const char *line, size_t size);

static inline struct sending *slot_sending(const struct slot *slot, uint32_t position)
{
    return &slot->ring[position % WINDOW_MAX];
}

static inline bool slot_is_recalled(const struct slot *slot)
{
    return slot->ring_epoch != slot->epoch;
}

static inline uint32_t slot_unstarted(const struct slot *slot)
{
    return slot_is_recalled(slot) ? 0 : slot->next - slot->claimed;
}

static inline bool slot_is_leaving(const struct slot *slot)
{
    return slot->is_surplus || slot->is_recycled;
}

/* It is being killed, or is about to be. */
static inline bool slot_is_doomed(const struct slot *slot)
{
    return slot->killed || slot->fault[0] || slot->broken_ns;
}

/* Does it take jobs at all, window and work aside? */
static inline bool slot_is_open(const struct slot *slot)
{
    return (slot->state == SLOT_IDLE || slot->state == SLOT_BUSY) && !slot_is_leaving(slot) && !(slot->is_due && slot->held) &&
           slot->started_jobs + slot_unstarted(slot) < slot->jobs_limit;
}

/* May this job be sent now, as far as ready state, window, work and bytes go? */
bool slot_may_take(const struct slot *slot, const struct job *job, uint32_t estimate_ns);
/* Append the job's frame. The job moves to SENT. 0 or -ENOMEM with nothing changed. */
int slot_send(struct slot *slot, struct job *job, uint32_t estimate_ns);
/* Read the claim word and mark what it newly claims as STARTED. False: it said what cannot be, the slot is faulted. */
bool slot_update_claim(struct slot *slot);
/* Open a new epoch, so that nothing unstarted can start any more. False: a fault, as above. */
bool slot_take_back(struct slot *slot);
/* After a take-back: what had not started returns to the queue. */
void slot_return_unstarted(struct slot *slot);
/* Both, where anything is unstarted. */
bool slot_recall(struct slot *slot);
/* After a take-back: this one sending is the caller's, although the slot keeps the others. */
void slot_forget(struct slot *slot, uint32_t position);
/* The claimed, unsettled sending that runs now (the newest claimed), or NULL. */
struct job *slot_running(struct slot *slot);
/* One frame from the pipe or the outbox. False when it cannot be true: the slot is faulted. */
bool slot_take_frame(struct slot *slot, const struct frame_head *head, const unsigned char *body);
/* Settle what lies finished in a dead worker's outbox, after its pipe was read. Sets the fault on nonsense. */
void slot_read_outbox(struct slot *slot);
/* Settle what a living worker has finished, in that order: the outbox is copied first and taken last, so that what it flushes
 * meanwhile is not older than what is taken. */
void slot_read_all(struct slot *slot);
/* Of a dead worker in whose pipe something was not understood: settles by the results that stand behind that, or within. Returns
 * how many. */
unsigned slot_search_pipe(struct slot *slot);
/* Empty the ring at a death: the oldest claimed, unsettled job (or NULL) is returned in STARTED, all else goes back to the queue.
 * `head` receives the first unstarted job when nothing was claimed, else NULL. */
struct job *slot_bury_ring(struct slot *slot, struct job **head);

#endif
