/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: a function without code.
 */
#include <hayfork/plugin.h>

HAY_PLUGIN(no_run, "1", "Broken", {"noop", "Nothing", NULL, NULL})
