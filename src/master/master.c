/* SPDX-License-Identifier: MIT */
#include "master/master.h"

#include "base/clock.h"
#include "base/copy.h"
#include "config.h"
#include "base/error.h"
#include "master/dispatch.h"
#include "master/lookout.h"
#include "master/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define LATE_TICK_NS (250 * NS_PER_MS)  /* the master itself stood still: deadlines do not count that */

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events);
static void on_tick(struct ev_loop *loop, ev_io *watcher, int events);

/* ---- set-up ---- */

int master_init(struct master *master, const struct master_options *options)
{
    *master = (struct master){.options = *options, .loop = options->loop, .tick_ns = TIME_NEVER};
    master->wall_offset_ns = clock_wall_ns() - clock_now_ns();
    job_store_init(&master->store);
    queue_init(&master->queue);
    list_init(&master->waiting);
    list_init(&master->fresh);
    master->slots = calloc((size_t)options->workers, sizeof *master->slots);
    master->outbox_copy = malloc(OUTBOX_SIZE);
    if (!master->slots || !master->outbox_copy || recorder_init(&master->recorder, options->function_count))
        return -ENOMEM;
    for (; master->slot_count < options->workers; master->slot_count++)
        if (slot_init(&master->slots[master->slot_count], master, master->slot_count))
            return -ENOMEM;
    /* Last of all prepare watchers, so that what they submit is sent before the loop sleeps. */
    ev_prepare_init(&master->prepare, on_prepare);
    ev_set_priority(&master->prepare, EV_MINPRI);
    master->prepare.data = master;
    ev_prepare_start(master->loop, &master->prepare);
    ev_unref(master->loop);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer < 0)
        return -errno;
    ev_io_init(&master->tick, on_tick, timer, EV_READ);
    master->tick.data = master;
    ev_io_start(master->loop, &master->tick);
    ev_unref(master->loop);
    return 0;
}

void master_release(struct master *master)
{
    master->is_terminating = master->is_closed = true;
    for (int i = 0; i < master->slot_count; i++) {
        if (master->slots[i].state != SLOT_DEAD)
            supervisor_discard(&master->slots[i]);
        slot_release(&master->slots[i]);
    }
    if (master->holds_loop)
        ev_unref(master->loop);
    if (ev_is_active(&master->prepare)) {
        ev_ref(master->loop);
        ev_prepare_stop(master->loop, &master->prepare);
    }
    if (ev_is_active(&master->tick)) {
        ev_ref(master->loop);
        ev_io_stop(master->loop, &master->tick);
        close(master->tick.fd);
    }
    free(master->slots);
    free(master->outbox_copy);
    recorder_release(&master->recorder);
    queue_release(&master->queue);
    job_store_release(&master->store);
    *master = (struct master){0};
}

enum hay_status master_start(struct master *master, struct hay_error *error)
{
    int started = 0;
    enum hay_status status = HAY_OK;
    for (int i = 0; i < master->slot_count; i++) {
        enum hay_status here = supervisor_start(&master->slots[i], error);
        if (here == HAY_OK) {
            started++;
            continue;
        }
        status = here;
        master->slots[i].restart_ns = clock_now_ns() + NS_PER_S;
    }
    if (!started)
        return status;
    master_want_tick(master, clock_now_ns() + NS_PER_S);
    return HAY_OK;
}

/* ---- jobs in ---- */

bool master_has_room(const struct master *master, uint64_t size)
{
    uint64_t pending = master_pending(master);
    return pending < master->options.max_jobs && (!pending || master->store.bytes + size <= master->options.max_bytes);
}

static void fill_job(struct master *master, struct job *job, const struct master_submission *submission)
{
    job->number = ++master->next_number;
    job->tag = submission->tag;
    job->function = submission->function;
    job->priority = submission->priority;
    job->timeout_ns = submission->timeout_ns < 0 ? master->options.timeout_ns : submission->timeout_ns;
    job->id_size = submission->id.at ? (uint32_t)submission->id.size : JOB_NO_ID;
    job->args_size = submission->args.size;
    job->on_done = submission->on_done;
    job->done_context = submission->done_context;
    size_t id_size = submission->id.at ? submission->id.size : 0;
    copy_bytes(job->bytes, submission->id.at, id_size);
    copy_bytes(job->bytes + id_size, submission->args.at, submission->args.size);
    retry_init(&master->options.retry, job, submission->retries);
}

