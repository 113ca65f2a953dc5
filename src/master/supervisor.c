/* SPDX-License-Identifier: MIT */
#include "master/supervisor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/oom.h"
#include "master/death.h"
#include "master/dispatch.h"
#include "master/logpipe.h"
#include "master/lookout.h"
#include "master/master.h"
#include "master/recycle.h"
#include "master/settle.h"

#include <stdio.h>
#include <unistd.h>

#define TRACED_LIMIT_NS NS_PER_S            /* a dead worker that its tracer keeps from us is given up then */
#define BROKEN_LIMIT_NS (50 * NS_PER_MS)   /* a dying worker closes its pipe a moment before it can be waited for */
#define REAPED_LIMIT_NS (1 * NS_PER_S)     /* for the default loop to tell the status that it took */

/* ---- start ---- */

struct worker_run {
    int (*main)(struct master_worker *worker);
    struct master_worker worker;
};

static int run_worker(void *arg)
{
    struct worker_run *run = arg;
    return run->main(&run->worker);
}

/* The worker's words, as one line. */
static void copy_line(char *text, size_t capacity, const unsigned char *bytes, size_t size)
{
    size_t length = size < capacity - 1 ? size : capacity - 1;
    for (size_t i = 0; i < length; i++)
        text[i] = (char)(bytes[i] < 0x20 || bytes[i] == 0x7f ? ' ' : bytes[i]);
    text[length] = '\0';
}

static bool take_ready(struct slot *slot, const struct frame_head *head, const unsigned char *body)
{
    const struct master_options *options = &slot->master->options;
    size_t size = head->size - sizeof *head;
    if (slot->state == SLOT_STOPPING && !slot->started_jobs)
        return true; /* it was told to end before it was ready */
    if (slot->state != SLOT_STARTING) {
        supervisor_fault(slot, "said twice that it was ready");
    } else if (head->flags & FRAME_FAILED) {
        char text[160];
        copy_line(text, sizeof text, body, size);
        supervisor_fault(slot, text);
    } else if (size != options->ready_size || memcmp(body, options->ready_bytes, size) != 0) {
        supervisor_fault(slot, "loaded other functions than the ones that were checked");
    } else {
        slot->look_ns = TIME_NEVER;
        slot->ready_ns = clock_now_ns();
        slot_set_state(slot, SLOT_IDLE);
        recycle_begin(slot);
        if (slot->master->paused_ns)
            channel_pause(&slot->channel, true);
        return true;
    }
    return false;
}

static bool on_frame(struct channel *channel, const struct frame_head *head, const unsigned char *body)
{
    struct slot *slot = LIST_ITEM(channel, struct slot, channel);
    return head->type == FRAME_READY ? take_ready(slot, head, body) : slot_take_frame(slot, head, body);
}

static void on_batch(struct channel *channel)
{
    struct slot *slot = LIST_ITEM(channel, struct slot, channel);
    bool is_news = slot->batch_settled != 0;
    if (slot->batch_settled * 2 >= slot->window && slot->window < WINDOW_MAX)
        slot->window *= 2;
    slot->batch_settled = 0;
    /* Old results and progress put off no look: else who sends nothing else would never be judged. */
    if (is_news && slot->state == SLOT_BUSY) {
        slot->look_step = 0;
        /* Who waits for its first claim waits from now. */
        if (!slot_running(slot)) {
            slot->first_sight_ns = clock_now_ns();
            slot->excluded_ns = 0;
        }
        slot->look_ns = clock_now_ns() + LOOKOUT_FIRST_NS;
        master_want_tick(slot->master, slot->look_ns);
    }
    recycle_after_batch(slot);
    dispatch_slot(slot->master, slot);
}

/* At the end of its pipe the process may be dying just now and tell why in a moment; bad bytes are its own doing. */
static void on_broken(struct channel *channel, const char *fault)
{
    struct slot *slot = LIST_ITEM(channel, struct slot, channel);
    if (fault) {
        supervisor_fault(slot, fault);
        return;
    }
    slot->broken_ns = clock_now_ns();
    master_want_tick(slot->master, slot->broken_ns + BROKEN_LIMIT_NS);
}

static const struct channel_handler handler = {on_frame, on_batch, on_broken};

/* Dead, or gone, but how is not known yet: judge_broken() asks until its time is up. */
static void judge_later(struct slot *slot)
{
    ev_io_stop(slot->master->loop, &slot->exited);
    slot->broken_ns = slot->broken_ns ? slot->broken_ns : clock_now_ns();
    master_want_tick(slot->master, slot->broken_ns + BROKEN_LIMIT_NS);
}

