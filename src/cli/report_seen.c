/* SPDX-License-Identifier: MIT
 *
 * A hash table of words with 64 numbers each, by open addressing. The hash has a seed, so that no file can be written whose
 * numbers all meet.
 */
#include "cli/report_seen.h"
#include "cli/seed.h"

#include <errno.h>
#include <stdlib.h>
#include <xxhash.h>

#define SEEN_LEAST 64 /* words; always a power of two, and never more than three in four of them used */

struct seen_word {
    uint64_t index; /* number / 64 */
    uint64_t bits;  /* 0: not used */
};

static struct seen_word *seen_find(const struct seen *seen, uint64_t index)
{
    size_t at = (size_t)XXH3_64bits_withSeed(&index, sizeof index, seen->seed) & (seen->capacity - 1);
    while (seen->words[at].bits && seen->words[at].index != index)
        at = (at + 1) & (seen->capacity - 1);
    return &seen->words[at];
}

static int seen_grow(struct seen *seen)
{
    struct seen grown = *seen;
    grown.capacity = seen->words ? seen->capacity * 2 : SEEN_LEAST;
    if (!seen->words)
        grown.seed = seed_new();
    grown.words = calloc(grown.capacity, sizeof *grown.words);
    if (!grown.words)
        return -ENOMEM;
    for (size_t i = 0; i < seen->capacity; i++)
        if (seen->words[i].bits)
            *seen_find(&grown, seen->words[i].index) = seen->words[i];
    free(seen->words);
    *seen = grown;
    return 0;
}

int seen_mark(struct seen *seen, uint64_t number)
{
    if (seen->count >= seen->capacity / 4 * 3 && seen_grow(seen))
        return -ENOMEM;
    struct seen_word *word = seen_find(seen, number >> 6);
    uint64_t bit = UINT64_C(1) << (number & 63);
    int was = (word->bits & bit) != 0;
    seen->count += !word->bits;
    word->index = number >> 6;
    word->bits |= bit;
    return was;
}

bool seen_has(const struct seen *seen, uint64_t number)
{
    return seen->words && (seen_find(seen, number >> 6)->bits >> (number & 63) & 1);
}

void seen_release(struct seen *seen)
{
    free(seen->words);
    *seen = (struct seen){ .words = NULL };
}
