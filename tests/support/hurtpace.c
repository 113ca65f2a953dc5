/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: a machine that is busy elsewhere. One in eight of the calls below, by which processes meet, begins late, by up
 * to 3 ms (HURT_PACE_US), in each process anew at random. `make check-pace` runs all tests so: what passes by luck fails.
 */
#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned long pace_state;
static pid_t pace_pid;

static void pace(void)
{
    const char *most = getenv("HURT_PACE_US");
    struct timespec now;
    int error = errno;
    if (pace_pid != getpid()) {
        pace_pid = getpid();
        clock_gettime(CLOCK_MONOTONIC, &now);
        pace_state = (unsigned long)now.tv_nsec ^ (unsigned long)pace_pid << 20;
    }
    pace_state = pace_state * 6364136223846793005ul + 1442695040888963407ul;
    if (pace_state >> 61 == 0) {
        long us = (long)(pace_state >> 33 & 0xfffff) % (most ? strtol(most, NULL, 10) + 1 : 3000);
        nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
    }
    errno = error;
}

#define PACE(result, name, parameters, arguments) \
    __attribute__((visibility("default"))) result name parameters \
    { \
        static result (*next) parameters; \
        if (!next) \
            *(void **)&next = dlsym(RTLD_NEXT, #name); \
        pace(); \
        return next arguments; \
    }

PACE(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags))
PACE(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
PACE(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
PACE(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
PACE(int, poll, (struct pollfd *fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms))
PACE(int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout_ms), (fd, events, count, timeout_ms))
PACE(pid_t, fork, (void), ())
PACE(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
PACE(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
PACE(int, kill, (pid_t pid, int number), (pid, number))
PACE(int, sigprocmask, (int how, const sigset_t *set, sigset_t *before), (how, set, before))
