/* SPDX-License-Identifier: MIT
 *
 * A process that traces another one, and by that keeps its end from its parent until tracer_end(). And whether a process can be
 * stepped through by its parent.
 */
#ifndef TESTS_SUPPORT_TRACER_H
#define TESTS_SUPPORT_TRACER_H

#include "support/tap.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* -1, and the case counts as skipped, where tracing is not allowed. */
static inline pid_t tracer_start(pid_t traced)
{
    int ends[2];
    char answer = 'n';
    if (pipe(ends))
        abort();
    pid_t tracer = fork();
    if (tracer < 0)
        abort();
    if (tracer == 0) {
        answer = ptrace(PTRACE_SEIZE, traced, NULL, NULL) ? 'n' : 'y';
        if (write(ends[1], &answer, 1) == 1 && answer == 'y')
            for (;;)
                pause();
        _exit(1);
    }
    close(ends[1]);
    if (read(ends[0], &answer, 1) != 1)
        answer = 'n';
    close(ends[0]);
    if (answer == 'y')
        return tracer;
    waitpid(tracer, NULL, 0);
    tap_skip("no ptrace here");
    return -1;
}

static inline void tracer_end(pid_t tracer)
{
    if (tracer > 0 && (kill(tracer, SIGKILL) || waitpid(tracer, NULL, 0) != tracer))
        abort();
}

/* False, and the case counts as skipped, where tracing is not allowed, or where an atomic operation is a loop that each step
 * breaks off before it can store (load-linked and store-conditional, as of ARM before 8.1). */
static inline bool tracer_can_step(void)
{
    static atomic_int word;
    int status, steps = 0;
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(1);
        raise(SIGSTOP);
        atomic_fetch_add(&word, 1);
        raise(SIGSTOP);
        _exit(0);
    }
    bool is_stopped = waitpid(pid, &status, 0) == pid && WIFSTOPPED(status), can_step = false;
    while (is_stopped && !can_step && steps++ < 10000) {
        is_stopped = !ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
        can_step = is_stopped && WSTOPSIG(status) == SIGSTOP;
    }
    if (is_stopped && (kill(pid, SIGKILL) || waitpid(pid, &status, 0) != pid))
        abort();
    if (!can_step)
        tap_skip("no process can be stepped through here");
    return can_step;
}

#endif
