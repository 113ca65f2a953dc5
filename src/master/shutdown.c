/* SPDX-License-Identifier: MIT */
#include "master/shutdown.h"

#include "base/clock.h"
#include "master/cancel.h"
#include "master/master.h"
#include "master/settle.h"
#include "master/supervisor.h"

#include <stdio.h>

static void skip_each(void *context, struct job *job)
{
    struct master *master = context;
    if (job->state != JOB_WAITING && job->state != JOB_QUEUED)
        return;
    settle_unqueue(master, job);
    settle_skip(master, job);
}

void shutdown_tell_broken(struct master *master)
{
    if (!master->is_broken || master->is_broken_told || master_pending(master))
        return;
    master->is_broken_told = true;
    master->callback_depth++;
    if (master->options.on_broken)
        master->options.on_broken(master->options.context, master->broken_reason);
    master->callback_depth--;
}

void shutdown_break(struct master *master, const char *reason)
{
    if (master->is_broken)
        return;
    master->is_broken = true;
    snprintf(master->broken_reason, sizeof master->broken_reason, "the pool had to stop: %s", reason);
    for (int i = 0; i < master->slot_count; i++)
        supervisor_kill(master->slots[i]);
    cancel_recall_all(master);
    job_store_each(&master->store, skip_each, master);
    shutdown_tell_broken(master);
}

void master_close(struct master *master)
{
    master->is_closed = true;
    master_mark_dirty(master);
    master_want_tick(master, clock_now_ns());
}

void master_terminate(struct master *master, int64_t grace_ns)
{
    master_freeze(master, false); /* who is to end has to run */
    master->is_closed = master->is_terminating = true;
    master->options.grace_ns = grace_ns;
    master_cancel_all(master, true);
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        if (slot->state == SLOT_STARTING)
            supervisor_kill(slot);
        int64_t now_ns = clock_now_ns();
        if (slot->ending && clock_add(now_ns, grace_ns) < slot->kill_ns) {
            slot->asked_ns = now_ns;
            slot->kill_ns = clock_add(now_ns, grace_ns);
        }
    }
    master_close(master);
}

bool master_is_done(const struct master *master)
{
    if (!master->is_closed && !master->is_broken)
        return false;
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i]->state != SLOT_DEAD)
            return false;
    return !master_pending(master);
}

void shutdown_stop_idle(struct master *master)
{
    if (!master->is_closed || master_pending(master))
        return;
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i]->state == SLOT_IDLE || master->slots[i]->state == SLOT_STARTING)
            supervisor_stop(master->slots[i]);
}
