/* SPDX-License-Identifier: MIT
 *
 * What the master counts, and how long each function's jobs take: the estimate that sizes the windows.
 */
#ifndef MASTER_RECORDER_H
#define MASTER_RECORDER_H

#include <hayfork/jobline.h>

#include <stdint.h>

struct recorder {
    uint64_t by_outcome[HAY_OUTCOME_COUNT];
    uint64_t started;      /* attempts begun */
    uint64_t retried;      /* attempts after the first */
    uint64_t recalled;
    uint64_t salvaged;
    uint64_t deaths;
    uint64_t restarts;
    int64_t *estimates_ns; /* by function; 0: not measured yet */
    uint32_t function_count;
};

/* 0 or -ENOMEM. */
int recorder_init(struct recorder *recorder, uint32_t function_count);
void recorder_release(struct recorder *recorder);
/* A job of this function ran so long. */
void recorder_measure(struct recorder *recorder, uint32_t function, int64_t run_ns);
/* How long the next job of this function will probably run; a cautious guess before the first was measured. */
uint32_t recorder_estimate_ns(const struct recorder *recorder, uint32_t function);

#endif
