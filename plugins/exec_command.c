/* SPDX-License-Identifier: MIT
 *
 * The end is seen through a pidfd; where there is none (valgrind) by asking, ever more rarely.
 */
#include "exec_command.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EXEC_TICK_MS 500        /* how often a silent command's job looks whether it is cancelled, signal or not */
#define EXEC_LINGER_MS 500      /* how long output is waited for whose writer outlives the command */
#define EXEC_LINGER_STEP_MS 50
#define EXEC_LOOK_MS 64         /* without a pidfd: the longest time between two looks whether the command has ended */

/* The host cancels a job by a signal to the whole group. By which one it came, while a command is run; 0: it has not come. In an
 * inline pool none comes, and the command is asked by this one. */
static volatile sig_atomic_t exec_heard;

/* What a command starts stays in the worker's group, or in one that the command leads itself, and has no death signal of its own.
 * While a command runs, the death of our parent therefore kills these groups, and not us alone. Only in a worker: it leads its
 * group and asked for SIGKILL itself. The signal is SIGCONT, which reaches us also while the group is stopped; at any other one
 * our parent is still there. */
static volatile sig_atomic_t exec_parent, exec_running; /* exec_parent: 0 outside a worker; exec_running: the command, 0: none */

static hay_task *exec_task;
static volatile sig_atomic_t exec_asked;

/* If the job is cancelled, ask the command once to end where the group's signal does not: there is none, or it has left the
 * group, as timeout(1) does. Async-signal-safe. */
static void exec_ask(void)
{
    if (exec_asked || !exec_running || !exec_heard || !exec_task->host->cancelled(exec_task))
        return;
    exec_asked = 1;
    if (exec_parent && getpgid(exec_running) == getpgrp())
        return;
    kill(exec_running, exec_heard);
    kill(exec_running, SIGCONT);
}

/* At once, for we may be waiting for a slow reader of the command's lines. */
static void exec_on_heard(int number)
{
    int error = errno;
    exec_heard = number;
    exec_ask();
    errno = error;
}

/* Without a pidfd: has it ended? It stays unreaped. */
static bool exec_has_ended(pid_t pid)
{
    siginfo_t info = { .si_pid = 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) || info.si_pid;
}

/* Returns how much there was of this stream; 0: it has ended. One whose lines nobody takes any more is closed, so that the
 * command meets what it would without us; but of a stderr that has no room all is read. */
static size_t exec_read(struct exec_stream streams[2], int which)
{
    struct exec_stream *stream = &streams[which];
    size_t got = exec_stream_read(stream);
    if (stream->lines.fd < 0 || !stream->error || (which && stream->error != EPIPE))
        return got;
    exec_close(&stream->read_fd);
    return 0;
}

/* Read output until the command has ended. */
static void exec_watch(pid_t pid, int pidfd, struct exec_stream streams[2])
{
    struct pollfd fds[3] = {
        { .fd = pidfd, .events = POLLIN },
        { .fd = streams[0].read_fd, .events = POLLIN },
        { .fd = streams[1].read_fd, .events = POLLIN },
    };
    bool ended = false;
    int look_ms = pidfd < 0 ? 1 : EXEC_TICK_MS;
    while (!ended) {
        exec_ask();
        fds[0].revents = 0;
        if (poll(fds, 3, look_ms) < 0) {
            if (errno != EINTR) { /* no memory for the wait itself */
                kill(pid, SIGKILL);
                return;
            }
            continue;
        }
        ended = pidfd < 0 ? exec_has_ended(pid) : fds[0].revents != 0;
        for (int i = 0; i < 2; i++)
            if (fds[1 + i].revents & POLLIN && !exec_read(streams, i))
                fds[1 + i].fd = -1;
        if (pidfd < 0 && look_ms < EXEC_LOOK_MS)
            look_ms *= 2;
    }
}

/* The command has ended: read to the end of its output. Who still has that open is waited for a moment only: the reader of a
 * pipeline that it ended before, but not a daemon; and not who has printed too much. */
static void exec_linger(hay_task *task, struct exec_stream streams[2])
{
    struct pollfd fds[2];
    int open_streams = 0;       /* none where nothing is captured */
    int64_t until_ms = 0, deadline_ms = task->host->deadline(task) / 1000000 - EXEC_LINGER_STEP_MS;
    for (int i = 0; i < 2; i++) {
        exec_close(&streams[i].write_fd);
        fds[i] = (struct pollfd){ .fd = streams[i].read_fd, .events = POLLIN };
        open_streams += streams[i].read_fd >= 0;
    }
    while (open_streams) {
        int ready = poll(fds, 2, until_ms ? EXEC_LINGER_STEP_MS : 0);
        if (ready < 0 && errno != EINTR)
            return;
        for (int i = 0; i < 2 && ready > 0; i++) {
            if (!fds[i].revents)
                continue;
            if (!(fds[i].revents & POLLIN) || !exec_read(streams, i) || streams[i].truncated) {
                fds[i].fd = -1;
                open_streams--;
            }
        }
        if (task->host->cancelled(task))
            return;
        int64_t now_ms = exec_now_ms();
        if (!until_ms)
            until_ms = deadline_ms < now_ms + EXEC_LINGER_MS ? deadline_ms : now_ms + EXEC_LINGER_MS;
        if (now_ms >= until_ms)
            return;
    }
}

