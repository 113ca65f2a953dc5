/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its constructor never returns. It says so on the descriptor in HAY_TEST_HANG_FD, if there is one.
 */
#include "noop.h"

#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    const char *fd = getenv("HAY_TEST_HANG_FD");
    ssize_t written = fd ? write(atoi(fd), "h", 1) : 0;
    (void)written;
    for (;;)
        pause();
}

HAY_PLUGIN(ctor_hang, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
