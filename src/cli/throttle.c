/* SPDX-License-Identifier: MIT */
#include "cli/throttle.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THROTTLE_LOOK_S 1.0

bool throttle_parse_load(const char *text, int cpus, double *load)
{
    char *end;
    size_t digits = strspn(text, "0123456789.");
    if (!digits || (text[digits] && strcmp(text + digits, "%")))
        return false;
    double value = strtod(text, &end);
    if (end == text || !(value > 0) || value > 1e6)
        return false;
    if (!strcmp(end, "%"))
        value = value / 100 * cpus;
    else if (*end)
        return false;
    *load = value;
    return true;
}

static bool throttle_read(const char *path, char *text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, capacity - 1);
    close(fd);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

/* What cannot be read holds nothing up. */
static bool throttle_is_loaded(const struct throttle *throttle)
{
    char text[128];
    return throttle->load_max > 0 && throttle_read("/proc/loadavg", text, sizeof text) && strtod(text, NULL) > throttle->load_max;
}

static bool throttle_is_short(const struct throttle *throttle)
{
    char text[4096];
    if (!throttle->memory_least || !throttle_read("/proc/meminfo", text, sizeof text))
        return false;
    const char *at = strstr(text, "MemAvailable:");
    return at && strtoull(at + strlen("MemAvailable:"), NULL, 10) * 1024 < throttle->memory_least;
}

static void throttle_on_look(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    struct throttle *throttle = watcher->data;
    bool loaded = throttle_is_loaded(throttle), held = loaded || throttle_is_short(throttle);
    (void)loop, (void)events;
    throttle->why = loaded ? "the load is above --load" : "less memory is free than --memfree";
    if (held == throttle->held)
        return;
    throttle->held = held;
    throttle->on_change(throttle->context, held);
}

void throttle_start(struct throttle *throttle, struct ev_loop *loop, void (*on_change)(void *context, bool held), void *context)
{
    throttle->on_change = on_change;
    throttle->context = context;
    throttle->held = false;
    ev_timer_init(&throttle->look, throttle_on_look, THROTTLE_LOOK_S, THROTTLE_LOOK_S);
    throttle->look.data = throttle;
    if (throttle->load_max <= 0 && !throttle->memory_least)
        return;
    throttle_on_look(loop, &throttle->look, 0);
    ev_timer_start(loop, &throttle->look);
    ev_unref(loop);
}

void throttle_stop(struct throttle *throttle, struct ev_loop *loop)
{
    if (!ev_is_active(&throttle->look))
        return;
    ev_ref(loop);
    ev_timer_stop(loop, &throttle->look);
}
