/* SPDX-License-Identifier: MIT
 *
 * A process that traces another one, and by that keeps its end from its parent until tracer_end().
 */
#ifndef TESTS_SUPPORT_TRACER_H
#define TESTS_SUPPORT_TRACER_H

#include "support/tap.h"

#include <signal.h>
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

#endif
