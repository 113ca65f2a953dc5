/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: it refuses to start in a worker.
 */
#include "noop.h"

static int start(void)
{
    return 5;
}

HAY_PLUGIN_HOOKS(start_fails, "1", "Broken", start, 0, 0, HAY_FUNCTION(noop, "Nothing"))
