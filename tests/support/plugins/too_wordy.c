/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: what it says of itself is longer than anybody reads.
 */
#include "noop.h"

#include <string.h>

static char summary[70000];

__attribute__((constructor)) static void construct(void)
{
    memset(summary, 'w', sizeof summary - 1);
}

HAY_PLUGIN(too_wordy, "1", summary, HAY_FUNCTION(noop, "Nothing"))
