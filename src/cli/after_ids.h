/* SPDX-License-Identifier: MIT
 *
 * Which place in the input an id has, and how the job there ended. Ids that count up by one from the first job on cost nothing;
 * others go into a hash table, and are forgotten after AFTER_REMEMBERED jobs. How a job ended is two bits in a ring.
 */
#ifndef CLI_AFTER_IDS_H
#define CLI_AFTER_IDS_H

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AFTER_REMEMBERED UINT64_C(1000000)
#define AFTER_RING (UINT64_C(1) << 20)  /* jobs whose end is known: at least AFTER_REMEMBERED */

enum after_state { AFTER_PENDING, AFTER_OK, AFTER_FAILED };

struct after_id {
    uint64_t hash;
    uint64_t seq;   /* 0: free */
};

struct after_ids {
    uint64_t seed;
    uint64_t newest;            /* the last job noted */
    int64_t first_id;           /* jobs 1 to `in_step` have the ids first_id, first_id + 1, ... */
    uint64_t in_step;
    struct after_id *table;
    size_t capacity, count;
    uint64_t replaced;          /* the place that the id kept last had before, 0: none */
    unsigned char *states;      /* two bits by seq */
};

/* False: out of memory; after_ids_close() is due in any case. */
bool after_ids_open(struct after_ids *ids);
void after_ids_close(struct after_ids *ids);
/* The id of a job, in order: kept unless it counts on from the one before. Of two jobs with one id the later one counts. False:
 * out of memory. */
bool after_ids_keep(struct after_ids *ids, uint64_t seq, struct hay_span id);
/* The place of the last job with this id before `seq`; 0: none is known. False: out of memory. */
bool after_ids_find(const struct after_ids *ids, uint64_t seq, struct hay_span id, uint64_t *found);

static inline bool after_ids_remember(const struct after_ids *ids, uint64_t seq)
{
    return seq && seq <= ids->newest && ids->newest - seq < AFTER_REMEMBERED;
}

static inline enum after_state after_ids_state(const struct after_ids *ids, uint64_t seq)
{
    uint64_t at = seq % AFTER_RING;
    return (enum after_state)(ids->states[at / 4] >> at % 4 * 2 & 3);
}

static inline void after_ids_set_state(struct after_ids *ids, uint64_t seq, enum after_state state)
{
    uint64_t at = seq % AFTER_RING;
    unsigned char *byte = &ids->states[at / 4];
    unsigned shift = (unsigned)(at % 4) * 2;
    *byte = (unsigned char)((*byte & ~(3u << shift)) | (unsigned)state << shift);
}

/* The next job of the input. The ring begins as pending, and is set so again when it comes round. */
static inline void after_ids_pass(struct after_ids *ids, uint64_t seq)
{
    ids->newest = seq;
    if (seq >= AFTER_RING)
        after_ids_set_state(ids, seq, AFTER_PENDING);
}

#endif
