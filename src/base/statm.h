/* SPDX-License-Identifier: MIT
 *
 * How much memory a process has, as /proc tells it. Zeros where it tells nothing.
 */
#ifndef BASE_STATM_H
#define BASE_STATM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Has /proc our numbers? Not where it is missing, or that of another PID namespace. */
bool statm_is_ours(void);

struct statm {
    uint64_t mapped_bytes, resident_bytes;
};

/* 0: of this process, also where /proc has other numbers than ours. */
struct statm statm_read(pid_t pid);

#endif
