/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its start in a worker never ends.
 */
#include "noop.h"

#include <unistd.h>

static int start(void)
{
    while (pause() < 0)
        ;
    return 0;
}

HAY_PLUGIN_HOOKS(start_hangs, "1", "Broken", start, 0, 0, HAY_FUNCTION(noop, "Nothing"))