static void exec_on_orphaned(int number)
{
    (void)number;
    if (getppid() == exec_parent)
        return;
    if (exec_running)
        kill(-exec_running, SIGKILL);
    kill(0, SIGKILL);
}

/* What a worker does at signals while a command runs. */
static const struct {
    int number;
    void (*handler)(int);
} exec_handled[] = { { SIGCONT, exec_on_orphaned }, { SIGTERM, exec_on_heard }, { SIGINT, exec_on_heard } };
#define EXEC_HANDLED (sizeof exec_handled / sizeof exec_handled[0])

/* A command may send these to its own group, which is ours: they must not end or stop us. They are blocked, which takes fewer
 * calls than to ignore each. Not SIGXCPU, by which our own limit of CPU time ends us. */
static const int exec_blocked[] = { SIGHUP,    SIGQUIT, SIGPIPE, SIGALRM, SIGUSR1, SIGUSR2,
                                    SIGVTALRM, SIGPROF, SIGIO,   SIGTSTP, SIGTTIN, SIGTTOU, SIGXFSZ };
#define EXEC_BLOCKED (sizeof exec_blocked / sizeof exec_blocked[0])

struct exec_guard {
    pid_t parent;               /* 0: not guarded */
    struct sigaction before[EXEC_HANDLED];
    sigset_t mask;
};

/* What has come meanwhile is dropped, unless another plugin handles it. */
static void exec_drop_blocked(void)
{
    sigset_t pending;
    struct sigaction action;
    sigpending(&pending);
    for (size_t i = 0; i < EXEC_BLOCKED; i++) {
        int number = exec_blocked[i];
        if (sigismember(&pending, number) && !sigaction(number, NULL, &action) && action.sa_handler == SIG_DFL) {
            signal(number, SIG_IGN);
            sigaction(number, &action, NULL);
        }
    }
}

/* From here on the death of the parent sends this signal; was it just before, nothing did. */
static void exec_die_by(int number, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, number);
    if (getppid() != parent)
        kill(0, SIGKILL);
}

static void exec_guard(struct exec_guard *guard)
{
    int number = 0;
    sigset_t blocked;
    exec_parent = guard->parent = 0;
    exec_heard = SIGTERM;
    if (getpgrp() != getpid() || prctl(PR_GET_PDEATHSIG, &number) || number != SIGKILL)
        return;
    exec_heard = 0;
    exec_parent = guard->parent = getppid();
    for (size_t i = 0; i < EXEC_HANDLED; i++) {
        struct sigaction action = { .sa_handler = exec_handled[i].handler };
        sigaction(exec_handled[i].number, &action, &guard->before[i]);
    }
    sigemptyset(&blocked);
    for (size_t i = 0; i < EXEC_BLOCKED; i++)
        sigaddset(&blocked, exec_blocked[i]);
    sigprocmask(SIG_BLOCK, &blocked, &guard->mask);
    exec_die_by(SIGCONT, guard->parent);
}

static void exec_unguard(const struct exec_guard *guard)
{
    if (!guard->parent)
        return;
    exec_die_by(SIGKILL, guard->parent);
    for (size_t i = 0; i < EXEC_HANDLED; i++)
        sigaction(exec_handled[i].number, &guard->before[i], NULL);
    exec_drop_blocked();
    sigprocmask(SIG_SETMASK, &guard->mask, NULL);
}

/* Another plugin may have had its children reaped by the kernel: ours must not be. True when `before` is to be set again. */
static bool exec_keep_children(struct sigaction *before)
{
    const struct sigaction standard = { .sa_handler = SIG_DFL };
    if (sigaction(SIGCHLD, NULL, before) || (before->sa_handler != SIG_IGN && !(before->sa_flags & SA_NOCLDWAIT)))
        return false;
    return !sigaction(SIGCHLD, &standard, NULL);
}

static int exec_attend(hay_task *task, const struct exec_command *command, struct exec_stream streams[2], int *status)
{
    int pidfd = -1, output_fds[2];
    for (int i = 0; i < 2; i++)
        output_fds[i] = streams[i].write_fd < 0 ? command->output_fds[i] : streams[i].write_fd;
    pid_t reaped, pid = exec_spawn(task, command, output_fds, &pidfd);
    if (pid < 0)
        return -1;
    exec_task = task;
    exec_asked = 0;
    exec_running = pid;
    exec_watch(pid, pidfd, streams);
    exec_running = 0;
    do
        reaped = waitpid(pid, status, 0);
    while (reaped < 0 && errno == EINTR);
    int error = errno;
    if (reaped > 0)
        exec_linger(task, streams);
    exec_stream_end(&streams[0]);
    exec_stream_end(&streams[1]);
    exec_close(&pidfd);
    if (reaped < 0)
        return hay_fail(task, "the exit of %.800s is lost: %s", command->shown, strerror(error)), -1;
    return 0;
}

int exec_supervise(hay_task *task, const struct exec_command *command, struct exec_stream streams[2], int *status)
{
    struct exec_guard guard;
    struct sigaction before;
    bool was_careless = exec_keep_children(&before);
    exec_guard(&guard); /* before the child looks whether it is cancelled: what comes later is heard */
    int result = exec_attend(task, command, streams, status);
    exec_unguard(&guard);
    if (was_careless)
        sigaction(SIGCHLD, &before, NULL);
    return result;
}
