/* SPDX-License-Identifier: MIT
 *
 * A pool without workers: jobs run in the calling process as they are submitted, for debuggers and sanitizers. The same
 * outcomes, retries and counts; but a crash is the program's own, and a timeout only answers cancelled() with yes.
 */
#ifndef POOL_INLINE_H
#define POOL_INLINE_H

#include "job/retry.h"
#include "plugin/registry.h"
#include "plugin/task.h"

#include <hayfork/pool.h>

struct inline_pool {
    struct registry *registry;
    struct task task;
    /* The job that runs, or whose callback does; NULL: none. One that its callback submits gets a task of its own. */
    const struct hay_result *running;
    struct retry_policy retry;
    const struct hay_pool_options *options;
    uint64_t accepted, started, retried;
    uint64_t by_outcome[HAY_OUTCOME_COUNT];
    int64_t wall_offset_ns;
};

/* `options` has to stay where it is. */
void inline_init(struct inline_pool *pool, struct registry *registry, const struct hay_pool_options *options,
                 struct retry_policy retry);
void inline_release(struct inline_pool *pool);
/* Run it to its end and deliver its result. */
void inline_run(struct inline_pool *pool, uint32_t function, const struct hay_job *job, int64_t retries, uint64_t *number);

#endif
