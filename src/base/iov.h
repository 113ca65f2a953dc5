/* SPDX-License-Identifier: MIT
 *
 * What is left of a message of which a part has been sent.
 */
#ifndef BASE_IOV_H
#define BASE_IOV_H

#include <stddef.h>
#include <sys/socket.h>

/* Leave out the first `size` bytes, which are no more than there are. The vectors are changed. */
static inline void iov_advance(struct msghdr *message, size_t size)
{
    while (message->msg_iovlen && size >= message->msg_iov->iov_len) {
        size -= message->msg_iov->iov_len;
        message->msg_iov++;
        message->msg_iovlen--;
    }
    if (message->msg_iovlen) {
        message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + size;
        message->msg_iov->iov_len -= size;
    }
}

#endif
