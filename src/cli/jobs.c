/* SPDX-License-Identifier: MIT */
#include "cli/jobs.h"
#include "cli/say.h"

#include <hayfork/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS_LOOK_S 1.0
#define JOBS_DIGITS 9

static bool jobs_number(const char *text, long *number, const char **end)
{
    size_t digits = strspn(text, "0123456789");
    if (!digits || digits > JOBS_DIGITS)
        return false;
    *number = strtol(text, NULL, 10);
    *end = text + digits;
    return true;
}

bool jobs_parse(const char *text, int cpus, int *workers)
{
    const char *end;
    long number, wanted;
    char sign = *text == '+' || *text == '-' ? *text : '\0';
    if (!jobs_number(text + (sign != '\0'), &number, &end))
        return false;
    if (sign && !*end)
        wanted = sign == '+' ? cpus + number : cpus - number;
    else if (!sign && !strcmp(end, "%"))
        wanted = (long)(((long long)cpus * number + 50) / 100);
    else if (!sign && !*end && number >= 1 && number <= HAY_POOL_MAX_WORKERS)
        wanted = number;
    else
        return false;
    *workers = wanted < 1 ? 1 : wanted > HAY_POOL_MAX_WORKERS ? HAY_POOL_MAX_WORKERS : (int)wanted;
    return true;
}

/* NULL, or what is wrong; `failure` is 0 or an errno. */
static const char *jobs_load(const char *path, int *workers, int *failure)
{
    char text[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    *failure = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return "cannot be read";
    *failure = 0;
    text[n] = '\0';
    size_t from = strspn(text, " \t"), end = from + strcspn(text + from, "\r\n");
    while (end > from && strchr(" \t", text[end - 1]))
        end--;
    text[end] = '\0';
    return jobs_parse(text + from, hay_cpu_count(), workers) ? NULL : "does not hold a number of jobs: N, N%, +N or -N";
}

static void jobs_say(const char *path, const char *fault, int failure)
{
    say("'%s' %s%s%s", path, fault, failure ? ": " : "", failure ? strerror(failure) : "");
}

bool jobs_read(const char *path, int *workers)
{
    int failure;
    const char *fault = jobs_load(path, workers, &failure);
    if (fault)
        jobs_say(path, fault, failure);
    return !fault;
}

static void jobs_on_look(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct jobs_file *file = watcher->data;
    int workers, failure, looks = file->bad_looks;
    (void)loop, (void)events;
    const char *fault = jobs_load(file->path, &workers, &failure);
    file->bad_looks = fault ? looks + (looks < 2) : 0;
    if (fault && looks == 1)
        jobs_say(file->path, fault, failure);
    if (fault || workers == file->workers)
        return;
    file->workers = workers;
    file->on_change(file->context, workers);
}

void jobs_watch(struct jobs_file *file, struct ev_loop *loop, const char *path, int workers,
                void (*on_change)(void *context, int workers), void *context)
{
    *file = (struct jobs_file){ .path = path, .workers = workers, .on_change = on_change, .context = context };
    ev_timer_init(&file->look, jobs_on_look, JOBS_LOOK_S, JOBS_LOOK_S);
    file->look.data = file;
    ev_timer_start(loop, &file->look);
    ev_unref(loop);
}

void jobs_unwatch(struct jobs_file *file, struct ev_loop *loop)
{
    if (!file->path)
        return;
    ev_ref(loop);
    ev_timer_stop(loop, &file->look);
    file->path = NULL;
}
