/* SPDX-License-Identifier: MIT */
#include "worker/worker.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/copy.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/flush.h"
#include "base/iov.h"
#include "base/oom.h"
#include "config.h"
#include "ipc/frame.h"
#include "plugin/plugin_load.h"
#include "plugin/task.h"
#include "worker/limits.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef HAY_LEAK_CHECK
#include <sanitizer/lsan_interface.h>
#endif

#define READ_SIZE (64u * 1024)
#define KEEP_SIZE (256u * 1024)
#define FLUSH_NS (1 * NS_PER_MS)
#define FLUSH_SIZE (OUTBOX_SIZE / 2)
#define PROGRESS_NS (10 * NS_PER_MS)
#define CHECK_NS (100 * NS_PER_US)

_Static_assert(TASK_PROGRESS_MAX == FRAME_PROGRESS_MAX, "what a task lets through, the master has to take");
_Static_assert(REGISTRY_HOOK_SIZE == LEDGER_HOOK_SIZE, "the registry says it in the ledger");

struct worker {
    const struct worker_setup *setup;
    struct ledger *ledger;
    int fd;
    dev_t pipe_dev;                /* of what `fd` is, unless a job put something else there */
    ino_t pipe_ino;
    struct registry registry;
    struct task task;
    struct buffer in;
    const struct frame_head *job;  /* the one that runs */
    uint64_t begun;                /* jobs, with it */
    int64_t now_ns;                /* when the last job ended; 0: that was a while ago */
    int64_t flushed_ns;
    int64_t progress_ns;
};

static _Noreturn void leave(enum worker_exit code)
{
    fflush(stdout);
    fflush(stderr);
    _exit(code);
}

/* ---- out ---- */

/* A job may have closed the pipe, and something else may be open under its number: nothing may go there. What is finished stays
 * in the outbox, where the master finds it. */
static void check_pipe(const struct worker *worker)
{
    struct stat now;
    if (fstat(worker->fd, &now) < 0 || now.st_ino != worker->pipe_ino || now.st_dev != worker->pipe_dev)
        leave(WORKER_EXIT_NO_PIPE);
}

