/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its constructor writes to each pipe that it finds, as if it were the process that loads it: an answer that
 * is no table, or with LIE=endless one that never ends.
 */
#include "noop.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

__attribute__((constructor)) static void construct(void)
{
    static const uint32_t lies[2][4] = {{8, 0, UINT32_MAX, UINT32_MAX}, {UINT32_MAX, 0, 0, 0}};
    const char *lie = getenv("LIE");
    const uint32_t *bytes = lies[lie && !strcmp(lie, "endless")];
    struct stat status;
    signal(SIGPIPE, SIG_DFL);
    for (int fd = 3; fd < 4096; fd++)
        if (fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)))
            while (write(fd, bytes, sizeof lies[0]) > 0 && bytes == lies[1])
                continue;
}

HAY_PLUGIN(ctor_lies, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
