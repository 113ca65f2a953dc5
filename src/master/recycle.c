/* SPDX-License-Identifier: MIT */
#include "master/recycle.h"

#include "base/clock.h"
#include "master/master.h"
#include "master/supervisor.h"

#define WEIGH_NS (50 * NS_PER_MS)  /* between two looks at one worker's memory */

/* Is any of it wanted? */
static bool recycle_is_on(const struct master_options *options)
{
    return options->max_jobs_per_worker || options->max_worker_bytes || options->max_worker_age_ns;
}

/* Slots are spread evenly over [0, 1024) by the golden ratio, and each generation elsewhere. */
static int64_t spread(const struct slot *slot)
{
    return ((uint32_t)slot->index + slot->generation) * UINT32_C(2654435769) >> 22;
}

void recycle_begin(struct slot *slot)
{
    const struct master_options *options = &slot->master->options;
    slot->is_successor = false;
    if (options->max_jobs_per_worker) {
        uint64_t limit = options->max_jobs_per_worker, workers = (uint64_t)slot->master->wanted;
        uint64_t place = (uint64_t)slot->index % workers;
        if (slot->generation == 1)
            limit -= limit / 2 / workers * place + limit / 2 % workers * place / workers;
        slot->jobs_limit = limit;
    }
    if (options->max_worker_age_ns) {
        int64_t age_ns = options->max_worker_age_ns;
        slot->old_ns = clock_add(clock_now_ns(), age_ns + age_ns / 4096 * spread(slot));
        master_want_tick(slot->master, slot->old_ns);
    }
}

/* Look at its memory, when there was a job since the last look and that was a while ago. Returns when to look instead. */
static int64_t weigh(struct slot *slot, int64_t now_ns)
{
    uint64_t limit = slot->master->options.max_worker_bytes;
    if (!limit || slot->weighed_jobs == slot->settled_jobs)
        return TIME_NEVER;
    if (now_ns - slot->weighed_ns < WEIGH_NS)
        return slot->weighed_ns + WEIGH_NS;
    slot->weighed_ns = now_ns;
    slot->weighed_jobs = slot->settled_jobs;
    if (child_resident_bytes(&slot->child) > limit)
        slot->is_due = true;
    return TIME_NEVER;
}

void recycle_after_batch(struct slot *slot)
{
    if (slot->master->options.max_worker_bytes)
        weigh(slot, clock_now_ns());
}

int64_t recycle_tick(struct slot *slot, int64_t now_ns)
{
    int64_t next_ns = slot->old_ns;
    if (now_ns >= slot->old_ns) {
        slot->is_due = true;
        slot->old_ns = next_ns = TIME_NEVER;
    }
    if (slot->state != SLOT_IDLE)
        return next_ns;
    int64_t weigh_ns = weigh(slot, now_ns);
    if (slot->is_due)
        master_mark_dirty(slot->master);
    return weigh_ns < next_ns ? weigh_ns : next_ns;
}

static int out_of_service(const struct master *master)
{
    int count = 0;
    for (int i = 0; i < master->slot_count; i++)
        count += !master->slots[i]->is_surplus && (master->slots[i]->is_recycled || master->slots[i]->is_successor);
    return count;
}

/* A worker that is too old still does one job when some are queued, so that no limit is so short that nothing is ever done.
 * Who may start no more is of no use: it is replaced at once. The slots take turns, so that where all pass their limit again and
 * again, none waits for ever. */
static void pick(struct master *master)
{
    int64_t now_ns = clock_now_ns();
    int out = out_of_service(master), may_be_out = master->wanted / 4 > 1 ? master->wanted / 4 : 1;
    bool is_needed = master->store.in_state[JOB_QUEUED] != 0;
    int first = master->recycle_turn;
    for (int i = 0; i < master->slot_count; i++) {
        int turn = (first + i) % master->slot_count;
        struct slot *slot = master->slots[turn];
        if (slot->state != SLOT_IDLE || slot_is_leaving(slot))
            continue;
        int64_t weigh_ns = weigh(slot, now_ns);
        if (weigh_ns != TIME_NEVER)
            master_want_tick(master, weigh_ns);
        bool can_go = out < may_be_out && (slot->settled_jobs || !is_needed);
        if (slot->started_jobs < slot->jobs_limit && !(slot->is_due && can_go))
            continue;
        slot->is_recycled = true;
        master->recycle_turn = turn + 1;
        out++;
    }
}

/* A surplus worker gives back what it has not begun; one that is recycled is idle. */
static void send_away(struct slot *slot)
{
    if (slot_is_doomed(slot))
        return; /* its death is on the way */
    if (slot->state == SLOT_BUSY)
        slot_recall(slot);
    if (slot->state == SLOT_IDLE || slot->state == SLOT_STARTING)
        supervisor_stop(slot);
}

void recycle_all(struct master *master)
{
    if (recycle_is_on(&master->options))
        pick(master);
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        if (slot->is_surplus || (slot->is_recycled && slot->state == SLOT_IDLE))
            send_away(slot);
    }
}
