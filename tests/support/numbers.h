/* SPDX-License-Identifier: MIT
 *
 * A namespace of process numbers, in which a number that became free is given to another process at once.
 */
#ifndef TESTS_SUPPORT_NUMBERS_H
#define TESTS_SUPPORT_NUMBERS_H

#include "support/tap.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NUMBERS_REFUSED 77

/* fork(), and the child has this number, once it is free: the kernel frees it a moment after kill() says ESRCH. */
static inline pid_t numbers_fork(pid_t pid, int limit_ms)
{
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&pid, .set_tid_size = 1};
    pid_t child = -1;
    for (int i = 0; i < limit_ms && (child = (pid_t)syscall(SYS_clone3, &args, sizeof args)) < 0 && errno == EEXIST; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    return child;
}

static inline int numbers_enter(void (*run)(void))
{
    int status = -1;
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID))
        return NUMBERS_REFUSED;
    pid_t pid = fork();
    if (pid == 0) {
        run();
        _exit(0);
    }
    return pid < 0 ? NUMBERS_REFUSED : waitpid(pid, &status, 0) != pid || status;
}

/* In a case: run this, with CHILD_CHECK(), as the first process there. What it leaves running ends with it. */
static inline void numbers_try(void (*run)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(numbers_enter(run));
    CU_ASSERT_EQUAL_FATAL(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NUMBERS_REFUSED)
        tap_skip("no namespace of process numbers may be made");
    else
        CU_ASSERT_EQUAL(status, 0);
}

#endif
