/* SPDX-License-Identifier: MIT */
#include "master/death.h"

#include "base/clock.h"
#include "base/oom.h"
#include "master/logpipe.h"
#include "master/lookout.h"
#include "master/master.h"
#include "master/settle.h"
#include "master/shutdown.h"
#include "master/straggler.h"
#include "master/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define DISCARD_LIMIT_NS (5 * NS_PER_S)
#define RESTART_MIN_NS (10 * NS_PER_MS)
#define LOSSES_MAX 10
#define MOMENT_NS NS_PER_S
#define SOUND_NS DEATH_RESTART_MAX_NS /* who was ready for so long was a good start */
#define FREE_LOSSES 2
#define LOSS_APART_NS (100 * NS_PER_MS)

_Static_assert(WORKER_EXIT_NOT_SET_UP == CHILD_EXIT_NOT_SET_UP, "one code for one failure, before the worker's main and in it");

/* What a worker says by its code. A function may exit with it too. */
static const char *meaning_of(int code)
{
    switch (code) {
    case WORKER_EXIT_NO_PIPE:
        return " (a worker's code: its pipe was closed in it)";
    case WORKER_EXIT_PROTOCOL:
        return " (a worker's code: what it read from its pipe made no sense)";
    case WORKER_EXIT_NOT_READY:
        return " (a worker's code: it could not start)";
    case WORKER_EXIT_NO_MEMORY:
        return " (a worker's code: out of memory)";
    case WORKER_EXIT_NOT_SET_UP:
        return " (a worker's code: its descriptors could not be set up; is there a /dev/null?)";
    default:
        return "";
    }
}

/* Nobody but the kernel knows whom it killed for lack of memory; that it killed someone in this worker's time, it tells. */
static size_t describe_exit(const struct slot *slot, struct hay_exit status, char *text, size_t size)
{
    size_t n = hay_exit_text(&status, text, size);
    if (status.kind == HAY_EXIT_CODE)
        n += (size_t)snprintf(text + n, size - n, "%s", meaning_of(status.value));
    else if (status.kind == HAY_EXIT_SIGNAL && status.value == SIGKILL && !slot->killed && oom_kills() > slot->oom_kills)
        n += (size_t)snprintf(text + n, size - n, ", probably for lack of memory");
    return n;
}

/* In which hook, by the worker's own word: this is for messages only. */
static size_t describe_hook(const struct slot *slot, char *text, size_t size)
{
    char hook[LEDGER_HOOK_SIZE] = "";
    if (slot->state == SLOT_STARTING || slot->state == SLOT_STOPPING)
        ledger_read_hook(slot->ledger, hook);
    return hook[0] ? (size_t)snprintf(text, size, ", in %s", hook) : 0;
}

/* Of a log that was drained. A line from before the job began is another's. */
static size_t describe_line(const struct slot *slot, int64_t job_start_ns, char *text, size_t size)
{
    const struct log_pipe *log = slot->log;
    if (!log || !log->last_size || log->newest_ns <= job_start_ns)
        return 0;
    return (size_t)snprintf(text, size, "; last line printed: %.*s", (int)log->last_size, log->last);
}

/* `job_start_ns`: of the one that ran, or 0. */
static size_t describe_death(const struct slot *slot, struct hay_exit status, int64_t job_start_ns, char *text, size_t size)
{
    size_t n;
    bool is_ours = slot->killed && status.kind == HAY_EXIT_SIGNAL && status.value == SIGKILL;
    if (is_ours && slot->fault[0]) {
        n = (size_t)snprintf(text, size, "killed: the worker %s", slot->fault);
    } else {
        n = describe_exit(slot, status, text, size);
        if (slot->fault[0])
            n += (size_t)snprintf(text + n, size - n, "; the worker %s", slot->fault);
    }
    if (n < size)
        n += describe_hook(slot, text + n, size - n);
    if (n < size)
        n += describe_line(slot, job_start_ns, text + n, size - n);
    return n < size ? n : size - 1;
}

