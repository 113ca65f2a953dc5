/* SPDX-License-Identifier: MIT
 *
 * Who this process is, and its running children. One per process; a fork makes a new, empty one at the first look. At exit,
 * of the process that has children and nobody else, it ends the daemons and joins the others. Guarded by a lock, because
 * programs may be started from any thread.
 */
#ifndef PROCESS_FAMILY_H
#define PROCESS_FAMILY_H

#include "process/process.h"

/* The next name for a child, "Process-1" or "Process-1:2". */
void family_name_child(char *name, size_t size);
void family_add(struct hay_process *process);
void family_remove(struct hay_process *process);
/* In a forked child: from now on we are `name` (PROCESS_NAME_SIZE bytes), a child of `parent`. At exit() its own children are
 * ended behind the hooks that it makes. */
void family_be_child(const char *name, pid_t parent);

#endif
