/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its constructor leaves a daemon, in a session of its own, whose parent has ended; HAY_TEST_DAEMON names a
 * file for its number.
 */
#include "noop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((constructor)) static void leave_daemon(void)
{
    const char *path = getenv("HAY_TEST_DAEMON");
    if (!path || fork())
        return;
    if (setsid() < 0 || fork())
        _exit(0);
    FILE *file = fopen(path, "a");
    if (file) {
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
    }
    for (;;)
        pause();
}

HAY_PLUGIN(ctor_daemon, "1", "Leaves a daemon", HAY_FUNCTION(noop, "Nothing"))
