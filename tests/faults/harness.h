/* SPDX-License-Identifier: MIT
 *
 * Runs the command as a user would and looks at it from outside: start, wait with a deadline, /proc, and TAP lines.
 * A test program of this folder is the subreaper of everything that the command leaves behind, so nothing can hide: after the
 * command has ended, any child that this process still has is an orphan, or a zombie that the command did not reap.
 */
#ifndef FAULTS_HARNESS_H
#define FAULTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* ---- TAP ---- */

/* Print one test line. */
__attribute__((format(printf, 2, 3))) void report(bool ok, const char *format, ...);
/* Print a line that explains. Returns false, so that `return note(...)` reads well. */
__attribute__((format(printf, 1, 2))) bool note(const char *format, ...);
/* Print the plan; the value for main() to return. */
int report_end(void);

/* ---- time ---- */

int64_t now_ns(void);
int64_t elapsed_ms(int64_t since_ns);
/* Is this a build with sanitizers? Memory cannot be judged there and all is slower. */
bool sanitized(void);
/* A limit so generous that only a hang passes it. */
int patience_ms(void);
/* A short nap inside a loop that waits for a condition. */
void nap(void);

/* ---- a run of the command ---- */

struct run {
    pid_t pid;             /* of the master, because libtool's wrapper execs */
    int pidfd;
    char marker[48];       /* stands in the environment of all its processes */
    int64_t started_ns;
};

struct run_io {
    int in, out, err;
};

/* Call first in main(): becomes subreaper, checks the environment. */
bool harness_init(void);
/* Start $HAYFORK with these arguments, split at spaces; `environment` holds NAME=value strings up to a NULL, or is NULL. */
bool run_start(struct run *run, const char *arguments, const struct run_io *io, const char *const *environment);
/* The exit code as a shell shows it, 128 + n for a signal; -1 when it did not end in time and was killed. */
int run_wait(struct run *run, int timeout_ms);
/* Nothing is left of a run that has ended: no process, no zombie. Else says what, kills it, and returns false. */
bool run_left_nothing(const struct run *run);
/* Poll until every process of the run is gone; how long it took, or -1 after `timeout_ms`. Reaps what it inherits. */
int64_t run_await_gone(const struct run *run, int timeout_ms);
/* Processes of the run that live, found by the marker, the master included. Fills up to `capacity` pids. */
size_t run_processes(const struct run *run, pid_t *pids, size_t capacity);

/* ---- /proc ---- */

size_t process_children(pid_t pid, pid_t *pids, size_t capacity);
char process_state(pid_t pid, pid_t *parent);  /* '\0' when there is none */
bool process_is_named(pid_t pid, const char *name);
int process_fds(pid_t pid);
long process_rss_kib(pid_t pid);
int open_process(pid_t pid);                   /* pidfd_open() */
int signal_process(int pidfd, int number);     /* pidfd_send_signal() */

/* ---- files without names ---- */

FILE *scratch_open(void);
/* Flush, and set it to its beginning. Its descriptor. */
int scratch_rewind(FILE *scratch);
/* All of a file, terminated; NULL without memory. The caller frees it. */
char *read_all(int fd, size_t *size);
/* Complain about what sanitizers print, and show the end of stderr when `show`. True when there was nothing. */
bool stderr_is_clean(int fd, bool show);

#endif
