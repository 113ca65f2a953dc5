/* SPDX-License-Identifier: MIT */
#include "job/retry.h"

void retry_init(const struct retry_policy *policy, struct job *job, int64_t retries)
{
    job->retries_left = retries < 0 ? policy->retries : retries < INT32_MAX ? (int32_t)retries : INT32_MAX;
    job->crashes_left = policy->crash_retries;
}

/* xorshift64: spreads retries that failed together. */
static uint64_t next_random(struct retry_policy *policy)
{
    uint64_t x = policy->jitter_state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return policy->jitter_state = x;
}

static int64_t backoff_ns(struct retry_policy *policy, uint32_t attempts)
{
    int64_t delay_ns = policy->delay_ns;
    for (uint32_t i = 1; i < attempts && delay_ns < policy->max_delay_ns && delay_ns; i++)
        delay_ns *= 2;
    if (delay_ns > policy->max_delay_ns)
        delay_ns = policy->max_delay_ns;
    int64_t half_ns = delay_ns / 2;
    return half_ns + (half_ns ? (int64_t)(next_random(policy) % (uint64_t)(half_ns + 1)) : 0);
}

bool retry_take(struct retry_policy *policy, struct job *job, enum hay_outcome outcome, int64_t *delay_ns)
{
    *delay_ns = 0;
    if (outcome == HAY_OUTCOME_CRASH) {
        if (job->crashes_left <= 0)
            return false;
        job->crashes_left--;
        job->needs_fresh = true;
        return true;
    }
    bool is_wanted = outcome == HAY_OUTCOME_ERROR ? retry_is_due(policy, job)
                                                  : outcome == HAY_OUTCOME_TIMEOUT && policy->retry_timeouts;
    if (!is_wanted || job->retries_left <= 0)
        return false;
    job->retries_left--;
    job->needs_fresh = false;
    *delay_ns = backoff_ns(policy, job->attempts);
    return true;
}
