/* SPDX-License-Identifier: MIT
 *
 * The running half of the exec plugin: keep what a command prints and wait for its end. exec_start.c starts it.
 */
#ifndef PLUGINS_EXEC_COMMAND_H
#define PLUGINS_EXEC_COMMAND_H

#include "exec_start.h"
#include "exec_stream.h"

/* Run the command to its end and fill the streams. 0 with the wait status, or -1 after fail(). The command is reaped in any
 * case. */
int exec_supervise(hay_task *task, const struct exec_command *command, struct exec_stream streams[2], int *status);

#endif
