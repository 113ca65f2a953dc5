/* SPDX-License-Identifier: MIT */
#include "cli/jobs.h"
#include "cli/say.h"

#include <hayfork/pool.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS_LOOK_S 1.0 /* where the kernel cannot tell of changes, as on network file systems */
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
    else if (!sign && !*end && number >= 1 && number <= JOBS_MAX)
        wanted = number;
    else
        return false;
    *workers = wanted < 1 ? 1 : wanted > JOBS_MAX ? JOBS_MAX : (int)wanted;
    return true;
}

bool jobs_read(const char *path, int *workers)
{
    char text[64];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    int failure = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        say("cannot read '%s': %s", path, strerror(failure));
        return false;
    }
    text[n] = '\0';
    size_t from = strspn(text, " \t");
    text[from + strcspn(text + from, " \t\r\n")] = '\0';
    if (jobs_parse(text + from, hay_cpu_count(), workers))
        return true;
    say("'%s' does not hold a number of jobs: N, N%%, +N or -N", path);
    return false;
}

static void jobs_on_stat(struct ev_loop *loop, struct ev_stat *watcher, int events)
{
    struct jobs_file *file = watcher->data;
    int workers;
    (void)loop, (void)events;
    if (watcher->attr.st_nlink && jobs_read(file->path, &workers))
        file->on_change(file->context, workers);
}

void jobs_watch(struct jobs_file *file, struct ev_loop *loop, const char *path, void (*on_change)(void *context, int workers),
                void *context)
{
    *file = (struct jobs_file){ .path = path, .on_change = on_change, .context = context };
    ev_stat_init(&file->changed, jobs_on_stat, path, JOBS_LOOK_S);
    file->changed.data = file;
    ev_stat_start(loop, &file->changed);
    ev_unref(loop);
}

void jobs_unwatch(struct jobs_file *file, struct ev_loop *loop)
{
    if (!file->path)
        return;
    ev_ref(loop);
    ev_stat_stop(loop, &file->changed);
    file->path = NULL;
}
