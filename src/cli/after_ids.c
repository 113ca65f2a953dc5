/* SPDX-License-Identifier: MIT */
#include "cli/after_ids.h"
#include "cli/seed.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define AFTER_TABLE_LEAST 1024

/* An integer that fits, else false. */
static bool after_integer(struct hay_span id, int64_t *value)
{
    bool negative = id.size && id.at[0] == '-';
    size_t at = negative;
    int64_t sum = 0;
    if (id.size - at < 1 || id.size - at > 18)
        return false;
    for (; at < id.size; at++) {
        if (id.at[at] < '0' || id.at[at] > '9')
            return false;
        sum = sum * 10 + (id.at[at] - '0');
    }
    *value = negative ? -sum : sum;
    return true;
}

/* Of a JSON string's characters, however they are escaped, or of an integer's digits; the two never meet. False: out of
 * memory. */
static bool after_hash(const struct after_ids *ids, struct hay_span id, uint64_t *hash)
{
    if (id.at[0] != '"') {
        *hash = XXH3_64bits_withSeed(id.at, id.size, ids->seed);
        return true;
    }
    struct hay_span inside = { id.at + 1, id.size - 2 };
    if (!memchr(inside.at, '\\', inside.size)) {
        *hash = XXH3_64bits_withSeed(inside.at, inside.size, ~ids->seed);
        return true;
    }
    char *plain = malloc(inside.size);
    if (!plain)
        return false;
    size_t size = hay_json_unescape(inside.at, inside.size, plain, inside.size);
    *hash = XXH3_64bits_withSeed(plain, size, ~ids->seed);
    free(plain);
    return true;
}

static struct after_id *after_slot(struct after_id *table, size_t capacity, uint64_t hash)
{
    size_t at = (size_t)hash & (capacity - 1);
    while (table[at].seq && table[at].hash != hash)
        at = (at + 1) & (capacity - 1);
    return &table[at];
}

/* Forget what is too old, in place. Begun behind an empty slot, each entry finds its new one at or before its old one. */
static void after_purge(struct after_ids *ids)
{
    size_t mask = ids->capacity - 1, start = 0;
    while (ids->table[start].seq)
        start++;
    for (size_t i = 1; i <= mask; i++) {
        struct after_id *slot = &ids->table[(start + i) & mask], entry = *slot;
        if (!entry.seq)
            continue;
        slot->seq = 0;
        if (after_ids_remember(ids, entry.seq))
            *after_slot(ids->table, ids->capacity, entry.hash) = entry;
    }
}

/* Make room for one more: forget what is too old, and grow only if that was not enough. */
static bool after_rehash(struct after_ids *ids)
{
    size_t alive = 1;
    for (size_t i = 0; i < ids->capacity; i++)
        alive += after_ids_remember(ids, ids->table[i].seq);
    size_t capacity = ids->capacity ? ids->capacity : AFTER_TABLE_LEAST;
    while (alive > capacity / 8 * 5)
        capacity *= 2;
    ids->count = alive - 1;
    if (capacity == ids->capacity) {
        after_purge(ids);
        return true;
    }
    struct after_id *table = calloc(capacity, sizeof *table);
    if (!table)
        return false;
    for (size_t i = 0; i < ids->capacity; i++)
        if (after_ids_remember(ids, ids->table[i].seq))
            *after_slot(table, capacity, ids->table[i].hash) = ids->table[i];
    free(ids->table);
    ids->table = table;
    ids->capacity = capacity;
    return true;
}

/* Does it count on from the ids before? */
static bool after_steps(struct after_ids *ids, uint64_t seq, struct hay_span id)
{
    int64_t value;
    if (ids->in_step != seq - 1 || !after_integer(id, &value) || (seq > 1 && value != ids->first_id + (int64_t)(seq - 1)))
        return false;
    if (seq == 1)
        ids->first_id = value;
    ids->in_step = seq;
    return true;
}

bool after_ids_keep(struct after_ids *ids, uint64_t seq, struct hay_span id)
{
    uint64_t hash;
    ids->replaced = 0;
    if (seq <= ids->in_step || after_steps(ids, seq, id))
        return true;
    if (ids->count + 1 > ids->capacity / 4 * 3 && !after_rehash(ids))
        return false;
    if (!after_hash(ids, id, &hash))
        return false;
    struct after_id *slot = after_slot(ids->table, ids->capacity, hash);
    ids->count += !slot->seq;
    ids->replaced = slot->seq;
    *slot = (struct after_id){ hash, seq };
    return true;
}

bool after_ids_find(const struct after_ids *ids, uint64_t seq, struct hay_span id, uint64_t *found)
{
    int64_t value;
    uint64_t hash;
    *found = 0;
    if (after_integer(id, &value) && value >= ids->first_id && (uint64_t)(value - ids->first_id) < ids->in_step)
        *found = (uint64_t)(value - ids->first_id) + 1;
    if (ids->count) {
        if (!after_hash(ids, id, &hash))
            return false;
        uint64_t listed = after_slot(ids->table, ids->capacity, hash)->seq;
        if (listed == seq)
            listed = ids->replaced;
        *found = listed > *found ? listed : *found;
    }
    if (*found >= seq)
        *found = 0;
    return true;
}

bool after_ids_open(struct after_ids *ids)
{
    *ids = (struct after_ids){ .states = calloc(1, AFTER_RING / 4), .seed = seed_new() };
    return ids->states != NULL;
}

void after_ids_close(struct after_ids *ids)
{
    free(ids->table);
    free(ids->states);
    *ids = (struct after_ids){ .states = NULL };
}
