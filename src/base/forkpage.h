/* SPDX-License-Identifier: MIT
 *
 * A page of memory that the kernel wipes in each child at its fork: what stands there is known to be of this very process,
 * without a system call to ask. It is made once, by whichever thread is first, and stays for the life of the process.
 */
#ifndef BASE_FORKPAGE_H
#define BASE_FORKPAGE_H

#include <stdatomic.h>

/* The page that `*page` points to, made where it is NULL; all zero at first and after each fork. NULL: there is none. */
void *forkpage_get(_Atomic(void *) *page);

#endif
