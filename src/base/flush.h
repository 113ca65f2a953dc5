/* SPDX-License-Identifier: MIT
 *
 * What stdio has buffered: written before a child is started, behind each job, and at the end of a process that does not come
 * to the end of exit().
 */
#ifndef BASE_FLUSH_H
#define BASE_FLUSH_H

#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <sys/single_threaded.h>

static inline void flush_if_free(FILE *stream)
{
    if (ftrylockfile(stream))
        return;
    fflush_unlocked(stream);
    funlockfile(stream);
}

/* What stands there behind its last newline, or all where it is fully buffered. */
static inline void flush_pending(FILE *stream)
{
    if (__fpending(stream))
        flush_if_free(stream);
}

/* What we printed comes before what the child prints. A thread that sleeps in a read or a write of stdio holds its stream's lock
 * all the while, and fflush(NULL) would wait for that one too. Where a handler interrupts a write, stdio throws away what it was
 * writing: so only the signals are let in that are to end or stop a process that waits for the reader of its output. */
static inline void flush_before_start(void)
{
    static const int heard[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGXFSZ};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < sizeof heard / sizeof heard[0]; i++)
        sigdelset(&others, heard[i]);
    pthread_sigmask(SIG_BLOCK, &others, &before);
    if (__libc_single_threaded) {
        fflush(NULL);
    } else {
        flush_if_free(stdout);
        flush_if_free(stderr);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

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
