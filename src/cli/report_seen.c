/* SPDX-License-Identifier: MIT
 *
 * A bitmap of two levels. The upper one grows with the largest number seen, up to 2^36; a page holds 2^18 numbers, so that a file
 * with absurd numbers costs 32 KiB for each line at most.
 */
#include "cli/report_seen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_PAGE_SHIFT 18
#define SEEN_PAGES_MAX ((size_t)1 << 18)
#define SEEN_WORDS ((size_t)1 << (SEEN_PAGE_SHIFT - 6))

static int seen_grow(struct seen *seen, size_t index)
{
    size_t count = seen->count ? seen->count : 64;
    while (count <= index)
        count *= 2;
    uint64_t **pages = realloc(seen->pages, count * sizeof *pages);
    if (!pages)
        return -ENOMEM;
    for (size_t i = seen->count; i < count; i++)
        pages[i] = NULL;
    seen->pages = pages;
    seen->count = count;
    return 0;
}

int seen_mark(struct seen *seen, uint64_t number)
{
    uint64_t index = number >> SEEN_PAGE_SHIFT;
    if (index >= SEEN_PAGES_MAX)
        return -ERANGE;
    if (index >= seen->count && seen_grow(seen, (size_t)index))
        return -ENOMEM;
    uint64_t **page = &seen->pages[index];
    if (!*page && !(*page = calloc(SEEN_WORDS, sizeof **page)))
        return -ENOMEM;
    uint64_t *word = &(*page)[(number >> 6) % SEEN_WORDS], bit = UINT64_C(1) << (number & 63);
    int was = (*word & bit) != 0;
    *word |= bit;
    return was;
}

bool seen_has(const struct seen *seen, uint64_t number)
{
    uint64_t index = number >> SEEN_PAGE_SHIFT;
    if (index >= seen->count || !seen->pages[index])
        return false;
    return seen->pages[index][(number >> 6) % SEEN_WORDS] >> (number & 63) & 1;
}

void seen_release(struct seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        free(seen->pages[i]);
    free(seen->pages);
    *seen = (struct seen){ .pages = NULL };
}
