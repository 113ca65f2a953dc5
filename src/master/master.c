/* SPDX-License-Identifier: MIT */
#include "master/master.h"

#include "base/clock.h"
#include "base/copy.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/owner.h"
#include "master/death.h"
#include "master/dispatch.h"
#include "master/recycle.h"
#include "master/resize.h"
#include "master/settle.h"
#include "master/shutdown.h"
#include "master/standstill.h"
#include "master/straggler.h"
#include "master/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events);
static void on_tick(struct ev_loop *loop, ev_io *watcher, int events);
static void stop_watching(struct master *master);

static _Thread_local struct master *first_of_thread;

bool master_is_calling_in(const struct ev_loop *loop)
{
    for (const struct master *master = first_of_thread; master; master = master->next_of_thread)
        if (master->loop == loop && master->callback_depth && !master_is_copy(master))
            return true;
    return false;
}

/* ---- set-up ---- */

static void forget_master(const struct master *master)
{
    for (struct master **at = &first_of_thread; *at; at = &(*at)->next_of_thread)
        if (*at == master) {
            *at = master->next_of_thread;
            return;
        }
}

int master_init(struct master *master, const struct master_options *options)
{
    *master = (struct master){.options = *options, .loop = options->loop, .tick_ns = TIME_NEVER, .served_ns = TIME_NEVER,
                              .cancel_signal = SIGTERM, .next_of_thread = first_of_thread, .owner = owner_token()};
    first_of_thread = master;
    master->wall_offset_ns = clock_wall_offset_ns(0);
    job_store_init(&master->store);
    queue_init(&master->queue);
    delay_init(&master->delay, clock_now_ns());
    list_init(&master->fresh);
    list_init(&master->stragglers);
    master->wanted = options->workers;
    master->outbox_copy = malloc(OUTBOX_SIZE);
    if (!master->outbox_copy || recorder_init(&master->recorder, options->function_count) ||
        resize_reserve(master, options->workers))
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
    int failure = fd_raise(&timer);
    if (failure) {
        close(timer);
        return failure;
    }
    ev_io_init(&master->tick, on_tick, timer, EV_READ);
    master->tick.data = master;
    ev_io_start(master->loop, &master->tick);
    ev_unref(master->loop);
    return 0;
}

void master_release(struct master *master)
{
    master->is_terminating = master->is_closed = true;
    death_discard_all(master);
    straggler_release(&master->stragglers);
    for (int i = 0; i < master->slots_made; i++)
        slot_free(master->slots[i]);
    if (master->holds_loop)
        ev_unref(master->loop);
    stop_watching(master);
    if (master->tick.data)
        close(master->tick.fd);
    forget_master(master);
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
    int64_t now_ns = clock_now_ns();
    enum hay_status status = HAY_OK;
    struct hay_error failure = {0};
    for (int i = 0; i < master->slot_count; i++) {
        if (i >= MASTER_FORKS) {
            master->slots[i]->restart_ns = now_ns; /* by the tick */
            continue;
        }
        enum hay_status here = supervisor_start(master->slots[i], &failure);
        if (here == HAY_OK) {
            started++;
            continue;
        }
        status = here;
        master->slots[i]->restart_ns = clock_now_ns() + NS_PER_S;
    }
    if (!started) {
        if (error)
            *error = failure;
        return status;
    }
    master_want_tick(master, master->slot_count > MASTER_FORKS ? now_ns : now_ns + NS_PER_S);
    return HAY_OK;
}

/* ---- jobs in ---- */

/* What the jobs may have now, when they are as many as that. */
static uint64_t most_bytes(const struct master *master, uint64_t pending)
{
    uint64_t workers = (uint64_t)master->wanted, most = master->options.max_bytes, ahead = master->options.ahead_bytes * workers;
    return ahead && ahead < most && pending >= MASTER_AHEAD_JOBS * workers ? ahead : most;
}

bool master_has_room(const struct master *master, uint64_t size)
{
    uint64_t pending = master_pending(master), bytes = master->store.bytes, most = most_bytes(master, pending);
    return pending < master->options.max_jobs && (!pending || (bytes <= most && size <= most - bytes));
}

