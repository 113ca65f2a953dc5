/* SPDX-License-Identifier: MIT
 *
 * --load and --memfree: start no more jobs while the machine has too much to do or too little memory. It looks once a second,
 * and calls back when its mind changes; what runs is left alone.
 */
#ifndef CLI_THROTTLE_H
#define CLI_THROTTLE_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct throttle {
    double load_max;            /* of the last minute; 0: none */
    uint64_t memory_least;      /* available bytes; 0: none */
    struct ev_timer look;
    void (*on_change)(void *context, bool held);
    void *context;
    bool held;
    const char *why;            /* while held: what holds it up */
};

/* "2.5", or "90%" of the CPUs. */
bool throttle_parse_load(const char *text, int cpus, double *load);
/* Looks at once: `held` says what came of it. */
void throttle_start(struct throttle *throttle, struct ev_loop *loop, void (*on_change)(void *context, bool held), void *context);
void throttle_stop(struct throttle *throttle, struct ev_loop *loop);

#endif
