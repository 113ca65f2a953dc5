/* SPDX-License-Identifier: MIT */
#include "process/spawn.h"

#include "base/digits.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/flush.h"
#include "process/gift.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#define SPAWN_STACK 65536
#define SPAWN_ADDED 4       /* variables in the environment */
/* For what runs on the child's stack: it never returns, so marks that AddressSanitizer made there would stay. */
#define IN_CHILD __attribute__((no_sanitize("address")))

struct spawn {
    const char *path;
    const char *cwd;        /* NULL: where we are */
    char *const *argv;
    char **env;             /* the array is ours; of the strings, those in `text` */
    char *text;
    char *pid_digits;       /* in `text`; the child writes its number there */
    int *fds;               /* what it is given, then where it went */
    size_t fd_count;
    unsigned flags;
    pid_t parent;
    int error;              /* what stopped the child before the program ran, */
    const char *step;       /* and at what */
};

static bool is_ours(const char *variable)
{
    return strncmp(variable, "HAYFORK_PID=", 12) == 0 || strncmp(variable, "HAYFORK_PARENT=", 15) == 0 ||
           strncmp(variable, "HAYFORK_NAME=", 13) == 0 || strncmp(variable, "HAYFORK_FDS=", 12) == 0;
}

/* The environment as it is, with our four variables in place of inherited ones. */
static int make_environment(struct spawn *spawn, const struct hay_process *process)
{
    char **from = process->env ? process->env : environ;
    size_t count = 0, size = 128 + sizeof process->name + process->gift_count * 24;
    while (from && from[count])
        count++;
    spawn->env = malloc((count + SPAWN_ADDED + 1) * sizeof *spawn->env);
    spawn->text = malloc(size);
    if (!spawn->env || !spawn->text)
        return -ENOMEM;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!is_ours(from[i]))
            spawn->env[kept++] = from[i];
    char *at = spawn->text, *end = at + size;
    spawn->env[kept++] = at;
    spawn->pid_digits = at + 12;
    at += snprintf(at, (size_t)(end - at), "HAYFORK_PID=%0*d", DIGITS_DECIMAL, 0) + 1;
    spawn->env[kept++] = at;
    at += snprintf(at, (size_t)(end - at), "HAYFORK_PARENT=%d", (int)spawn->parent) + 1;
    spawn->env[kept++] = at;
    at += snprintf(at, (size_t)(end - at), "HAYFORK_NAME=%s", process->name) + 1;
    spawn->env[kept++] = at;
    at += snprintf(at, (size_t)(end - at), "HAYFORK_FDS=");
    int number = 3;
    for (struct list *gift = process->gifts.next; gift != &process->gifts; gift = gift->next) {
        const char *label = LIST_ITEM(gift, struct gift, node)->label;
        at += snprintf(at, (size_t)(end - at), "%s%d:%s", number == 3 ? "" : ",", number, label);
        number++;
    }
    spawn->env[kept] = NULL;
    return 0;
}

/* First out of the way, then to their places: any of the places may be taken by another of them. */
static IN_CHILD bool place_fds(struct spawn *spawn)
{
    int count = (int)spawn->fd_count;
    for (int i = 0; i < count; i++) {
        spawn->fds[i] = fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, 3 + count);
        if (spawn->fds[i] < 0)
            return false;
    }
    for (int i = 0; i < count; i++) {
        if (dup2(spawn->fds[i], 3 + i) < 0)
            return false;
        spawn->fds[i] = 3 + i;
    }
    fd_close_all_but(spawn->fds, spawn->fd_count);
    return true;
}

/* Our output may be close-on-exec, where it has the number by chance. */
static IN_CHILD bool inherit_output(void)
{
    return fcntl(STDOUT_FILENO, F_SETFD, 0) == 0 && fcntl(STDERR_FILENO, F_SETFD, 0) == 0;
}

static IN_CHILD int spawn_main(void *argument)
{
    struct spawn *spawn = argument;
    if (spawn->flags & CHILD_OWN_GROUP)
        setpgid(0, 0);
    if (spawn->flags & CHILD_DIES_WITH_PARENT) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (child_is_orphan(spawn->parent))
            _exit(0);
    }
    *digits_decimal(spawn->pid_digits, (uint64_t)getpid()) = '\0';
    spawn->step = "set up the descriptors of";
    if (child_set_standard_fds(-1, true) && inherit_output() && place_fds(spawn)) {
        spawn->step = "enter the directory of";
        if (!spawn->cwd || chdir(spawn->cwd) == 0) {
            spawn->step = "run";
            child_reset_signals();
            execvpe(spawn->path, spawn->argv, spawn->env);
        }
    }
    spawn->error = errno;
    _exit(127);
}

static int run_clone(struct spawn *spawn, struct child *child)
{
    size_t argc = 0;
    sigset_t all, before;
    while (spawn->argv[argc])
        argc++;
    /* execvpe() may copy argv there, for a script without an interpreter line. */
    size_t size = SPAWN_STACK + (argc * sizeof *spawn->argv + 4095) / 4096 * 4096;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED)
        return -errno;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int pidfd = -1;
    pid_t pid = clone(spawn_main, stack + size, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, spawn, &pidfd);
    int saved = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, size);
    if (pid < 0)
        return -saved;
    *child = (struct child){pid, pidfd};
    if (!spawn->error) {
        fd_raise(&child->pidfd);
        return 0;
    }
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    fd_close(&child->pidfd);
    *child = CHILD_NONE;
    return -spawn->error;
}

enum hay_status spawn_program(struct child *child, const struct hay_process *process, const struct child_setup *setup,
                              unsigned flags, struct hay_error *error)
{
    struct spawn spawn = {.path = process->path, .cwd = process->cwd, .argv = process->argv,
                          .fds = setup->keep, .fd_count = setup->keep_count, .flags = flags, .parent = getpid(), .step = "run"};
    *child = CHILD_NONE;
    int r = make_environment(&spawn, process);
    if (!r) {
        flush_before_start();
        r = run_clone(&spawn, child);
    }
    free(spawn.text);
    free(spawn.env);
    return r ? error_system(error, -r, "cannot %s %s", spawn.step, process->path) : HAY_OK;
}
