/* SPDX-License-Identifier: MIT
 *
 * Start another program as a child, safely also in a process with threads: between the clone and the exec only
 * async-signal-safe calls run, on a stack of their own, in memory shared with the caller, who is asleep. So it costs no copy
 * of the caller's page tables, and a failed exec is an errno here.
 */
#ifndef PROCESS_SPAWN_H
#define PROCESS_SPAWN_H

#include "process/process.h"

/* Runs process->path; what it was given, the descriptors of `setup` in the order of the gifts, gets the numbers 3, 4, 5 ...,
 * which are written over them. Nothing else of `setup` counts. `flags`: enum child_flag. */
enum hay_status spawn_program(struct child *child, const struct hay_process *process, const struct child_setup *setup,
                              unsigned flags, struct hay_error *error);

#endif
