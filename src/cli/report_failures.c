/* SPDX-License-Identifier: MIT
 *
 * The groups are found by a hash of outcome and pattern in an open table. The pattern is the message in which each number
 * but a status is # and each path is a star; its text is as untrusted as the message's. Results come newest first, so the
 * examples are a ring whose last entries are the first in the file.
 */
#include "cli/report_failures.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Where the text is cut at a character, up to three bytes of `out` stay as they were: 0xff, which is in no UTF-8. */
static size_t failures_text(struct hay_span inside, char *out, size_t capacity)
{
    memset(out + capacity - 3, 0xff, 3);
    size_t size = inside.at ? hay_json_unescape(inside.at, inside.size, out, capacity) : 0;
    if (size <= capacity)
        return size;
    for (size = capacity; (unsigned char)out[size - 1] == 0xff;)
        size--;
    return size;
}

size_t failures_id(const struct hay_span *id, char *out, size_t capacity)
{
    if (!id->at)
        return 0;
    if (id->size >= 2 && id->at[0] == '"')
        return failures_text((struct hay_span){ id->at + 1, id->size - 2 }, out, capacity);
    size_t size = id->size < capacity ? id->size : capacity;
    memcpy(out, id->at, size);
    return size;
}

static bool failures_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool failures_is_hex(char c)
{
    return failures_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool failures_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* How many bytes from `at` on are a number: decimal, with a fraction, 0x…, or a run of 8 and more hexadecimal digits. */
static size_t failures_number(const char *at, const char *end, bool after_letter)
{
    const char *past = at, *hex = at;
    bool digit = false;
    while (!after_letter && hex < end && failures_is_hex(*hex)) /* behind one it was looked at from there */
        digit = failures_is_digit(*hex++) || digit;
    if (hex - at >= 8 && digit && (hex == end || !failures_is_letter(*hex)))
        return (size_t)(hex - at);
    if (!failures_is_digit(*at))
        return 0;
    if (*at == '0' && end - at > 2 && (at[1] == 'x' || at[1] == 'X') && failures_is_hex(at[2])) {
        for (past = at + 2; past < end && failures_is_hex(*past);)
            past++;
        return (size_t)(past - at);
    }
    while (past < end && failures_is_digit(*past))
        past++;
    if (end - past >= 2 && *past == '.' && failures_is_digit(past[1]))
        for (past++; past < end && failures_is_digit(*past);)
            past++;
    return (size_t)(past - at);
}

/* How many bytes from `at` on are a path: a word with a slash in it and more than the slash. */
static size_t failures_path(const char *at, const char *end)
{
    const char *past = at;
    bool slash = false;
    while (past < end && (unsigned char)*past > ' ' && !strchr("'\"`:;,()<>[]{}=", *past))
        slash = *past++ == '/' || slash;
    return slash && past - at > 1 ? (size_t)(past - at) : 0;
}

/* Is what ends at `at` a word whose number tells one kind from another: exit status 1 is not exit status 127. */
static bool failures_keeps_number(const char *text, const char *at)
{
    static const char *const words[] = { "status", "code", "signal", "errno" };
    while (at > text && strchr(" =:", at[-1]))
        at--;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        size_t size = strlen(words[i]);
        if ((size_t)(at - text) >= size && !memcmp(at - size, words[i], size))
            return true;
    }
    return false;
}

static size_t failures_pattern(const char *text, size_t size, char *out)
{
    const char *end = text + size;
    size_t length = 0;
    for (const char *at = text; at < end;) {
        bool word = at == text || (unsigned char)at[-1] <= ' ' || strchr("'\"`:;,()<>[]{}=", at[-1]);
        bool letter = at > text && (failures_is_letter(at[-1]) || failures_is_digit(at[-1]));
        size_t path = word ? failures_path(at, end) : 0, number = path ? 0 : failures_number(at, end, letter);
        if (number && failures_keeps_number(text, at)) {
            memcpy(out + length, at, number);
            length += number;
        } else {
            out[length++] = path ? '*' : number ? '#' : *at;
        }
        at += path ? path : number ? number : 1;
    }
    return length;
}

static struct failure_group *failures_find(struct failures *failures, enum hay_outcome outcome, const char *pattern, size_t size)
{
    const size_t slots = sizeof failures->index / sizeof failures->index[0];
    uint64_t hash = XXH3_64bits_withSeed(pattern, size, (XXH64_hash_t)outcome);
    size_t at = (size_t)hash % slots;
    for (; failures->index[at]; at = (at + 1) % slots) {
        struct failure_group *group = failures->groups[failures->index[at] - 1];
        if (group->hash == hash && group->outcome == outcome && group->pattern_size == size &&
            !memcmp(group->pattern, pattern, size))
            return group;
    }
    struct failure_group *group = failures->count < FAILURES_GROUPS ? calloc(1, sizeof *group) : NULL;
    if (!group)
        return NULL;
    group->outcome = outcome;
    group->hash = hash;
    group->pattern_size = (uint16_t)size;
    memcpy(group->pattern, pattern, size);
    failures->groups[failures->count++] = group;
    failures->index[at] = (uint16_t)failures->count;
    return group;
}

void failures_add(struct failures *failures, const struct hay_resultline *result)
{
    char message[FAILURES_MESSAGE], pattern[FAILURES_MESSAGE];
    size_t size = failures_text(result->message, message, sizeof message);
    size_t pattern_size = failures_pattern(message, size, pattern);
    struct failure_group *group = failures_find(failures, result->outcome, pattern, pattern_size);
    if (!group) {
        failures->others++;
        return;
    }
    struct failure_example *example = &group->examples[group->count++ % FAILURES_EXAMPLES];
    memcpy(example->message, message, size);
    example->message_size = (uint16_t)size;
    example->id_size = (uint16_t)failures_id(&result->id, example->id, sizeof example->id);
    example->place = result->outcome == HAY_OUTCOME_REJECTED ? result->line : result->seq;
    example->worker = result->has_meta ? result->worker : -1;
    example->run_ns = result->has_meta ? result->run_ns : -1;
    example->attempts = result->attempts;
}

static int failures_compare(const void *a, const void *b)
{
    const struct failure_group *const *first = a, *const *second = b;
    if ((*first)->count != (*second)->count)
        return (*first)->count > (*second)->count ? -1 : 1;
    if ((*first)->outcome != (*second)->outcome)
        return (*first)->outcome < (*second)->outcome ? -1 : 1;
    size_t size = (*first)->pattern_size < (*second)->pattern_size ? (*first)->pattern_size : (*second)->pattern_size;
    int order = memcmp((*first)->pattern, (*second)->pattern, size);
    return order ? order : (int)(*first)->pattern_size - (int)(*second)->pattern_size;
}

void failures_sort(struct failures *failures)
{
    qsort(failures->groups, failures->count, sizeof(struct failure_group *), failures_compare);
}

void failures_clear(struct failures *failures)
{
    for (size_t i = 0; i < failures->count; i++)
        free(failures->groups[i]);
    memset(failures, 0, sizeof *failures);
}
