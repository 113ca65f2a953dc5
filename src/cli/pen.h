/* SPDX-License-Identifier: MIT
 *
 * Writes text where the caller has made room, and nothing else: no bound is checked and no terminator written. For the lines that
 * are made for each job, where printf() would cost more than the job.
 */
#ifndef CLI_PEN_H
#define CLI_PEN_H

#include <hayfork/jobline.h>

#include <stdint.h>
#include <string.h>

#define PEN_NUMBER_MAX 20 /* digits of 2^64 */
#define PEN_FIXED_MAX (PEN_NUMBER_MAX + 1)

static inline char *pen_bytes(char *at, const char *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

#define pen_text(at, literal) pen_bytes(at, literal, sizeof(literal) - 1)

static inline char *pen_span(char *at, struct hay_span span)
{
    return span.size ? pen_bytes(at, span.at, span.size) : at;
}

static inline char *pen_number(char *at, uint64_t value)
{
    char digits[PEN_NUMBER_MAX], *end = digits + sizeof digits, *from = end;
    do
        *--from = (char)('0' + value % 10);
    while (value /= 10);
    return pen_bytes(at, from, (size_t)(end - from));
}

/* Thousandths as a decimal fraction with three digits, the whole part at least `width` columns wide (20 at most). */
static inline char *pen_thousandths(char *at, uint64_t value, int width)
{
    char digits[PEN_NUMBER_MAX], *end = digits + sizeof digits, *from = end;
    uint64_t whole = value / 1000;
    unsigned part = (unsigned)(value % 1000);
    do
        *--from = (char)('0' + whole % 10);
    while (whole /= 10);
    while (end - from < width)
        *--from = ' ';
    at = pen_bytes(at, from, (size_t)(end - from));
    *at++ = '.';
    *at++ = (char)('0' + part / 100);
    *at++ = (char)('0' + part / 10 % 10);
    *at++ = (char)('0' + part % 10);
    return at;
}

#endif
