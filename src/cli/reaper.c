/* SPDX-License-Identifier: MIT
 *
 * Children are read from /proc/self/task/PID/children (kernels without that file: nothing is adopted knowingly, nothing is
 * killed). The list and the pool's list of workers cannot disagree: both are read by the one thread that forks. Only processes
 * killed here are waited for, by number.
 */
#include "cli/reaper.h"
#include "cli/bytes.h"
#include "cli/now.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAPER_PERIOD_S 1.0
#define REAPER_FINISH_NS INT64_C(2000000000)

/* Of pids, and of structures that begin with one. */
static int reaper_compare(const void *a, const void *b)
{
    pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
    return (left > right) - (left < right);
}

/* The whole file, or what could be read of it, in one malloc'ed text, or NULL. */
static char *reaper_read_list(void)
{
    char path[64];
    struct bytes text = { .at = NULL };
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    bytes_read(&text, fd, SIZE_MAX);
    close(fd);
    bytes_put(&text, "", 1);
    if (text.failed)
        bytes_release(&text);
    return text.at;
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

static const void *reaper_find(pid_t pid, const void *array, size_t count, size_t size)
{
    return count ? bsearch(&pid, array, count, size, reaper_compare) : NULL;
}

/* Since which sweep the job runs there that is running now. */
static uint64_t reaper_since(const struct reaper *reaper, pid_t pid, uint64_t job)
{
    const struct reaper_worker *known = reaper_find(pid, reaper->workers, reaper->worker_count, sizeof *known);
    return !job ? UINT64_MAX : known && known->job == job ? known->since : reaper->sweeps;
}

/* Look at the workers anew. False: there is no memory for that. */
static bool reaper_look(struct reaper *reaper)
{
    /* Every place that there is: a pool that was made smaller has workers beyond its number, until their jobs have ended. */
    struct hay_worker worker;
    int places = 0;
    while (hay_pool_worker(reaper->pool, places, &worker))
        places++;
    struct reaper_worker *workers = malloc(((size_t)places + 1) * sizeof *workers);
    size_t count = 0;
    if (!workers)
        return false;
    for (int i = 0; i < places && hay_pool_worker(reaper->pool, i, &worker); i++)
        if (worker.pid > 0)
            workers[count++] = (struct reaper_worker){ worker.pid, worker.job, reaper_since(reaper, worker.pid, worker.job) };
    qsort(workers, count, sizeof *workers, reaper_compare);
    free(reaper->workers);
    reaper->workers = workers;
    reaper->worker_count = count;
    return true;
}

/* Since which sweep the oldest job runs that may need this process. */
static uint64_t reaper_needed(const struct reaper *reaper, pid_t pid)
{
    const struct reaper_worker *own = reaper_find(getpgid(pid), reaper->workers, reaper->worker_count, sizeof *own);
    uint64_t oldest = UINT64_MAX;
    if (own)
        return own->since;
    for (size_t i = 0; i < reaper->worker_count; i++)
        if (reaper->workers[i].since < oldest)
            oldest = reaper->workers[i].since;
    return oldest;
}

/* Is it a child that jobs cannot have left behind? */
static bool reaper_is_spared(const struct reaper *reaper, pid_t pid)
{
    return reaper_find(pid, reaper->workers, reaper->worker_count, sizeof *reaper->workers) || getpgid(pid) == getpgrp() ||
           reaper_find(pid, reaper->inherited, reaper->inherited_count, sizeof *reaper->inherited);
}

/* Kill and reap once what no job needs; returns such a process that has not ended yet, or 0. */
static pid_t reaper_sweep(struct reaper *reaper, bool *any)
{
    size_t child_count, kept = 0;
    pid_t left = 0;
    *any = false;
    reaper->sweeps++;
    pid_t *children = reaper_children(&child_count);
    struct reaper_orphan *orphans = child_count && reaper_look(reaper) ? malloc(child_count * sizeof *orphans) : NULL;
    for (size_t i = 0; orphans && i < child_count; i++) {
        pid_t pid = children[i];
        if (reaper_is_spared(reaper, pid))
            continue;
        const struct reaper_orphan *known = reaper_find(pid, reaper->orphans, reaper->orphan_count, sizeof *known);
        uint64_t seen = known ? known->seen : reaper->sweeps;
        bool is_needed = !reaper->is_sure || reaper_needed(reaper, pid) <= seen;
        if (!is_needed)
            kill(pid, SIGKILL);
        *any |= !is_needed;
        if (waitpid(pid, NULL, WNOHANG) != 0)
            continue;
        if (is_needed)
            orphans[kept++] = (struct reaper_orphan){ pid, seen };
        else
            left = pid;
    }
    if (orphans || !child_count) {
        free(reaper->orphans);
        reaper->orphans = orphans;
        reaper->orphan_count = kept;
    }
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
    reaper->is_sure = !reaper->inherited_count && getpid() != 1;
    prctl(PR_SET_CHILD_SUBREAPER, (unsigned long)reaper->is_sure, 0, 0, 0);
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

/* Wait for a killed process: by its pidfd, a tenth of a second at most; where there is none, a hundredth. */
static void reaper_wait(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    poll(&wait, 1, fd < 0 ? 10 : 100);
    if (fd >= 0)
        close(fd);
}

void reaper_clear(struct reaper *reaper)
{
    bool any = true;
    int64_t end_ns = now_ns() + REAPER_FINISH_NS;
    while (any && now_ns() < end_ns) {
        pid_t left = reaper_sweep(reaper, &any);
        if (left)
            reaper_wait(left);
    }
}

void reaper_finish(struct reaper *reaper)
{
    reaper_stop(reaper);
    if (reaper->started)
        reaper_clear(reaper);
    free(reaper->inherited);
    free(reaper->orphans);
    free(reaper->workers);
    *reaper = (struct reaper){ .loop = NULL };
}
