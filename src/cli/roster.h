/* SPDX-License-Identifier: MIT
 *
 * SIGUSR1: which jobs run now, where, and for how long. The signal is caught for as long as a roster is open; one that was
 * ignored when the command started stays ignored. One at a time per process.
 */
#ifndef CLI_ROSTER_H
#define CLI_ROSTER_H

#include <hayfork/pool.h>

#include <ev.h>
#include <stddef.h>

/* From here on the signal ends nothing, and until roster_start() it does nothing. */
void roster_expect(void);
/* `on_signal` is called from the loop. */
void roster_start(struct ev_loop *loop, void (*on_signal)(void *context), void *context);
/* SIGUSR1 does nothing any more. */
void roster_stop(void);
/* The running jobs, oldest first, a line each: id, worker, process, age. Cut with a count of the rest. Returns the size in
 * `out`. */
size_t roster_write(const struct hay_pool *pool, char *out, size_t capacity);

#endif
