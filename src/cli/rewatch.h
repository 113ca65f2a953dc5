/* SPDX-License-Identifier: MIT
 *
 * Watching again what the kernel refused to let the loop watch.
 */
#ifndef CLI_REWATCH_H
#define CLI_REWATCH_H

#include <ev.h>

/* In a callback, before the watcher is started again: where `events` say that it was refused, libev believes that it has it, and
 * only asks the kernel anew for one that is set anew. */
static inline void rewatch(struct ev_io *watcher, int events)
{
    if (events & EV_ERROR)
        ev_io_set(watcher, watcher->fd, watcher->events & (EV_READ | EV_WRITE));
}

#endif
