/* SPDX-License-Identifier: MIT */
#include "master/supervisor.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "master/dispatch.h"
#include "master/logpipe.h"
#include "master/lookout.h"
#include "master/master.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define READY_LIMIT_NS (10 * NS_PER_S)
#define STOP_LIMIT_NS (5 * NS_PER_S)
#define BROKEN_LIMIT_NS (50 * NS_PER_MS)   /* a dying worker closes its pipe a moment before it can be waited for */
#define REAPED_LIMIT_NS (1 * NS_PER_S)     /* for the default loop to tell the status that it took */
#define RESTART_MIN_NS (10 * NS_PER_MS)
#define RESTART_MAX_NS (2 * NS_PER_S)
#define DEATHS_MAX 10
#define FREE_LOSSES 2

static void bury(struct slot *slot, struct exit_status status);

/* ---- start ---- */

static int run_worker(void *arg)
{
    struct master_worker *worker = arg;
    struct master *master = worker->context;
    worker->context = master->options.worker_context;
    return master->options.worker_main(worker);
}

static void on_log_line(void *context, const char *line, size_t size)
{
    struct slot *slot = context;
    const struct master_options *options = &slot->master->options;
    slot->master->callback_depth++;
    if (options->on_log)
        options->on_log(options->context, slot->index, line, size);
    slot->master->callback_depth--;
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
        size_t length = size < sizeof text - 1 ? size : sizeof text - 1;
        memcpy(text, body, length);
        text[length] = '\0';
        supervisor_fault(slot, text);
    } else if (size != options->ready_size || memcmp(body, options->ready_bytes, size) != 0) {
        supervisor_fault(slot, "loaded other functions than the ones that were checked");
    } else {
        slot->look_ns = TIME_NEVER;
        slot_set_state(slot, SLOT_IDLE);
        if (slot->master->paused_ns)
            channel_pause(&slot->channel, true);
        return true;
    }
    return false;
}

static bool on_frame(struct channel *channel, const struct frame_head *head, const unsigned char *body)
{
    struct slot *slot = LIST_ITEM(channel, struct slot, channel);
    if (slot->is_deaf)
        return false;
    slot->is_deaf = !(head->type == FRAME_READY ? take_ready(slot, head, body) : slot_take_frame(slot, head, body));
    return !slot->is_deaf;
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
    dispatch_slot(slot->master, slot);
}

/* At the end of its pipe the process may be dying just now and tell why in a moment; bad bytes are its own doing. */
static void on_broken(struct channel *channel, enum channel_end end, const char *reason)
{
    struct slot *slot = LIST_ITEM(channel, struct slot, channel);
    if (end == CHANNEL_BAD) {
        slot->is_deaf = true;
        supervisor_fault(slot, reason);
        return;
    }
    slot->broken_ns = clock_now_ns();
    master_want_tick(slot->master, slot->broken_ns + BROKEN_LIMIT_NS);
}

static const struct channel_handler handler = {on_frame, on_batch, on_broken};

static void on_exited(struct ev_loop *loop, ev_io *watcher, int events)
{
    (void)events;
    struct slot *slot = watcher->data;
    struct exit_status status = {EXIT_UNKNOWN, 0, false};
    int peeked = child_peek(&slot->child, &status);
    if (peeked == 0)
        return;
    if (peeked < 0 && slot->master->options.is_default_loop && ev_is_active(&slot->reaped)) {
        /* That loop reaped it: its own watcher brings the status. */
        ev_io_stop(loop, watcher);
        slot->broken_ns = clock_now_ns();
        master_want_tick(slot->master, slot->broken_ns + BROKEN_LIMIT_NS);
        return;
    }
    bury(slot, status);
}

