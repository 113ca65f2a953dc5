/* SPDX-License-Identifier: MIT
 *
 * One character of UTF-8, as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/* The size of the character at `at` < `end` (1 to 4), or minus the count of bytes that one U+FFFD should replace. */
static inline int utf8_size(const unsigned char *at, const unsigned char *end)
{
    unsigned char first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return -1;
    /* Only the second byte's range depends on the first. */
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (end - at < 2 || at[1] < low || at[1] > high)
        return -1;
    if (first < 0xe0)
        return 2;
    if (end - at < 3 || (at[2] & 0xc0) != 0x80)
        return -2;
    if (first < 0xf0)
        return 3;
    return end - at < 4 || (at[3] & 0xc0) != 0x80 ? -3 : 4;
}

#endif
