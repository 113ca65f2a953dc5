/* SPDX-License-Identifier: MIT */
#include "process/exit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct hay_exit exit_from_siginfo(const siginfo_t *info)
{
    switch (info->si_code) {
    case CLD_EXITED:
        return (struct hay_exit){HAY_EXIT_CODE, info->si_status, false};
    case CLD_KILLED:
        return (struct hay_exit){HAY_EXIT_SIGNAL, info->si_status, false};
    case CLD_DUMPED:
        return (struct hay_exit){HAY_EXIT_SIGNAL, info->si_status, true};
    default:
        return (struct hay_exit){HAY_EXIT_UNKNOWN, 0, false};
    }
}

struct hay_exit exit_from_wait_status(int wait_status)
{
    if (WIFEXITED(wait_status))
        return (struct hay_exit){HAY_EXIT_CODE, WEXITSTATUS(wait_status), false};
    if (WIFSIGNALED(wait_status))
        return (struct hay_exit){HAY_EXIT_SIGNAL, WTERMSIG(wait_status), WCOREDUMP(wait_status) != 0};
    return (struct hay_exit){HAY_EXIT_UNKNOWN, 0, false};
}

int hay_exit_code(const struct hay_exit *how)
{
    if (how && how->kind == HAY_EXIT_CODE)
        return how->value;
    return how && how->kind == HAY_EXIT_SIGNAL ? -how->value : INT_MIN;
}

size_t hay_exit_text(const struct hay_exit *how, char *text, size_t size)
{
    int n;
    const char *name;
    if (!text || !size)
        return 0;
    switch (how ? how->kind : HAY_EXIT_NONE) {
    case HAY_EXIT_NONE:
        n = snprintf(text, size, "has not ended");
        break;
    case HAY_EXIT_CODE:
        n = snprintf(text, size, "exited with %d", how->value);
        break;
    case HAY_EXIT_SIGNAL:
        name = sigabbrev_np(how->value);
        if (name)
            n = snprintf(text, size, "killed by SIG%s (core %sdumped)", name, how->core_dumped ? "" : "not ");
        else
            n = snprintf(text, size, "killed by signal %d (core %sdumped)", how->value, how->core_dumped ? "" : "not ");
        break;
    default:
        n = snprintf(text, size, "ended in an unknown way: its status was taken by other code");
    }
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}
