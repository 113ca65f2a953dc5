/* SPDX-License-Identifier: MIT
 *
 * How a process ended, as data and as words.
 */
#ifndef PROCESS_EXIT_H
#define PROCESS_EXIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum exit_kind {
    EXIT_UNKNOWN,   /* someone else reaped it */
    EXIT_CODE,      /* value: the code */
    EXIT_SIGNAL,    /* value: the signal */
};

struct exit_status {
    enum exit_kind kind;
    int value;
    bool core_dumped;
};

struct exit_status exit_from_siginfo(const siginfo_t *info);
struct exit_status exit_from_wait_status(int wait_status);
/* "killed by SIGSEGV (core not dumped)", "exited with 3", "ended in an unknown way". Returns the length, cut at size. */
size_t exit_describe(struct exit_status status, char *text, size_t size);

#endif
