/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its constructor closes all descriptors but the standard ones and never returns.
 */
#include "noop.h"

#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    for (int fd = 3; fd < 4096; fd++)
        close(fd);
    for (;;)
        pause();
}

HAY_PLUGIN(ctor_closes, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
