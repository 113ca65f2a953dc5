/* SPDX-License-Identifier: MIT */
#include "master/resize.h"

#include "base/clock.h"
#include "base/error.h"
#include "master/master.h"
#include "master/supervisor.h"

#include <errno.h>
#include <stdlib.h>

static int make_slots(struct master *master, int slots)
{
    if (slots <= master->slots_made)
        return 0;
    struct slot **more = realloc(master->slots, (size_t)slots * sizeof *more);
    if (!more)
        return -ENOMEM;
    master->slots = more;
    for (; master->slots_made < slots; master->slots_made++) {
        struct slot *slot = slot_new(master, master->slots_made);
        if (!slot)
            return -ENOMEM;
        more[master->slots_made] = slot;
    }
    return 0;
}

int resize_reserve(struct master *master, int slots)
{
    int status = make_slots(master, slots);
    for (int i = master->slot_count; !status && i < slots; i++)
        status = slot_equip(master->slots[i]);
    if (!status && slots > master->slot_count)
        master->slot_count = slots;
    return status;
}

void resize_trim(struct master *master)
{
    while (master->slot_count > master->wanted && master->slots[master->slot_count - 1]->state == SLOT_DEAD)
        slot_strip(master->slots[--master->slot_count]);
}

static void want(struct master *master, int workers)
{
    master->wanted = workers;
    for (int i = 0; i < master->slot_count; i++)
        master->slots[i]->is_surplus = i >= workers;
    master_mark_dirty(master);
}

/* Workers for the slots that have none and are not waiting for one. A frozen pool starts them when it goes on, and many are left
 * to the tick. */
static enum hay_status populate(struct master *master, int first, struct hay_error *error)
{
    for (int i = first; i < master->wanted; i++) {
        struct slot *slot = master->slots[i];
        if (slot->state != SLOT_DEAD)
            continue;
        struct hay_error failure;
        enum hay_status status = HAY_OK;
        slot->restart_ns = clock_now_ns();
        if (!master->frozen_ns && i - first < MASTER_FORKS)
            status = supervisor_start(slot, &failure);
        if (status == HAY_ETHREADS) {
            if (error)
                *error = failure;
            return status;
        }
        if (status)
            slot->restart_ns = clock_now_ns() + NS_PER_S;
        if (slot->state == SLOT_DEAD)
            master_want_tick(master, slot->restart_ns);
    }
    return HAY_OK;
}

enum hay_status master_resize(struct master *master, int workers, uint64_t max_jobs, struct hay_error *error)
{
    int before = master->wanted;
    if (master->is_broken)
        return error_set(error, HAY_EBROKEN, "%.200s", master->broken_reason);
    if (master->is_closed)
        return error_set(error, HAY_ESTATE, "the pool is closed");
    if (resize_reserve(master, workers))
        return error_set(error, HAY_ENOMEM, "out of memory");
    want(master, workers);
    enum hay_status status = populate(master, before, error);
    if (status) {
        want(master, before);
        return status;
    }
    master->options.max_jobs = max_jobs;
    master->is_resized = true;
    return HAY_OK;
}
