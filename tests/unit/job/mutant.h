/* SPDX-License-Identifier: MIT
 *
 * Texts with random damage, the same in every run: pieces of JSON put in, taken out, written over, moved and cut off.
 */
#ifndef TESTS_UNIT_JOB_MUTANT_H
#define TESTS_UNIT_JOB_MUTANT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUTANT_MAX 512

/* What mutations put in: the bytes and pieces on which readers disagree. */
static const char *const mutant_pieces[] = {
    "\"", "\\", "{", "}", "[", "]", ",", ":", "-", "+", ".", "e", "E", "0", "1", "9", "00", "e+", "e400", "e-400", "E308", "0.",
    "1e309",
    "\\u", "\\u0", "\\ud800", "\\udc00", "\\u0000", "\\x", "\\\"", "\\\\", "true", "false", "null", "nul", "NaN", " ", "\t",
    "\r", "\n", "\x01",
    "\x1f", "\x7f", "\x80", "\xbf", "\xc0\x80", "\xc2", "\xc2\x80", "\xe0\x80\x80", "\xe0\xa0\x80", "\xed\xa0\x80",
    "\xef\xbb\xbf", "\xf0\x80\x80\x80",
    "\xf0\x90\x80\x80", "\xf4\x90\x80\x80", "\xf5", "\xff", "9223372036854775808", "99999999999999999999", "\"k\":", "[[", "]]",
    "{\"\":", "/**/",
};


struct mutant {
    uint64_t random;
    size_t size;
    char text[MUTANT_MAX];
};

static inline size_t mutant_draw(struct mutant *mutant, size_t bound)
{
    mutant->random = mutant->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (size_t)((mutant->random >> 33) % bound);
}

static inline void mutant_insert(struct mutant *mutant, size_t at, const char *bytes, size_t size)
{
    if (mutant->size + size > MUTANT_MAX)
        return;
    memmove(mutant->text + at + size, mutant->text + at, mutant->size - at);
    memcpy(mutant->text + at, bytes, size);
    mutant->size += size;
}

static inline void mutant_remove(struct mutant *mutant, size_t at, size_t size)
{
    if (size > mutant->size - at)
        size = mutant->size - at;
    memmove(mutant->text + at, mutant->text + at + size, mutant->size - at - size);
    mutant->size -= size;
}

static inline void mutant_change(struct mutant *mutant)
{
    size_t at = mutant_draw(mutant, mutant->size + 1);
    const char *piece =
        mutant_pieces[mutant_draw(mutant, sizeof mutant_pieces / sizeof mutant_pieces[0])];
    char copy[16];
    size_t size;
    switch (mutant_draw(mutant, 6)) {
    case 0:
        mutant_insert(mutant, at, piece, strlen(piece));
        break;
    case 1:
        mutant_remove(mutant, at, 1 + mutant_draw(mutant, 3));
        break;
    case 2:
        mutant_remove(mutant, at, strlen(piece));
        mutant_insert(mutant, at, piece, strlen(piece));
        break;
    case 3:
        if (at < mutant->size)
            mutant->text[at] = (char)mutant_draw(mutant, 256);
        break;
    case 4:
        size = mutant_draw(mutant, sizeof copy);
        if (size <= mutant->size - at) {
            memcpy(copy, mutant->text + at, size);
            mutant_insert(mutant, mutant_draw(mutant, mutant->size + 1), copy, size);
        }
        break;
    default:
        if (at < mutant->size && mutant_draw(mutant, 8) == 0)
            mutant->size = at;
    }
}

/* The text, with so many changes. */
static inline void mutant_of(struct mutant *mutant, const char *text, size_t changes)
{
    mutant->size = strlen(text);
    memcpy(mutant->text, text, mutant->size);
    for (; changes > 0; changes--)
        mutant_change(mutant);
}

#endif
