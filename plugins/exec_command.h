/* SPDX-License-Identifier: MIT
 *
 * The running half of the exec plugin: keep what a command prints and wait for its end. exec_start.c starts it.
 */
#ifndef PLUGINS_EXEC_COMMAND_H
#define PLUGINS_EXEC_COMMAND_H

#include "exec_start.h"

#include <stdbool.h>

struct exec_stream {
    int read_fd;
    int write_fd;           /* kept open until the command has ended, so that no end of file wakes us before */
    char *bytes;
    size_t size, capacity;
    bool truncated;
    bool failed;            /* out of memory */
};

/* 0, or -1 with errno. exec_stream_close() is due either way. */
int exec_stream_open(struct exec_stream *stream);
void exec_stream_close(struct exec_stream *stream);

/* Run the command to its end and fill the streams. 0 with the wait status, or -1 after fail(). The command is reaped in any
 * case. */
int exec_supervise(hay_task *task, const struct exec_command *command, struct exec_stream streams[2], int *status);

#endif
