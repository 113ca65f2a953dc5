/* SPDX-License-Identifier: MIT
 *
 * For tests of child_start(): run a child to its end, with a limit, and say how it ended.
 */
#ifndef UNIT_PROCESS_CHILD_FIXTURE_H
#define UNIT_PROCESS_CHILD_FIXTURE_H

#include "base/clock.h"
#include "process/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#define LIMIT_MS 30000

static inline bool ends_in_time(const struct child *child)
{
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    int n;
    do
        n = poll(&ended, 1, clock_left_ms(deadline_ns));
    while (n < 0 && errno == EINTR);
    return n == 1;
}

/* Run to the end; its code, -signal, or -1000 for anything else. */
static inline int run_child(struct child_setup *setup)
{
    struct child child;
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    if (child_start(&child, setup, NULL))
        return -1000;
    bool ended = ends_in_time(&child);
    if (!ended)
        child_signal(&child, SIGKILL);
    int peeked = ended ? child_peek(&child, &status) : 0;
    child_reap(&child, CHILD_PATIENCE_MS);
    if (peeked != 1)
        return -1000;
    return status.kind == HAY_EXIT_CODE ? status.value : status.kind == HAY_EXIT_SIGNAL ? -status.value : -1000;
}

#endif
