/* SPDX-License-Identifier: MIT
 *
 * The slow half of strings: escapes, UTF-8 and faults. Strict: no overlong form, no surrogate, nothing above U+10FFFF, and an
 * escaped surrogate only in a pair, so that what passes here has exactly one meaning and can be written as UTF-8 again.
 */
#include "job/jsonstring.h"

#include "base/utf8.h"

#include <string.h>

static int jsonstring_hex(unsigned char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The four digits of a \u escape that is known to be good. */
static unsigned jsonstring_unit(const unsigned char *at)
{
    unsigned unit = 0;
    for (int i = 0; i < 4; i++)
        unit = unit << 4 | (unsigned)jsonstring_hex(at[i]);
    return unit;
}

/* `\uHHHH` at `at`: behind it, with its value. */
static const unsigned char *jsonstring_unicode(struct json_reader *reader, const unsigned char *at, unsigned *unit)
{
    for (int i = 2; i < 6; i++) {
        if (at + i == reader->end)
            return json_unexpected(reader, reader->end, NULL);
        if (jsonstring_hex(at[i]) < 0)
            return json_unexpected(reader, at + i, "\\u needs four hex digits");
    }
    *unit = jsonstring_unit(at + 2);
    return at + 6;
}

static const unsigned char *jsonstring_escape(struct json_reader *reader, const unsigned char *at)
{
    unsigned unit, second;
    reader->escaped = true;
    if (reader->end - at < 2)
        return json_unexpected(reader, reader->end, NULL);
    switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return at + 2;
    case 'u':
        break;
    default:
        return json_unexpected(reader, at + 1, "unknown escape in a string");
    }
    const unsigned char *past = jsonstring_unicode(reader, at, &unit);
    if (!past || unit < 0xd800 || unit > 0xdfff)
        return past;
    if (unit > 0xdbff)
        return json_fault(reader, at, "unpaired surrogate in a string");
    const unsigned char *pair = past;
    if (pair == reader->end || (pair[0] == '\\' && pair + 1 == reader->end))
        return json_unexpected(reader, reader->end, NULL);
    if (pair[0] != '\\' || pair[1] != 'u')
        return json_fault(reader, at, "unpaired surrogate in a string");
    past = jsonstring_unicode(reader, pair, &second);
    if (past && (second < 0xdc00 || second > 0xdfff))
        return json_fault(reader, at, "unpaired surrogate in a string");
    return past;
}

static const unsigned char *jsonstring_control(struct json_reader *reader, const unsigned char *at)
{
    return json_fault(reader, at, *at == 0      ? "NUL byte"
                                  : *at == '\n' ? "line break in a string"
                                                : "control character in a string");
}

const unsigned char *jsonstring_rest(struct json_reader *reader, const unsigned char *at)
{
    while (at < reader->end) {
        if (*at == '"')
            return at + 1;
        if (*at < ' ')
            return jsonstring_control(reader, at);
        if (*at == '\\') {
            at = jsonstring_escape(reader, at);
            if (!at)
                return NULL;
        }
        while (at < reader->end && *at >= 0x80) {
            int size = utf8_size(at, reader->end);
            if (size < 0)
                return json_fault(reader, at, "invalid UTF-8");
            at += size;
        }
        at = jsonstring_plain(reader->begin, at, reader->end);
    }
    return json_unexpected(reader, at, NULL);
}

static int jsonstring_encode(unsigned code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    int size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    static const unsigned char lead[5] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[size] | code);
    return size;
}

int jsonstring_decode(const unsigned char **at, char out[4])
{
    const unsigned char *from = *at;
    if (*from != '\\') {
        int size = *from < 0x80 ? 1 : *from < 0xe0 ? 2 : *from < 0xf0 ? 3 : 4;
        for (int i = 0; i < size; i++)
            out[i] = (char)from[i];
        *at += size;
        return size;
    }
    if (from[1] != 'u') {
        static const char from_letter[] = "b\bf\fn\nr\rt\t";
        out[0] = (char)from[1];
        for (size_t i = 0; i + 1 < sizeof from_letter; i += 2)
            if (from_letter[i] == (char)from[1])
                out[0] = from_letter[i + 1];
        *at += 2;
        return 1;
    }
    unsigned code = jsonstring_unit(from + 2);
    *at += 6;
    if (code >= 0xd800 && code <= 0xdbff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (jsonstring_unit(from + 8) - 0xdc00);
        *at += 6;
    }
    return jsonstring_encode(code, out);
}

size_t jsonstring_unescape(const unsigned char *at, const unsigned char *end, char *out, size_t capacity)
{
    size_t size = 0, room = capacity;
    while (at < end) {
        char character[4];
        size_t count = (size_t)jsonstring_decode(&at, character);
        if (size + count <= room)
            memcpy(out + size, character, count);
        else if (size < room)
            room = size; /* what comes behind the cut must not fill the gap */
        size += count;
    }
    return size;
}

size_t hay_json_unescape(const char *bytes, size_t size, char *out, size_t capacity)
{
    const unsigned char *at = (const unsigned char *)bytes;
    return at ? jsonstring_unescape(at, at + size, out, out ? capacity : 0) : 0;
}
