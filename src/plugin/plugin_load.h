/* SPDX-License-Identifier: MIT
 *
 * Loading plugins into this process: a worker, a checking child, or a program that runs its jobs inline. Their constructors run
 * here; a process that must outlive them does not call this.
 */
#ifndef PLUGIN_PLUGIN_LOAD_H
#define PLUGIN_PLUGIN_LOAD_H

#include "plugin/registry.h"

#include <hayfork/error.h>

/* Find (plugin_find), check, load and register one plugin. What is loaded stays loaded for the life of the process, also after
 * a failure. Returns 0, or -errno with `error` filled: HAY_EPLUGIN with one line for each way in which a plugin can be broken,
 * or HAY_ENOMEM. On failure the registry is as before. */
int plugin_load(const char *name_or_path, struct registry *registry, struct hay_error *error);

/* Build in the empty `registry` what `table` lists, with code: its plugins loaded from their paths, its own functions taken over,
 * all in the same order. Fails as plugin_load() does, and when a plugin has other functions now than when `table` was made. */
int plugin_load_all(const struct registry *table, struct registry *registry, struct hay_error *error);

#endif