enum hay_status master_submit(struct master *master, const struct master_submission *submission, uint64_t *number,
                              struct hay_error *error)
{
    if (master->is_broken)
        return error_set(error, HAY_EBROKEN, "the pool had to stop: %.200s", master->broken_reason);
    if (master->is_closed)
        return error_set(error, HAY_ESTATE, "the pool is closed");
    uint64_t size = submission->id.size + submission->args.size;
    if (submission->args.size > UINT32_MAX - FRAME_JOB_OVERHEAD || submission->id.size >= JOB_NO_ID)
        return error_set(error, HAY_EMSGSIZE, "a job of %llu bytes is too large", (unsigned long long)size);
    if (!master_has_room(master, size)) {
        master->is_room_wanted = true;
        return error_set(error, HAY_EFULL, "the queue is full");
    }
    struct job *job = job_new(&master->store, size);
    if (!job)
        return error_set(error, HAY_ENOMEM, "out of memory");
    fill_job(master, job, submission);
    if (queue_push(&master->queue, job)) {
        job_free(&master->store, job);
        return error_set(error, HAY_ENOMEM, "out of memory");
    }
    job_move(&master->store, job, JOB_QUEUED);
    master_mark_dirty(master);
    if (number)
        *number = job->number;
    return HAY_OK;
}

/* ---- jobs out ---- */

void master_describe(const struct master *master, const struct job *job, struct hay_result *result)
{
    bool ran = job->worker >= 0;
    *result = (struct hay_result){
        .number = job->number,
        .tag = job->tag,
        .id = {job->id_size == JOB_NO_ID ? NULL : (const char *)job->bytes, job->id_size == JOB_NO_ID ? 0 : job->id_size},
        .args = {(const char *)job_args(job), job->args_size},
        .exit_code = -1,
        .attempts = job->attempts,
        .worker = job->worker,
        .pid = ran ? job->pid : 0,
        .start_ns = ran ? job->start_ns + master->wall_offset_ns : 0,
        .run_ns = job->run_ns,
        .function = job->function,
    };
}

static void tell_room(struct master *master)
{
    if (!master->is_room_wanted || master_pending(master) > master->options.max_jobs - master->options.max_jobs / 4 ||
        !master_has_room(master, 0))
        return;
    master->is_room_wanted = false;
    master->callback_depth++;
    if (master->options.on_room)
        master->options.on_room(master->options.context);
    master->callback_depth--;
}

static void settle(struct master *master, struct job *job, const struct attempt_end *end)
{
    struct hay_result result;
    master_describe(master, job, &result);
    result.outcome = end->outcome;
    result.value = end->value;
    result.message = end->message;
    result.signal = end->signal;
    result.exit_code = end->exit_code;
    job_move(&master->store, job, JOB_DONE);
#ifdef HAY_SANITIZED
    assert(job_store_is_sound(&master->store));
#endif
    master->recorder.by_outcome[end->outcome]++;
    master->delivered++;
    master->deaths_in_a_row = 0;
    if (!master_pending(master))
        master_mark_dirty(master); /* a closed pool stops its workers now */
    master->callback_depth++;
    if (job->on_done)
        job->on_done(job->done_context, &result);
    else if (master->options.on_result)
        master->options.on_result(master->options.context, &result);
    master->callback_depth--;
    job_free(&master->store, job);
    tell_room(master);
}

static struct hay_span span_of(const char *text)
{
    return (struct hay_span){text, strlen(text)};
}

void master_drop_job(struct master *master, struct job *job, enum hay_outcome outcome, const char *message)
{
    settle(master, job, &(struct attempt_end){.outcome = outcome, .message = span_of(message), .exit_code = -1});
}

static void queue_or_drop(struct master *master, struct job *job, int (*put)(struct queue *, struct job *))
{
    job_move(&master->store, job, JOB_QUEUED);
    master_mark_dirty(master);
    if (job->needs_fresh) {
        list_push_tail(&master->fresh, &job->node);
        master->fresh_count++;
    } else if (put(&master->queue, job)) {
        master_drop_job(master, job, HAY_OUTCOME_SKIPPED, "out of memory");
    }
}

