/* SPDX-License-Identifier: MIT */
#include "master/straggler.h"

#include "base/clock.h"

#include <poll.h>
#include <stdlib.h>

#define LOOK_NS NS_PER_S

struct straggler {
    struct list link;
    struct child child;
};

void straggler_keep(struct list *stragglers, struct child *child)
{
    struct straggler *straggler = malloc(sizeof *straggler);
    if (!straggler) {
        child_reap(child, 0); /* it stays on the table until we end */
        return;
    }
    straggler->child = *child;
    *child = CHILD_NONE;
    list_push_tail(stragglers, &straggler->link);
}

/* Also where its tracer keeps the end from us. */
static bool has_ended(const struct child *child)
{
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
    return poll(&ended, 1, 0) > 0;
}

static void forget(struct straggler *straggler, int patience_ms)
{
    list_remove(&straggler->link);
    child_reap(&straggler->child, patience_ms);
    free(straggler);
}

int64_t straggler_tick(struct list *stragglers, int64_t now_ns)
{
    struct hay_exit status;
    for (struct list *at = stragglers->next, *next; at != stragglers; at = next) {
        struct straggler *straggler = LIST_ITEM(at, struct straggler, link);
        next = at->next;
        if (child_wait(&straggler->child, false, &status) != 0)
            forget(straggler, 0);
    }
    return list_empty(stragglers) ? TIME_NEVER : now_ns + LOOK_NS;
}

void straggler_release(struct list *stragglers)
{
    int64_t deadline_ns = clock_deadline_ns(CHILD_PATIENCE_MS);
    while (!list_empty(stragglers)) {
        struct straggler *straggler = LIST_ITEM(stragglers->next, struct straggler, link);
        forget(straggler, has_ended(&straggler->child) ? clock_left_ms(deadline_ns) : 0);
    }
}
