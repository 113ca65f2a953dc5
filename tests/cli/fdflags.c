/* SPDX-License-Identifier: MIT
 *
 * For shell tests: "blocking" or "non-blocking" for descriptors 0 and 1 of this process, on stderr. The flags belong to the open
 * file, so this sees what another process that shared it has left behind.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
    for (int fd = 0; fd < 2; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0)
            return EXIT_FAILURE;
        fprintf(stderr, "%sblocking\n", flags & O_NONBLOCK ? "non-" : "");
    }
    return EXIT_SUCCESS;
}