void master_release_fresh(struct master *master)
{
    while (!list_empty(&master->fresh)) {
        struct job *job = LIST_ITEM(list_pop_head(&master->fresh), struct job, node);
        master->fresh_count--;
        job->needs_fresh = false;
        if (queue_return(&master->queue, job))
            master_drop_job(master, job, HAY_OUTCOME_SKIPPED, "out of memory");
    }
    master_mark_dirty(master);
}

void master_return_job(struct master *master, struct job *job)
{
    if (master->is_broken)
        master_drop_job(master, job, HAY_OUTCOME_SKIPPED, master->broken_reason);
    else if (master->is_terminating)
        master_drop_job(master, job, HAY_OUTCOME_CANCELLED, "cancelled before it started");
    else
        queue_or_drop(master, job, queue_return);
}

static void unqueue(struct master *master, struct job *job)
{
    if (job->state == JOB_WAITING) {
        list_remove(&job->node);
    } else if (job->needs_fresh) {
        list_remove(&job->node);
        master->fresh_count--;
    } else {
        queue_remove(&master->queue, job);
    }
}

void master_charge_queued(struct master *master, struct job *job)
{
    unqueue(master, job);
    job_move(&master->store, job, JOB_SENT);
    job_move(&master->store, job, JOB_STARTED);
}

void master_job_started(struct master *master, struct slot *slot, struct job *job)
{
    job_move(&master->store, job, JOB_STARTED);
    job->attempts++;
    job->worker = slot->index;
    job->pid = slot->child.pid;
    job->start_ns = slot->first_sight_ns;
    master->recorder.started++;
    master->recorder.retried += job->attempts > 1;
}

/* The result's bytes come from a worker: nothing that is not one line of JSON is handed up as JSON. */
static void check_value(struct master *master, struct attempt_end *end, char *text, size_t size)
{
    struct hay_jobline_fault fault;
    if (end->outcome != HAY_OUTCOME_OK || master->options.raw_results)
        return;
    if (hay_json_check(end->value.at, end->value.size, 4096, &fault) == HAY_OK)
        return;
    int n = snprintf(text, size, "the result is not JSON: %s at byte %zu", fault.reason, fault.column);
    *end = (struct attempt_end){.outcome = HAY_OUTCOME_ERROR, .exit_code = -1};
    end->message = (struct hay_span){text, n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1};
}

static void supply_message(const struct job *job, struct attempt_end *end, char *text, size_t size)
{
    if (end->outcome == HAY_OUTCOME_OK || end->message.at)
        return;
    if (end->outcome == HAY_OUTCOME_TIMEOUT)
        snprintf(text, size, "timed out after %g s", (double)job->timeout_ns / (double)NS_PER_S);
    else
        snprintf(text, size, "%s", end->outcome == HAY_OUTCOME_CANCELLED ? "cancelled while it ran" : "failed");
    end->message = span_of(text);
}

bool master_end_attempt(struct master *master, struct job *job, const struct attempt_end *given)
{
    char text[256];
    int64_t delay_ns;
    struct attempt_end end = *given;
    check_value(master, &end, text, sizeof text);
    supply_message(job, &end, text, sizeof text);
    if (master->is_broken && end.outcome == HAY_OUTCOME_CRASH)
        end = (struct attempt_end){.outcome = HAY_OUTCOME_SKIPPED, .message = span_of(master->broken_reason), .exit_code = -1};
    bool may_retry = end.outcome != HAY_OUTCOME_OK && !master->is_broken && !master->is_terminating;
    if (!may_retry || !retry_take(&master->options.retry, job, end.outcome, &delay_ns)) {
        settle(master, job, &end);
        return true;
    }
    if (delay_ns) {
        job->due_ns = clock_now_ns() + delay_ns;
        job_move(&master->store, job, JOB_WAITING);
        list_push_tail(&master->waiting, &job->node);
        master_want_tick(master, job->due_ns);
    } else {
        queue_or_drop(master, job, queue_return);
    }
    return false;
}

/* ---- cancel, stop ---- */

