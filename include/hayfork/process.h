/* SPDX-License-Identifier: MIT
 *
 * Processes: run a function, or another program, in a child of its own.
 *
 *     struct hay_process *child = hay_process_new(work, &input, NULL, &error);
 *     hay_process_give(child, hay_pipe_handle(their_end), &error);
 *     hay_process_start(child, &error);
 *     ...
 *     hay_process_join(child, -1, &how, &error);
 *     hay_process_free(child);
 *
 * The child begins clean: default signal handlers and an empty mask, standard input from /dev/null, output and error as they
 * were, and no descriptor but these and what it was given. It ends by return from its function, or by exit(), whose exit
 * hooks are the child's own: the parent's never run there. stdio is flushed before the fork and at the child's end; before a
 * program is started by a process with threads, stdout and stderr are, unless another thread is using them. Other threads that
 * the child made end with it.
 *
 * At exit() the process that made them first ends the streams of its pipes, then ends its daemons (SIGTERM, and SIGKILL a
 * second later) and joins its other children for as long as they take; where it has had other threads, which may have a process
 * in hand at that moment, it waits for them and reaps none. Nothing of that happens after _exit() or a fatal
 * signal, except that daemons die even then. A child does the same for its own children.
 *
 * A process object belongs to the process that made it and to one thread at a time; elsewhere its calls return HAY_ESTATE, but
 * hay_process_free() frees the copy. Only children that were started here are ever waited for. If other code takes the status
 * (waitpid(-1), SIGCHLD ignored, libev's default loop), the end is still seen, and is HAY_EXIT_UNKNOWN. Semantics follow
 * Python's multiprocessing.Process where they can. Timeouts are in milliseconds: -1 for ever, 0 not at all.
 */
#ifndef HAYFORK_PROCESS_H
#define HAYFORK_PROCESS_H

#include <hayfork/cpu.h>
#include <hayfork/error.h>
#include <hayfork/wait.h>

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct hay_process;

/* Zero means the default everywhere. */
struct hay_process_options {
    const char *name;   /* copied, under 128 bytes; NULL: "Process-1", and "Process-1:2" for a child of that */
    bool daemon;        /* ended with its parent, more exactly with the thread that started it, whatever ends that, unless it
                         * changes its user or group by then (prctl(2), PR_SET_PDEATHSIG); else joined at the parent's exit */
    bool own_group;     /* in a process group of its own (no Ctrl-C from the terminal); signals from here then go to all of it */
    char *const *env;   /* hay_process_new_exec() only, copied: the environment; NULL: the caller's at the start */
    const char *cwd;    /* the same, copied: the working directory, from which a `path` with a slash counts; NULL: the caller's */
};

enum hay_exit_kind {
    HAY_EXIT_NONE,      /* not started, or still running */
    HAY_EXIT_CODE,      /* value: the exit code, 0 to 255 */
    HAY_EXIT_SIGNAL,    /* value: the signal that killed it */
    HAY_EXIT_UNKNOWN    /* ended, but other code took the status */
};

struct hay_exit {
    enum hay_exit_kind kind;
    int value;
    bool core_dumped;
};

/* Python's view in one number: the code, or minus the signal. INT_MIN: neither is known. */
HAY_API int hay_exit_code(const struct hay_exit *how);
/* "exited with 3", "killed by SIGSEGV (core not dumped)" ... Always terminated; returns the length, cut at `size`. */
HAY_API size_t hay_exit_text(const struct hay_exit *how, char *text, size_t size);

/* A child that will run `run(arg)` and exit with what it returns (its low 8 bits). Nothing runs until the start. `arg` is not
 * copied: it has to be good at the start; the child has its own copy of all memory. A child that cannot be set up (no /dev/null,
 * no descriptor left) exits with 126 instead. Ownership: hay_process_free(). */
HAY_API struct hay_process *hay_process_new(int (*run)(void *arg), void *arg, const struct hay_process_options *options,
                                            struct hay_error *error);
/* A child that will run another program, which a process with threads may start too. `path` without a slash is looked up in
 * PATH; `argv` ends with NULL; both are copied. What it is given has the descriptors 3, 4, 5 ... in that order; the program
 * takes them with hay_pipe_given() and hay_process_given_fd(), or reads HAYFORK_FDS ("3:pipe,4:fd"; good when HAYFORK_PID is
 * its own). */
HAY_API struct hay_process *hay_process_new_exec(const char *path, char *const *argv, const struct hay_process_options *options,
                                                 struct hay_error *error);

