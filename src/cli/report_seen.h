/* SPDX-License-Identifier: MIT
 *
 * Which jobs were seen already: one bit for each job number, in pages that are made when touched. A million jobs cost 128 KiB,
 * ten million 1.25 MiB.
 */
#ifndef CLI_REPORT_SEEN_H
#define CLI_REPORT_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    uint64_t **pages;
    size_t count;
};

/* Mark one number. 1: it was marked before, 0: it was not, -ENOMEM, or -ERANGE for a number that no run of this program gives. */
int seen_mark(struct seen *seen, uint64_t number);
bool seen_has(const struct seen *seen, uint64_t number);
void seen_release(struct seen *seen);

#endif
