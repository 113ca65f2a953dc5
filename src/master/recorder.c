/* SPDX-License-Identifier: MIT */
#include "master/recorder.h"

#include <errno.h>
#include <stdlib.h>

int recorder_init(struct recorder *recorder, uint32_t function_count)
{
    *recorder = (struct recorder){0};
    recorder->estimates_ns = calloc(function_count ? function_count : 1, sizeof *recorder->estimates_ns);
    return recorder->estimates_ns ? 0 : -ENOMEM;
}

void recorder_release(struct recorder *recorder)
{
    free(recorder->estimates_ns);
    *recorder = (struct recorder){0};
}
