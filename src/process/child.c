/* SPDX-License-Identifier: MIT */
#include "process/child.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/flush.h"
#include "base/handle.h"
#include "base/statm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BY_PIDFD ((idtype_t)3) /* P_PIDFD, which older headers lack */
#define JOINED_TRIES 20 /* of 1 ms, for a thread that was joined to be gone */

/* The C library knows of most processes that they never had a second thread. Else: the link count of /proc/self/task is 2 and
 * one for each thread; where it cannot be seen there may be some. */
static bool has_threads(void)
{
    struct stat status;
    return !__libc_single_threaded && (stat("/proc/self/task", &status) < 0 || status.st_nlink > 3);
}

/* A thread that was joined stands there a moment longer. */
static bool may_fork(void)
{
    for (int tries = 0; has_threads(); tries++) {
        if (tries == JOINED_TRIES)
            return false;
        poll(NULL, 0, 1);
    }
    return true;
}

/* A child pays for each page that it touches first, of libraries too, and mostly more than for the call that lies there. So
 * what sets it up goes through syscall(), which is one page for all of it. */

/* To the kernel, zeros are a default action, and an empty set. */
void child_reset_signals(void)
{
    const uint64_t zeros[8] = {0};
    const size_t set_bytes = NSIG / 8;
    int first_real_time = SIGRTMIN; /* those from 32 up to it are the C library's own */
    for (int n = 1; n < NSIG; n++)
        if (n < 32 || n >= first_real_time)
            syscall(SYS_rt_sigaction, n, zeros, NULL, set_bytes);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, zeros, NULL, set_bytes);
}

static bool put_fd(int fd, int place)
{
    return syscall(SYS_dup3, fd, place, 0) == place;
}

/* Descriptors 0 to 2 may be closed in the parent; opening /dev/null until 2 is taken keeps all others above. */
bool child_set_standard_fds(int out_fd, bool keep_output)
{
    volatile char path[] = "/dev/null"; /* on the stack: among the constants it would be another page */
    int null;
    do {
        null = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR);
        if (null < 0)
            return false;
    } while (null < 3);
    bool done = put_fd(null, 0);
    if (!keep_output)
        done = done && put_fd(out_fd >= 0 ? out_fd : null, 1) && (out_fd < 0 || put_fd(out_fd, 2));
    syscall(SYS_close, null);
    return done;
}

/* What the child keeps: what this start gives it, and what every child has. */
struct keep {
    int *fds;
    size_t count;
    bool is_own; /* allocated here */
};

static enum hay_status keep_open(struct keep *keep, const struct child_setup *setup, struct hay_error *error)
{
    size_t common = handle_common_fds(NULL, 0);
    *keep = (struct keep){setup->keep, setup->keep_count, false};
    if (!common)
        return HAY_OK;
    keep->fds = malloc((common + setup->keep_count) * sizeof *keep->fds);
    if (!keep->fds)
        return error_set(error, HAY_ENOMEM, "no memory to start a process");
    keep->is_own = true;
    if (setup->keep_count)
        memcpy(keep->fds, setup->keep, setup->keep_count * sizeof *keep->fds);
    size_t now = handle_common_fds(keep->fds + setup->keep_count, common);
    keep->count += now < common ? now : common;
    return HAY_OK;
}

/* As it leads no session, this is for itself and its children only. */
static void leave_terminal(void)
{
    int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (terminal < 0)
        return;
    ioctl(terminal, TIOCNOTTY);
    close(terminal);
}

/* What the parent read ahead of standard input is not the child's. Mostly there is nothing; asking is cheaper than purging. */
static void forget_input(void)
{
#ifdef __GLIBC__
    if (stdin->_mode <= 0 && stdin->_IO_read_ptr == stdin->_IO_read_end && !(stdin->_flags & (_IO_EOF_SEEN | _IO_ERR_SEEN)))
        return;
#endif
    __fpurge(stdin);
    clearerr(stdin);
}

/* exit() in the child: what it registered has run by now, and what it has from its parent is not run. */
static void on_child_exit(int code, void *argument)
{
    const struct child_setup *setup = argument;
    flush_at_end();
    if (setup->end) {
        setup->end();
        flush_at_end();
    }
    _exit(code);
}

/* The stack ends here for who unwinds it: an exception of C++ that the child does not catch itself ends it by SIGABRT, and comes
 * to no handler among its parent's frames. In a function of its own, as it holds to that one's end. */
#if defined(__GCC_HAVE_DWARF2_CFI_ASM) && defined(__x86_64__)
#define END_OF_STACK() __asm__ volatile(".cfi_undefined rip")
#elif defined(__GCC_HAVE_DWARF2_CFI_ASM) && defined(__aarch64__)
#define END_OF_STACK() __asm__ volatile(".cfi_undefined x30")
#else
#define END_OF_STACK() ((void)0)
#endif

__attribute__((noinline))
static _Noreturn void child_main(struct child_setup *setup, const struct keep *keep, unsigned flags, pid_t parent)
{
    if (flags & CHILD_OWN_GROUP)
        setpgid(0, 0);
    if (flags & CHILD_DIES_WITH_PARENT) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (child_is_orphan(parent))
            _exit(0); /* the parent died before the line above: nobody wants us */
    }
    if (flags & CHILD_HAS_NO_TERMINAL)
        leave_terminal();
    if (!child_set_standard_fds(setup->out_fd, flags & CHILD_KEEPS_OUTPUT))
        _exit(CHILD_EXIT_NOT_SET_UP);
    forget_input();
    handle_forget_all_but(keep->fds, keep->count);
    fd_close_all_but(keep->fds, keep->count);
    child_reset_signals();
    on_exit(on_child_exit, setup);
    END_OF_STACK();
    int code = setup->run(setup->arg);
    flush_at_end();
    _exit(code);
}

