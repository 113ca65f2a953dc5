/* SPDX-License-Identifier: MIT
 *
 * A process with so many descriptors that the next has a number of FD_SETSIZE or more, which select() does not know.
 */
#ifndef TESTS_SUPPORT_DESCRIPTORS_H
#define TESTS_SUPPORT_DESCRIPTORS_H

#include "support/tap.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <unistd.h>

struct descriptors {
    struct rlimit before;
    int low[FD_SETSIZE];
    int count;
};

/* In a case. False: there cannot be so many, and it is skipped. */
static inline bool descriptors_take(struct descriptors *taken)
{
    taken->count = 0;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &taken->before), 0);
    struct rlimit raised = {taken->before.rlim_max, taken->before.rlim_max};
    if (raised.rlim_max < FD_SETSIZE + 100 || setrlimit(RLIMIT_NOFILE, &raised)) {
        tap_skip("too few descriptors to be had");
        return false;
    }
    for (int fd = -1; fd < FD_SETSIZE - 1 && (fd = fcntl(0, F_DUPFD_CLOEXEC, 3)) >= 0;)
        taken->low[taken->count++] = fd;
    return true;
}

static inline void descriptors_give_back(struct descriptors *taken)
{
    while (taken->count > 0)
        close(taken->low[--taken->count]);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &taken->before), 0);
}

#endif
