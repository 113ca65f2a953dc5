/* SPDX-License-Identifier: MIT
 *
 * Children are read from /proc/self/task/PID/children (kernels without that file: nothing is adopted knowingly, nothing is
 * killed). The list and the pool's list of workers cannot disagree: both are read by the one thread that forks. Only processes
 * killed here are waited for, by number.
 */
#include "cli/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAPER_PERIOD_S 1.0
#define REAPER_FINISH_MS 2000

static int reaper_compare(const void *a, const void *b)
{
    pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
    return (left > right) - (left < right);
}

/* The whole file in one malloc'ed text, or NULL. */
static char *reaper_read_list(void)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    char *text = NULL;
    size_t size = 0, capacity = 0;
    for (;;) {
        if (capacity - size < 2048) {
            char *larger = realloc(text, capacity += 8192);
            if (!larger)
                break;
            text = larger;
        }
        ssize_t n = read(fd, text + size, capacity - size - 1);
        if (n > 0) {
            size += (size_t)n;
        } else if (!n || errno != EINTR) {
            text[size] = '\0';
            close(fd);
            return text;
        }
    }
    free(text);
    close(fd);
    return NULL;
}

/* All children of this process, sorted; the caller frees them. */
static pid_t *reaper_children(size_t *count)
{
    *count = 0;
    char *text = reaper_read_list();
    if (!text)
        return NULL;
    size_t most = 0;
    for (const char *at = text; *at; at++)
        most += *at == ' ';
    pid_t *pids = malloc((most + 1) * sizeof *pids);
    char *at = text, *end;
    for (long pid; pids && *count <= most && (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
        pids[(*count)++] = (pid_t)pid;
    free(text);
    if (pids)
        qsort(pids, *count, sizeof *pids, reaper_compare);
    return pids;
}

static pid_t *reaper_workers(const struct hay_pool *pool, size_t *count)
{
    /* Every place that there is: a pool that was made smaller has workers beyond its number, until their jobs have ended. */
    struct hay_worker worker;
    int places = 0;
    while (hay_pool_worker(pool, places, &worker))
        places++;
    pid_t *pids = malloc(((size_t)places + 1) * sizeof *pids);
    *count = 0;
    for (int i = 0; pids && i < places; i++) {
        pid_t pid = hay_pool_worker_pid(pool, i);
        if (pid > 0)
            pids[(*count)++] = pid;
    }
    if (pids)
        qsort(pids, *count, sizeof *pids, reaper_compare);
    return pids;
}

static bool reaper_has(const pid_t *pids, size_t count, pid_t pid)
{
    return count && bsearch(&pid, pids, count, sizeof *pids, reaper_compare);
}

/* Kill and reap once; returns a process that has not ended yet, or 0. */
static pid_t reaper_sweep(const struct reaper *reaper, bool *any)
{
    size_t child_count, worker_count = 0;
    pid_t left = 0;
    *any = false;
    pid_t *children = reaper_children(&child_count);
    pid_t *workers = child_count ? reaper_workers(reaper->pool, &worker_count) : NULL;
    for (size_t i = 0; workers && i < child_count; i++) {
        pid_t pid = children[i];
        if (reaper_has(workers, worker_count, pid) || reaper_has(reaper->inherited, reaper->inherited_count, pid))
            continue;
        *any = true;
        kill(pid, SIGKILL);
        if (waitpid(pid, NULL, WNOHANG) == 0)
            left = pid;
    }
    free(workers);
    free(children);
    return left;
}

static void reaper_on_timer(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    bool any;
    (void)loop;
    (void)events;
    reaper_sweep(watcher->data, &any);
}

void reaper_init(struct reaper *reaper)
{
    *reaper = (struct reaper){ .loop = NULL };
    reaper->inherited = reaper_children(&reaper->inherited_count);
}

void reaper_start(struct reaper *reaper, struct ev_loop *loop, const struct hay_pool *pool)
{
    reaper->loop = loop;
    reaper->started = true;
    reaper->pool = pool;
    ev_timer_init(&reaper->timer, reaper_on_timer, REAPER_PERIOD_S, REAPER_PERIOD_S);
    reaper->timer.data = reaper;
    ev_timer_start(loop, &reaper->timer);
}

void reaper_stop(struct reaper *reaper)
{
    if (reaper->loop)
        ev_timer_stop(reaper->loop, &reaper->timer);
    reaper->loop = NULL;
    reaper->pool = NULL;
}

/* Wait for a killed process, a tenth of a second at most: by its pidfd, or where there are none just that long. */
static void reaper_wait(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, fd < 0 ? 10 : 100) < 0)
        errno = 0;
    if (fd >= 0)
        close(fd);
}

static int64_t reaper_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

void reaper_finish(struct reaper *reaper)
{
    bool any = true;
    int64_t end_ms = reaper_now_ms() + REAPER_FINISH_MS;
    reaper_stop(reaper);
    while (reaper->started && any && reaper_now_ms() < end_ms) {
        pid_t left = reaper_sweep(reaper, &any);
        if (left)
            reaper_wait(left);
    }
    free(reaper->inherited);
    *reaper = (struct reaper){ .loop = NULL };
}
