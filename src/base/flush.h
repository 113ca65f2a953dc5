/* SPDX-License-Identifier: MIT
 *
 * What stdio has buffered, written at the end of a process that does not come to the end of exit().
 */
#ifndef BASE_FLUSH_H
#define BASE_FLUSH_H

#include <stdio.h>
#include <sys/single_threaded.h>

/* With threads as exit() itself does it, without waiting for locks: a thread that sleeps in a read of stdio holds its stream's
 * lock, and fflush() would wait for it for ever. */
static inline void flush_at_end(void)
{
    if (__libc_single_threaded)
        fflush_unlocked(NULL); /* which is fflush(NULL), but nearer to its helpers: mostly one page fault less */
    else
        fcloseall();
}

#endif
