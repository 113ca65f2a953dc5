/* SPDX-License-Identifier: MIT
 *
 * JSON numbers: their grammar, and the range that a 64-bit integer or a double can hold. The other functions read a number
 * that has passed.
 */
#ifndef JOB_JSONNUMBER_H
#define JOB_JSONNUMBER_H

#include "job/json.h"

#include <string.h>

/* How many digits stand at `at`: exact up to 7; 8: that many or more. A byte becomes its digit's value by the exclusive or, and
 * adding 0x76 sets the top bit of all that is over 9; a carry spoils only what is behind the first of them. */
static inline unsigned jsonnumber_run(const struct json_reader *reader, const unsigned char *at)
{
    unsigned count = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    if (reader->end - reader->begin >= 8) {
        const uint64_t ones = UINT64_C(0x0101010101010101);
        size_t left = (size_t)(reader->end - at), missing = left < 8 ? 8 - left : 0;
        uint64_t bytes;
        memcpy(&bytes, at - missing, sizeof bytes);
        if (missing == 8)
            return 0;
        bytes = bytes >> missing * 8 ^ ones * '0';
        uint64_t others = ((bytes + ones * 0x76) | bytes) & ones << 7;
        return others ? (unsigned)__builtin_ctzll(others) / 8 : 8;
    }
#endif
    while (count < 8 && at + count < reader->end && (unsigned)at[count] - '0' < 10)
        count++;
    return count;
}

/* Any number; jsonnumber_read() is the quick way through it. */
const unsigned char *jsonnumber_read_any(struct json_reader *reader, const unsigned char *at);

/* A number that begins at `at` with '-' or a digit; sets reader->real. */
static inline const unsigned char *jsonnumber_read(struct json_reader *reader, const unsigned char *at)
{
    const unsigned char *first = at + (*at == '-');
    unsigned count = jsonnumber_run(reader, first);
    const unsigned char *past = first + count;
    bool is_short = count - 1 < 7 && (*first != '0' || count == 1);
    if (!is_short || (past < reader->end && (*past == '.' || (*past | 0x20) == 'e')))
        return jsonnumber_read_any(reader, at);
    reader->real = false;
    return past;
}

/* An integer's value. */
int64_t jsonnumber_integer(const unsigned char *at, const unsigned char *end);

/* A number times ten to the power of `power`, rounded up, computed on its decimal digits: exact. -1 when it is below zero,
 * `limit` + 1 when the product is over `limit`, which is 9 to INT64_MAX - 1. */
int64_t jsonnumber_scaled(const unsigned char *at, const unsigned char *end, int power, int64_t limit);

#endif
