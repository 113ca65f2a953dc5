/* SPDX-License-Identifier: MIT
 *
 * The handler only counts and wakes the loop; ev_async_send() may be called there. Handlers are installed without SA_RESTART, and
 * workers reset them after the fork. In a child that has them still, which a job has forked under --inline, they end it as they
 * end any process.
 */
#include "cli/signals.h"
#include "cli/jobserver.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

static const int signals_numbers[] = { SIGINT, SIGTERM };
#define SIGNALS_COUNT (sizeof signals_numbers / sizeof signals_numbers[0])

static struct {
    pid_t pid;                  /* whose signals these are */
    struct ev_loop *loop;
    struct ev_async wake;
    struct ev_prepare look;     /* for where the kernel could not watch what `wake` wakes by: the signal itself did */
    int told;
    volatile sig_atomic_t count, first;
    int limit;
    bool caught[SIGNALS_COUNT];
    void (*on_signal)(void *context, int count);
    void *context;
} signals;

/* By the signal itself; for the first process of a container, which no signal of its own can end, with the code of that. */
_Noreturn static void signals_die(int number)
{
    sigset_t set;
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    raise(number);
    _exit(128 + number);
}

static void signals_handle(int number)
{
    int saved = errno;
    if (getpid() != signals.pid)
        signals_die(number);
    if (!signals.first)
        signals.first = number;
    signals.count++;
    if (signals.count > signals.limit) {
        jobserver_return();
        signals_die(number);
    }
    ev_async_send(signals.loop, &signals.wake);
    errno = saved;
}

static void signals_tell(void)
{
    int count = signals.count;
    if (count == signals.told)
        return;
    signals.told = count;
    signals.on_signal(signals.context, count);
}

static void signals_on_wake(struct ev_loop *loop, struct ev_async *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
    signals_tell();
}

static void signals_on_look(struct ev_loop *loop, struct ev_prepare *watcher, int events)
{
    (void)loop, (void)watcher, (void)events;
    signals_tell();
}

void signals_start(struct ev_loop *loop, int limit, void (*on_signal)(void *context, int count), void *context)
{
    signals.pid = getpid();
    signals.loop = loop;
    signals.count = signals.first = signals.told = 0;
    signals.limit = limit;
    signals.on_signal = on_signal;
    signals.context = context;
    ev_async_init(&signals.wake, signals_on_wake);
    ev_async_start(loop, &signals.wake);
    ev_prepare_init(&signals.look, signals_on_look);
    ev_prepare_start(loop, &signals.look);
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        struct sigaction action = { .sa_handler = signals_handle }, old;
        sigfillset(&action.sa_mask); /* the first one is the first that is noted */
        if (sigaction(signals_numbers[i], NULL, &old) || old.sa_handler == SIG_IGN)
            continue;
        signals.caught[i] = !sigaction(signals_numbers[i], &action, NULL);
    }
}

int signals_count(void)
{
    return signals.count;
}

int signals_first(void)
{
    return signals.first;
}

void signals_stop(void)
{
    if (!signals.loop)
        return;
    for (size_t i = 0; i < SIGNALS_COUNT; i++) {
        if (signals.caught[i])
            signal(signals_numbers[i], SIG_DFL);
        signals.caught[i] = false;
    }
    ev_async_stop(signals.loop, &signals.wake);
    ev_prepare_stop(signals.loop, &signals.look);
    signals.loop = NULL;
}

void signals_raise(int number)
{
    fflush(NULL);
    signals_die(number);
}
