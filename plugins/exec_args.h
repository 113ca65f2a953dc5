/* SPDX-License-Identifier: MIT
 *
 * The args of exec.run: the command that they describe, each word, setting and descriptor looked at, and what they ask for
 * beside it. Nothing is started here.
 */
#ifndef PLUGINS_EXEC_ARGS_H
#define PLUGINS_EXEC_ARGS_H

#include "exec_start.h"

#include <stdbool.h>

struct exec_wish {
    bool base64;                /* stdout and stderr in base64 */
    bool checked;               /* a bad end is an error */
};

/* 0, or -1 after fail(); exec_command_free() is due either way. The command borrows from `args`. */
int exec_command_read(hay_task *task, json_t *args, struct exec_command *command, struct exec_wish *wish);
void exec_command_free(struct exec_command *command);

/* The stdin of commands without one is opened once for all; 0, or 1 with errno. */
int exec_open_null(void);
void exec_close_null(void);

#endif
