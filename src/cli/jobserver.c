/* SPDX-License-Identifier: MIT
 *
 * The bytes that are held are in static memory, because a signal handler gives them back. A byte is noted before anything else
 * can happen to it: signals are blocked from the read() to the note.
 */
#include "cli/jobserver.h"
#include "cli/rewatch.h"
#include "cli/say.h"
#include "cli/stream.h"

#include <hayfork/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define JOBSERVER_MOST 256

static struct {
    int read_fd, write_fd;              /* -1: none */
    volatile sig_atomic_t held;
    char bytes[HAY_POOL_MAX_WORKERS];
    pid_t owner;
} slots = { .read_fd = -1, .write_fd = -1 };

static bool jobserver_caught[NSIG];

/* Does it end a process that has not said otherwise? INT, TERM and HUP are the run's own, and a pipe's end is seen by write(). */
static bool jobserver_is_fatal(int number)
{
    static const int harmless[] = { SIGINT,  SIGTERM, SIGHUP,   SIGPIPE, SIGKILL, SIGSTOP, SIGTSTP, SIGTTIN,
                                    SIGTTOU, SIGCONT, SIGCHLD, SIGURG,  SIGWINCH, SIGUSR1 };
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (number == harmless[i])
            return false;
    return number < 32 || (number >= SIGRTMIN && number <= SIGRTMAX);
}

int jobserver_slots(void)
{
    return (int)slots.held + 1;
}

static void jobserver_put(char byte)
{
    while (write(slots.write_fd, &byte, 1) < 0 && errno == EINTR)
        continue;
}

/* All but so many. Async-signal-safe. */
static void jobserver_put_back(int kept)
{
    while (slots.held > kept) {
        slots.held--;
        jobserver_put(slots.bytes[slots.held]);
    }
}

void jobserver_return(void)
{
    int saved = errno;
    if (slots.write_fd >= 0 && slots.owner == getpid())
        jobserver_put_back(0);
    errno = saved;
}

static void jobserver_on_fatal(int number)
{
    jobserver_return();
    signal(number, SIG_DFL);
    raise(number);
}

/* The next flag, cut out of `*rest`, where make has put a backslash before blanks and backslashes. NULL: that was the last, and
 * what follows are variables. */
static char *jobserver_flag(char **rest)
{
    char *at = *rest + strspn(*rest, " "), *flag = at, *out = at;
    for (; *at && *at != ' '; at++) {
        at += *at == '\\' && at[1];
        *out++ = *at;
    }
    *rest = at + (*at == ' ');
    *out = '\0';
    return *flag && strcmp(flag, "--") ? flag : NULL;
}

/* The value of the last --jobserver-auth= (or --jobserver-fds=, as older makes say), cut out of `flags`. NULL: there is none. */
static char *jobserver_find(char *flags)
{
    static const char *const names[] = { "--jobserver-auth=", "--jobserver-fds=" };
    char *found = NULL, *flag;
    while ((flag = jobserver_flag(&flags)))
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            if (!strncmp(flag, names[i], strlen(names[i])))
                found = flag + strlen(names[i]);
    return found;
}

/* N of make's -jN, which stands beside; where it does not, slots are bounded by what make has. */
static int jobserver_most(const char *makeflags)
{
    char *flags = strdup(makeflags), *rest = flags, *flag;
    long most = 0;
    while (flags && (most <= 0 || most > HAY_POOL_MAX_WORKERS) && (flag = jobserver_flag(&rest)))
        most = strncmp(flag, "-j", 2) ? 0 : strtol(flag + 2, NULL, 10);
    free(flags);
    return most > 0 && most <= HAY_POOL_MAX_WORKERS ? (int)most : JOBSERVER_MOST;
}

/* make closes its pipe for a recipe without '+', and the numbers may be those of anything by then. */
static bool jobserver_is_pipe(int fd)
{
    struct stat status;
    return fd >= 0 && !fstat(fd, &status) && S_ISFIFO(status.st_mode);
}

