/* SPDX-License-Identifier: MIT
 *
 * The keys of the job lines that are in flight, by the line's place in the input: what a result needs to be written into a
 * journal and the pool does not carry. As many are kept as jobs are accepted and not settled.
 */
#ifndef CLI_PENDING_H
#define CLI_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pending_entry {
    uint64_t seq;   /* 0: empty */
    uint64_t key;
};

struct pending_table {
    struct pending_entry *entries;
    unsigned bits;      /* of its size */
    size_t count;
};

/* All zero is an empty one. */
struct pending {
    struct pending_table ring;  /* each at the place that its lowest bits say */
    struct pending_table late;  /* what has been there so long that the ring came round to it */
};

/* `seq` is not 0 and not there yet. False: out of memory. */
bool pending_add(struct pending *pending, uint64_t seq, uint64_t key);
/* Take it out; 0 when it is not there. */
uint64_t pending_take(struct pending *pending, uint64_t seq);
size_t pending_count(const struct pending *pending);
void pending_release(struct pending *pending);

#endif
