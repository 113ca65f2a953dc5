/* SPDX-License-Identifier: MIT
 *
 * The end of a worker, as far as it is the master's doing: told to stop, killed, given up when not even that ends it. What its
 * death means is in death.c.
 */
#include "master/supervisor.h"

#include "base/clock.h"
#include "master/death.h"
#include "master/master.h"

#include <stdio.h>

#define STOP_LIMIT_NS (5 * NS_PER_S)
#define STUCK_LOOK_NS NS_PER_S
#define STUCK_LOOKS 10 /* so many, not so much time: of a moment in which we all stood still a killed worker has had no part */

void supervisor_kill(struct slot *slot)
{
    if (slot->state == SLOT_DEAD)
        return;
    if (!slot->killed) {
        slot->killed = true;
        slot->killed_ns = clock_now_ns();
        master_want_tick(slot->master, slot->killed_ns + STUCK_LOOK_NS);
    }
    child_signal(&slot->child, SIGKILL);
    child_signal_group(&slot->child, SIGKILL);
}

void supervisor_fault(struct slot *slot, const char *reason)
{
    if (slot->fault[0] || slot->state == SLOT_DEAD)
        return;
    snprintf(slot->fault, sizeof slot->fault, "%s", reason);
    channel_mute(&slot->channel); /* a claim of what was not sent shall not become true before it is dead */
    supervisor_kill(slot);
}

void supervisor_stop(struct slot *slot)
{
    struct frame_head head = {.size = sizeof head, .type = FRAME_STOP};
    if (slot->killed)
        return; /* its job has come to its end after all, but it cannot end in good order */
    int64_t now_ns = clock_now_ns();
    /* A start that is not over keeps its own limit, where that is later. */
    if (slot->state != SLOT_STARTING || slot->look_ns < now_ns + STOP_LIMIT_NS) {
        slot->limited_ns = now_ns;
        slot->look_ns = now_ns + STOP_LIMIT_NS;
    }
    slot_set_state(slot, SLOT_STOPPING);
    master_want_tick(slot->master, slot->look_ns);
    unsigned char *at = channel_reserve(&slot->channel, sizeof head);
    if (!at) {
        supervisor_kill(slot);
        return;
    }
    frame_put_head(at, head);
    channel_commit(&slot->channel, sizeof head);
    channel_flush(&slot->channel);
}

void supervisor_give_up(struct slot *slot)
{
    char text[160];
    int n = snprintf(text, sizeof text,
                     "hayfork: worker %d (process %d) is stuck in the kernel, SIGKILL does not end it: given up",
                     slot->index, (int)slot->pid);
    slot_tell_line(slot, text, (size_t)n);
    if (!slot->fault[0])
        snprintf(slot->fault, sizeof slot->fault, "is stuck in the kernel");
    death_bury(slot, (struct hay_exit){HAY_EXIT_SIGNAL, SIGKILL, false});
}

int64_t supervisor_tick_killed(struct slot *slot, int64_t now_ns)
{
    struct hay_exit status;
    if (now_ns < slot->killed_ns + STUCK_LOOK_NS)
        return slot->killed_ns + STUCK_LOOK_NS;
    slot->killed_ns = now_ns;
    if (child_peek(&slot->child, &status) != 0 || ++slot->survived < STUCK_LOOKS)
        return now_ns + STUCK_LOOK_NS;
    supervisor_give_up(slot);
    return TIME_NEVER;
}
