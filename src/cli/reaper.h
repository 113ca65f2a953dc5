/* SPDX-License-Identifier: MIT
 *
 * Ends what jobs leave behind. The command is a child subreaper, so a process that a job started and that outlives its own
 * parent becomes a child of the command, as a daemon does at once. The job may still use it: the reaper kills it when the job
 * has ended that ran when it was first seen, in the worker whose process group it is in; in a group of its own, when all have.
 * Workers, which are the pool's, children that this process had before it became hayfork, and what is in its own process group,
 * where no job is, are left alone. Where such children may leave orphans of their own, and for the first process of a container,
 * to which any orphan comes, nothing is killed: better something is left behind than a stranger hurt.
 */
#ifndef CLI_REAPER_H
#define CLI_REAPER_H

#include <hayfork/pool.h>

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Times are numbers of sweeps: a clock that people set would make jobs older or younger than what they started. */
struct reaper_orphan {
    pid_t pid;
    uint64_t seen;          /* first */
};

struct reaper_worker {
    pid_t pid;
    uint64_t job;           /* that runs there; 0: none */
    uint64_t since;         /* when it was first seen there; UINT64_MAX: none */
};

struct reaper {
    struct ev_loop *loop;   /* NULL: not started, or stopped */
    struct ev_timer timer;
    bool started;
    const struct hay_pool *pool;
    pid_t *inherited;       /* children from before, sorted */
    size_t inherited_count;
    bool is_sure;           /* every orphan that comes to us is of our making */
    struct reaper_orphan *orphans; /* that live on for their jobs, sorted by pid */
    size_t orphan_count;
    struct reaper_worker *workers; /* as they were at the last sweep, sorted by pid */
    size_t worker_count;
    uint64_t sweeps;
};

/* Before anything is forked. From now on orphans of what is forked become children of this process, unless it has some from
 * before. */
void reaper_init(struct reaper *reaper);
/* Once a second from now on. */
void reaper_start(struct reaper *reaper, struct ev_loop *loop, const struct hay_pool *pool);
/* The pool is about to be freed. */
void reaper_stop(struct reaper *reaper);
/* Kill and reap until nothing is left, for two seconds at most; while no worker and no job is there. */
void reaper_clear(struct reaper *reaper);
/* The same where it was started, and release it. */
void reaper_finish(struct reaper *reaper);

#endif
