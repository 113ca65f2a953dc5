/* SPDX-License-Identifier: MIT
 *
 * Places count up, and most leave soon: a ring at least twice as large as all that is in flight, walked through in order, which
 * processors like. A place that is still taken when the ring comes round moves to a table with open addressing, at most half
 * full, where a place is multiplied by the golden ratio. Taking one out of there moves those behind it forward: no tombstones.
 */
#include "cli/pending.h"

#include <stdlib.h>

#define PENDING_BITS 12

static inline size_t table_mask(const struct pending_table *table)
{
    return ((size_t)1 << table->bits) - 1;
}

static inline size_t table_home(const struct pending_table *table, uint64_t seq)
{
    return (size_t)(seq * UINT64_C(0x9e3779b97f4a7c15) >> (64 - table->bits));
}

static bool table_new(struct pending_table *table, unsigned bits)
{
    *table = (struct pending_table){ .bits = bits };
    table->entries = calloc((size_t)1 << bits, sizeof *table->entries);
    return table->entries;
}

static inline bool table_has_room(const struct pending_table *table)
{
    return table->entries && table->count <= table_mask(table) / 2;
}

static void table_put(struct pending_table *table, struct pending_entry entry)
{
    size_t at = table_home(table, entry.seq);
    while (table->entries[at].seq)
        at = (at + 1) & table_mask(table);
    table->entries[at] = entry;
    table->count++;
}

static bool table_grow(struct pending_table *table)
{
    struct pending_table grown;
    if (!table_new(&grown, table->entries ? table->bits + 1 : PENDING_BITS))
        return false;
    for (size_t i = 0; table->entries && i <= table_mask(table); i++)
        if (table->entries[i].seq)
            table_put(&grown, table->entries[i]);
    free(table->entries);
    *table = grown;
    return true;
}

static uint64_t table_take(struct pending_table *table, uint64_t seq)
{
    if (!table->count)
        return 0;
    size_t mask = table_mask(table), at = table_home(table, seq);
    while (table->entries[at].seq != seq) {
        if (!table->entries[at].seq)
            return 0;
        at = (at + 1) & mask;
    }
    uint64_t key = table->entries[at].key;
    table->count--;
    /* Close the gap with what would be found no more across it. */
    for (size_t next = (at + 1) & mask; table->entries[next].seq; next = (next + 1) & mask) {
        size_t home = table_home(table, table->entries[next].seq);
        if (((next - home) & mask) >= ((next - at) & mask)) {
            table->entries[at] = table->entries[next];
            at = next;
        }
    }
    table->entries[at].seq = 0;
    return key;
}

/* Into the ring; what stood there is late. False: out of memory. */
static inline bool pending_put(struct pending *pending, struct pending_entry entry)
{
    struct pending_entry *slot = &pending->ring.entries[entry.seq & table_mask(&pending->ring)];
    if (slot->seq) {
        if (!table_has_room(&pending->late) && !table_grow(&pending->late))
            return false;
        table_put(&pending->late, *slot);
        pending->ring.count--;
    }
    *slot = entry;
    pending->ring.count++;
    return true;
}

static bool pending_grow(struct pending *pending)
{
    struct pending grown = { .late = pending->late };
    struct pending_table *ring = &pending->ring;
    if (!table_new(&grown.ring, ring->entries ? ring->bits + 1 : PENDING_BITS))
        return false;
    for (size_t i = 0; ring->entries && i <= table_mask(ring); i++)
        if (ring->entries[i].seq)
            pending_put(&grown, ring->entries[i]); /* one slot has become two, so nothing is late */
    free(ring->entries);
    *pending = grown;
    return true;
}

bool pending_add(struct pending *pending, uint64_t seq, uint64_t key)
{
    if (!table_has_room(&pending->ring) && !pending_grow(pending))
        return false;
    return pending_put(pending, (struct pending_entry){ seq, key });
}

uint64_t pending_take(struct pending *pending, uint64_t seq)
{
    if (!pending->ring.entries)
        return 0;
    struct pending_entry *slot = &pending->ring.entries[seq & table_mask(&pending->ring)];
    if (slot->seq != seq)
        return table_take(&pending->late, seq);
    slot->seq = 0;
    pending->ring.count--;
    return slot->key;
}

size_t pending_count(const struct pending *pending)
{
    return pending->ring.count + pending->late.count;
}

void pending_release(struct pending *pending)
{
    free(pending->ring.entries);
    free(pending->late.entries);
    *pending = (struct pending){ .ring.entries = NULL };
}
