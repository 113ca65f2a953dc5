/* SPDX-License-Identifier: MIT
 *
 * A command starts by a vfork-like clone: the child runs in our memory, on a stack of its own, until it has set itself up and
 * execs.
 */
#include "exec_start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXEC_STACK 32768        /* of the child until it execs */
#define EXEC_PATIENCE_MS 10000  /* how long a command waits for a process to be had */
#define EXEC_NAP_MS 5           /* at first, then doubled */
#define EXEC_NAP_MAX_MS 500
#define EXEC_OTHERS_MS 2000     /* how often one that waits looks whether other workers have what it waits for */
/* For what runs on the child's stack: it never returns, so marks that AddressSanitizer made there would stay. */
#define EXEC_IN_CHILD __attribute__((no_sanitize("address")))

enum exec_stage { EXEC_STARTED, EXEC_FDS, EXEC_CWD, EXEC_RUN };

/* Shared with the child, which runs in our memory until it execs. */
struct exec_start {
    const hay_task *task;
    char **argv;
    char **envp;
    const char *cwd;
    const char *path;       /* value of PATH for the command */
    int fds[3];
    const int *kept;
    size_t kept_count;
    const uint8_t *unusual;  /* signals that are not at their default here */
    size_t unusual_count;
    pid_t parent;
    enum exec_stage stage;  /* where it failed, and errno of that */
    int error;
    char file[PATH_MAX];
};

int exec_above_stdio(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    close(fd);
    errno = error;
    return higher;
}

void exec_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int exec_reserve(char **bytes, size_t *capacity, size_t size)
{
    if (size <= *capacity)
        return 0;
    size_t wanted = *capacity * 2 > size ? *capacity * 2 : size;
    char *larger = realloc(*bytes, wanted);
    if (!larger)
        return ENOMEM;
    *bytes = larger;
    *capacity = wanted;
    return 0;
}

int exec_write(int fd, size_t before, const char *bytes, size_t size)
{
    struct rlimit limit;
    if (!getrlimit(RLIMIT_FSIZE, &limit) && before + size > limit.rlim_cur)
        return EFBIG;
    while (size) {
        ssize_t wrote = write(fd, bytes, size);
        if (wrote < 0 && errno != EINTR)
            return errno;
        bytes += wrote > 0 ? wrote : 0;
        size -= wrote > 0 ? (size_t)wrote : 0;
    }
    return 0;
}

char *exec_writable(const char *text)
{
    return (char *)(uintptr_t)text;
}

int64_t exec_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the child: exec one file; a script without a "#!" line goes to the shell, as execvp() does it. */
EXEC_IN_CHILD static void exec_file(struct exec_start *start, const char *file)
{
    execve(file, start->argv, start->envp);
    if (errno != ENOEXEC)
        return;
    char *name = start->argv[0];
    start->argv[-1] = exec_writable("/bin/sh");
    start->argv[0] = exec_writable(file);
    execve("/bin/sh", start->argv - 1, start->envp);
    start->argv[0] = name;
}

/* In the child: exec by the command's own PATH. Returns errno, that of a file without permission before that of no file. */
EXEC_IN_CHILD static int exec_search(struct exec_start *start)
{
    const char *name = start->argv[0];
    size_t name_size = strlen(name);
    int error = ENOENT;
    if (strchr(name, '/')) {
        exec_file(start, name);
        return errno;
    }
    for (const char *at = start->path; name_size; at++) {
        size_t size = strcspn(at, ":");
        if (size + name_size + 2 <= sizeof start->file) {
            memcpy(start->file, at, size);
            start->file[size] = '/';
            memcpy(start->file + size + (size > 0), name, name_size + 1);
            exec_file(start, start->file);
            if (errno == EACCES)
                error = access(start->file, F_OK) ? error : EACCES; /* a folder that we may not search has nothing for us */
            else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
                return errno;
        }
        at += size;
        if (!*at)
            break;
    }
    return error;
}

/* The kernel's own structure, all zero: the default, wherever its members are. sigaction() refuses the two signals that libc
 * keeps for itself, and posix_spawn(), which make uses, leaves these ignored. */
static const unsigned long exec_standard[8];
#define EXEC_SET_BYTES ((size_t)(NSIG - 1) / 8)

/* The child sets back what is not at its default here. To ask for each signal takes some percent of the time of a short command,
 * so that is done again only when others than commands have run in this worker since. */
static void exec_find_unusual(const hay_task *task, struct exec_start *start)
{
    static uint8_t unusual[NSIG];
    static size_t count;
    static uint64_t looked; /* at the jobs that had begun then */
    if (!looked || (task->begun != looked && task->begun != looked + 1)) {
        count = 0;
        for (int number = 1; number < NSIG; number++) {
            unsigned long action[8] = { 0 };
            syscall(SYS_rt_sigaction, number, NULL, action, EXEC_SET_BYTES);
            if (memcmp(action, exec_standard, sizeof action))
                unusual[count++] = (uint8_t)number;
        }
    }
    looked = task->begun;
    start->unusual = unusual;
    start->unusual_count = count;
}

