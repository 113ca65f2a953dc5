/* SPDX-License-Identifier: MIT
 *
 * Keys that are unknown, and keys that are there twice: the rare half.
 */
#include "job/jsonkeys.h"

#include "job/jsonstring.h"

#include <stdio.h>
#include <string.h>

#define KEY_TEXT_MAX 48 /* bytes of a key in a reason */

/* FNV-1a over the unescaped bytes */
static uint64_t text_hash(struct jsonkeys_text text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    while (text.at < text.end) {
        char character[4];
        int count = jsonstring_decode(&text.at, character);
        for (int i = 0; i < count; i++)
            hash = (hash ^ (unsigned char)character[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool text_equal(struct jsonkeys_text one, struct jsonkeys_text two)
{
    if (!one.escaped && !two.escaped)
        return one.end - one.at == two.end - two.at && memcmp(one.at, two.at, (size_t)(one.end - one.at)) == 0;
    while (one.at < one.end && two.at < two.end) {
        char first[4], second[4];
        int count = jsonstring_decode(&one.at, first);
        if (count != jsonstring_decode(&two.at, second) || memcmp(first, second, (size_t)count) != 0)
            return false;
    }
    return one.at == one.end && two.at == two.end;
}

/* Would this character (as UTF-8) break a line of text or a terminal? C0, DEL, C1, U+2028, U+2029. */
static bool character_is_control(const char *character, int size)
{
    unsigned char first = (unsigned char)character[0];
    if (size == 1)
        return first < ' ' || first == 0x7f;
    unsigned char second = (unsigned char)character[1];
    if (size == 2)
        return first == 0xc2 && second < 0xa0;
    return first == 0xe2 && second == 0x80 && ((unsigned char)character[2] | 1) == 0xa9;
}

/* A fault that quotes the key: cut at a character, control characters replaced. */
bool jsonkeys_refuse(struct jsonkeys *keys, const unsigned char *at, const unsigned char *end)
{
    char shown[KEY_TEXT_MAX + 1];
    size_t size = 0;
    const char *more = "";
    keys->fault->column = (size_t)(at - keys->reader->begin); /* of the quote before it */
    while (at < end) {
        char character[4];
        int count = jsonstring_decode(&at, character);
        if (character_is_control(character, count)) {
            character[0] = '?';
            count = 1;
        }
        if (size + (size_t)count > KEY_TEXT_MAX) {
            more = "…";
            break;
        }
        memcpy(shown + size, character, (size_t)count);
        size += (size_t)count;
    }
    shown[size] = '\0';
    snprintf(keys->fault->reason, sizeof keys->fault->reason, "duplicate key \"%s%s\"", shown, more);
    return false;
}

bool jsonkeys_admit_no_more(struct jsonkeys *keys, const unsigned char *at)
{
    json_fault(keys->reader, at - 1, "more than 256 keys");
    return false;
}

bool jsonkeys_admit_other(struct jsonkeys *keys, const unsigned char *at, const unsigned char *end)
{
    if (keys->keys == HAY_JOBLINE_KEYS)
        return jsonkeys_admit_no_more(keys, at);
    keys->keys++;
    struct jsonkeys_other key = {{at, end, keys->reader->escaped}, 0};
    key.hash = text_hash(key.text);
    for (unsigned i = 0; i < keys->others; i++)
        if (keys->other[i].hash == key.hash && text_equal(keys->other[i].text, key.text))
            return jsonkeys_refuse(keys, at, end);
    keys->other[keys->others++] = key;
    return true;
}
