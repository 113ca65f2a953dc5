/* SPDX-License-Identifier: MIT
 *
 * Tells a process from its children, for objects that work only where they were made. getpid() would do, but is a system call;
 * this costs a load: the word lies in a page that the kernel wipes in every child, however that was made.
 */
#ifndef BASE_OWNER_H
#define BASE_OWNER_H

#include <stdint.h>

/* The same value for the life of this process, another one in any child. Never 0. */
uint64_t owner_token(void);

#endif