/* True: it has to pay. A job that hides its start cannot kill for ever: twice is free, then the head of the window pays. But
 * what kills all workers at once may take it from several that are dead, one after the other, before we hear of them: that is
 * one loss. */
static bool count_job_loss(struct job *head)
{
    int64_t now_ns = clock_now_ns();
    if (head->losses && now_ns - head->lost_ns < LOSS_APART_NS)
        return false;
    head->lost_ns = now_ns;
    head->losses += head->losses <= FREE_LOSSES;
    return head->losses > FREE_LOSSES;
}

/* Settle or return what the dead worker held. True when its death was charged to a job. */
static bool settle_ring(struct slot *slot, struct hay_exit status)
{
    struct master *master = slot->master;
    char text[640];
    struct job *head, *running;
    int64_t start_ns = 0;
    if (lookout_examine(slot, &running, &start_ns) == RUNNING_NOW)
        running->start_ns = start_ns;
    struct attempt_end end = {.outcome = HAY_OUTCOME_CRASH,
                              .message = {text, describe_death(slot, status, start_ns, text, sizeof text)},
                              .signal = status.kind == HAY_EXIT_SIGNAL ? status.value : 0,
                              .exit_code = status.kind == HAY_EXIT_CODE ? status.value : -1};
    struct job *blamed = slot_bury_ring(slot, &head);
    if (blamed) {
        blamed->run_ns = clock_now_ns() - blamed->start_ns;
        slot->busy_ns += blamed->run_ns;
    }
    if (!blamed && head && count_job_loss(head)) {
        settle_charge_queued(master, slot, head);
        blamed = head;
    }
    if (!blamed)
        return false;
    bool was_asked = slot->ending == blamed->number;
    if (was_asked || (slot->killed && master->is_terminating)) {
        end = (struct attempt_end){.outcome = was_asked ? slot->ending_outcome : HAY_OUTCOME_CANCELLED, .exit_code = -1};
        slot->ending = 0;
    }
    if (settle_attempt(master, blamed, &end)) {
        slot->settled_jobs++;
        slot->settled_ever++;
    }
    return true;
}

/* Of one that had been ready, while no job is pending, nobody loses anything: the row begins anew. */
static void count_worker_loss(struct slot *slot)
{
    struct master *master = slot->master;
    bool counts = !slot->ready_ns || master_pending(master);
    if (!counts || master->begun_at_loss != master->recorder.started)
        master->losses = 0;
    master->begun_at_loss = master->recorder.started;
    if (counts && !master->losses++)
        master->first_loss_ns = clock_now_ns();
    /* What waits for a fresh worker takes any: there may never be one. */
    if (++slot->failures > 1)
        settle_release_fresh(master);
}

/* One moment that kills all workers, or in which none can start, is not the end, however many they are. */
static bool is_hopeless(const struct master *master)
{
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i]->state == SLOT_IDLE || master->slots[i]->state == SLOT_BUSY)
            return false;
    return master->losses >= LOSSES_MAX && clock_now_ns() - master->first_loss_ns >= MOMENT_NS;
}

/* It is dead. */
static void plan_restart(struct slot *slot)
{
    struct master *master = slot->master;
    int64_t delay_ns = 0;
    if (slot->failures) {
        int doublings = slot->failures - 1 < 16 ? slot->failures - 1 : 16;
        delay_ns = RESTART_MIN_NS << doublings;
        delay_ns = delay_ns < DEATH_RESTART_MAX_NS ? delay_ns : DEATH_RESTART_MAX_NS;
    }
    if (slot->failures && !master->is_terminating && is_hopeless(master)) {
        char reason[256];
        snprintf(reason, sizeof reason, "workers kept dying with no job settled; the last one: %.200s", slot->fault);
        shutdown_break(master, reason);
    }
    slot->restart_ns = clock_now_ns() + delay_ns;
    if (!master->is_broken && !master->is_terminating)
        master_want_tick(master, slot->restart_ns);
}