static void on_reaped(struct ev_loop *loop, ev_child *watcher, int events)
{
    (void)loop, (void)events;
    struct slot *slot = watcher->data;
    slot->child.pid = 0; /* reaped: its number, and its group's, may be another's by now */
    bury(slot, exit_from_wait_status(watcher->rstatus));
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
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, birth->pair) < 0)
        return error_system(error, errno, "socketpair");
    if (pipe2(birth->log, O_CLOEXEC) < 0)
        return error_system(error, errno, "pipe2");
    if (fd_raise(&birth->pair[0]) || fd_raise(&birth->pair[1]) || fd_raise(&birth->log[0]) || fd_raise(&birth->log[1]) ||
        fd_set_nonblocking(birth->pair[0]) || fd_set_nonblocking(birth->log[0]))
        return error_system(error, errno, "fcntl");
    int status = ledger_open(&slot->mapping, &slot->ledger);
    return status ? error_system(error, -status, "mmap") : HAY_OK;
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
    if (master->options.is_default_loop) {
        ev_child_init(&slot->reaped, on_reaped, slot->child.pid, 0);
        slot->reaped.data = slot;
        ev_child_start(master->loop, &slot->reaped);
    }
    birth->pair[0] = -1;
}

enum hay_status supervisor_start(struct slot *slot, struct hay_error *error)
{
    struct master *master = slot->master;
    struct birth birth = {{-1, -1}, {-1, -1}};
    slot_begin_generation(slot);
    slot->started_ns = clock_now_ns();
    enum hay_status status = open_birth(&birth, slot, error);
    if (!status && !(slot->log = log_pipe_open(master->loop, birth.log[0], slot, on_log_line)))
        status = error_set(error, HAY_ENOMEM, "out of memory");
    if (!status) {
        birth.log[0] = -1;
        struct master_worker worker = {slot->ledger, slot->mapping, birth.pair[1], slot->index, master};
        struct child_setup setup = {run_worker, &worker, birth.log[1], &birth.pair[1], 1};
        status = child_start(&slot->child, &setup, error);
    }
    if (!status) {
        mapping_hide_from_children(&slot->mapping);
        watch(slot, &birth);
        slot->restart_ns = TIME_NEVER;
        slot_set_state(slot, SLOT_STARTING);
        slot->look_ns = slot->started_ns + READY_LIMIT_NS;
        master_want_tick(master, slot->look_ns);
    } else {
        log_pipe_close(slot->log);
        slot->log = NULL;
        mapping_close(&slot->mapping);
        slot->ledger = NULL;
    }
    birth_close(&birth);
    return status;
}

/* ---- end ---- */

void supervisor_kill(struct slot *slot)
{
    if (slot->state == SLOT_DEAD)
        return;
    slot->killed = true;
    child_signal(&slot->child, SIGKILL);
    child_signal_group(&slot->child, SIGKILL);
}

void supervisor_fault(struct slot *slot, const char *reason)
{
    if (slot->fault[0] || slot->state == SLOT_DEAD)
        return;
    snprintf(slot->fault, sizeof slot->fault, "%s", reason);
    supervisor_kill(slot);
}

void supervisor_stop(struct slot *slot)
{
    struct frame_head head = {.type = FRAME_STOP};
    slot_set_state(slot, SLOT_STOPPING);
    slot->look_ns = clock_now_ns() + STOP_LIMIT_NS;
    master_want_tick(slot->master, slot->look_ns);
    if (channel_append(&slot->channel, &head, NULL, 0, NULL, 0))
        supervisor_kill(slot);
    else
        channel_flush(&slot->channel);
}

/* Everything of this generation but the ring. */
static void close_generation(struct slot *slot)
{
    struct master *master = slot->master;
    ev_io_stop(master->loop, &slot->exited);
    if (master->options.is_default_loop)
        ev_child_stop(master->loop, &slot->reaped);
    channel_close(&slot->channel);
    if (slot->log)
        master->log_dropped += slot->log->cut_lines;
    log_pipe_close(slot->log);
    slot->log = NULL;
    mapping_close(&slot->mapping);
    slot->ledger = NULL;
}

