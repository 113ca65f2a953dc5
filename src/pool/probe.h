/* SPDX-License-Identifier: MIT
 *
 * Checks a plugin by loading it in a throw-away child, and brings its table of functions home. Whatever the plugin does there,
 * the caller gets the table or one line that says what is wrong, within PROBE_LIMIT_MS.
 */
#ifndef POOL_PROBE_H
#define POOL_PROBE_H

#include "plugin/registry.h"

#include <hayfork/error.h>

#define PROBE_LIMIT_MS 10000

/* Append the plugin's functions, without code, to the registry. Blocking. On failure the registry is as before. */
enum hay_status probe_plugin(const char *name, struct registry *registry, struct hay_error *error);

#endif
