/* SPDX-License-Identifier: MIT */
#ifndef BASE_OOM_H
#define BASE_OOM_H

#include <stdint.h>

/* How many processes the kernel has killed for lack of memory so far, in all cgroups; 0 where it does not tell. */
uint64_t oom_kills(void);
/* When it has to kill for lack of memory, let the kernel prefer this process, and what it starts, by half of all memory. Where
 * /proc does not let us, nothing changes. */
void oom_volunteer(void);

#endif