static bool jobserver_reach(const char *auth)
{
    int read_fd, write_fd;
    if (!strncmp(auth, "fifo:", 5)) {
        slots.read_fd = open(auth + 5, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        slots.write_fd = open(auth + 5, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    } else {
        if (sscanf(auth, "%d,%d", &read_fd, &write_fd) != 2 || read_fd < 0 || write_fd < 0)
            return true; /* make has switched it off for this recipe on purpose, as for -n */
        slots.read_fd = stream_reopen(read_fd, O_RDONLY | O_NONBLOCK);
        slots.write_fd = stream_reopen(write_fd, O_WRONLY);
    }
    return jobserver_is_pipe(slots.read_fd) && jobserver_is_pipe(slots.write_fd);
}

static void jobserver_close_fds(void)
{
    if (slots.read_fd >= 0)
        close(slots.read_fd);
    if (slots.write_fd >= 0)
        close(slots.write_fd);
    slots.read_fd = slots.write_fd = -1;
}

static void jobserver_take(struct jobserver *jobserver)
{
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    while (slots.held < jobserver->wanted && slots.held < HAY_POOL_MAX_WORKERS - 1) {
        ssize_t n = read(slots.read_fd, &slots.bytes[slots.held], 1);
        if (n == 1)
            slots.held++;
        else if (n == 0 || errno != EINTR)
            break;
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void jobserver_give(struct jobserver *jobserver)
{
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &old);
    jobserver_put_back(jobserver->wanted);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void jobserver_on_readable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    struct jobserver *jobserver = watcher->data;
    int before = jobserver_slots();
    jobserver_take(jobserver);
    ev_io_stop(loop, watcher);
    rewatch(watcher, events);
    if (slots.held < jobserver->wanted)
        ev_io_start(loop, watcher);
    if (jobserver_slots() != before)
        jobserver->on_slots(jobserver->context);
}

bool jobserver_is_serial(void)
{
    const char *makeflags = getenv("MAKEFLAGS");
    return makeflags && jobserver_most(makeflags) == 1;
}

bool jobserver_open(struct jobserver *jobserver, struct ev_loop *loop, void (*on_slots)(void *context), void *context)
{
    const char *makeflags = getenv("MAKEFLAGS");
    int most = makeflags ? jobserver_most(makeflags) : 1;
    char *flags = makeflags ? strdup(makeflags) : NULL;
    const char *auth = flags ? jobserver_find(flags) : NULL;
    bool reached = auth && jobserver_reach(auth);
    if (auth && !reached)
        say("make's jobserver cannot be reached: %s", strncmp(auth, "fifo:", 5) ?
            "begin the recipe's line with '+' to take part in make's -j" : auth);
    free(flags);
    if (!reached || slots.read_fd < 0) {
        jobserver_close_fds();
        return false;
    }
    *jobserver = (struct jobserver){ .loop = loop, .most = most, .on_slots = on_slots, .context = context };
    slots.owner = getpid();
    ev_io_init(&jobserver->readable, jobserver_on_readable, slots.read_fd, EV_READ);
    jobserver->readable.data = jobserver;
    struct sigaction action = { .sa_handler = jobserver_on_fatal, .sa_flags = (int)SA_RESETHAND }, old;
    for (int number = 1; number < NSIG; number++)
        if (jobserver_is_fatal(number) && !sigaction(number, NULL, &old) && old.sa_handler == SIG_DFL)
            jobserver_caught[number] = !sigaction(number, &action, NULL);
    return true;
}

void jobserver_want(struct jobserver *jobserver, int jobs)
{
    int before = jobserver_slots();
    jobserver->wanted = jobs > 1 ? jobs - 1 : 0;
    jobserver_give(jobserver);
    if (slots.held < jobserver->wanted)
        ev_io_start(jobserver->loop, &jobserver->readable);
    else
        ev_io_stop(jobserver->loop, &jobserver->readable);
    if (jobserver_slots() != before)
        jobserver->on_slots(jobserver->context);
}

void jobserver_close(struct jobserver *jobserver)
{
    if (!jobserver->loop)
        return;
    ev_io_stop(jobserver->loop, &jobserver->readable);
    jobserver->loop = NULL;
    jobserver_return();
    jobserver_close_fds();
    for (int number = 1; number < NSIG; number++) {
        if (jobserver_caught[number])
            signal(number, SIG_DFL);
        jobserver_caught[number] = false;
    }
}
