/* SPDX-License-Identifier: MIT
 *
 * Digits of numbers, eight at a time in the bytes of one word, for the lines of which there are millions. Both functions store
 * whole words: the room behind the digits that they promise is written to.
 */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_DECIMAL 20 /* bytes that digits_decimal() may write to */
#define DIGITS_EACH UINT64_C(0x0101010101010101)
#define DIGITS_LIMIT UINT32_C(100000000) /* what has more than eight */

/* A number under DIGITS_LIMIT, its first digit in the lowest byte, as numbers 0 to 9: cut into halves three times, each time all
 * parts at once. A multiplication and a shift divide, exactly for parts this small. */
static inline uint64_t digits_split(uint32_t value)
{
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = fours * 10486 >> 20 & UINT64_C(0x0000007f0000007f);
    uint64_t twos = hundreds | (fours - hundreds * 100) << 16;
    uint64_t tens = twos * 103 >> 10 & UINT64_C(0x000f000f000f000f);
    return tens | (twos - tens * 10) << 8;
}

static inline char *digits_store(char *out, uint64_t digits, unsigned skipped)
{
    digits = htole64((digits + DIGITS_EACH * '0') >> 8 * skipped);
    memcpy(out, &digits, sizeof digits);
    return out + sizeof digits - skipped;
}

/* In decimal, no leading zeros. Returns the end. */
static inline char *digits_decimal(char *out, uint64_t value)
{
    uint64_t rest = value / DIGITS_LIMIT, digits;
    if (rest) {
        out = digits_decimal(out, rest);
        return digits_store(out, digits_split((uint32_t)(value % DIGITS_LIMIT)), 0);
    }
    digits = digits_split((uint32_t)value);
    return digits_store(out, digits, (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8);
}

/* Eight hexadecimal digits. Returns the end. */
static inline char *digits_hex(char *out, uint32_t value)
{
    uint64_t digits = __builtin_bswap32(value);
    digits = (digits | digits << 16) & UINT64_C(0x0000ffff0000ffff);
    digits = (digits | digits << 8) & UINT64_C(0x00ff00ff00ff00ff);
    digits = (digits >> 4 | digits << 8) & DIGITS_EACH * 0x0f;
    uint64_t letters = (digits + DIGITS_EACH * 6) >> 4 & DIGITS_EACH;
    return digits_store(out, digits + letters * ('a' - '0' - 10), 0);
}

#endif
