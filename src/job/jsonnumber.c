/* SPDX-License-Identifier: MIT
 *
 * Numbers without arithmetic on doubles. A real is finite exactly when its value is under 2^1024 - 2^970, half a step above the
 * largest double, and that is decided by comparing decimal digits: exact, linear, and the same in every locale. Only a number
 * with a long exponent or very many digits needs that look at all.
 */
#include "job/jsonnumber.h"

#define EXPONENT_CEILING INT64_C(1000000000000000) /* beyond any count of digits that memory can hold */

/* 2^1024 - 2^970, all 309 digits */
static const char infinity_digits[] =
    "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946"
    "555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475"
    "292719074168444365510704342711559699508093042880177904174497792";

/* A number as 0.d1d2d3... times ten to the power of `point`, d1 not 0. */
struct decimal {
    const unsigned char *digit; /* d1; at == end when the number is 0 */
    const unsigned char *end;   /* of the digits */
    int64_t point;
    bool negative;
};

static inline bool is_digit(unsigned char byte)
{
    return (unsigned)byte - '0' < 10;
}

static int64_t decimal_exponent(const unsigned char *at, const unsigned char *end)
{
    int64_t exponent = 0;
    bool negative = *at == '-';
    if (negative || *at == '+')
        at++;
    for (; at < end && exponent < EXPONENT_CEILING; at++)
        exponent = exponent * 10 + (*at - '0');
    return negative ? -exponent : exponent;
}

static void decimal_open(struct decimal *decimal, const unsigned char *at, const unsigned char *end)
{
    const unsigned char *dot = NULL, *first = NULL;
    decimal->negative = *at == '-';
    at += decimal->negative;
    decimal->point = 0;
    for (; at < end && (*at | 0x20) != 'e'; at++) {
        if (*at == '.')
            dot = at;
        else if (!first && *at != '0')
            first = at;
    }
    decimal->end = at;
    decimal->digit = first ? first : at;
    if (!first)
        return;
    if (!dot)
        decimal->point = at - first;
    else
        decimal->point = dot > first ? dot - first : dot + 1 - first;
    if (at < end)
        decimal->point += decimal_exponent(at + 1, end);
}

/* The next digit, or -1 behind the last. */
static inline int decimal_next(struct decimal *decimal)
{
    if (decimal->digit < decimal->end && *decimal->digit == '.')
        decimal->digit++;
    return decimal->digit < decimal->end ? *decimal->digit++ - '0' : -1;
}

static bool decimal_is_finite(struct decimal *decimal)
{
    const int64_t digits = (int64_t)sizeof infinity_digits - 1;
    if (decimal->digit == decimal->end || decimal->point != digits)
        return decimal->digit == decimal->end || decimal->point < digits;
    for (int64_t i = 0; i < digits; i++) {
        int digit = decimal_next(decimal), bound = infinity_digits[i] - '0';
        if (digit != bound)
            return digit < bound;
    }
    return false;
}

static const unsigned char *jsonnumber_digits(struct json_reader *reader, const unsigned char *at)
{
    if (at == reader->end || !is_digit(*at))
        return json_unexpected(reader, at, "expected a digit");
    while (at < reader->end && is_digit(*at))
        at++;
    return at;
}

/* The fraction and exponent of the number that began at `start`. */
static const unsigned char *jsonnumber_real(struct json_reader *reader, const unsigned char *start, const unsigned char *at)
{
    reader->real = true;
    if (*at == '.') {
        at = jsonnumber_digits(reader, at + 1);
        if (!at)
            return NULL;
    }
    const unsigned char *mantissa_end = at;
    if (at < reader->end && (*at | 0x20) == 'e') {
        at++;
        if (at < reader->end && (*at == '+' || *at == '-'))
            at++;
        at = jsonnumber_digits(reader, at);
        if (!at)
            return NULL;
    }
    /* 200 digits and two of exponent cannot reach 1e308. */
    if (mantissa_end - start > 200 || at - mantissa_end > 3) {
        struct decimal decimal;
        decimal_open(&decimal, start, at);
        if (!decimal_is_finite(&decimal))
            return json_fault(reader, start, "number too large for a double");
    }
    return at;
}

const unsigned char *jsonnumber_read_any(struct json_reader *reader, const unsigned char *at)
{
    const unsigned char *start = at, *end = reader->end;
    bool negative = *at == '-';
    at += negative;
    reader->real = false;
    if (at == end || !is_digit(*at))
        return json_unexpected(reader, at, "expected a digit");
    const unsigned char *first = at++;
    while (at < end && is_digit(*at))
        at++;
    if (*first == '0' && at - first > 1)
        return json_fault(reader, start, "leading zero in a number");
    if (at < end && (*at == '.' || (*at | 0x20) == 'e'))
        return jsonnumber_real(reader, start, at);
    if (at - first < 19)
        return at;
    const char *bound = negative ? "9223372036854775808" : "9223372036854775807";
    if (at - first > 19 || memcmp(first, bound, 19) > 0)
        return json_fault(reader, start, "integer beyond 64 bits");
    return at;
}

int64_t jsonnumber_integer(const unsigned char *at, const unsigned char *end)
{
    bool negative = *at == '-';
    uint64_t value = 0;
    for (at += negative; at < end; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    return negative ? -(int64_t)(value - 1) - 1 : (int64_t)value;
}

int64_t jsonnumber_scaled(const unsigned char *at, const unsigned char *end, int power, int64_t limit)
{
    struct decimal decimal;
    int64_t value = 0;
    decimal_open(&decimal, at, end);
    if (decimal.digit == decimal.end)
        return 0;
    if (decimal.negative)
        return -1;
    for (int64_t left = decimal.point + power; left > 0; left--) {
        int digit = decimal_next(&decimal);
        digit = digit < 0 ? 0 : digit;
        if (value > (limit - digit) / 10)
            return limit + 1;
        value = value * 10 + digit;
    }
    for (int digit = decimal_next(&decimal); digit >= 0; digit = decimal_next(&decimal))
        if (digit > 0)
            return value < limit ? value + 1 : limit + 1;
    return value;
}