/* The same, and whether anything can go there still: a job may have shut it down. */
static void check_pipe_whole(const struct worker *worker)
{
    check_pipe(worker);
    if (send(worker->fd, "", 0, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE)
        leave(WORKER_EXIT_NO_PIPE);
}

/* Both parts, waiting where the pipe is full. */
static void send_all(struct worker *worker, const void *head, size_t head_size, const void *body, size_t body_size)
{
    struct iovec parts[] = {{(void *)(uintptr_t)head, head_size}, {(void *)(uintptr_t)body, body_size}}; /* only read */
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    while (message.msg_iovlen) {
        ssize_t n = sendmsg(worker->fd, &message, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            /* A plugin made the pipe non-blocking. */
            struct pollfd writable = {.fd = worker->fd, .events = POLLOUT};
            poll(&writable, 1, -1);
            continue;
        }
        if (n < 0)
            leave(WORKER_EXIT_NO_PIPE);
        iov_advance(&message, (size_t)n);
    }
    worker->now_ns = 0; /* that may have waited for the master: the next job does not start where the last one ended */
}

static void flush(struct worker *worker, int64_t now_ns)
{
    uint32_t length = outbox_length(worker->ledger);
    if (now_ns)
        worker->flushed_ns = now_ns;
    check_pipe(worker);
    if (!length)
        return;
    send_all(worker, worker->ledger->outbox, length, NULL, 0);
    outbox_reset(worker->ledger);
}

/* Into the outbox where it fits, else past it into the pipe. */
static void publish(struct worker *worker, struct frame_head head, struct frame_result times, const void *bytes, size_t size)
{
    size_t whole = FRAME_RESULT_OVERHEAD + size;
    head.size = (uint32_t)whole;
    unsigned char *at = outbox_reserve(worker->ledger, whole);
    if (!at) {
        flush(worker, worker->now_ns);
        at = outbox_reserve(worker->ledger, whole);
    }
    if (at) {
        frame_put_head(at, head);
        frame_put_result(at + sizeof head, times);
        copy_bytes(at + FRAME_RESULT_OVERHEAD, bytes, size);
        if (outbox_publish(worker->ledger, whole) >= FLUSH_SIZE || worker->now_ns - worker->flushed_ns >= FLUSH_NS)
            flush(worker, worker->now_ns);
        return;
    }
    unsigned char start[FRAME_RESULT_OVERHEAD];
    frame_put_head(start, head);
    frame_put_result(start + sizeof head, times);
    send_all(worker, start, sizeof start, bytes, size);
}

/* Straight into the pipe, behind the finished results, and not more often than a person can see. */
static void on_progress(void *context, const void *bytes, size_t size)
{
    struct worker *worker = context;
    int64_t now_ns = clock_now_ns();
    if (now_ns - worker->progress_ns < PROGRESS_NS)
        return;
    worker->progress_ns = now_ns;
    flush(worker, now_ns);
    struct frame_head head = *worker->job;
    head.type = FRAME_PROGRESS;
    head.flags = 0;
    head.size = (uint32_t)(sizeof head + size);
    send_all(worker, &head, sizeof head, bytes, size);
}

static void on_log(void *context, const char *line, size_t size)
{
    (void)context;
    fprintf(stderr, "%.*s\n", (int)size, line);
}

/* ---- jobs ---- */

static void run_job(struct worker *worker, const struct frame_head *head, const unsigned char *body)
{
    struct frame_job fixed;
    size_t size = head->size - sizeof *head;
    if (size < sizeof fixed)
        leave(WORKER_EXIT_PROTOCOL);
    memcpy(&fixed, body, sizeof fixed);
    const struct hay_function *function = registry_call(&worker->registry, fixed.function);
    if (!function)
        leave(WORKER_EXIT_PROTOCOL);
    /* The end of one job is the start of the next: one look at the clock a job. */
    int64_t start_ns = worker->now_ns ? worker->now_ns : clock_now_ns();
    enum ledger_claim claim = ledger_claim(worker->ledger, head->epoch, head->position, start_ns);
    if (claim == LEDGER_STALE)
        return;
    if (claim == LEDGER_OUT_OF_STEP)
        leave(WORKER_EXIT_PROTOCOL);
    int64_t deadline_ns = fixed.timeout_ns ? clock_add(start_ns, fixed.timeout_ns) : TIME_NEVER;
    worker->job = head;
    task_begin(&worker->task, head->job, fixed.attempt, head->flags & FRAME_RETRIED, deadline_ns);
    worker->task.hay.begun = ++worker->begun;
    enum hay_outcome outcome = task_run(&worker->task, function, body + sizeof fixed, size - sizeof fixed);
    /* What it printed is its own, not the next one's. */
    flush_pending(stdout);
    flush_pending(stderr);
    worker->now_ns = clock_now_ns();
    ledger_end(worker->ledger, head->position);
    struct frame_head answer = {.type = FRAME_RESULT, .epoch = head->epoch, .position = head->position, .job = head->job};
    struct frame_result times = {start_ns, worker->now_ns - start_ns};
    if (outcome == HAY_OUTCOME_OK) {
        publish(worker, answer, times, buffer_at(&worker->task.result), buffer_size(&worker->task.result));
    } else {
        answer.flags = FRAME_FAILED;
        publish(worker, answer, times, worker->task.message.at, worker->task.message.size);
    }
    task_end(&worker->task);
    /* So seldom that it costs nothing: the next job is not begun in vain. */
    if (times.run_ns >= CHECK_NS)
        check_pipe_whole(worker);
}

/* The first of them in memory, zeros where there are fewer. */
static uint64_t eight_bytes(const unsigned char *at, size_t left)
{
    uint64_t bytes = 0;
    copy_bytes(&bytes, at, left < sizeof bytes ? left : sizeof bytes);
    return bytes;
}

/* What a job writes behind its arguments is the next one's head, or the buffer's last byte. A NUL there is a habit, and undone;
 * more would be that job's fault and the next one's loss, so that this process takes no other. */
static void run_job_safely(struct worker *worker, const struct frame_head *head)
{
    unsigned char *body = buffer_at(&worker->in) + sizeof *head, *behind = buffer_at(&worker->in) + head->size;
    size_t left = buffer_size(&worker->in) - head->size;
    uint64_t next = eight_bytes(behind, left);
    run_job(worker, head, body);
    if (eight_bytes(behind, left) == next)
        return;
    memcpy(behind, &next, 1);
    if (eight_bytes(behind, left) != next)
        leave(WORKER_EXIT_PROTOCOL);
}

/* True at STOP. */
static bool run_input(struct worker *worker)
{
    struct frame_head head;
    for (;;) {
        size_t size = buffer_size(&worker->in);
        switch (frame_parse(buffer_at(&worker->in), size, UINT32_MAX, &head)) {
        case FRAME_BAD:
            leave(WORKER_EXIT_PROTOCOL);
        case FRAME_PARTIAL:
            if (!buffer_reserve(&worker->in, head.size ? head.size - size : READ_SIZE))
                leave(WORKER_EXIT_NO_MEMORY);
            return false;
        case FRAME_WHOLE:
            if (head.type == FRAME_STOP)
                return true;
            if (head.type != FRAME_JOB)
                leave(WORKER_EXIT_PROTOCOL);
            run_job_safely(worker, &head);
            buffer_consume(&worker->in, head.size, KEEP_SIZE);
        }
    }
}

/* The input is dry: send what is finished, and wait for more. */
static void read_more(struct worker *worker)
{
    flush(worker, worker->now_ns);
    worker->now_ns = 0;
    if (!buffer_reserve(&worker->in, READ_SIZE / 2))
        leave(WORKER_EXIT_NO_MEMORY);
    for (;;) {
        ssize_t n = recv(worker->fd, worker->in.data + worker->in.end, worker->in.capacity - worker->in.end, 0);
        if (n > 0) {
            buffer_commit(&worker->in, (size_t)n);
            return;
        }
        if (n == 0)
            leave(WORKER_EXIT_OK); /* the master is gone */
        if (errno == EAGAIN) {
            struct pollfd readable = {.fd = worker->fd, .events = POLLIN};
            poll(&readable, 1, -1);
        } else if (errno != EINTR) {
            leave(WORKER_EXIT_NO_PIPE);
        }
    }
}

/* ---- life ---- */

static void on_started(void *context)
{
    check_pipe_whole(context);
}

static pid_t own_pid;

/* Only interrupts what the function waits in. A child that a job has forked has this handler too, and ends as any process. */
static void on_signal(int signal_number)
{
    if (getpid() == own_pid)
        return;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static void set_up_process(struct worker *worker)
{
    struct sigaction action = {.sa_handler = on_signal};
    char name[16];
    own_pid = getpid();
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    snprintf(name, sizeof name, "hayfork-w%d", worker->setup->index);
    prctl(PR_SET_NAME, name);
    setvbuf(stdout, NULL, _IOLBF, 0);
    oom_volunteer(); /* a worker costs one job, the master all */
}

static void send_ready(struct worker *worker, enum frame_flags flags, const void *bytes, size_t size)
{
    struct frame_head head = {.type = FRAME_READY, .flags = (uint8_t)flags, .size = (uint32_t)(sizeof head + size)};
    send_all(worker, &head, sizeof head, bytes, size);
}

static void load(struct worker *worker)
{
    const struct worker_setup *setup = worker->setup;
    struct hay_error error;
    struct buffer names;
    buffer_init(&names);
    if (limits_apply(&setup->limits, &error) || plugin_load_all(setup->table, &worker->registry, &error) ||
        registry_start_all(&worker->registry, &error)) {
        send_ready(worker, FRAME_FAILED, error.text, strlen(error.text));
        leave(WORKER_EXIT_NOT_READY);
    }
    if (registry_pack(&worker->registry, 0, &names))
        leave(WORKER_EXIT_NO_MEMORY);
    send_ready(worker, 0, buffer_at(&names), buffer_size(&names));
    buffer_release(&names);
}

static int stop(struct worker *worker)
{
    flush(worker, worker->now_ns);
    registry_stop_all(&worker->registry);
    flush_at_end(); /* before plugins are unloaded, whose own streams may have their buffers there */
    task_release(&worker->task);
    buffer_release(&worker->in);
    registry_release(&worker->registry);
#ifdef HAY_LEAK_CHECK
    if (__lsan_do_recoverable_leak_check())
        return WORKER_EXIT_LEAK;
#endif
    ledger_stop(worker->ledger);
    return WORKER_EXIT_OK;
}

int worker_main(const struct worker_setup *setup)
{
    struct stat pipe;
    struct worker worker = {.setup = setup, .ledger = setup->ledger};
    worker.fd = fd_move_high(setup->fd);
    if (worker.fd < 0 || fstat(worker.fd, &pipe) < 0)
        return WORKER_EXIT_NOT_SET_UP;
    worker.pipe_dev = pipe.st_dev;
    worker.pipe_ino = pipe.st_ino;
    if (ledger_hide_from_children(setup->ledger))
        return WORKER_EXIT_NO_MEMORY;
    set_up_process(&worker);
    registry_init(&worker.registry);
    worker.registry.hook = worker.ledger->hook;
    worker.registry.on_started = on_started;
    worker.registry.context = &worker;
    worker.registry.program = setup->table->program;
    worker.registry.program.worker = setup->index;
    buffer_init(&worker.in);
    task_init(&worker.task, &(struct task_options){.max_result_bytes = setup->max_result_bytes,
                                                   .worker = (uint32_t)setup->index,
                                                   .cancel_word = &setup->ledger->cancel,
                                                   .context = &worker,
                                                   .on_progress = on_progress,
                                                   .on_log = on_log});
    load(&worker);
    while (!run_input(&worker))
        read_more(&worker);
    return stop(&worker);
}
