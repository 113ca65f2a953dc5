/* SPDX-License-Identifier: MIT
 *
 * Plugins and functions as the command line names them. Faults have been said on stderr when a call here reports one.
 */
#ifndef CLI_FUNCTIONS_H
#define CLI_FUNCTIONS_H

#include "cli/options.h"

#include <hayfork/pool.h>

#include <stdbool.h>
#include <stddef.h>

/* Load what -p named and, for `function` (may be NULL), its plugin where -p has not brought it; then configure what --config
 * named, as PLUGIN=JSON or PLUGIN=@FILE. `*index` receives the function's index, -1 for none. CLI_OK, CLI_USAGE (no such
 * function; what a configuration is not), CLI_INPUT (a configuration's file), CLI_PLUGIN or CLI_STOPPED. */
int functions_load(struct hay_pool *pool, const struct option_list *plugins, const struct option_list *configs,
                   const char *function, int *index);

/* Load one. CLI_OK, CLI_PLUGIN or CLI_STOPPED. What the check of it has left running is ended. */
int functions_load_plugin(struct hay_pool *pool, const char *plugin);

/* Why a line is rejected that names no function, where the command line does not either. */
#define FUNCTIONS_NONE "no function: the line has no \"fn\", and there is no -f"
/* Why `name` is not the name of a function. */
void functions_explain(const struct hay_pool *pool, const char *name, size_t size, char *text, size_t capacity);

#endif
