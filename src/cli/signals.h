/* SPDX-License-Identifier: MIT
 *
 * SIGINT and SIGTERM as events of a loop. The first asks to stop, the second to hurry; one past `limit` acts at once as
 * if nobody had caught it. A signal that was ignored when the command started (nohup, a background job) stays ignored.
 * One at a time per process.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <ev.h>

/* `on_signal` is called from the loop, with the number of signals so far. */
void signals_start(struct ev_loop *loop, int limit, void (*on_signal)(void *context, int count), void *context);
/* How many came, and the first of them; cheap enough to ask between jobs. */
int signals_count(void);
int signals_first(void);
/* Back to the default dispositions. */
void signals_stop(void);
/* End this process by a signal, so that whoever waits sees it; never returns. */
__attribute__((noreturn))
void signals_raise(int number);

#endif
