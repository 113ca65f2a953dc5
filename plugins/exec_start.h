/* SPDX-License-Identifier: MIT
 *
 * How a command of the exec plugin starts: with default signal dispositions, an empty mask, descriptors 0 to 2 and those that it
 * is to keep, in the directory and environment that it asks for. It stays in the worker's process group, so it gets the signals
 * that the host sends there, and dies with the worker. What it prints, and its end, are exec_command.c's.
 */
#ifndef PLUGINS_EXEC_START_H
#define PLUGINS_EXEC_START_H

#include <hayfork/plugin_json.h>

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct exec_command {
    char **argv;            /* its first slot is kept free for the shell of a script that names none */
    char **envp;            /* NULL: ours */
    char **settings;        /* the "NAME=value" texts that envp borrows */
    char **owned;           /* the words that argv borrows, where they had to be decoded */
    const char *cwd;        /* NULL: stay */
    const char *shown;      /* the command's name in messages */
    int stdin_fd;
    int *kept;              /* descriptors of ours that the command has too */
    size_t kept_count;
    int output_fds[2];      /* where stdout and stderr go, or -1: they are kept */
    int lock_fd;            /* they go there in whole lines, under this lock; -1: straight */
    char *tag;              /* NULL, or in front of each of those lines; no string */
    size_t tag_size;
    size_t max_output;      /* of each stream; what is over it is discarded */
    const char *spool;      /* NULL, or where files for long output go: the start of their names */
};

/* Start the command: its pid, with its pidfd, or -1 after fail(). Returns when the command runs or has failed to. The descriptors
 * are above 2. */
pid_t exec_spawn(hay_task *task, const struct exec_command *command, const int output_fds[2], int *pidfd);

/* As open() and its kin give a descriptor, but above 2, so that dup2() in the child never meets a source that it has already
 * replaced. */
int exec_above_stdio(int fd);
void exec_close(int *fd);
/* Room for so many bytes, at least doubled where there is less. 0 or errno, and then all stays as it was. */
int exec_reserve(char **bytes, size_t *capacity, size_t size);
/* Write all of it at the end of a file, which has `before` bytes. 0 or errno; to write more than files may have, also one in
 * memory, would be SIGXFSZ, and the end of the worker: that is EFBIG here. */
int exec_write(int fd, size_t before, const char *bytes, size_t size);
/* execve() writes to none of its strings; its prototype is older than const. */
char *exec_writable(const char *text);
/* On the monotonic clock. */
int64_t exec_now_ms(void);

#endif
