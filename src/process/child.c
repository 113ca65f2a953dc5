/* SPDX-License-Identifier: MIT */
#include "process/child.h"

#include "base/error.h"
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* The link count of /proc/self/task is 2 and one for each thread. */
static bool has_threads(void)
{
    struct stat status;
    return stat("/proc/self/task", &status) == 0 && status.st_nlink > 3;
}

static void reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int n = 1; n < NSIG; n++)
        sigaction(n, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Descriptors 0 to 2 may be closed in the parent; opening /dev/null until 2 is taken keeps all others above. */
static bool set_standard_fds(int out_fd)
{
    int null;
    do {
        null = open("/dev/null", O_RDWR);
        if (null < 0)
            return false;
    } while (null < 3);
    bool done = dup2(null, 0) == 0 && dup2(out_fd >= 0 ? out_fd : null, 1) == 1 && (out_fd < 0 || dup2(out_fd, 2) == 2);
    close(null);
    return done;
}

static _Noreturn void child_main(const struct child_setup *setup, pid_t parent)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0); /* the parent died before the line above: nobody wants us */
    if (!set_standard_fds(setup->out_fd))
        _exit(126);
    fd_close_all_but(setup->keep, setup->keep_count);
    reset_signals();
    int code = setup->run(setup->arg);
    fflush(stdout);
    fflush(stderr);
    _exit(code);
}

enum hay_status child_start(struct child *child, const struct child_setup *setup, struct hay_error *error)
{
    sigset_t all, before;
    *child = CHILD_NONE;
    if (has_threads())
        return error_set(error, HAY_ETHREADS, "this process has more than one thread, so it may not fork");
    fflush(NULL);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_main(setup, parent);
    int saved = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0)
        return error_system(error, saved, "fork");
    setpgid(pid, pid); /* here too: whoever comes first, the group exists when either side goes on */
    child->pid = pid;
    child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (child->pidfd >= 0)
        return HAY_OK;
    saved = errno;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *child = CHILD_NONE;
    return error_system(error, saved, "pidfd_open");
}

int child_peek(const struct child *child, struct exit_status *status)
{
    siginfo_t info = {0};
    while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0)
        if (errno != EINTR)
            return -errno;
    if (!info.si_pid)
        return 0;
    *status = exit_from_siginfo(&info);
    return 1;
}

void child_reap(struct child *child)
{
    siginfo_t info;
    if (child->pid > 0)
        while (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG) < 0 && errno == EINTR)
            ;
    fd_close(&child->pidfd);
    *child = CHILD_NONE;
}

void child_signal(const struct child *child, int signal_number)
{
    if (child->pidfd >= 0)
        syscall(SYS_pidfd_send_signal, child->pidfd, signal_number, NULL, 0);
}

void child_signal_group(const struct child *child, int signal_number)
{
    if (child->pid > 0)
        kill(-child->pid, signal_number);
}