static void fill_job(struct master *master, struct job *job, const struct master_submission *submission)
{
    job->number = master->store.accepted + 1;
    job->tag = submission->tag;
    job->key = submission->key;
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
        return error_set(error, HAY_EBROKEN, "%.200s", master->broken_reason);
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

void master_tell_room(struct master *master)
{
    if (!master->is_room_wanted)
        return;
    uint64_t pending = master_pending(master), max_jobs = master->options.max_jobs, most = most_bytes(master, pending);
    uint64_t size = most < master->options.max_bytes ? most / 4 : 0;
    if (pending > max_jobs - max_jobs / 4 || !master_has_room(master, size))
        return;
    master->is_room_wanted = false;
    master->callback_depth++;
    if (master->options.on_room)
        master->options.on_room(master->options.context);
    master->callback_depth--;
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

static void stop_watching(struct master *master)
{
    if (ev_is_active(&master->prepare)) {
        ev_ref(master->loop);
        ev_prepare_stop(master->loop, &master->prepare);
    }
    if (ev_is_active(&master->tick)) {
        ev_ref(master->loop);
        ev_io_stop(master->loop, &master->tick);
    }
}

/* A child goes on with the loop: its turns are none of the pool, which is the parent's. */
static void leave(struct master *master)
{
    for (int i = 0; i < master->slot_count; i++)
        supervisor_leave(master->slots[i]);
    hold_loop(master, false);
    stop_watching(master);
}

/* One that was broken off before it waited is none. */
static void count_turn(struct log_turns *turns, unsigned iteration)
{
    if (turns->count != iteration)
        turns->before_ns = turns->last_ns;
    turns->count = iteration;
    turns->last_ns = clock_now_ns();
}

static void on_prepare(struct ev_loop *loop, ev_prepare *watcher, int events)
{
    (void)events;
    struct master *master = watcher->data;
    if (master_is_copy(master)) {
        leave(master);
        return;
    }
    count_turn(&master->turns, ev_iteration(loop));
    hold_loop(master, master_pending(master) != 0);
    while (master->is_dirty) {
        master->is_dirty = false;
        if (master->is_timeless)
            shutdown_break(master, "its timer cannot be set");
        if (!master->is_broken && !master->is_terminating && !master->frozen_ns) {
            recycle_all(master);
            dispatch_all(master);
        }
        shutdown_stop_idle(master);
        shutdown_tell_broken(master);
        if (master->is_resized)
            master_tell_room(master);
        master->is_resized = false;
    }
    if (!master->callback_depth)
        resize_trim(master);
}

/* A timerfd, because it stays armed while the loop sleeps and wakes: a loop timer a millisecond away would have the kernel
 * program its clock anew at each sleep, which costs more than a job. It is exact to the microsecond as well. Set by what is left,
 * not by the time: faketime(1) shows us another clock than the kernel's, whose time would never come. */
void master_want_tick(struct master *master, int64_t when_ns)
{
    if (when_ns >= master->tick_ns)
        return;
    int64_t left_ns = when_ns - clock_now_ns();
    left_ns = left_ns > 0 ? left_ns : 1;
    struct itimerspec due = {.it_value = {left_ns / NS_PER_S, left_ns % NS_PER_S}};
    master->tick_ns = when_ns;
    if (timerfd_settime(master->tick.fd, 0, &due, NULL) < 0) {
        master->is_timeless = true;
        master_mark_dirty(master);
    }
}

void master_lose_loop(struct master *master)
{
    shutdown_break(master, "the event loop cannot watch a file descriptor");
    death_discard_all(master); /* nobody would tell of their end */
}

static void on_tick(struct ev_loop *loop, ev_io *watcher, int events)
{
    struct master *master = watcher->data;
    if (master_is_copy(master))
        return;
    if (events & EV_ERROR) {
        ev_ref(loop); /* stopped as it is, it counts no longer */
        master_lose_loop(master);
        return;
    }
    int64_t now_ns = clock_now_ns();
    uint64_t expirations;
    if (read(watcher->fd, &expirations, sizeof expirations) < 0)
        return;
    standstill_forgive_lateness(master, now_ns);
    master->tick_ns = TIME_NEVER;
    master->served_ns = now_ns;
    master->wall_offset_ns = clock_wall_offset_ns(master->wall_offset_ns);
    int64_t next_ns = settle_queue_due(master, now_ns);
    master->forks = 0;
    for (int i = 0; i < master->slot_count; i++) {
        int64_t wanted_ns = supervisor_tick(master->slots[i], now_ns);
        next_ns = wanted_ns < next_ns ? wanted_ns : next_ns;
    }
    int64_t look_ns = straggler_tick(&master->stragglers, now_ns);
    next_ns = look_ns < next_ns ? look_ns : next_ns;
    master->served_ns = TIME_NEVER;
    if (next_ns != TIME_NEVER)
        master_want_tick(master, next_ns);
}