/* Should no other one do better, this is why the pool stops. */
static void note_loss(struct slot *slot, struct hay_exit status)
{
    if (!slot->fault[0])
        describe_exit(slot, status, slot->fault, sizeof slot->fault);
    size_t size = strlen(slot->fault);
    describe_hook(slot, slot->fault + size, sizeof slot->fault - size);
    count_worker_loss(slot);
}

/* Nobody's result says so, and what its plugins' stop functions were to write may be lost. */
static void tell_bad_stop(struct slot *slot, struct hay_exit status)
{
    char text[700];
    int n = snprintf(text, sizeof text, "hayfork: worker %d was told to stop: ", slot->index);
    slot_tell_line(slot, text, (size_t)n + describe_death(slot, status, 0, text + n, sizeof text - (size_t)n));
}

void death_of_start(struct slot *slot)
{
    count_worker_loss(slot);
    plan_restart(slot);
}

void death_bury(struct slot *slot, struct hay_exit status)
{
    struct master *master = slot->master;
    bool was_stopping = slot->state == SLOT_STOPPING;
    slot->is_successor = false;
    ev_io_stop(master->loop, &slot->exited);
    if (status.kind != HAY_EXIT_UNKNOWN)
        child_signal_group(&slot->child, SIGKILL);
    /* Also after a fault: what it finished before stands, and what it claimed says whose doing it was. */
    channel_drain(&slot->channel);
    if (slot->log)
        log_pipe_drain(slot->log);
    slot_update_claim(slot);
    master->recorder.salvaged += slot_search_pipe(slot);
    slot_read_outbox(slot);
    /* A death that a job pays for uses up that job's attempts, so it cannot go on for ever. */
    bool is_charged = settle_ring(slot, status);
    if (status.kind == HAY_EXIT_SIGNAL && status.value == SIGKILL)
        master->oom_read_ns = 0; /* should it have been counted, that was before the next one began */
    bool was_sound = slot->ready_ns && clock_now_ns() - slot->ready_ns >= SOUND_NS;
    if (is_charged || slot->settled_jobs || was_sound)
        slot->failures = master->losses = 0;
    else if (!was_stopping)
        note_loss(slot, status);
    /* The code alone says nothing: a plugin's stop() may exit with it too, and then the others' did not run. */
    bool in_order = was_stopping && status.kind == HAY_EXIT_CODE && status.value == 0 && ledger_has_stopped(slot->ledger);
    if (!in_order)
        master->recorder.deaths++;
    if (was_stopping && !in_order && status.kind != HAY_EXIT_UNKNOWN && !master->is_terminating && !master->is_broken)
        tell_bad_stop(slot, status);
    if (child_peek(&slot->child, &status) == 0)
        straggler_keep(&master->stragglers, &slot->child);
    child_reap(&slot->child, 0);
    slot_end_generation(slot);
    slot_set_state(slot, SLOT_DEAD);
    if (!was_stopping) {
        plan_restart(slot);
    } else {
        /* It was only replaced, unless nothing is left to do: then the tick starts nobody. */
        slot->restart_ns = clock_now_ns();
        master_want_tick(master, slot->restart_ns);
    }
    master_mark_dirty(master);
    shutdown_tell_broken(master);
}

/* Killed before: its end, for which there is time until then. */
static void discard(struct slot *slot, int64_t deadline_ns)
{
    struct pollfd ended = {.fd = slot->child.pidfd, .events = POLLIN};
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    int ready;
    while ((ready = poll(&ended, 1, clock_left_ms(deadline_ns))) < 0 && errno == EINTR)
        ;
    if (!ready) {
        supervisor_give_up(slot);
        return;
    }
    child_peek(&slot->child, &status);
    death_bury(slot, status);
}

void death_discard_all(struct master *master)
{
    int64_t deadline_ns = clock_now_ns() + DISCARD_LIMIT_NS;
    for (int i = 0; i < master->slot_count; i++)
        supervisor_kill(master->slots[i]);
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i]->state != SLOT_DEAD)
            discard(master->slots[i], deadline_ns);
}
