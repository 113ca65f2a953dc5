/* SPDX-License-Identifier: MIT
 *
 * Who this process is, and its running children. One per process; a fork makes a new, empty one at the first look. At exit,
 * of the process that has children and nobody else, it ends the daemons and joins the others; where there are other threads it
 * only waits for them. Guarded by a lock, because programs may be started from any thread.
 */
#ifndef PROCESS_FAMILY_H
#define PROCESS_FAMILY_H

#include "process/process.h"

/* The next name for a child, "Process-1" or "Process-1:2", into PROCESS_NAME_SIZE bytes. */
void family_name_child(char *name);
void family_add(struct hay_process *process);
void family_remove(struct hay_process *process);
/* In a forked child: from now on we are `name` (PROCESS_NAME_SIZE bytes), a child of `parent`. Whoever started it sees to it that
 * exit() calls family_end(). */
void family_be_child(const char *name, pid_t parent);
/* The same for a pool's worker, whose exit() goes by what is registered in it alone. */
void family_be_worker(int index, pid_t pool);
/* The end of this process in good order: daemons are ended, others joined. */
void family_end(void);

#endif