static size_t describe_death(const struct slot *slot, struct exit_status status, struct attempt_end *end, char *text, size_t size)
{
    size_t n;
    bool is_ours = slot->killed && status.kind == EXIT_SIGNAL && status.value == SIGKILL;
    end->signal = status.kind == EXIT_SIGNAL ? status.value : 0;
    end->exit_code = status.kind == EXIT_CODE ? status.value : -1;
    if (is_ours && slot->fault[0]) {
        n = (size_t)snprintf(text, size, "killed: the worker %s", slot->fault);
    } else {
        n = exit_describe(status, text, size);
        if (slot->fault[0])
            n += (size_t)snprintf(text + n, size - n, "; the worker %s", slot->fault);
    }
    if (n < size && slot->log && slot->log->last_size)
        n += (size_t)snprintf(text + n, size - n, "; last line printed: %.*s", (int)slot->log->last_size, slot->log->last);
    return n < size ? n : size - 1;
}

/* Settle or return what the dead worker held. True when its death was charged to a job. */
static bool settle_ring(struct slot *slot, struct exit_status status)
{
    struct master *master = slot->master;
    char text[640];
    struct attempt_end end = {.outcome = HAY_OUTCOME_CRASH};
    end.message = (struct hay_span){text, describe_death(slot, status, &end, text, sizeof text)};
    struct job *head, *running;
    int64_t start_ns;
    if (lookout_examine(slot, &running, &start_ns) == RUNNING_NOW)
        running->start_ns = start_ns;
    struct job *blamed = slot_bury_ring(slot, &head);
    /* A job that hides its start cannot kill for ever: twice is free, then the head of the window pays. */
    if (!blamed && head && head->state == JOB_QUEUED && head->losses < UINT8_MAX && ++head->losses > FREE_LOSSES) {
        master_charge_queued(master, head);
        blamed = head;
    }
    if (!blamed)
        return false;
    if (blamed->worker >= 0)
        blamed->run_ns = clock_now_ns() - blamed->start_ns;
    bool is_ours = slot->killed && master->is_terminating;
    if (slot->ending == blamed->number || is_ours) {
        slot->ending_outcome = slot->ending == blamed->number ? slot->ending_outcome : HAY_OUTCOME_CANCELLED;
        end = (struct attempt_end){.outcome = slot->ending_outcome, .exit_code = -1};
        slot->ending = 0;
    }
    if (master_end_attempt(master, blamed, &end)) {
        slot->settled_jobs++;
        slot->settled_ever++;
    }
    return true;
}

static void plan_restart(struct slot *slot, bool is_charged)
{
    struct master *master = slot->master;
    slot->failures = slot->settled_jobs ? 0 : slot->failures + 1;
    int64_t delay_ns = 0;
    if (slot->failures) {
        int doublings = slot->failures - 1 < 16 ? slot->failures - 1 : 16;
        delay_ns = RESTART_MIN_NS << doublings;
        delay_ns = delay_ns < RESTART_MAX_NS ? delay_ns : RESTART_MAX_NS;
    }
    /* A death that a job pays for uses up that job's attempts, so it cannot go on for ever and does not count here. */
    if (slot->failures && !is_charged && !master->is_terminating && ++master->deaths_in_a_row >= DEATHS_MAX) {
        char reason[256];
        snprintf(reason, sizeof reason, "workers kept dying with no job settled%s%.200s", slot->fault[0] ? "; the last one: " : "", slot->fault);
        master_break(master, reason);
    }
    slot->restart_ns = clock_now_ns() + delay_ns;
    if (!master->is_broken && !master->is_terminating)
        master_want_tick(master, slot->restart_ns);
}