static void on_exited(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)loop;
    struct slot *slot = watcher->data;
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    if (master_is_copy(slot->master))
        return;
    if (events & EV_ERROR) {
        master_lose_loop(slot->master);
        return;
    }
    /* 0: a tracer of it comes first, and may take its time. Below: the default loop reaped it, and its own watcher brings how it
     * ended; or other code did. */
    int peeked = child_peek(&slot->child, &status);
    if (peeked == 0 || (peeked < 0 && ev_is_active(&slot->reaped)))
        judge_later(slot);
    else
        death_bury(slot, status);
}

static void on_reaped(struct ev_loop *loop, ev_child *watcher, int events)
{
    (void)loop, (void)events;
    struct slot *slot = watcher->data;
    if (master_is_copy(slot->master))
        return;
    slot->child.pid = 0; /* reaped: its number, and its group's, may be another's by now */
    death_bury(slot, exit_from_wait_status(watcher->rstatus));
}

struct birth {
    int pair[2];
    int log[2];
};

static void birth_close(struct birth *birth)
{
    for (int i = 0; i < 2; i++) {
        fd_close(&birth->pair[i]);
        fd_close(&birth->log[i]);
    }
}

static enum hay_status open_birth(struct birth *birth, struct slot *slot, struct hay_error *error)
{
    int failure = fd_open_pair(birth->pair);
    if (failure)
        return error_system(error, -failure, "socketpair");
    failure = fd_open_pipe(birth->log);
    if (failure)
        return error_system(error, -failure, "pipe2");
    failure = fd_set_nonblocking(birth->pair[0]);
    if (!failure)
        failure = fd_set_nonblocking(birth->log[0]);
    if (failure)
        return error_system(error, -failure, "fcntl");
    failure = ledger_open(&slot->ledger);
    return failure ? error_system(error, -failure, "mmap") : HAY_OK;
}

static void watch(struct slot *slot, struct birth *birth)
{
    struct master *master = slot->master;
    size_t max_frame = master->options.max_result_bytes + FRAME_RESULT_OVERHEAD;
    if (max_frame < 1u << 20)
        max_frame = 1u << 20; /* error texts and progress have to pass */
    if (max_frame < master->options.ready_size + sizeof(struct frame_head))
        max_frame = master->options.ready_size + sizeof(struct frame_head);
    channel_open(&slot->channel, master->loop, birth->pair[0], max_frame, &handler);
    ev_io_init(&slot->exited, on_exited, slot->child.pidfd, EV_READ);
    slot->exited.data = slot;
    ev_io_start(master->loop, &slot->exited);
    if (ev_is_default_loop(master->loop)) {
        ev_child_init(&slot->reaped, on_reaped, slot->child.pid, 0);
        slot->reaped.data = slot;
        ev_child_start(master->loop, &slot->reaped);
    }
    birth->pair[0] = -1;
}

void supervisor_leave(struct slot *slot)
{
    if (slot->state == SLOT_DEAD)
        return;
    channel_leave(&slot->channel);
    ev_io_stop(slot->master->loop, &slot->exited);
    ev_child_stop(slot->master->loop, &slot->reaped);
    log_pipe_leave(slot->log);
}

/* As it was a second ago at most: on a machine with hundreds of processors the kernel takes long to sum it up. */
static uint64_t count_oom_kills(struct master *master, int64_t now_ns)
{
    if (!master->oom_read_ns || now_ns - master->oom_read_ns >= NS_PER_S) {
        master->oom_kills = oom_kills();
        master->oom_read_ns = now_ns;
    }
    return master->oom_kills;
}

enum hay_status supervisor_start(struct slot *slot, struct hay_error *error)
{
    struct master *master = slot->master;
    struct birth birth = {{-1, -1}, {-1, -1}};
    slot_begin_generation(slot);
    slot->started_ns = clock_now_ns();
    slot->oom_kills = count_oom_kills(master, slot->started_ns);
    enum hay_status status = open_birth(&birth, slot, error);
    if (!status && !(slot->log = log_pipe_open(master->loop, &master->turns, birth.log[0], slot, slot_tell_line)))
        status = error_set(error, HAY_ENOMEM, "out of memory");
    if (!status) {
        birth.log[0] = -1;
        struct worker_run run = {master->options.worker_main, {.ledger = slot->ledger, .fd = birth.pair[1], .index = slot->index,
                                                               .context = master->options.worker_context}};
        master->options.keep[0] = birth.pair[1];
        struct child_setup setup = {.run = run_worker, .arg = &run, .out_fd = birth.log[1],
                                    .keep = master->options.keep, .keep_count = master->options.keep_count + 1};
        status = child_start(&slot->child, &setup, error);
    }
    if (!status) {
        ledger_hide_from_children(slot->ledger);
        slot->pid = slot->child.pid;
        watch(slot, &birth);
        slot->restart_ns = TIME_NEVER;
        slot_set_state(slot, SLOT_STARTING);
        slot->limited_ns = slot->started_ns;
        slot->look_ns = clock_add(slot->limited_ns, master->options.start_timeout_ns);
        master_want_tick(master, slot->look_ns);
    } else {
        slot->generation--;
        slot->is_successor = false; /* else it counts as out of service, and others are not replaced */
        slot_end_generation(slot);
    }
    birth_close(&birth);
    return status;
}

