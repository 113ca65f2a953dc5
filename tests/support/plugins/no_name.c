/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: it has no name.
 */
#include "noop.h"

static const struct hay_function hay_plugin_functions[] = {HAY_FUNCTION(noop, "Nothing")};
HAY_PLUGIN_STRUCT(NULL, "1", "Broken", NULL, NULL, NULL)
