/* SPDX-License-Identifier: MIT */
#include "master/dispatch.h"

#include "base/clock.h"
#include "master/master.h"
#include "master/settle.h"
#include "master/supervisor.h"

#define RECALL_WORTH_NS (50 * NS_PER_US) /* less expected work is not worth taking back for an idle worker */

/* A job that crashed a worker goes to one that ran nothing yet, alone. */
static struct job *next_for(struct master *master, const struct slot *slot)
{
    if (!slot->started_jobs && !slot->held && !list_empty(&master->fresh))
        return LIST_ITEM(master->fresh.next, struct job, node);
    return queue_peek(&master->queue);
}

/* At most `share` jobs, which leave at the next flush. */
static void give(struct master *master, struct slot *slot, uint64_t share)
{
    struct job *job;
    while (share && (job = next_for(master, slot))) {
        uint32_t estimate_ns = recorder_estimate_ns(&master->recorder, job->function);
        if (!slot_may_take(slot, job, estimate_ns))
            return;
        if (job->needs_fresh)
            settle_unqueue(master, job);
        else
            queue_remove(&master->queue, job);
        job_prefetch(queue_peek(&master->queue));
        if (slot_send(slot, job, estimate_ns)) {
            settle_no_memory(master, job);
            continue;
        }
        share--;
    }
}

/* A short queue is split evenly, so that no worker takes what another could begin at once. */
static uint64_t fair_share(const struct master *master)
{
    uint64_t ready = 0;
    for (int i = 0; i < master->slot_count; i++)
        ready += slot_is_open(master->slots[i]);
    uint64_t queued = master->store.in_state[JOB_QUEUED];
    return ready ? (queued + ready - 1) / ready : 0;
}

/* An idle worker and nothing queued: take back from the slot that has the most work ahead. A single job is left where it is: it
 * would only wander from one worker to the next. */
static bool rebalance(struct master *master)
{
    bool is_idle = false;
    struct slot *most = NULL;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        is_idle |= slot->state == SLOT_IDLE && slot_is_open(slot) && !slot_is_doomed(slot);
        if (slot->state == SLOT_BUSY && slot->held > 1 && slot_unstarted(slot) && slot->expected_ns > RECALL_WORTH_NS &&
            (!most || slot->expected_ns > most->expected_ns))
            most = slot;
    }
    if (!is_idle || !most || !slot_update_claim(most) || !slot_unstarted(most) || most->held < 2)
        return false;
    int64_t ahead_ns = most->expected_ns * slot_unstarted(most) / most->held;
    return ahead_ns > RECALL_WORTH_NS && slot_recall(most) && master->queue.size;
}

/* Jobs that wait for a fresh worker while none is coming: an idle one is replaced, or where none is, the one that has the least
 * to do gets nothing more, and is replaced when it is idle. */
static void refresh(struct master *master)
{
    struct slot *chosen = NULL;
    bool is_promised = false;
    if (list_empty(&master->fresh))
        return;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        if (slot->is_surplus)
            continue;
        if (slot->state == SLOT_STARTING || slot->state == SLOT_STOPPING ||
            (slot->state == SLOT_DEAD && slot->restart_ns != TIME_NEVER))
            return;
        is_promised |= slot->is_recycled;
        bool is_busy = slot->state == SLOT_BUSY && !slot_is_doomed(slot);
        if (slot->state == SLOT_IDLE ||
            (is_busy && (!chosen || (chosen->state == SLOT_BUSY && slot->expected_ns < chosen->expected_ns))))
            chosen = slot;
    }
    if (!chosen)
        return;
    if (chosen->state == SLOT_IDLE) {
        supervisor_stop(chosen);
        return;
    }
    if (is_promised)
        return;
    chosen->is_recycled = true;
    slot_recall(chosen);
    master_mark_dirty(master);
}

static struct slot *slot_in_turn(const struct master *master, int i)
{
    return master->slots[(master->first_slot + i) % master->slot_count];
}

/* Each idle worker has its first job before any has a second, which could be behind a long one while later jobs begin. */
static void give_all(struct master *master)
{
    for (int i = 0; i < master->slot_count; i++)
        if (slot_in_turn(master, i)->state == SLOT_IDLE)
            give(master, slot_in_turn(master, i), 1);
    uint64_t share = fair_share(master);
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = slot_in_turn(master, i);
        give(master, slot, share);
        if (slot->state == SLOT_BUSY)
            channel_flush(&slot->channel);
    }
    if (master->slot_count)
        master->first_slot = (master->first_slot + 1) % master->slot_count;
}

static bool is_another_idle(const struct master *master, const struct slot *slot)
{
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i] != slot && master->slots[i]->state == SLOT_IDLE)
            return true;
    return false;
}

static bool stands_still(const struct master *master)
{
    return master->is_held || master->frozen_ns;
}

void dispatch_all(struct master *master)
{
    if (stands_still(master))
        return;
    do
        give_all(master);
    while (!master->queue.size && rebalance(master));
    refresh(master);
}

void dispatch_slot(struct master *master, struct slot *slot)
{
    uint64_t share = fair_share(master);
    /* One that is due and has just run out of jobs: recycle_all() has its say first, else it is never idle while jobs are
     * queued. */
    bool is_leaving_now = (slot->is_due || slot->is_recycled) && !slot->held;
    if (is_leaving_now || (share && is_another_idle(master, slot))) {
        master_mark_dirty(master);
    } else if (share && slot_is_open(slot) && !stands_still(master)) {
        give(master, slot, share);
        channel_flush(&slot->channel);
    }
}
