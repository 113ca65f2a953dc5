/* SPDX-License-Identifier: MIT
 *
 * The ends of a pool: closed and run dry, terminated, or broken down. Whichever it is, each accepted job gets its result
 * first. The calls for the pool are in master.h.
 */
#ifndef MASTER_SHUTDOWN_H
#define MASTER_SHUTDOWN_H

struct master;

/* Stop the pool: nothing works any more. What was accepted becomes skipped. */
void shutdown_break(struct master *master, const char *reason);
/* Report that, once the last of what was accepted has come back. */
void shutdown_tell_broken(struct master *master);
/* A closed pool with nothing pending needs its workers no more. */
void shutdown_stop_idle(struct master *master);

#endif
