/* SPDX-License-Identifier: MIT
 *
 * How attempts end and where jobs go then: to their one result, to the queue, to a retry. The only place that hands results
 * up, so each job gets exactly one. Whatever is called here may run the program's callbacks, which may submit, cancel and resize.
 */
#ifndef MASTER_SETTLE_H
#define MASTER_SETTLE_H

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stdint.h>

struct job;
struct master;
struct slot;

/* How an attempt that was started has ended. `message` for all but ok. */
struct attempt_end {
    enum hay_outcome outcome;
    struct hay_span value, message;
    int signal, exit_code;
    bool has_cause;             /* as of hay_result */
};

/* Settles the job, or has it run again. True when it is settled by this. `end` may be changed. */
bool settle_attempt(struct master *master, struct job *job, struct attempt_end *end);
/* A job that is not with a worker, and in no list, ends: it is skipped, since the pool has broken, */
void settle_skip(struct master *master, struct job *job);
/* or since there is no memory for it, */
void settle_no_memory(struct master *master, struct job *job);
/* or it is cancelled, before it began or before it was tried again. */
void settle_cancel(struct master *master, struct job *job);
/* Back to the head of its priority; the job is in SENT or STARTED. False: it is settled instead. */
bool settle_return(struct master *master, struct job *job);
/* Take a waiting or queued job out of its list. */
void settle_unqueue(struct master *master, struct job *job);
/* A queued job pays for this worker's death although nobody saw it start: QUEUED to STARTED. That is an attempt only if it ends
 * the job: else it may well have been another's doing. */
void settle_charge_queued(struct master *master, struct slot *slot, struct job *job);
/* No fresh worker can be had: its jobs are queued for any. */
void settle_release_fresh(struct master *master);
/* Queue the jobs whose retry delay has passed. Returns when the next one is due. */
int64_t settle_queue_due(struct master *master, int64_t now_ns);
/* The job began: SENT to STARTED, one attempt more. */
void settle_started(struct master *master, struct slot *slot, struct job *job);
/* The worker lied: it never began. */
void settle_unstarted(struct master *master, struct job *job);
/* What a result would say of this job; for callbacks. */
void settle_describe(const struct master *master, const struct job *job, struct hay_result *result);

#endif
