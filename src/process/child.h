/* SPDX-License-Identifier: MIT
 *
 * One forked child: start, watch, signal, peek, reap. The child is set up before its code runs: own process group, death
 * signal SIGKILL should the parent die, default signal dispositions and an empty mask, stdin from /dev/null, no descriptor but
 * those it was given and those that every child keeps (base/handle.h), and no exit hook of the parent's. A child is signalled
 * only while it is unreaped, so a number is never used twice by mistake. Leaves the event loop to others: `pidfd` becomes
 * readable when the child has ended.
 */
#ifndef PROCESS_CHILD_H
#define PROCESS_CHILD_H

#include "process/exit.h"

#include <hayfork/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#define CHILD_EXIT_NOT_SET_UP 126 /* its standard descriptors could not be had: /dev/null could not be opened */

struct child {
    pid_t pid;   /* 0: none */
    int pidfd;   /* -1: none */
};
#define CHILD_NONE ((struct child){0, -1})

struct child_setup {
    int (*run)(void *arg);  /* its return value becomes the exit code, by _exit */
    void *arg;
    int out_fd;             /* becomes 1 and 2; negative: /dev/null for 1, 2 stays */
    int *keep;              /* descriptors that the child keeps */
    size_t keep_count;
    void (*end)(void);      /* at exit(), behind the child's own hooks and a flush of stdio; may be NULL */
};

enum child_flag {
    CHILD_OWN_GROUP = 1u << 0,
    CHILD_DIES_WITH_PARENT = 1u << 1,   /* or, more exactly, with the thread that started it */
    CHILD_KEEPS_OUTPUT = 1u << 2,       /* 1 and 2 stay what they are in the parent; out_fd is not looked at */
    CHILD_HAS_NO_TERMINAL = 1u << 3,    /* /dev/tty cannot be opened, where a group in the background would be stopped for ever */
};

/* Fork. Signals are blocked across it and stdio is flushed before. HAY_ETHREADS in a process with more than one thread,
 * after a look of 20 ms whether the others were joined and are about to go. */
enum hay_status child_start(struct child *child, struct child_setup *setup, struct hay_error *error);
/* The same with these enum child_flag only; child_start() has all but CHILD_KEEPS_OUTPUT. */
enum hay_status child_fork(struct child *child, struct child_setup *setup, unsigned flags, struct hay_error *error);
/* In a child, of the parent with this number: is it dead? From a PID namespace of our own (unshare(2)) it is not seen: false. */
static inline bool child_is_orphan(pid_t parent)
{
    pid_t now = getppid();
    return now && now != parent;
}
/* For the child side of other ways to start; async-signal-safe. Default dispositions and an empty mask. */
void child_reset_signals(void);
/* 0 from /dev/null; 1 and 2 from out_fd as in child_setup, or as they are. False: errno tells why. */
bool child_set_standard_fds(int out_fd, bool keep_output);
/* Has it ended? 1 with the status filled and the child still unreaped, 0 when it runs, -errno when other code reaped it. */
int child_peek(const struct child *child, struct hay_exit *status);
/* Take it off the process table as soon as it has ended, in one call; the pidfd stays open. As child_peek(), but after 1 it
 * is reaped. */
int child_wait(struct child *child, bool block, struct hay_exit *status);
/* Take it off the process table and close the pidfd. Call it after child_peek() said that it ended, or SIGKILL: it waits as long
 * for that at most, or for a tracer, which comes first. */
void child_reap(struct child *child, int patience_ms);
#define CHILD_PATIENCE_MS 1000
/* To the child alone. 0, also when it has ended, or -errno. */
int child_signal(const struct child *child, int signal_number);
/* As child_signal_all(), but only if it is unreaped, which keeps its number from others. */
void child_signal_group(const struct child *child, int signal_number);
/* To the group that it was started in, and to itself if it has left that. It must be unreaped. 0 or -errno. */
int child_signal_all(const struct child *child, int signal_number);
/* How much memory it has resident, shared pages included; 0 when that cannot be known. */
uint64_t child_resident_bytes(const struct child *child);

#endif