/* Pass the end of a pipe, or a plain descriptor from 3 up, to the child. When it has started, the copy here is closed. Only
 * before the start, each thing to one child; after a failed start it is still here. The object of a pipe remains and is freed
 * here, after the start. A descriptor is known by its file: two of one file, or two eventfds and the like, are not told apart.
 * Errors: HAY_ESTATE (started, given before, closed), HAY_EINVAL (not a pipe or descriptor; the plain descriptor of an object,
 * whose handle is to be given instead; a queue needs no giving), HAY_ENOMEM. */
HAY_API enum hay_status hay_process_give(struct hay_process *process, const struct hay_handle *handle, struct hay_error *error);

/* Start it, once. Errors: HAY_ETHREADS (this process has more than one thread, so it may not fork; start a program instead);
 * HAY_ESTATE (started before, made by another process, a thing that was given is closed, or its number another file's);
 * HAY_EBUSY (a pipe for a program holds messages in memory, or an unsent rest, which the program could not get); HAY_ESYSTEM:
 * fork failed, or the program cannot be run, with the reason. After a failure it may be tried again. */
HAY_API enum hay_status hay_process_start(struct hay_process *process, struct hay_error *error);

/* Wait for the end. HAY_OK: ended, `how` (may be NULL) is filled; as often as you like. HAY_ETIMEDOUT: still running.
 * HAY_ESTATE: not started, or no child of this process. */
HAY_API enum hay_status hay_process_join(struct hay_process *process, int timeout_ms, struct hay_exit *how,
                                         struct hay_error *error);
/* How it ended, or kind HAY_EXIT_NONE. Never blocks. */
HAY_API struct hay_exit hay_process_exit(struct hay_process *process);
/* Is it running? False also before the start. Never blocks. */
HAY_API bool hay_process_alive(struct hay_process *process);

/* Send a signal; HAY_OK without doing anything when it has ended. HAY_ESTATE before the start, HAY_EINVAL: no such signal. */
HAY_API enum hay_status hay_process_signal(struct hay_process *process, int signal_number, struct hay_error *error);
/* SIGINT, SIGKILL. */
HAY_API enum hay_status hay_process_interrupt(struct hay_process *process, struct hay_error *error);
HAY_API enum hay_status hay_process_kill(struct hay_process *process, struct hay_error *error);
/* SIGTERM (and SIGCONT), up to `grace_ms` for it to end (-1: for ever), then SIGKILL, and join. With 0 there is no grace at
 * all: use it as kill and join. Blocking: the grace and the kernel's time to end a process. HAY_ETIMEDOUT: it survives
 * SIGKILL for 10 s, stuck in the kernel. */
HAY_API enum hay_status hay_process_terminate(struct hay_process *process, int grace_ms, struct hay_error *error);

/* For hay_wait(). NULL for NULL. */
HAY_API struct hay_handle *hay_process_handle(struct hay_process *process);
/* Readable when it has ended, also after the join; -1 before the start. It stays the object's. */
HAY_API int hay_process_fd(const struct hay_process *process);
/* 0 before the start. */
HAY_API pid_t hay_process_pid(const struct hay_process *process);
/* Never NULL. Valid until the free. */
HAY_API const char *hay_process_name(const struct hay_process *process);
/* HAY_EBUSY, and nothing freed, while it runs: join or terminate it first. NULL is fine. */
HAY_API enum hay_status hay_process_free(struct hay_process *process);

/* The running children that this process started, in order of start, at most `capacity` of them in `children` (NULL: only
 * count). Returns how many there are. Takes the status of those that have ended, so no other thread may use a process object
 * meanwhile. */
HAY_API size_t hay_active_children(struct hay_process **children, size_t capacity);

/* The name of the calling process: its process object's, "PoolWorker-1" and so on in a pool's workers, or "MainProcess". */
HAY_API const char *hay_current_name(void);
/* Readable when the process that started this one has ended. Opened at the first call, and the library's. -1: HAY_ESTATE,
 * nobody started this one with hay_process_start() or as a pool's worker; or HAY_ESYSTEM. */
HAY_API int hay_parent_fd(struct hay_error *error);
/* Does the process that started this one still run? False also where hay_parent_fd() has HAY_ESTATE. */
HAY_API bool hay_parent_alive(void);
/* In a program that was started by hay_process_new_exec(): the plain descriptor given as number `index`, from 0;
 * close-on-exec from now on and the caller's. -1: HAY_EUNKNOWN (no such number, or a pipe: hay_pipe_given()), HAY_ESTATE
 * (taken before). */
HAY_API int hay_process_given_fd(int index, struct hay_error *error);

#ifdef __cplusplus
}
#endif
#endif
