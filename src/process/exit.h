/* SPDX-License-Identifier: MIT
 *
 * How a process ended, as data and as words: the public type and its two functions are in <hayfork/process.h>.
 */
#ifndef PROCESS_EXIT_H
#define PROCESS_EXIT_H

#include <hayfork/process.h>

#include <signal.h>

struct hay_exit exit_from_siginfo(const siginfo_t *info);
struct hay_exit exit_from_wait_status(int wait_status);

#endif
