/* SPDX-License-Identifier: MIT
 *
 * Process-wide set-up. A standard descriptor that was closed is opened on /dev/null the wrong way round, so that no file can
 * take its number and its use still fails with EBADF instead of losing results in silence; stderr just goes nowhere.
 */
#include "cli/setup.h"

#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/jobserver.h"
#include "cli/say.h"
#include "cli/signals.h"

#include <hayfork/pool.h>

#include <dirent.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Pipe, log pipe and pidfd, twice for a moment when a worker is replaced; and what the master itself has open. */
#define SETUP_FDS_PER_WORKER 8
#define SETUP_FDS_OWN 512
/* What it cannot do without: those of a worker once, and a handful. */
#define SETUP_LEAST_PER_WORKER 3
#define SETUP_LEAST_OWN 10

#define SETUP_JOIN_SLICE_MS 100
#define SETUP_JOIN_SLICES 100
#define SETUP_KILL_MS 2000

static ssize_t setup_stream_write(void *cookie, const char *bytes, size_t size)
{
    return bytes_wait_write((int)(intptr_t)cookie, bytes, size) ? 0 : (ssize_t)size;
}

static int setup_stream_close(void *cookie)
{
    return close((int)(intptr_t)cookie);
}

FILE *setup_stream(int fd)
{
    return fopencookie((void *)(intptr_t)fd, "w",
                       (cookie_io_functions_t){ .write = setup_stream_write, .close = setup_stream_close });
}

/* The flag belongs to others as well, so it stays; and stdio gives up at the first EAGAIN. */
static void setup_stdout(void)
{
    int flags = fcntl(STDOUT_FILENO, F_GETFL);
    FILE *stream = flags >= 0 && flags & O_NONBLOCK ? setup_stream(STDOUT_FILENO) : NULL;
    if (stream)
        stdout = stream;
}

/* Instead of libev's abort(). Workers die with this process; results that are not written yet are lost, as at a SIGKILL. */
static void setup_on_loop_error(const char *what) EV_NOEXCEPT
{
    say("the event loop failed: %s: %s", what, strerror(errno));
    jobserver_return();
    _exit(CLI_STOPPED);
}

/* The same for memory, which libev takes by this call alone. */
static void *setup_allocate(void *bytes, long size) EV_NOEXCEPT
{
    if (!size) {
        free(bytes);
        return NULL;
    }
    bytes = realloc(bytes, (size_t)size);
    if (!bytes)
        setup_on_loop_error("realloc");
    return bytes;
}

/* The kernel's default actions spare the first process of a container. Where nothing better stands for these, it ends by them. */
static void setup_on_end(int number)
{
    _exit(128 + number);
}

static void setup_signals_of_first(void)
{
    static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    struct sigaction action = { .sa_handler = setup_on_end }, old;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(numbers[i], &action, NULL);
}

void setup_start(void)
{
    static const int modes[] = { O_WRONLY, O_RDONLY, O_RDWR };
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", modes[fd]) < 0)
            break;
    sigset_t none;
    if (getpid() == 1)
        setup_signals_of_first();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGCHLD, SIG_DFL);
    ev_set_syserr_cb(setup_on_loop_error);
    ev_set_allocator(setup_allocate);
    setup_stdout();
}

size_t setup_inherited(int *fds, size_t capacity)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    for (struct dirent *entry; directory && count < capacity && (entry = readdir(directory));) {
        int fd = atoi(entry->d_name), flags = fd > 2 ? fcntl(fd, F_GETFD) : -1;
        if (flags >= 0 && !(flags & FD_CLOEXEC))
            fds[count++] = fd;
    }
    if (directory)
        closedir(directory);
    return count;
}

void setup_write_errors(void)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

int setup_open_files(int workers)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)workers * SETUP_FDS_PER_WORKER + SETUP_FDS_OWN;
    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return workers;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    rlim_t enough = limit.rlim_cur > SETUP_LEAST_OWN ? (limit.rlim_cur - SETUP_LEAST_OWN) / SETUP_LEAST_PER_WORKER : 0;
    return enough < (rlim_t)workers ? (int)enough : workers;
}

void setup_end_workers(struct hay_pool *pool, bool at_once)
{
    bool ended = false;
    hay_pool_close(pool);
    for (int i = 0; i < SETUP_JOIN_SLICES && !ended && !at_once && signals_count() < 2; i++)
        ended = hay_pool_join(pool, SETUP_JOIN_SLICE_MS) != HAY_ETIMEDOUT;
    if (ended)
        return;
    hay_pool_terminate(pool, 0);
    hay_pool_join(pool, SETUP_KILL_MS);
}

void setup_guard_stdio(int fds[2])
{
    fds[0] = STDIN_FILENO;
    fds[1] = STDOUT_FILENO;
    int in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3), out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (in >= 0 && null >= 0 && dup2(null, STDIN_FILENO) == STDIN_FILENO)
        fds[0] = in;
    if (out >= 0 && dup2(STDERR_FILENO, STDOUT_FILENO) == STDOUT_FILENO)
        fds[1] = out;
    if (null >= 0)
        close(null);
}

static struct {
    void (*save)(void *context);
    void *context;
    pid_t pid;              /* a child that a job has forked may exit as it likes */
} setup_exit;

static void setup_on_exit(void)
{
    if (!setup_exit.save || setup_exit.pid != getpid())
        return;
    setup_exit.save(setup_exit.context);
    fflush(NULL);
    _exit(CLI_STOPPED);
}

void setup_guard_exit(void (*save)(void *context), void *context)
{
    if (save && !setup_exit.pid && atexit(setup_on_exit))
        return;
    setup_exit.save = save;
    setup_exit.context = context;
    setup_exit.pid = getpid();
}
