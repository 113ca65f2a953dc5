/* SPDX-License-Identifier: MIT
 *
 * The table of faults: one line each. See table.c.
 */
#ifndef FAULTS_TABLE_H
#define FAULTS_TABLE_H

#include <stddef.h>

enum fault_flags {
    /* The fault reaches beyond its own job: results finished but not delivered are spoiled, or the worker dies later. Other jobs
     * may be started again, and still end ok. */
    REACHES_OUT = 1u << 0,
    /* A sanitizer ends the process in its own way, and says so. */
    SANITIZERS_SPEAK = 1u << 1,
    /* Its worker lives on in a state that would keep other faults from working. */
    SPOILS_WORKER = 1u << 2,
};

struct fault {
    const char *name;
    const char *job;       /* members of the job line beside its id */
    const char *options;   /* of `hayfork run`, after the usual ones */
    const char *statuses;  /* "ok|crash": any of them */
    const char *pattern;   /* extended regular expression for the result line; NULL: any */
    int attempts;          /* 0: any */
    unsigned flags;
};

extern const struct fault faults[]; /* ends with a NULL name */

#endif
