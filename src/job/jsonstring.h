/* SPDX-License-Identifier: MIT
 *
 * JSON strings and the UTF-8 in them. Plain runs (printable ASCII) go 16 bytes at a time, also at the end of a line, where the
 * last 16 bytes are loaded once more instead of bytes behind it.
 */
#ifndef JOB_JSONSTRING_H
#define JOB_JSONSTRING_H

#include "job/json.h"

#ifdef __SSE2__
#include <emmintrin.h>
#else
#include <string.h>
#endif

/* Bytes that stand for themselves: neither quote, backslash, control character nor part of a longer UTF-8 sequence. */
static inline bool jsonstring_is_plain(unsigned char byte)
{
    return byte >= ' ' && byte < 0x80 && byte != '"' && byte != '\\';
}

#ifdef __SSE2__
/* One bit for each of 16 bytes that is not plain. The signed comparison catches control characters and 0x80 to 0xff. */
static inline unsigned jsonstring_marks(const unsigned char *at)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(' '));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), other));
}
#else
/* Is any of 8 bytes not plain? Exact, whatever the byte order. */
static inline bool jsonstring_marked(const unsigned char *at)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones << 7;
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    uint64_t quote = bytes ^ ones * '"', slash = bytes ^ ones * '\\';
    return (((quote - ones) | (slash - ones) | (bytes - ones * ' ') | bytes) & tops) != 0;
}
#endif

/* The first byte in [at, end) that is not plain, or `end`. `begin` <= `at` tells how far back a load may reach. */
static inline const unsigned char *jsonstring_plain(const unsigned char *begin, const unsigned char *at, const unsigned char *end)
{
#ifdef __SSE2__
    while (end - at >= 16) {
        unsigned marks = jsonstring_marks(at);
        if (marks)
            return at + __builtin_ctz(marks);
        at += 16;
    }
    if (end - begin >= 16 && at < end) {
        unsigned marks = jsonstring_marks(end - 16) >> (16 - (end - at));
        return marks ? at + __builtin_ctz(marks) : end;
    }
#else
    (void)begin;
    while (end - at >= 8 && !jsonstring_marked(at))
        at += 8;
#endif
    while (at < end && jsonstring_is_plain(*at))
        at++;
    return at;
}

/* The rest of a string that is not all plain, from its first byte that is not. */
const unsigned char *jsonstring_rest(struct json_reader *reader, const unsigned char *at);

/* A string from behind its opening quote to behind its closing one. */
static inline const unsigned char *jsonstring_read(struct json_reader *reader, const unsigned char *at)
{
    reader->escaped = false;
    at = jsonstring_plain(reader->begin, at, reader->end);
    if (at < reader->end && *at == '"')
        return at + 1;
    return jsonstring_rest(reader, at);
}

/* One character of a valid string's inside: its UTF-8 in `out`, its size returned, `at` moved behind it. */
int jsonstring_decode(const unsigned char **at, char out[4]);

/* The characters of a valid string's inside, cut at a character where `capacity` ends. Returns the size of all of them. */
size_t jsonstring_unescape(const unsigned char *at, const unsigned char *end, char *out, size_t capacity);

#endif
