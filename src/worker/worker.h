/* SPDX-License-Identifier: MIT
 *
 * The child side: reads frames, claims, runs, writes results. Blocking and single-threaded, with no event loop.
 *
 * Guarantee: the next job is claimed only after the last result is published, in the outbox or whole in the pipe; so at most
 * one claimed job lacks a result, whenever the worker dies. Finished results leave when the input is dry, the outbox is half
 * full or 1 ms has passed.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "ipc/ledger.h"
#include "plugin/registry.h"

#include <hayfork/pool.h>

struct worker_setup {
    struct ledger *ledger;
    int fd;                         /* the pipe to the master */
    int index;                      /* the slot */
    uint64_t max_result_bytes;
    const struct registry *table;   /* what to load, and the program's own hooks */
    struct hay_limits limits;       /* set before anything is loaded */
};

/* Runs until STOP or until the master is gone. Returns the exit code: see worker_exit. */
int worker_main(const struct worker_setup *setup);

#endif