/* The child, on a stack of its own in our memory, all signals blocked: system calls, and a look at the task. */
EXEC_IN_CHILD static int exec_child(void *argument)
{
    struct exec_start *start = argument;
    sigset_t none;
    for (size_t i = 0; i < start->unusual_count; i++)
        syscall(SYS_rt_sigaction, start->unusual[i], exec_standard, NULL, EXEC_SET_BYTES);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->parent)
        _exit(127);
    start->stage = EXEC_FDS;
    for (int fd = 0; fd < 3; fd++)
        if (dup2(start->fds[fd], fd) < 0)
            goto failed;
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC: what another plugin left open is not for the command */);
    for (size_t i = 0; i < start->kept_count; i++)
        if (fcntl(start->kept[i], F_SETFD, 0) < 0)
            goto failed;
    start->stage = EXEC_CWD;
    if (start->cwd && chdir(start->cwd))
        goto failed;
    start->stage = EXEC_RUN;
    /* Whoever asks for the end marks the job, then signals the group: without the mark yet, the signal will reach us too. */
    errno = ECANCELED;
    if (start->task->host->cancelled(start->task))
        goto failed;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    errno = exec_search(start);
failed:
    start->error = errno;
    _exit(127);
}

/* 0 with the child's pid and pidfd once it runs the command, or the errno of what failed: the clone, or a stage of the child. */
static int exec_clone(struct exec_start *start, pid_t *pid, int *pidfd)
{
    char stack[EXEC_STACK] __attribute__((aligned(16)));
    sigset_t all, before;
    start->stage = EXEC_STARTED;
    start->error = 0;
    /* A handler of ours must not run in the child: it would run in our memory. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    *pid = clone(exec_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, start, pidfd);
    if (*pid < 0 && (errno == EINVAL || errno == ENOSYS)) {
        *pidfd = -1;
        *pid = clone(exec_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, start);
    }
    int error = *pid < 0 ? errno : start->error;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (error && *pid > 0) {
        while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
            ;
        exec_close(pidfd);
    }
    return error;
}

static FILE *exec_open_children(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    return fopen(path, "re");
}

/* Does another worker run a command now? Its end makes room for one. */
static bool exec_others_run(const struct exec_start *start)
{
    FILE *workers = start->task->begun ? exec_open_children(getppid()) : NULL; /* inline the parent is no master */
    bool found = false;
    int pid;
    while (workers && !found && fscanf(workers, "%d", &pid) == 1) {
        FILE *commands = pid != getpid() ? exec_open_children(pid) : NULL;
        found = commands && fgetc(commands) != EOF;
        if (commands)
            fclose(commands);
    }
    if (workers)
        fclose(workers);
    return found;
}

/* exec_clone(), which waits where the user has as many processes as he may: some may end, and as long as other workers have some
 * of them they will. But when that was in vain, the next command does not wait so long again. */
static int exec_clone_patiently(hay_task *task, struct exec_start *start, pid_t *pid, int *pidfd)
{
    static int64_t patience_ms = EXEC_PATIENCE_MS;
    int64_t now_ms = exec_now_ms(), look_ms = now_ms + (patience_ms < EXEC_OTHERS_MS ? patience_ms : EXEC_OTHERS_MS);
    int64_t until_ms = now_ms + patience_ms;
    int error, nap_ms = EXEC_NAP_MS;
    while ((error = exec_clone(start, pid, pidfd)) == EAGAIN && !task->host->cancelled(task)) {
        now_ms = exec_now_ms();
        if (now_ms >= look_ms) {
            look_ms = now_ms + EXEC_OTHERS_MS;
            if (exec_others_run(start))
                until_ms = now_ms + EXEC_PATIENCE_MS;
        }
        if (now_ms >= until_ms)
            break;
        poll(NULL, 0, nap_ms);
        nap_ms = nap_ms * 2 < EXEC_NAP_MAX_MS ? nap_ms * 2 : EXEC_NAP_MAX_MS;
    }
    patience_ms = error == EAGAIN ? EXEC_NAP_MS : EXEC_PATIENCE_MS;
    return error;
}

pid_t exec_spawn(hay_task *task, const struct exec_command *command, const int output_fds[2], int *pidfd)
{
    struct exec_start start;
    pid_t pid;
    start.task = task;
    start.argv = command->argv;
    start.envp = command->envp ? command->envp : environ;
    start.cwd = command->cwd;
    start.path = "/usr/local/bin:/usr/bin:/bin";
    for (char **at = start.envp; at && *at; at++)
        if (!strncmp(*at, "PATH=", 5))
            start.path = *at + 5;
    start.fds[0] = command->stdin_fd;
    start.fds[1] = output_fds[0];
    start.fds[2] = output_fds[1];
    start.kept = command->kept;
    start.kept_count = command->kept_count;
    exec_find_unusual(task, &start);
    start.parent = getpid();
    int error = exec_clone_patiently(task, &start, &pid, pidfd);
    if (!error)
        return pid;
    if (error == ECANCELED)
        hay_fail(task, "cancelled");
    else if (start.stage == EXEC_CWD)
        hay_fail(task, "cannot enter %.800s: %s", command->cwd, strerror(error));
    else
        hay_fail(task, "cannot run %.800s: %s%s", command->shown, strerror(error),
                 error == ENOENT && strchr(command->argv[0], ' ') ? " (for a script of the shell: --shell, or \"shell\")" : "");
    return -1;
}
