/* SPDX-License-Identifier: MIT
 *
 * What the master counts, and how long each function's jobs take: the estimate that sizes the windows.
 */
#ifndef MASTER_RECORDER_H
#define MASTER_RECORDER_H

#include "base/clock.h"

#include <hayfork/jobline.h>

#include <stdint.h>

#define RECORDER_GUESS_NS (2 * NS_PER_MS)
#define RECORDER_LONGEST_NS (2 * NS_PER_S) /* longer is no different for the window, and fits the 32 bits of a sending */

struct recorder {
    uint64_t by_outcome[HAY_OUTCOME_COUNT];
    uint64_t started;      /* attempts begun */
    uint64_t retried;      /* attempts after the first */
    uint64_t recalled;
    uint64_t salvaged;
    uint64_t deaths;
    uint64_t restarts;
    int64_t *estimates_ns; /* by function; 0: not measured yet */
};

/* 0 or -ENOMEM. */
int recorder_init(struct recorder *recorder, uint32_t function_count);
void recorder_release(struct recorder *recorder);

/* A job of this function ran so long: an exponential mean over about eight jobs. The time comes from the worker, so it is bounded
 * before it counts. */
static inline void recorder_measure(struct recorder *recorder, uint32_t function, int64_t run_ns)
{
    int64_t *estimate_ns = &recorder->estimates_ns[function];
    int64_t bounded_ns = run_ns < 1 ? 1 : run_ns > RECORDER_LONGEST_NS ? RECORDER_LONGEST_NS : run_ns;
    if (!*estimate_ns)
        *estimate_ns = bounded_ns;
    else
        *estimate_ns += (bounded_ns - *estimate_ns) / 8; /* never below 1 by this */
}

/* How long the next job of this function will probably run; a cautious guess before the first was measured. */
static inline uint32_t recorder_estimate_ns(const struct recorder *recorder, uint32_t function)
{
    int64_t estimate_ns = recorder->estimates_ns[function];
    return (uint32_t)(estimate_ns ? estimate_ns : RECORDER_GUESS_NS);
}

#endif
