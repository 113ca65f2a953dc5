/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: a system that says no. The HURT_AT-th of the calls below fails, counted from 1 over all of them, in a process
 * that was started as hayfork (not in the script that stands for it in a build), or with HURT_CHILDREN in each that such a
 * process forks; with HURT_ON all later ones of the same name fail too, but those that
 * are tried again for as long as it takes. HURT_LOG: a file that gets the names of the first one's calls, a line each. What libc
 * calls by itself does not come by here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <unistd.h>

static long hurt_at, hurt_seen;
static int hurt_on, hurt_children, hurt_log = -1;
static pid_t hurt_pid;
static const char *hurt_name;
static ssize_t (*hurt_write)(int fd, const void *bytes, size_t size);

static void hurt_tell(const char *name)
{
    char line[64];
    int size = snprintf(line, sizeof line, "%s\n", name);
    if (hurt_log >= 0 && getpid() == hurt_pid && hurt_write(hurt_log, line, (size_t)size) != size)
        abort();
}

static int hurt_fails(const char *name, int number)
{
    if (!hurt_at || (getpid() != hurt_pid) != hurt_children)
        return 0;
    hurt_tell(name);
    if (++hurt_seen == hurt_at)
        hurt_name = name;
    else if (!hurt_on || !hurt_name || strcmp(name, hurt_name) || number == EINTR || number == ENOBUFS)
        return 0;
    errno = number;
    return 1;
}

/* A call that fails as `failure` with this errno. */
#define HURT(result, name, parameters, arguments, failure, number) \
    __attribute__((visibility("default"))) result name parameters \
    { \
        static result (*next) parameters; \
        if (!next) \
            *(void **)&next = dlsym(RTLD_NEXT, #name); \
        return hurt_fails(#name, number) ? failure : next arguments; \
    }

HURT(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), -1, EIO)
HURT(ssize_t, pread, (int fd, void *bytes, size_t size, off_t offset), (fd, bytes, size, offset), -1, EIO)
HURT(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags), -1, ENOBUFS)
HURT(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags), -1, EINTR)
HURT(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE)
HURT(int, socketpair, (int domain, int type, int protocol, int fds[2]), (domain, type, protocol, fds), -1, EMFILE)
HURT(pid_t, fork, (void), (), -1, EAGAIN)
HURT(int, ftruncate, (int fd, off_t size), (fd, size), -1, EIO)
HURT(int, fstat, (int fd, struct stat *status), (fd, status), -1, EIO)
HURT(int, stat, (const char *path, struct stat *status), (path, status), -1, EIO)
HURT(int, fdatasync, (int fd), (fd), -1, EIO)
HURT(int, flock, (int fd, int how), (fd, how), -1, ENOLCK)
HURT(off_t, lseek, (int fd, off_t offset, int from), (fd, offset, from), -1, EIO)
HURT(int, shm_open, (const char *name, int flags, mode_t mode), (name, flags, mode), -1, EMFILE)
HURT(char *, mkdtemp, (char *path), (path), NULL, EACCES)
HURT(char *, realpath, (const char *path, char *found), (path, found), NULL, EACCES)
HURT(int, epoll_create1, (int flags), (flags), -1, EMFILE)
HURT(int, epoll_ctl, (int fd, int how, int other, struct epoll_event *event), (fd, how, other, event), -1, ENOMEM)
HURT(int, epoll_wait, (int fd, struct epoll_event *events, int count, int time_ms), (fd, events, count, time_ms), -1, EINTR)
HURT(int, poll, (struct pollfd *fds, nfds_t count, int time_ms), (fds, count, time_ms), -1, EINTR)
HURT(int, eventfd, (unsigned value, int flags), (value, flags), -1, EMFILE)
HURT(int, timerfd_create, (int clock, int flags), (clock, flags), -1, EMFILE)
HURT(int, kill, (pid_t pid, int number), (pid, number), -1, EPERM)
HURT(int, setpgid, (pid_t pid, pid_t group), (pid, group), -1, EACCES)
HURT(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
     (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)

/* The same for one with optional words, of which it takes so many. */
#define HURT_MORE(result, name, parameters, last, words, word_type, arguments, number) \
    __attribute__((visibility("default"))) result name parameters \
    { \
        static result (*next) parameters; \
        word_type word[words]; \
        va_list list; \
        if (!next) \
            *(void **)&next = dlsym(RTLD_NEXT, #name); \
        va_start(list, last); \
        for (int i = 0; i < words; i++) \
            word[i] = va_arg(list, word_type); \
        va_end(list); \
        return hurt_fails(#name, number) ? -1 : next arguments; \
    }

HURT_MORE(int, open, (const char *path, int flags, ...), flags, 1, mode_t, (path, flags, word[0]), EMFILE)
HURT_MORE(int, openat, (int at, const char *path, int flags, ...), flags, 1, mode_t, (at, path, flags, word[0]), EMFILE)
HURT_MORE(int, fcntl, (int fd, int how, ...), how, 1, void *, (fd, how, word[0]), EINVAL)
HURT_MORE(int, prctl, (int option, ...), option, 4, unsigned long, (option, word[0], word[1], word[2], word[3]), EINVAL)
HURT_MORE(long, syscall, (long number, ...), number, 6, long,
          (number, word[0], word[1], word[2], word[3], word[4], word[5]), ENOSYS)

/* What a program says of it comes through. */
__attribute__((visibility("default")))
ssize_t write(int fd, const void *bytes, size_t size)
{
    if (fd != STDERR_FILENO && hurt_fails("write", EIO))
        return -1;
    return hurt_write(fd, bytes, size);
}

__attribute__((constructor))
static void hurt_begin(void)
{
    const char *at = getenv("HURT_AT"), *log = getenv("HURT_LOG"), *name = strrchr(program_invocation_short_name, 'h');
    *(void **)&hurt_write = dlsym(RTLD_NEXT, "write");
    if (!name || strcmp(name, "hayfork"))
        return;
    hurt_log = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
    hurt_pid = getpid();
    hurt_on = getenv("HURT_ON") != NULL;
    hurt_children = getenv("HURT_CHILDREN") != NULL;
    hurt_at = at ? strtol(at, NULL, 10) : 0;
}
