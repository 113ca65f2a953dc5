/* SPDX-License-Identifier: MIT
 *
 * A slot as such: made, equipped, moved from state to state by a table, given to one process after the other. What it holds is
 * in slot.c.
 */
#include "master/slot.h"

#include "base/clock.h"
#include "master/logpipe.h"
#include "master/master.h"
#include "master/shutdown.h"

#include <errno.h>
#include <stdlib.h>

static const bool allowed[SLOT_STATE_COUNT][SLOT_STATE_COUNT] = {
    [SLOT_DEAD] = {[SLOT_STARTING] = true},
    [SLOT_STARTING] = {[SLOT_IDLE] = true, [SLOT_STOPPING] = true, [SLOT_DEAD] = true},
    [SLOT_IDLE] = {[SLOT_BUSY] = true, [SLOT_STOPPING] = true, [SLOT_DEAD] = true},
    [SLOT_BUSY] = {[SLOT_IDLE] = true, [SLOT_DEAD] = true},
    [SLOT_STOPPING] = {[SLOT_DEAD] = true},
};

struct slot *slot_new(struct master *master, int index)
{
    struct slot *slot = malloc(sizeof *slot);
    if (!slot)
        return NULL;
    *slot = (struct slot){.master = master, .index = index, .child = CHILD_NONE, .restart_ns = TIME_NEVER, .kill_ns = TIME_NEVER};
    slot->channel.fd = -1;
    return slot;
}

void slot_free(struct slot *slot)
{
    slot_strip(slot);
    free(slot);
}

int slot_equip(struct slot *slot)
{
    if (!slot->ring)
        slot->ring = calloc(WINDOW_MAX, sizeof *slot->ring);
    return slot->ring ? 0 : -ENOMEM;
}

void slot_strip(struct slot *slot)
{
    free(slot->ring);
    slot->ring = NULL;
}

void slot_set_state(struct slot *slot, enum slot_state next)
{
    if (slot->state == next)
        return;
    if (!allowed[slot->state][next]) {
        shutdown_break(slot->master, "internal: a worker's place made a move that it may not make");
        return;
    }
    slot->state = next;
    if (next == SLOT_IDLE || next == SLOT_DEAD)
        master_mark_dirty(slot->master);
}

void slot_tell_line(void *context, const char *line, size_t size)
{
    struct slot *slot = context;
    const struct master_options *options = &slot->master->options;
    slot->master->callback_depth++;
    if (options->on_log)
        options->on_log(options->context, slot->index, line, size);
    slot->master->callback_depth--;
}

void slot_begin_generation(struct slot *slot)
{
    slot->generation++;
    slot->epoch = slot->ring_epoch = 1;
    slot->base = slot->next = slot->claimed = slot->held = 0;
    slot->window = 1;
    slot->batch_settled = 0;
    slot->claimed_offset = 0;
    slot->expected_ns = 0;
    slot->started_jobs = slot->settled_jobs = 0;
    slot->ready_ns = slot->resumed_ns = 0;
    slot->look_ns = TIME_NEVER;
    slot->look_step = 0;
    slot->first_sight_ns = slot->excluded_ns = slot->ended_ns = slot->broken_ns = 0;
    slot->ending = 0;
    slot->kill_ns = TIME_NEVER;
    slot->killed = false;
    slot->survived = 0;
    slot->is_successor = slot->is_recycled;
    slot->is_recycled = slot->is_due = false;
    slot->jobs_limit = UINT64_MAX;
    slot->old_ns = TIME_NEVER;
    slot->weighed_ns = 0;
    slot->weighed_jobs = 0;
    slot->fault[0] = '\0';
}

void slot_end_generation(struct slot *slot)
{
    struct master *master = slot->master;
    ev_io_stop(master->loop, &slot->exited);
    ev_child_stop(master->loop, &slot->reaped);
    channel_close(&slot->channel);
    if (slot->log)
        master->log_dropped += slot->log->cut_lines;
    log_pipe_close(slot->log);
    slot->log = NULL;
    ledger_close(&slot->ledger);
}
