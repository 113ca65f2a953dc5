/* SPDX-License-Identifier: MIT */
#include "process/exit.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct exit_status exit_from_siginfo(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_EXITED:
        return (struct exit_status){EXIT_CODE, info->si_status, false};
    case CLD_KILLED:
        return (struct exit_status){EXIT_SIGNAL, info->si_status, false};
    case CLD_DUMPED:
        return (struct exit_status){EXIT_SIGNAL, info->si_status, true};
    default:
        return (struct exit_status){EXIT_UNKNOWN, 0, false};
    }
}

struct exit_status exit_from_wait_status(int wait_status)
{
    if (WIFEXITED(wait_status))
        return (struct exit_status){EXIT_CODE, WEXITSTATUS(wait_status), false};
    if (WIFSIGNALED(wait_status))
        return (struct exit_status){EXIT_SIGNAL, WTERMSIG(wait_status), WCOREDUMP(wait_status) != 0};
    return (struct exit_status){EXIT_UNKNOWN, 0, false};
}

size_t exit_describe(struct exit_status status, char *text, size_t size)
{
    int n;
    const char *name;
    switch (status.kind) {
    case EXIT_CODE:
        n = snprintf(text, size, "exited with %d", status.value);
        break;
    case EXIT_SIGNAL:
        name = sigabbrev_np(status.value);
        if (name)
            n = snprintf(text, size, "killed by SIG%s (core %sdumped)", name, status.core_dumped ? "" : "not ");
        else
            n = snprintf(text, size, "killed by signal %d (core %sdumped)", status.value, status.core_dumped ? "" : "not ");
        break;
    default:
        n = snprintf(text, size, "ended in an unknown way: its status was taken by other code");
    }
    if (n < 0 || !size)
        return 0;
    return (size_t)n < size ? (size_t)n : size - 1;
}
