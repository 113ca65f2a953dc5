/* SPDX-License-Identifier: MIT
 *
 * Whether a job that ended badly runs again, and when. Errors use `retries`, unless they are final; timeouts do so only where
 * asked for; crashes have their own budget and run on a fresh worker, because an earlier job may have spoilt the heap. Pure
 * but for the jitter's state.
 */
#ifndef JOB_RETRY_H
#define JOB_RETRY_H

#include "job/job.h"

#include <hayfork/jobline.h>

struct retry_policy {
    int32_t retries;
    int32_t crash_retries;
    bool retry_timeouts;
    bool final_errors;      /* errors do not use them */
    int64_t delay_ns;       /* before the first retry; doubled for each further one */
    int64_t max_delay_ns;   /* up to this; both at most a quarter of INT64_MAX */
    uint64_t jitter_state;  /* any seed but 0 */
};

/* Fill a new job's budgets; `retries` below 0 takes the policy's. */
void retry_init(const struct retry_policy *policy, struct job *job, int64_t retries);
/* Would it run again after an error? */
static inline bool retry_is_due(const struct retry_policy *policy, const struct job *job)
{
    return job->retries_left > 0 && !policy->final_errors;
}
/* May it run again after this outcome? Takes from the job's budget. delay_ns receives how long to wait: half to all of the
 * exponential delay after errors and timeouts, 0 after a crash, which also marks the job for a fresh worker. */
bool retry_take(struct retry_policy *policy, struct job *job, enum hay_outcome outcome, int64_t *delay_ns);

#endif
