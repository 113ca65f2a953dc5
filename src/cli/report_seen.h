/* SPDX-License-Identifier: MIT
 *
 * Which jobs were seen already: one bit for each job number. A million jobs that follow each other cost 512 KiB at most; a job
 * whose number is far from all others costs 43 bytes.
 */
#ifndef CLI_REPORT_SEEN_H
#define CLI_REPORT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen_word;

struct seen {
    struct seen_word *words;
    size_t capacity, count;
    uint64_t seed;
};

/* Mark one number. 1: it was marked before, 0: it was not, or -ENOMEM. */
int seen_mark(struct seen *seen, uint64_t number);
bool seen_has(const struct seen *seen, uint64_t number);
void seen_release(struct seen *seen);

#endif
