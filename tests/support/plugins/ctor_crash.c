/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its constructor crashes.
 */
#include "noop.h"

#include <signal.h>

__attribute__((constructor)) static void construct(void)
{
    raise(SIGSEGV);
}

HAY_PLUGIN(ctor_crash, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
