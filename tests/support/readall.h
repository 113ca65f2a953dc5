/* SPDX-License-Identifier: MIT
 *
 * What a test reads back of a pipe.
 */
#ifndef TESTS_SUPPORT_READALL_H
#define TESTS_SUPPORT_READALL_H

#include <errno.h>
#include <unistd.h>

/* The bytes read: fewer than `size` only at the end of file or after an error. */
static inline ssize_t read_all(int fd, void *bytes, size_t size)
{
    size_t got = 0;
    for (ssize_t n = 1; got < size && (n > 0 || (n < 0 && errno == EINTR)); got += n > 0 ? (size_t)n : 0)
        n = read(fd, (char *)bytes + got, size - got);
    return (ssize_t)got;
}

#endif
