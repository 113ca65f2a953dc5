/* SPDX-License-Identifier: MIT */
#include "master/lookout.h"

#include "base/clock.h"
#include "master/master.h"
#include "master/supervisor.h"

#define DELIVERY_MIN_NS (3 * NS_PER_S)     /* also without a grace a large result takes its time, on a slow machine */
#define DELIVERY_BITE ((size_t)256 << 10)  /* of which so much has to come in a grace */
#define CLAIM_LIMIT_NS (5 * NS_PER_S)
#define LOOK_STEPS 6                       /* 1, 2, 4 … 64 ms */
#define OLD_JOB_NS (2 * NS_PER_MS)

enum running lookout_examine(struct slot *slot, struct job **job, int64_t *start_ns)
{
    *job = slot_running(slot);
    if (!*job)
        return RUNNING_NONE;
    struct claim claim = {slot->epoch, slot_is_recalled(slot) ? 0 : slot->claimed};
    int64_t start;
    if (!ledger_read_start(slot->ledger, claim, slot->claimed - 1, &start))
        return RUNNING_MOVED;
    if (start == LEDGER_ENDED)
        return RUNNING_ENDED;
    *start_ns = start < slot->first_sight_ns ? start : slot->first_sight_ns;
    if (*start_ns < slot->started_ns)
        *start_ns = slot->started_ns;
    if (*start_ns < slot->resumed_ns)
        *start_ns = slot->resumed_ns;
    return RUNNING_NOW;
}

/* Read all that it has to say. False when the slot is faulted or its pipe is broken: its death decides. */
static bool read_all(struct slot *slot)
{
    slot_read_all(slot);
    return !slot->fault[0] && slot->state == SLOT_BUSY && slot_update_claim(slot);
}

/* End the job that runs there, with this outcome: ask, then kill after the grace. Nothing happens when it does not run there (any
 * more). Not from callbacks, because it reads the slot's pipe. */
static void end_job(struct slot *slot, uint64_t number, enum hay_outcome outcome)
{
    struct hay_exit status;
    int64_t grace_ns = slot->master->options.grace_ns;
    if (slot->state != SLOT_BUSY || slot->ending == number)
        return;
    struct job *job = slot_running(slot);
    if (!job || job->number != number)
        return; /* it has ended since */
    if (!slot_recall(slot) || !read_all(slot))
        return;
    job = slot_running(slot);
    if (!job || job->number != number || child_peek(&slot->child, &status) != 0)
        return; /* also when it is dead and we have not heard yet: how it died is the outcome */
    slot->ending = number;
    slot->ending_outcome = outcome;
    slot->asked_ns = clock_now_ns();
    slot->kill_ns = clock_add(slot->asked_ns, grace_ns);
    master_want_tick(slot->master, slot->kill_ns);
    if (grace_ns <= 0) {
        supervisor_kill(slot);
        return;
    }
    atomic_store(&slot->ledger->cancel, number);
    child_signal_group(&slot->child, outcome == HAY_OUTCOME_CANCELLED ? slot->master->cancel_signal : SIGTERM);
    child_signal_group(&slot->child, SIGCONT);
}

int64_t lookout_part(int64_t from_ns, int64_t to_ns, int64_t begin_ns)
{
    begin_ns = begin_ns > from_ns ? begin_ns : from_ns;
    return to_ns > begin_ns ? to_ns - begin_ns : 0;
}

void lookout_exclude(struct slot *slot, int64_t from_ns, int64_t to_ns)
{
    struct job *job;
    int64_t begin_ns;
    if (slot->state != SLOT_BUSY)
        return;
    if (lookout_examine(slot, &job, &begin_ns) != RUNNING_NOW)
        begin_ns = slot->first_sight_ns;
    slot->excluded_ns += lookout_part(from_ns, to_ns, begin_ns);
    if (slot->kill_ns != TIME_NEVER)
        slot->kill_ns += lookout_part(from_ns, to_ns, slot->asked_ns);
    if (slot->ended_ns)
        slot->ended_ns += lookout_part(from_ns, to_ns, slot->ended_ns);
}

void lookout_excuse(struct slot *slot, int64_t from_ns, int64_t to_ns)
{
    if (slot->state != SLOT_BUSY)
        return;
    if (!slot_running(slot))
        slot->excluded_ns += lookout_part(from_ns, to_ns, slot->first_sight_ns);
    if (slot->ended_ns)
        slot->ended_ns += lookout_part(from_ns, to_ns, slot->ended_ns);
}

