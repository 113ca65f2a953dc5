/* SPDX-License-Identifier: MIT */
#ifndef BASE_OOM_H
#define BASE_OOM_H

#include <stdint.h>

/* How many processes the kernel has killed for lack of memory so far, in all cgroups; 0 where it does not tell. */
uint64_t oom_kills(void);

#endif
