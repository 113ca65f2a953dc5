/* SPDX-License-Identifier: MIT
 *
 * What went wrong, by kind: messages that differ only in their numbers and paths are one group, with its count and the first
 * three jobs of it in the file. Bounded: after FAILURES_GROUPS kinds, new ones are counted together.
 */
#ifndef CLI_REPORT_FAILURES_H
#define CLI_REPORT_FAILURES_H

#include <hayfork/jobline.h>

#include <stddef.h>
#include <stdint.h>

#define FAILURES_GROUPS 4096
#define FAILURES_EXAMPLES 3
#define FAILURES_ID 64
#define FAILURES_MESSAGE 400

struct failure_example {
    char id[FAILURES_ID], message[FAILURES_MESSAGE];
    uint16_t id_size, message_size;
    uint64_t place;             /* seq, or the line of a rejected one; 0: not known */
    int worker;                 /* -1: not known */
    int64_t run_ns;             /* -1: not known */
    uint32_t attempts;
};

struct failure_group {
    enum hay_outcome outcome;
    uint64_t hash, count;
    uint16_t pattern_size;
    char pattern[FAILURES_MESSAGE];
    struct failure_example examples[FAILURES_EXAMPLES];   /* a ring: the last added at (count - 1) modulo its size */
};

struct failures {
    struct failure_group *groups[FAILURES_GROUPS];  /* after failures_sort(): the most frequent first */
    uint16_t index[2 * FAILURES_GROUPS];            /* by hash: group + 1, 0: free */
    size_t count;
    uint64_t others;                                /* failures of kinds that found no place */
};

void failures_add(struct failures *failures, const struct hay_resultline *result);
void failures_sort(struct failures *failures);
void failures_clear(struct failures *failures);

/* A JSON token as a person reads it: a string without its quotes and escapes. Returns the size, cut at a character. */
size_t failures_id(const struct hay_span *id, char *out, size_t capacity);

#endif