/* A job that has ended is not overdue; but its result has to come. Whole frames are no sign of that: a result would have ended
 * this. */
static void watch_delivery(struct slot *slot, int64_t now_ns)
{
    int64_t grace_ns = slot->master->options.grace_ns;
    size_t partial = channel_partial(&slot->channel);
    if (!slot->ended_ns || partial >= slot->partial_at_end + DELIVERY_BITE) {
        slot->ended_ns = now_ns;
        slot->partial_at_end = partial;
    } else if (now_ns - slot->ended_ns > (grace_ns > DELIVERY_MIN_NS ? grace_ns : DELIVERY_MIN_NS)) {
        supervisor_fault(slot, "finished a job and did not send its result");
    }
}

static void watch_idler(struct slot *slot, int64_t now_ns)
{
    if (now_ns - slot->first_sight_ns - slot->excluded_ns <= CLAIM_LIMIT_NS)
        return;
    /* What it holds stays in the ring: its death counts against the head of the window. */
    if (!slot_take_back(slot))
        return;
    if (slot_running(slot)) {
        slot_return_unstarted(slot);
        return;
    }
    child_signal(&slot->child, SIGCONT);
    supervisor_fault(slot, "held jobs for 5 s and began none");
}

/* Look at a busy slot that was silent. Returns the deadline of the job that runs there. */
static int64_t look(struct slot *slot, int64_t now_ns)
{
    struct job *job;
    int64_t start_ns = 0;
    if (!read_all(slot))
        return TIME_NEVER;
    switch (lookout_examine(slot, &job, &start_ns)) {
    case RUNNING_NONE:
        /* The newest claim is settled and an older one is not: its result was lost, or is on the way. */
        if (slot->base < slot->claimed)
            watch_delivery(slot, now_ns);
        else if (slot_unstarted(slot))
            watch_idler(slot, now_ns);
        return TIME_NEVER;
    case RUNNING_MOVED:
        slot->look_step = 0;
        return TIME_NEVER;
    case RUNNING_ENDED:
        watch_delivery(slot, now_ns);
        if (slot->ended_ns && now_ns - slot->ended_ns > OLD_JOB_NS)
            slot_recall(slot);
        return TIME_NEVER;
    case RUNNING_NOW:
        break;
    }
    /* It claims the next job only after it has given the result of the last. */
    if (slot->base + 1 < slot->claimed)
        watch_delivery(slot, now_ns);
    else
        slot->ended_ns = 0;
    if (slot->fault[0])
        return TIME_NEVER;
    if (now_ns - start_ns > OLD_JOB_NS && !slot_recall(slot))
        return TIME_NEVER;
    if (!job->timeout_ns || slot->ending)
        return TIME_NEVER;
    int64_t deadline_ns = clock_add(start_ns, clock_add(job->timeout_ns, slot->excluded_ns));
    if (now_ns < deadline_ns)
        return deadline_ns;
    end_job(slot, job->number, HAY_OUTCOME_TIMEOUT);
    return TIME_NEVER;
}

int64_t lookout_tick(struct slot *slot, int64_t now_ns)
{
    const struct job *job = slot_running(slot);
    if (job && job->is_cancelled)
        end_job(slot, job->number, HAY_OUTCOME_CANCELLED);
    if (slot->kill_ns <= now_ns && slot->ending && !slot->killed) {
        uint64_t number = slot->ending;
        read_all(slot);
        if (slot->ending == number)
            supervisor_kill(slot);
    }
    /* While results are not read nobody is judged, but who was asked to end still has to. */
    if (slot->master->paused_ns) {
        slot->look_ns = TIME_NEVER;
    } else if (slot->look_ns <= now_ns && slot->state == SLOT_BUSY && !slot->fault[0]) {
        int64_t deadline_ns = look(slot, now_ns);
        slot->look_ns = now_ns + (LOOKOUT_FIRST_NS << slot->look_step);
        if (slot->look_step < LOOK_STEPS)
            slot->look_step++;
        if (deadline_ns < slot->look_ns)
            slot->look_ns = deadline_ns;
    }
    if (slot->state != SLOT_BUSY || slot->fault[0])
        return TIME_NEVER; /* of one that is given up, its death is what comes next */
    return slot->ending && !slot->killed && slot->kill_ns < slot->look_ns ? slot->kill_ns : slot->look_ns;
}
