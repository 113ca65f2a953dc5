/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its name is not one.
 */
#include "noop.h"

static const struct hay_function hay_plugin_functions[] = {HAY_FUNCTION(noop, "Nothing")};
HAY_PLUGIN_STRUCT("Bad name", "1", "Broken", NULL, NULL, NULL)
