/* SPDX-License-Identifier: MIT
 *
 * Exit hooks that tell on a descriptor whose they are.
 */
#ifndef UNIT_PROCESS_EXIT_HOOKS_H
#define UNIT_PROCESS_EXIT_HOOKS_H

#include <unistd.h>

static int hook_fd = -1;

static void parents_hook(void)
{
    ssize_t n = write(hook_fd, "P", 1);
    (void)n;
}

static void childs_hook(void)
{
    ssize_t n = write(hook_fd, "C", 1);
    (void)n;
}

#endif