static void cancel_one(struct master *master, struct job *job, bool running)
{
    struct slot *slot;
    switch (job->state) {
    case JOB_WAITING:
    case JOB_QUEUED:
        unqueue(master, job);
        master_drop_job(master, job, HAY_OUTCOME_CANCELLED, "cancelled before it started");
        break;
    case JOB_STARTED:
        if (!running || job->worker < 0)
            break;
        /* Served by the tick: this may be a callback in the middle of that slot's frames. */
        slot = &master->slots[job->worker];
        if (slot_running(slot) != job)
            break; /* its worker has begun another since: the result is on its way */
        slot->end_wanted = job->number;
        slot->end_wanted_outcome = HAY_OUTCOME_CANCELLED;
        slot->end_wanted_grace_ns = master->options.grace_ns;
        master_want_tick(master, clock_now_ns());
        break;
    default:
        break;
    }
}

struct cancellation {
    struct master *master;
    uint64_t number;  /* 0: all */
    bool running;
    struct job *found;
};

static void find_number(void *context, struct job *job)
{
    struct cancellation *cancellation = context;
    if (job->number == cancellation->number)
        cancellation->found = job;
}

static void recall_all(struct master *master)
{
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i].state == SLOT_BUSY)
            slot_recall(&master->slots[i]);
}

enum hay_status master_cancel(struct master *master, uint64_t number)
{
    struct cancellation cancellation = {master, number, true, NULL};
    job_store_each(&master->store, find_number, &cancellation);
    struct job *job = cancellation.found;
    if (!job)
        return HAY_EUNKNOWN;
    if (job->state == JOB_SENT)
        for (int i = 0; i < master->slot_count; i++)
            for (uint32_t at = master->slots[i].base; at < master->slots[i].next; at++)
                if (slot_sending(&master->slots[i], at)->job == job) {
                    slot_recall(&master->slots[i]);
                    i = master->slot_count - 1;
                    break;
                }
    cancel_one(master, job, true);
    return HAY_OK;
}

static void cancel_each(void *context, struct job *job)
{
    struct cancellation *cancellation = context;
    cancel_one(cancellation->master, job, cancellation->running);
}

void master_cancel_all(struct master *master, bool running)
{
    struct cancellation cancellation = {master, 0, running, NULL};
    recall_all(master);
    job_store_each(&master->store, cancel_each, &cancellation);
}

static void skip_each(void *context, struct job *job)
{
    struct master *master = context;
    if (job->state != JOB_WAITING && job->state != JOB_QUEUED)
        return;
    unqueue(master, job);
    master_drop_job(master, job, HAY_OUTCOME_SKIPPED, master->broken_reason);
}

void master_tell_broken(struct master *master)
{
    if (!master->is_broken || master->is_broken_told || master_pending(master))
        return;
    master->is_broken_told = true;
    if (master->options.on_broken)
        master->options.on_broken(master->options.context, master->broken_reason);
}

void master_break(struct master *master, const char *reason)
{
    if (master->is_broken)
        return;
    master->is_broken = true;
    snprintf(master->broken_reason, sizeof master->broken_reason, "the pool had to stop: %s", reason);
    for (int i = 0; i < master->slot_count; i++)
        supervisor_kill(&master->slots[i]);
    recall_all(master);
    job_store_each(&master->store, skip_each, master);
    master_tell_broken(master);
}

void master_close(struct master *master)
{
    master->is_closed = true;
    master_mark_dirty(master);
    master_want_tick(master, clock_now_ns());
}

void master_terminate(struct master *master, int64_t grace_ns)
{
    master->is_closed = master->is_terminating = true;
    if (grace_ns < master->options.grace_ns)
        master->options.grace_ns = grace_ns;
    master_cancel_all(master, true);
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = &master->slots[i];
        if (slot->state == SLOT_STARTING)
            supervisor_kill(slot);
        if (slot->ending && clock_add(clock_now_ns(), grace_ns) < slot->kill_ns)
            slot->kill_ns = clock_add(clock_now_ns(), grace_ns);
    }
    master_close(master);
}

bool master_is_done(const struct master *master)
{
    if (!master->is_closed && !master->is_broken)
        return false;
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i].state != SLOT_DEAD)
            return false;
    return !master_pending(master);
}

static void stop_idle_workers(struct master *master)
{
    if (!master->is_closed || master_pending(master))
        return;
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i].state == SLOT_IDLE || master->slots[i].state == SLOT_STARTING)
            supervisor_stop(&master->slots[i]);
}

