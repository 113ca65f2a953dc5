/* SPDX-License-Identifier: MIT
 *
 * The figures of a pool: read from what the master has counted and the workers have said. Nothing here asks a worker or changes a
 * pool.
 */
#include "pool/pool.h"

#include "master/lookout.h"
#include "master/settle.h"

#include <string.h>

static void inline_stats(const struct inline_pool *pool, struct hay_pool_stats *stats)
{
    stats->accepted = pool->accepted;
    memcpy(stats->by_outcome, pool->by_outcome, sizeof stats->by_outcome);
    stats->pending = pool->accepted;
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        stats->pending -= pool->by_outcome[i];
    stats->started = pool->started;
    stats->retried = pool->retried;
    stats->jobs_by_worker_max = pool->accepted;
}

void hay_pool_stats(const struct hay_pool *pool, struct hay_pool_stats *stats)
{
    if (!stats)
        return;
    *stats = (struct hay_pool_stats){0};
    if (!pool || !pool->is_started || !pool_is_ours(pool))
        return;
    if (pool->is_inline) {
        inline_stats(&pool->inline_pool, stats);
        return;
    }
    const struct master *master = &pool->master;
    const struct recorder *recorder = &master->recorder;
    stats->accepted = master->store.accepted;
    memcpy(stats->by_outcome, recorder->by_outcome, sizeof stats->by_outcome);
    stats->pending = master_pending(master);
    stats->queued = master->store.in_state[JOB_QUEUED] + master->store.in_state[JOB_WAITING];
    stats->waiting = master->store.in_state[JOB_WAITING];
    stats->started = recorder->started;
    stats->retried = recorder->retried;
    stats->recalled = recorder->recalled;
    stats->salvaged = recorder->salvaged;
    stats->deaths = recorder->deaths;
    stats->restarts = recorder->restarts;
    stats->log_dropped = master->log_dropped;
    stats->workers = master->wanted;
    for (int i = 0; i < master->slots_made; i++) {
        const struct slot *slot = master->slots[i];
        stats->log_dropped += slot->log ? slot->log->cut_lines : 0;
        stats->workers_ready += slot->state == SLOT_IDLE || slot->state == SLOT_BUSY;
        stats->workers_used += slot->settled_ever != 0;
        if (slot->settled_ever > stats->jobs_by_worker_max)
            stats->jobs_by_worker_max = slot->settled_ever;
    }
}

static struct slot *slot_of(const struct hay_pool *pool, int worker)
{
    bool is_there = pool_is_live(pool) && worker >= 0 && worker < pool->master.slot_count;
    return is_there ? pool->master.slots[worker] : NULL;
}

/* The newest claim without a result, unless it has ended: it said so, or what it began next is not known yet. */
static void describe_running(const struct master *master, struct slot *slot, struct hay_worker *info)
{
    struct job *job;
    int64_t start_ns;
    if (lookout_examine(slot, &job, &start_ns) != RUNNING_NOW)
        return;
    struct hay_result result;
    settle_describe(master, job, &result);
    info->job = result.number;
    info->job_tag = result.tag;
    info->job_id = result.id;
    info->job_start_ns = start_ns + master->wall_offset_ns;
}

bool hay_pool_worker(const struct hay_pool *pool, int worker, struct hay_worker *info)
{
    struct slot *slot = slot_of(pool, worker);
    if (!slot || !info)
        return false;
    *info = (struct hay_worker){
        .pid = slot->child.pid,
        .generation = slot->generation,
        .settled = slot->settled_ever,
        .busy_ns = slot->busy_ns,
    };
    int64_t read_ns = slot->log ? log_pipe_read_ns(slot->log) : 0;
    info->log_read_ns = read_ns ? read_ns + pool->master.wall_offset_ns : 0;
    describe_running(&pool->master, slot, info);
    return true;
}

pid_t hay_pool_worker_pid(const struct hay_pool *pool, int worker)
{
    const struct slot *slot = slot_of(pool, worker);
    return slot ? slot->child.pid : 0;
}
