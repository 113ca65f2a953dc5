/* SPDX-License-Identifier: MIT
 *
 * A client of make's jobserver, so that a run inside `make -jN` takes part in its N and does not add to them. One slot is ours
 * anyway; each further one is a byte read from make, and exactly that byte is written back, whatever ends the run but SIGKILL.
 * Both forms are spoken: the pipe that is inherited (`R,W`) and the FIFO of make 4.4 (`fifo:PATH`). The flags of make's pipe are
 * never changed: it is opened anew.
 */
#ifndef CLI_JOBSERVER_H
#define CLI_JOBSERVER_H

#include <ev.h>
#include <stdbool.h>

struct jobserver {
    struct ev_loop *loop;       /* NULL: not open */
    struct ev_io readable;
    int most;                   /* jobs that make's -j allows in all */
    int wanted;                 /* slots beyond our own */
    void (*on_slots)(void *context);
    void *context;
};

/* Is there one? Reads MAKEFLAGS; false, and silent, where make offers none. Where it offers one that cannot be reached, that is
 * said. `on_slots` is called when jobserver_slots() has changed. */
bool jobserver_open(struct jobserver *jobserver, struct ev_loop *loop, void (*on_slots)(void *context), void *context);
/* Is make's -j 1? It makes no jobserver for that. */
bool jobserver_is_serial(void);
/* This many jobs could run now: takes slots for them as they become free, or gives back what is too much. */
void jobserver_want(struct jobserver *jobserver, int jobs);
/* Slots at hand, our own counted. */
int jobserver_slots(void);
/* Give everything back; safe in a signal handler, and in any state. A forked child has nothing to give. */
void jobserver_return(void);
/* Open or not. */
void jobserver_close(struct jobserver *jobserver);

#endif
