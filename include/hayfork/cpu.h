/* SPDX-License-Identifier: MIT
 *
 * How many processors there are to use; <hayfork/process.h> and <hayfork/pool.h> bring it along.
 */
#ifndef HAYFORK_CPU_H
#define HAYFORK_CPU_H

#include <hayfork/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How many processors this process may use: its affinity, cut by the cgroup's CPU quota and by HAYFORK_CPU_COUNT. At least 1. */
HAY_API int hay_cpu_count(void);

#ifdef __cplusplus
}
#endif
#endif
