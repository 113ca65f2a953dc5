/* SPDX-License-Identifier: MIT
 *
 * --halt and --max-fails: when a run ends before its input does. The words and their meaning are GNU parallel's. It counts one
 * final result a job: an attempt that is retried is no failure, and what was rejected or never ran is not counted at all.
 */
#ifndef CLI_HALT_H
#define CLI_HALT_H

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum halt_when { HALT_NEVER, HALT_SOON, HALT_NOW };
enum halt_why { HALT_FAIL, HALT_SUCCESS, HALT_DONE };

struct halt {
    enum halt_when when;
    enum halt_why why;
    uint64_t count;     /* how many; 0: `percent` says */
    double percent;     /* of `total`, or of what is done where the total is not known */
    uint64_t total;     /* jobs of the whole input, 0: not known */
    uint64_t failed, succeeded;
    bool reached;
};

/* "never", or "now|soon,fail|success|done=N|N%". False: it is none of these. */
bool halt_parse(struct halt *halt, const char *text);
/* --max-fails N: now, at the failure after N. */
void halt_allow_fails(struct halt *halt, uint64_t most);
/* Count a final result. True once: when the condition is met for the first time. */
bool halt_tell(struct halt *halt, enum hay_outcome outcome, uint32_t attempts);
/* A line of the input that is no job of this run: no share is taken of it. */
void halt_leave_out(struct halt *halt);
/* "3 jobs have failed": why it was reached. */
void halt_reason(const struct halt *halt, char *text, size_t capacity);

#endif
