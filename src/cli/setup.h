/* SPDX-License-Identifier: MIT
 *
 * What this process has to put right before any verb runs, because it inherited it: closed standard descriptors, blocked signals,
 * a SIGCHLD that is ignored, a stdout that does not wait; and what verbs that run jobs need on top.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct hay_pool;

/* From then on, where there is no memory for an event loop or the kernel refuses what it cannot do without, the process says so
 * and ends with CLI_STOPPED. */
void setup_start(void);

/* A stream that writes to `fd`, and waits also where that is set not to. NULL when memory is out. */
FILE *setup_stream(int fd);

/* The descriptors from 3 up that were inherited: those that are open and not close-on-exec, which nothing of ours ever is.
 * Returns how many, at most `capacity`. */
size_t setup_inherited(int *fds, size_t capacity);

/* A writer's signals become errors: SIGPIPE and SIGXFSZ. */
void setup_write_errors(void);

/* Raise the soft limit of open files where this many workers need it. Returns for how many, about, it is enough. */
int setup_open_files(int workers);

/* No more jobs: end the workers, in good order; by force after 10 s, after a second signal, or with `at_once`. */
void setup_end_workers(struct hay_pool *pool, bool at_once);

/* Jobs are going to run in this process: move stdin and stdout out of their way, put /dev/null and stderr there instead.
 * `fds` receives where stdin and stdout are now; 0 and 1 as before when that failed. */
void setup_guard_stdio(int fds[2]);

/* Should a job end this process by exit() from now on, that is no success: `save` is called, says so, and the process ends with
 * CLI_STOPPED. NULL: no job runs any more. */
void setup_guard_exit(void (*save)(void *context), void *context);

#endif
