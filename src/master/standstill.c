/* SPDX-License-Identifier: MIT */
#include "master/standstill.h"

#include "base/clock.h"
#include "master/cancel.h"
#include "master/lookout.h"
#include "master/master.h"

#define LATE_TICK_NS (250 * NS_PER_MS)  /* the master itself stood still: deadlines do not count that */

/* Until when it is known to have gone on: the tick that is served, or the one that is due. */
static int64_t alive_ns(const struct master *master)
{
    return master->served_ns < master->tick_ns ? master->served_ns : master->tick_ns;
}

static bool is_late(const struct master *master, int64_t now_ns)
{
    int64_t since_ns = alive_ns(master);
    return !master->still_ns && since_ns != TIME_NEVER && now_ns - since_ns >= LATE_TICK_NS;
}

/* For a start or a stop this time does not count. */
static void extend(struct slot *slot, int64_t from_ns, int64_t to_ns)
{
    if (slot->state == SLOT_STARTING || slot->state == SLOT_STOPPING)
        slot->look_ns = clock_add(slot->look_ns, lookout_part(from_ns, to_ns, slot->limited_ns));
}

void standstill_forgive_lateness(struct master *master, int64_t now_ns)
{
    if (!is_late(master, now_ns))
        return;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        extend(slot, master->tick_ns, now_ns);
        if (slot->state != SLOT_BUSY)
            continue;
        /* A claim that is seen only now began before or meanwhile: it gets the time back too. */
        channel_drain(&slot->channel);
        slot_update_claim(slot);
        lookout_exclude(slot, master->tick_ns, now_ns);
    }
}

void master_arrive(struct master *master)
{
    int64_t now_ns = clock_now_ns();
    for (int i = 0; i < master->slot_count && is_late(master, now_ns); i++) {
        extend(master->slots[i], master->tick_ns, now_ns);
        lookout_excuse(master->slots[i], master->tick_ns, now_ns);
    }
    if (master->tick_ns < now_ns)
        master->tick_ns = now_ns;
}

void master_hold(struct master *master, bool held)
{
    if (held == master->is_held)
        return;
    master->is_held = held;
    if (held)
        cancel_recall_all(master);
    master_mark_dirty(master);
}

/* What has passed since the last time is not counted; a claim that is seen only now gets that time back too. */
static void exclude(struct master *master, struct slot *slot, int64_t now_ns)
{
    if (slot->state == SLOT_BUSY)
        slot_update_claim(slot);
    if (slot->state != SLOT_BUSY)
        return;
    lookout_exclude(slot, master->still_ns, now_ns);
    slot->look_ns = now_ns + LOOKOUT_FIRST_NS;
}

/* In a callback the master itself may have stood still just before, and has not come to say so yet. */
static void stand_still(struct master *master, int64_t now_ns)
{
    if (!master->still_ns)
        master->still_ns = master->callback_depth && is_late(master, now_ns) ? alive_ns(master) : now_ns;
}

/* The tick that was armed before is forgotten: being late for it is not lateness. */
static void go_on(struct master *master, int64_t now_ns)
{
    master->still_ns = master->paused_ns || master->frozen_ns ? now_ns : 0;
    master->tick_ns = TIME_NEVER;
    if (master->served_ns != TIME_NEVER)
        master->served_ns = now_ns;
    master_want_tick(master, now_ns);
    master_mark_dirty(master);
}

/* From now on it stands still in this way, or does no longer. */
static void set_still(struct master *master, int64_t *since_ns, bool still, int64_t now_ns)
{
    *since_ns = still ? now_ns : 0;
    if (still)
        stand_still(master, now_ns);
    else
        go_on(master, now_ns);
}

void master_pause(struct master *master, bool paused)
{
    int64_t now_ns = clock_now_ns();
    if (paused == (master->paused_ns != 0))
        return;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        if (slot->state == SLOT_DEAD || (paused && slot->state == SLOT_STARTING))
            continue; /* READY is always read */
        channel_pause(&slot->channel, paused);
        if (!paused)
            exclude(master, slot, now_ns);
    }
    set_still(master, &master->paused_ns, paused, now_ns);
}

static void thaw(struct master *master, struct slot *slot, int64_t now_ns)
{
    struct job *job;
    int64_t start_ns;
    exclude(master, slot, now_ns);
    if (slot->state == SLOT_BUSY && lookout_examine(slot, &job, &start_ns) != RUNNING_NOW)
        slot->resumed_ns = now_ns;
    extend(slot, master->frozen_ns, now_ns);
    if (slot->broken_ns)
        slot->broken_ns += lookout_part(master->frozen_ns, now_ns, slot->broken_ns);
    child_signal_group(&slot->child, SIGCONT);
}

void master_freeze(struct master *master, bool frozen)
{
    int64_t now_ns = clock_now_ns();
    if (frozen == (master->frozen_ns != 0))
        return;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        if (slot->state == SLOT_DEAD)
            continue;
        if (frozen)
            child_signal_group(&slot->child, SIGSTOP);
        else
            thaw(master, slot, now_ns);
    }
    set_still(master, &master->frozen_ns, frozen, now_ns);
}
