/* SPDX-License-Identifier: MIT
 *
 * What stdio has buffered, written at the end of a process that does not come to the end of exit().
 */
#ifndef BASE_FLUSH_H
#define BASE_FLUSH_H

#include <stdio.h>
#include <stdio_ext.h>
#include <sys/single_threaded.h>

/* No call waits for the lock of a stream any more. A new stream leads to all others; without memory for it, stderr to the
 * standard ones. */
static inline void flush_forget_locks(void)
{
    FILE *first = fmemopen(NULL, 1, "r");
    for (FILE *at = first ? first : stderr; at; at = at->_chain)
        __fsetlocking(at, FSETLOCKING_BYCALLER);
}

/* With threads it waits for no lock: a thread that sleeps in a read of stdio holds its stream's lock, and fflush() would wait
 * for it for ever; since glibc 2.41 at the latest, fcloseall() and exit() too. */
static inline void flush_at_end(void)
{
    if (__libc_single_threaded) {
        fflush_unlocked(NULL); /* which is fflush(NULL), but nearer to its helpers: mostly one page fault less */
        return;
    }
    flush_forget_locks();
    fcloseall();
}

#endif