enum hay_status child_start(struct child *child, struct child_setup *setup, struct hay_error *error)
{
    return child_fork(child, setup, CHILD_OWN_GROUP | CHILD_DIES_WITH_PARENT | CHILD_HAS_NO_TERMINAL, error);
}

/* With SIGCHLD ignored the kernel reaps it at its end, which may have come: then it is a descriptor that is readable for ever,
 * and the number is nobody's. */
static int open_pidfd(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 && errno == ESRCH)
        fd = eventfd(1, EFD_CLOEXEC);
    if (fd >= 0)
        fd_raise(&fd); /* or it stays what it is */
    return fd;
}

/* Take charge of what was forked. 0, or the errno when it had to be ended again. */
static int adopt(struct child *child, pid_t pid, unsigned flags)
{
    if (flags & CHILD_OWN_GROUP)
        setpgid(pid, pid); /* here too: whoever comes first, the group exists when either side goes on */
    int pidfd = open_pidfd(pid);
    int saved = errno;
    if (pidfd >= 0) {
        *child = (struct child){pid, pidfd};
        return 0;
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return saved;
}

enum hay_status child_fork(struct child *child, struct child_setup *setup, unsigned flags, struct hay_error *error)
{
    sigset_t all, before;
    struct keep keep;
    *child = CHILD_NONE;
    if (!may_fork())
        return error_set(error, HAY_ETHREADS, "this process has more than one thread, so it may not fork");
    enum hay_status status = keep_open(&keep, setup, error);
    if (status)
        return status;
    flush_before_start();
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        child_main(setup, &keep, flags, parent);
    int saved = errno;
    if (pid > 0) /* while no handler of SIGCHLD can reap it */
        saved = adopt(child, pid, flags);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (keep.is_own)
        free(keep.fds);
    return child->pid ? HAY_OK : error_system(error, saved, pid < 0 ? "fork" : "pidfd_open");
}

/* A child may have made us its tracer: its stops are told too then, and are no end. */
static bool is_end(const siginfo_t *info)
{
    return info->si_pid && (info->si_code == CLD_EXITED || info->si_code == CLD_KILLED || info->si_code == CLD_DUMPED);
}

/* By the pidfd: where other code reaped it, its number may be another child's by now. */
static int wait_exactly(const struct child *child, int how, siginfo_t *info)
{
    int r = waitid(BY_PIDFD, (id_t)child->pidfd, info, how);
    /* Linux 5.3 cannot; nor can anybody when the program has closed what it does not know. */
    return r < 0 && (errno == EINVAL || errno == EBADF) ? waitid(P_PID, (id_t)child->pid, info, how) : r;
}

/* waitid() with WEXITED: 1 when it has ended, 0, or -errno. */
static int ask(const struct child *child, int how, siginfo_t *info)
{
    *info = (siginfo_t){0};
    while (wait_exactly(child, WEXITED | how, info) < 0)
        if (errno != EINTR)
            return -errno;
    return is_end(info);
}

int child_wait(struct child *child, bool block, struct hay_exit *status)
{
    siginfo_t info;
    int r;
    do {
        r = ask(child, block ? 0 : WNOHANG, &info);
        /* An event loop may have made the pidfd non-blocking, and waitid() goes by that. */
        if (block && r == -EAGAIN)
            r = poll(&(struct pollfd){.fd = child->pidfd, .events = POLLIN}, 1, -1) < 0 && errno != EINTR ? -errno : 0;
    } while (block && r == 0);
    if (r <= 0)
        return r;
    *status = exit_from_siginfo(&info);
    child->pid = 0;
    return 1;
}

int child_peek(const struct child *child, struct hay_exit *status)
{
    siginfo_t info;
    int r = ask(child, WNOWAIT | WNOHANG, &info);
    if (r == 1)
        *status = exit_from_siginfo(&info);
    return r;
}

void child_reap(struct child *child, int patience_ms)
{
    siginfo_t info;
    int64_t deadline_ns = clock_deadline_ns(patience_ms);
    /* One that somebody traces is not ours before its tracer has seen the end. */
    while (child->pid > 0 && ask(child, WNOHANG, &info) == 0 && clock_now_ns() < deadline_ns)
        poll(NULL, 0, 1);
    fd_close(&child->pidfd);
    *child = CHILD_NONE;
}

int child_signal(const struct child *child, int signal_number)
{
    if (child->pidfd < 0 || syscall(SYS_pidfd_send_signal, child->pidfd, signal_number, NULL, 0) == 0 || errno == ESRCH)
        return 0;
    if (errno == EBADF && child->pid > 0) /* the program has closed it; the number is the child's until it is reaped */
        return kill(child->pid, signal_number) == 0 || errno == ESRCH ? 0 : -errno;
    return -errno;
}

int child_signal_all(const struct child *child, int signal_number)
{
    int failure = kill(-child->pid, signal_number) < 0 && errno != ESRCH ? -errno : 0;
    if (getpgid(child->pid) != child->pid)
        child_signal(child, signal_number);
    return failure;
}

void child_signal_group(const struct child *child, int signal_number)
{
    siginfo_t info;
    if (child->pid > 0 && ask(child, WNOWAIT | WNOHANG, &info) >= 0)
        child_signal_all(child, signal_number);
}

uint64_t child_resident_bytes(const struct child *child)
{
    return child->pid > 0 ? statm_read(child->pid).resident_bytes : 0;
}
