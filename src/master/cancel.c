/* SPDX-License-Identifier: MIT */
#include "master/cancel.h"

#include "base/clock.h"
#include "master/master.h"
#include "master/settle.h"

struct cancellation {
    struct master *master;
    uint64_t number;   /* 0: any up to `newest` */
    uint64_t newest;   /* the last job that was there: what is called back may submit more */
    const void *batch; /* NULL: any; else only what was submitted with this done_context */
    bool running;
};

static bool is_meant(const struct cancellation *cancellation, const struct job *job)
{
    return (cancellation->number ? job->number == cancellation->number : job->number <= cancellation->newest) &&
           (!cancellation->batch || job->done_context == cancellation->batch);
}

/* By the tick, if it is still what runs there. A failure that is still on its way is not tried again: see settle_failed(). */
static void ask_to_end(struct master *master, struct job *job)
{
    job->is_cancelled = true;
    master_want_tick(master, clock_now_ns());
}

static void cancel_one(const struct cancellation *cancellation, struct job *job)
{
    struct master *master = cancellation->master;
    if (job->state == JOB_WAITING || job->state == JOB_QUEUED) {
        settle_unqueue(master, job);
        settle_cancel(master, job);
    } else if (job->state == JOB_STARTED && cancellation->running) {
        ask_to_end(master, job);
    }
}

/* A worker that is given up holds what it did not begin until it is dead, for its death may count against the head of that;
 * but the epoch is closed, so nothing of it can begin any more. */
static void cancel_given_up(const struct cancellation *cancellation)
{
    struct master *master = cancellation->master;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = master->slots[i];
        for (uint32_t at = slot->claimed; slot_is_recalled(slot) && at < slot->next; at++) {
            struct job *job = slot_sending(slot, at)->job;
            if (!job || !is_meant(cancellation, job))
                continue;
            slot_forget(slot, at);
            settle_cancel(master, job);
        }
    }
}

static struct slot *slot_that_holds(struct master *master, const struct job *job)
{
    for (int i = 0; i < master->slot_count; i++)
        for (uint32_t at = master->slots[i]->base; at < master->slots[i]->next; at++)
            if (slot_sending(master->slots[i], at)->job == job)
                return master->slots[i];
    return NULL;
}

void cancel_recall_all(struct master *master)
{
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i]->state == SLOT_BUSY)
            slot_recall(master->slots[i]);
}

enum hay_status master_cancel(struct master *master, uint64_t number)
{
    struct cancellation cancellation = {.master = master, .number = number, .running = true};
    struct job *job = job_find(&master->store, number);
    if (!job)
        return HAY_EUNKNOWN;
    struct slot *slot = job->state == JOB_SENT ? slot_that_holds(master, job) : NULL;
    if (slot)
        slot_recall(slot);
    if (job->number != number)
        return HAY_OK; /* there was no memory to queue it again: it is settled */
    if (job->state == JOB_SENT)
        cancel_given_up(&cancellation);
    else
        cancel_one(&cancellation, job);
    return HAY_OK;
}

static void cancel_each(void *context, struct job *job)
{
    struct cancellation *cancellation = context;
    if (is_meant(cancellation, job))
        cancel_one(cancellation, job);
}

static void cancel_many(struct cancellation *cancellation)
{
    const uint64_t *in_state = cancellation->master->store.in_state;
    bool has_running = in_state[JOB_STARTED] && cancellation->running;
    if (!in_state[JOB_WAITING] && !in_state[JOB_QUEUED] && !in_state[JOB_SENT] && !has_running)
        return;
    cancel_recall_all(cancellation->master);
    job_store_each(&cancellation->master->store, cancel_each, cancellation);
    cancel_given_up(cancellation);
}

/* Called back from itself it only notes the wish, and goes round once more: else each job that it ends could nest another
 * call. */
void master_cancel_all(struct master *master, bool running)
{
    master->cancel_newest = master->store.accepted;
    master->cancel_running |= running;
    if (master->is_cancelling)
        return;
    master->is_cancelling = true;
    while (master->cancel_newest) {
        struct cancellation cancellation = {.master = master, .newest = master->cancel_newest, .running = master->cancel_running};
        master->cancel_newest = 0;
        cancel_many(&cancellation);
    }
    master->is_cancelling = master->cancel_running = false;
}

void master_cancel_batch(struct master *master, const void *done_context)
{
    cancel_many(&(struct cancellation){
        .master = master, .newest = master->store.accepted, .running = true, .batch = done_context});
}