/* The worker is dead and, unless other code took it, unreaped, so its group's number is still its own. */
static void bury(struct slot *slot, struct exit_status status)
{
    struct master *master = slot->master;
    bool was_stopping = slot->state == SLOT_STOPPING;
    ev_io_stop(master->loop, &slot->exited);
    if (status.kind != EXIT_UNKNOWN)
        child_signal_group(&slot->child, SIGKILL);
    /* Also after a fault: what it finished before stands, and what it claimed says whose doing it was. */
    if (!slot->is_deaf)
        channel_drain(&slot->channel);
    if (slot->log)
        log_pipe_drain(slot->log);
    slot_update_claim(slot);
    master->recorder.salvaged += slot_read_outbox(slot);
    if (slot->state == SLOT_STARTING && !slot->fault[0])
        exit_describe(status, slot->fault, sizeof slot->fault);
    bool is_charged = settle_ring(slot, status);
    bool in_order = was_stopping && status.kind == EXIT_CODE && status.value == 0;
    if (!in_order)
        master->recorder.deaths++;
    child_reap(&slot->child);
    close_generation(slot);
    slot_set_state(slot, SLOT_DEAD);
    if (!was_stopping) {
        plan_restart(slot, is_charged);
    } else {
        /* It was only replaced, unless nothing is left to do: then the tick starts nobody. */
        slot->restart_ns = clock_now_ns();
        master_want_tick(master, slot->restart_ns);
    }
    master_mark_dirty(master);
    master_tell_broken(master);
}

void supervisor_discard(struct slot *slot)
{
    if (slot->state == SLOT_DEAD)
        return;
    struct pollfd ended = {.fd = slot->child.pidfd, .events = POLLIN};
    struct exit_status status = {EXIT_UNKNOWN, 0, false};
    supervisor_kill(slot);
    int64_t deadline_ns = clock_now_ns() + STOP_LIMIT_NS;
    while (poll(&ended, 1, clock_left_ms(deadline_ns)) < 0 && errno == EINTR)
        ;
    child_peek(&slot->child, &status);
    bury(slot, status);
}

/* ---- the tick ---- */

static void restart(struct slot *slot, int64_t now_ns)
{
    struct hay_error error;
    struct master *master = slot->master;
    slot->restart_ns = TIME_NEVER;
    if (supervisor_start(slot, &error) == HAY_OK) {
        master->recorder.restarts++;
        return;
    }
    /* With another worker alive the pool goes on with fewer for as long as it takes; what waits for a fresh one takes any. */
    master_release_fresh(master);
    snprintf(slot->fault, sizeof slot->fault, "could not be started: %.170s", error.text);
    for (int i = 0; i < master->slot_count; i++)
        if (master->slots[i].state != SLOT_DEAD) {
            slot->restart_ns = now_ns + RESTART_MAX_NS;
            return;
        }
    slot->settled_jobs = 0;
    plan_restart(slot, false);
}

int64_t supervisor_tick(struct slot *slot, int64_t now_ns)
{
    struct master *master = slot->master;
    if (slot->broken_ns && slot->state != SLOT_DEAD) {
        struct exit_status status = {EXIT_UNKNOWN, 0, false};
        int64_t since_ns = now_ns - slot->broken_ns;
        int peeked = child_peek(&slot->child, &status);
        if (peeked < 0 && since_ns >= REAPED_LIMIT_NS)
            bury(slot, status);
        else if (peeked == 0 && since_ns >= BROKEN_LIMIT_NS)
            supervisor_fault(slot, "closed its pipe");
        if (slot->state != SLOT_DEAD)
            return now_ns + BROKEN_LIMIT_NS;
    }
    switch (slot->state) {
    case SLOT_BUSY:
        return lookout_tick(slot, now_ns);
    case SLOT_STARTING:
        if (now_ns >= slot->look_ns && !slot->fault[0])
            supervisor_fault(slot, "was not ready after 10 s");
        return slot->fault[0] ? TIME_NEVER : slot->look_ns;
    case SLOT_STOPPING:
        if (now_ns >= slot->look_ns && !slot->killed)
            supervisor_kill(slot);
        return slot->killed ? TIME_NEVER : slot->look_ns;
    case SLOT_DEAD:
        if (slot->restart_ns == TIME_NEVER || master->is_broken || master->is_terminating || (master->is_closed && !master_pending(master)))
            return TIME_NEVER;
        if (now_ns >= slot->restart_ns)
            restart(slot, now_ns);
        return slot->state == SLOT_DEAD ? slot->restart_ns : slot->look_ns;
    default:
        return TIME_NEVER;
    }
}
