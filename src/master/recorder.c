/* SPDX-License-Identifier: MIT */
#include "master/recorder.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define GUESS_NS (500 * NS_PER_US)
#define MEASURE_LIMIT_NS (2 * NS_PER_S) /* longer is no different for the window, and fits the 32 bits of a sending */

int recorder_init(struct recorder *recorder, uint32_t function_count)
{
    *recorder = (struct recorder){.function_count = function_count};
    recorder->estimates_ns = calloc(function_count ? function_count : 1, sizeof *recorder->estimates_ns);
    return recorder->estimates_ns ? 0 : -ENOMEM;
}

void recorder_release(struct recorder *recorder)
{
    free(recorder->estimates_ns);
    *recorder = (struct recorder){0};
}

/* Exponential mean over about eight jobs. The time comes from the worker, so it is bounded before it counts. */
void recorder_measure(struct recorder *recorder, uint32_t function, int64_t run_ns)
{
    int64_t *estimate_ns = &recorder->estimates_ns[function];
    int64_t bounded_ns = run_ns < 1 ? 1 : run_ns > MEASURE_LIMIT_NS ? MEASURE_LIMIT_NS : run_ns;
    if (!*estimate_ns)
        *estimate_ns = bounded_ns;
    else
        *estimate_ns += (bounded_ns - *estimate_ns) / 8;
    if (*estimate_ns < 1)
        *estimate_ns = 1;
}

uint32_t recorder_estimate_ns(const struct recorder *recorder, uint32_t function)
{
    int64_t estimate_ns = recorder->estimates_ns[function];
    return (uint32_t)(estimate_ns ? estimate_ns : GUESS_NS);
}
