/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its constructor leaves the process with code 3.
 */
#include "noop.h"

#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    _exit(3);
}

HAY_PLUGIN(ctor_exit, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