/* ---- the tick ---- */

static void restart(struct slot *slot, int64_t now_ns)
{
    struct hay_error error;
    struct master *master = slot->master;
    bool is_again = slot->generation != 0;
    slot->restart_ns = TIME_NEVER;
    master->forks++;
    if (supervisor_start(slot, &error) == HAY_OK) {
        master->recorder.restarts += is_again;
        return;
    }
    /* With another worker alive the pool goes on with fewer for as long as it takes; what waits for a fresh one takes any. */
    settle_release_fresh(master);
    snprintf(slot->fault, sizeof slot->fault, "could not be started: %.170s", error.text);
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i]->state != SLOT_DEAD) {
            slot->restart_ns = now_ns + DEATH_RESTART_MAX_NS;
            return;
        }
    death_of_start(slot);
}

/* Nothing left to start workers for. */
static bool wants_no_restart(const struct slot *slot)
{
    const struct master *master = slot->master;
    return slot->restart_ns == TIME_NEVER || slot->is_surplus || master->is_broken || master->is_terminating ||
           (master->is_closed && !master_pending(master));
}

/* Its pipe has ended, or it is dead and how is not known yet. */
static void judge_broken(struct slot *slot, int64_t now_ns)
{
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    int64_t since_ns = now_ns - slot->broken_ns;
    int peeked = child_peek(&slot->child, &status);
    bool is_watched = ev_is_active(&slot->exited);
    bool is_dead = peeked > 0 && !is_watched;
    bool is_traced = peeked == 0 && !is_watched && since_ns >= TRACED_LIMIT_NS;
    bool is_reaped = peeked < 0 && since_ns >= REAPED_LIMIT_NS;
    if (is_dead || is_traced || is_reaped)
        death_bury(slot, status);
    else if (peeked == 0 && since_ns >= BROKEN_LIMIT_NS)
        supervisor_fault(slot, "closed its pipe");
}

/* An idle worker is of interest to nobody but who wants it replaced. */
static int64_t tick_ready(struct slot *slot, int64_t now_ns)
{
    int64_t lookout_ns = slot->state == SLOT_BUSY ? lookout_tick(slot, now_ns) : TIME_NEVER;
    if (slot->state != SLOT_IDLE && slot->state != SLOT_BUSY)
        return lookout_ns;
    int64_t recycle_ns = recycle_tick(slot, now_ns);
    return lookout_ns < recycle_ns ? lookout_ns : recycle_ns;
}

/* Its start has its time; if we stood still meanwhile, READY lies in the pipe. */
static int64_t tick_starting(struct slot *slot, int64_t now_ns)
{
    char text[64], seconds[CLOCK_SECONDS_SIZE];
    if (now_ns >= slot->look_ns && !slot->fault[0]) {
        channel_drain(&slot->channel);
        if (slot->state != SLOT_STARTING)
            return tick_ready(slot, now_ns);
        snprintf(text, sizeof text, "was not ready after %s s", clock_seconds(seconds, slot->master->options.start_timeout_ns));
        supervisor_fault(slot, text);
    }
    return slot->fault[0] ? TIME_NEVER : slot->look_ns;
}

static int64_t tick_state(struct slot *slot, int64_t now_ns)
{
    if (slot->broken_ns && slot->state != SLOT_DEAD) {
        judge_broken(slot, now_ns);
        if (slot->state != SLOT_DEAD)
            return now_ns + BROKEN_LIMIT_NS;
    }
    switch (slot->state) {
    case SLOT_IDLE:
    case SLOT_BUSY:
        return tick_ready(slot, now_ns);
    case SLOT_STARTING:
        return tick_starting(slot, now_ns);
    case SLOT_STOPPING:
        if (now_ns >= slot->look_ns && !slot->killed)
            supervisor_fault(slot, "had not ended after 5 s");
        return slot->killed ? TIME_NEVER : slot->look_ns;
    case SLOT_DEAD:
        if (wants_no_restart(slot))
            return TIME_NEVER;
        if (now_ns >= slot->restart_ns && slot->master->forks >= MASTER_FORKS)
            return now_ns;
        if (now_ns >= slot->restart_ns)
            restart(slot, now_ns);
        return slot->state == SLOT_DEAD ? slot->restart_ns : slot->look_ns;
    default:
        return TIME_NEVER;
    }
}

int64_t supervisor_tick(struct slot *slot, int64_t now_ns)
{
    if (slot->master->frozen_ns)
        return TIME_NEVER;
    int64_t killed_ns = slot->killed && slot->state != SLOT_DEAD ? supervisor_tick_killed(slot, now_ns) : TIME_NEVER;
    int64_t state_ns = tick_state(slot, now_ns);
    return killed_ns < state_ns ? killed_ns : state_ns;
}
