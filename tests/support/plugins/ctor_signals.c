/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: whoever loads it sends SIGUSR1 to its parent. The one that tries it out is the command's child.
 */
#include "noop.h"

#include <signal.h>
#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    kill(getppid(), SIGUSR1);
}

HAY_PLUGIN(ctor_signals, "1", "Signals its parent", HAY_FUNCTION(noop, "Nothing"))
