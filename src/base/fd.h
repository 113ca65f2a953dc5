/* SPDX-License-Identifier: MIT
 *
 * File descriptors: pairs out of the way of stdio, whole writes that never leak EINTR, and moving and closing in bulk.
 * Internal convention: 0 (or a descriptor) or -errno.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

/* Close unless negative, and make it -1. */
void fd_close(int *fd);
/* All of it, waiting where the descriptor blocks. 0 or -errno. */
int fd_write_all(int fd, const void *bytes, size_t size);
int fd_set_nonblocking(int fd);
/* Not one of 0 to 2, which a child replaces: moved up to 3 or more, close-on-exec, where it is one. 0 or -errno. */
int fd_raise(int *fd);
/* Open /dev/null under each number from 0 to 2 that is free, so that what is opened next gets none of them: how many, to be
 * closed behind it. */
int fd_fill_low(int low[3]);
/* The two ends of a stream socket pair, or of a pipe (read, write): both 3 or more, close-on-exec. 0; or -errno, and both -1. */
int fd_open_pair(int ends[2]);
int fd_open_pipe(int ends[2]);
/* Move to a high number, close-on-exec, the old one closed: out of the way of code that guesses small numbers. New fd or
 * -errno. */
int fd_move_high(int fd);
/* Close everything from 3 up but the `count` descriptors of `keep` (any order, negative ones ignored). Async-signal-safe. */
void fd_close_all_but(const int *keep, size_t count);

#endif
