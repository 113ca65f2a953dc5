/* SPDX-License-Identifier: MIT
 *
 * What a process is given before its start: ends of pipes and plain descriptors. At the start they go to the child and are
 * closed here.
 */
#ifndef PROCESS_GIFT_H
#define PROCESS_GIFT_H

#include "process/process.h"

struct gift {
    struct list node;
    const struct hay_handle *view;  /* of an object, or of `plain` */
    struct handle plain;
    int fd;
    const char *label;              /* its kind, in HAYFORK_FDS */
};

/* Is all of it still there, and can it go? Then its descriptors are in `fds`, which has 2 * process->gift_count places. */
enum hay_status gift_collect(const struct hay_process *process, int *fds, size_t *count, struct hay_error *error);
/* Started: they are no longer ours. */
void gift_close_all(struct hay_process *process);
/* Never started: they are just ours again. */
void gift_drop_all(struct hay_process *process);

#endif
