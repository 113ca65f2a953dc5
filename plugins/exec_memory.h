/* SPDX-License-Identifier: MIT
 *
 * Whether the kernel was killing processes for lack of memory while a command ran. Nobody but the kernel knows which; so this is
 * for messages, and says "probably".
 */
#ifndef PLUGINS_EXEC_MEMORY_H
#define PLUGINS_EXEC_MEMORY_H

#include <stdbool.h>

/* Before a command: so many it has killed by now. Counted once a second at most. */
void exec_memory_note(void);
/* Behind it, with its wait status: did it end by SIGKILL, or as a shell whose command did, and has the kernel killed since? */
bool exec_memory_was_short(int status);

#endif