/* ---- the loop ---- */

/* While jobs are pending the loop has to go on, also when every worker is dead and waits for its restart. */
static void hold_loop(struct master *master, bool hold)
{
    if (hold == master->holds_loop)
        return;
    master->holds_loop = hold;
    if (hold)
        ev_ref(master->loop);
    else
        ev_unref(master->loop);
}

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    (void)loop, (void)events;
    struct master *master = watcher->data;
    hold_loop(master, master_pending(master) != 0);
    while (master->is_dirty) {
        master->is_dirty = false;
        if (!master->is_broken && !master->is_terminating)
            dispatch_all(master);
        stop_idle_workers(master);
        master_tell_broken(master);
    }
}

/* A timerfd, because it stays armed while the loop sleeps and wakes: a loop timer a millisecond away would have the kernel program its
 * clock anew at each sleep, which costs more than a job. It is exact to the microsecond as well. */
void master_want_tick(struct master *master, int64_t when_ns)
{
    if (when_ns >= master->tick_ns)
        return;
    struct itimerspec due = {.it_value = {when_ns / NS_PER_S, when_ns % NS_PER_S}};
    master->tick_ns = when_ns;
    timerfd_settime(master->tick.fd, TFD_TIMER_ABSTIME, &due, NULL);
}

static int64_t queue_due_jobs(struct master *master, int64_t now_ns)
{
    int64_t next_ns = TIME_NEVER;
    struct list *at = master->waiting.next;
    while (at != &master->waiting) {
        struct job *job = LIST_ITEM(at, struct job, node);
        at = at->next;
        if (job->due_ns > now_ns) {
            next_ns = job->due_ns < next_ns ? job->due_ns : next_ns;
            continue;
        }
        list_remove(&job->node);
        queue_or_drop(master, job, queue_return);
    }
    return next_ns;
}

/* After standing still (stopped, swapped) the master reads before it judges, and gives everyone that time back. */
static void forgive_lateness(struct master *master, int64_t now_ns)
{
    if (master->paused_ns || master->tick_ns == TIME_NEVER || now_ns - master->tick_ns < LATE_TICK_NS)
        return;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = &master->slots[i];
        if (slot->state == SLOT_STARTING || slot->state == SLOT_STOPPING)
            slot->look_ns += now_ns - master->tick_ns;
        if (slot->state != SLOT_BUSY)
            continue;
        /* A claim that is seen only now began before or meanwhile: it gets the time back too. */
        channel_drain(&slot->channel);
        slot_update_claim(slot);
        lookout_exclude(slot, master->tick_ns, now_ns);
    }
}

static void on_tick(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop, (void)events;
    struct master *master = watcher->data;
    int64_t now_ns = clock_now_ns();
    uint64_t expirations;
    if (read(watcher->fd, &expirations, sizeof expirations) < 0)
        return;
    forgive_lateness(master, now_ns);
    master->tick_ns = TIME_NEVER;
    master->wall_offset_ns = clock_wall_ns() - now_ns;
    int64_t next_ns = queue_due_jobs(master, now_ns);
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = &master->slots[i];
        int64_t wanted_ns = supervisor_tick(slot, now_ns);
        next_ns = wanted_ns < next_ns ? wanted_ns : next_ns;
    }
    if (next_ns != TIME_NEVER)
        master_want_tick(master, next_ns);
}

void master_pause(struct master *master, bool paused)
{
    int64_t now_ns = clock_now_ns();
    if (paused == (master->paused_ns != 0))
        return;
    for (int i = 0; i < master->slot_count; i++) {
        struct slot *slot = &master->slots[i];
        if (slot->state == SLOT_DEAD || (paused && slot->state == SLOT_STARTING))
            continue; /* READY is always read */
        channel_pause(&slot->channel, paused);
        if (paused || slot->state != SLOT_BUSY)
            continue;
        slot_update_claim(slot); /* a claim that is seen only now gets the time back too */
        if (slot->state != SLOT_BUSY)
            continue;
        lookout_exclude(slot, master->paused_ns, now_ns);
        slot->look_ns = now_ns + LOOKOUT_FIRST_NS;
    }
    master->paused_ns = paused ? now_ns : 0;
    if (!paused)
        master_want_tick(master, now_ns);
}
