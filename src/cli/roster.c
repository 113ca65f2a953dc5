/* SPDX-License-Identifier: MIT
 *
 * The handler only wakes the loop; workers reset it after the fork. Who runs what comes from what the workers have said
 * already, so asking costs them nothing and cannot hang.
 */
#include "cli/roster.h"
#include "cli/now.h"
#include "cli/say.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define ROSTER_LINES 64
#define ROSTER_LINE_MAX 200

static struct {
    struct ev_loop *loop;
    struct ev_async wake;
    bool caught;
    void (*on_signal)(void *context);
    void *context;
} roster;

static void roster_handle(int number)
{
    int saved = errno;
    (void)number;
    ev_async_send(roster.loop, &roster.wake);
    errno = saved;
}

static void roster_wait(int number)
{
    (void)number;
}

/* A handler, and not SIG_IGN: what is started meanwhile does not inherit it. */
static bool roster_catch(void (*handle)(int number))
{
    struct sigaction action = { .sa_handler = handle, .sa_flags = SA_RESTART }, old;
    sigemptyset(&action.sa_mask);
    return !sigaction(SIGUSR1, NULL, &old) && old.sa_handler != SIG_IGN && !sigaction(SIGUSR1, &action, NULL);
}

void roster_expect(void)
{
    roster_catch(roster_wait);
}

static void roster_on_wake(struct ev_loop *loop, struct ev_async *watcher, int events)
{
    (void)loop;
    (void)watcher;
    (void)events;
    roster.on_signal(roster.context);
}

void roster_start(struct ev_loop *loop, void (*on_signal)(void *context), void *context)
{
    roster.loop = loop;
    roster.on_signal = on_signal;
    roster.context = context;
    ev_async_init(&roster.wake, roster_on_wake);
    ev_async_start(loop, &roster.wake);
    roster.caught = roster_catch(roster_handle);
}

void roster_stop(void)
{
    if (!roster.loop)
        return;
    if (roster.caught)
        signal(SIGUSR1, SIG_IGN);
    roster.caught = false;
    ev_async_stop(roster.loop, &roster.wake);
    roster.loop = NULL;
}

struct roster_line {
    int64_t start_ns;
    int worker;
};

static int roster_older(const void *a, const void *b)
{
    const struct roster_line *left = a, *right = b;
    return (left->start_ns > right->start_ns) - (left->start_ns < right->start_ns);
}

/* Take a line among the oldest. */
static void roster_keep(struct roster_line *lines, size_t *count, struct roster_line line)
{
    if (*count < ROSTER_LINES) {
        lines[(*count)++] = line;
        return;
    }
    size_t youngest = 0;
    for (size_t i = 1; i < *count; i++)
        if (lines[i].start_ns > lines[youngest].start_ns)
            youngest = i;
    if (line.start_ns < lines[youngest].start_ns)
        lines[youngest] = line;
}

size_t roster_write(const struct hay_pool *pool, char *out, size_t capacity)
{
    struct roster_line lines[ROSTER_LINES];
    struct hay_worker worker;
    size_t count = 0, running = 0, size = 0;
    for (int i = 0; hay_pool_worker(pool, i, &worker); i++) {
        if (!worker.job)
            continue;
        running++;
        roster_keep(lines, &count, (struct roster_line){ worker.job_start_ns, i });
    }
    qsort(lines, count, sizeof lines[0], roster_older);
    int64_t wall_ns = now_wall_ns();
    for (size_t i = 0; i < count && capacity - size > ROSTER_LINE_MAX; i++) {
        char id[64];
        if (!hay_pool_worker(pool, lines[i].worker, &worker) || !worker.job)
            continue;
        double age_s = (double)(wall_ns - worker.job_start_ns) / 1e9;
        say_escape(id, sizeof id, worker.job_id.at, worker.job_id.at ? worker.job_id.size : 0);
        int n = snprintf(out + size, capacity - size, "  job %s for %.3f s on worker %d, process %ld\n", id,
                         age_s > 0 ? age_s : 0.0, lines[i].worker, (long)worker.pid);
        size += n > 0 && (size_t)n < capacity - size ? (size_t)n : 0;
    }
    if (running > count && capacity - size > ROSTER_LINE_MAX) {
        int n = snprintf(out + size, capacity - size, "  and %zu younger\n", running - count);
        size += n > 0 ? (size_t)n : 0;
    }
    return size;
}
