/* SPDX-License-Identifier: MIT
 *
 * Ends what workers leave behind. The command is a child subreaper, so a process that a plugin started and that outlives its
 * worker becomes a child of the command; the reaper kills and reaps it. Workers, which are the pool's, and children that this
 * process had before it became hayfork are left alone.
 */
#ifndef CLI_REAPER_H
#define CLI_REAPER_H

#include <hayfork/pool.h>

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct reaper {
    struct ev_loop *loop;   /* NULL: not started */
    struct ev_timer timer;
    bool started;
    const struct hay_pool *pool;
    pid_t *inherited;       /* children from before, sorted */
    size_t inherited_count;
};

/* Before anything is forked. */
void reaper_init(struct reaper *reaper);
/* Once a second from now on. */
void reaper_start(struct reaper *reaper, struct ev_loop *loop, const struct hay_pool *pool);
/* The pool is about to be freed. */
void reaper_stop(struct reaper *reaper);
/* Kill and reap until nothing is left, for two seconds at most; after the pool and its workers are gone. */
void reaper_finish(struct reaper *reaper);

#endif
