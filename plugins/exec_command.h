/* SPDX-License-Identifier: MIT
 *
 * The running half of the exec plugin: start a command, keep what it prints, wait for its end. exec.c reads the args and makes
 * the result.
 */
#ifndef PLUGINS_EXEC_COMMAND_H
#define PLUGINS_EXEC_COMMAND_H

#include <hayfork/plugin_json.h>

#include <stdbool.h>
#include <stddef.h>
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
    size_t max_output;      /* of each stream; what is over it is discarded */
};

struct exec_stream {
    int read_fd;
    int write_fd;           /* kept open until the command has ended, so that no end of file wakes us before */
    char *bytes;
    size_t size, capacity;
    bool truncated;
    bool failed;            /* out of memory */
};

/* As open() and its kin give a descriptor, but above 2, so that dup2() in the child never meets a source that it has already
 * replaced. */
int exec_above_stdio(int fd);
void exec_close(int *fd);
/* execve() writes to none of its strings; its prototype is older than const. */
char *exec_writable(const char *text);

/* 0, or -1 with errno. exec_stream_close() is due either way. */
int exec_stream_open(struct exec_stream *stream);
void exec_stream_close(struct exec_stream *stream);

/* Run the command to its end and fill the streams. 0 with the wait status, or -1 after fail(). The command is reaped in any
 * case. */
int exec_supervise(hay_task *task, const struct exec_command *command, struct exec_stream streams[2], int *status);

#endif
