/* SPDX-License-Identifier: MIT
 *
 * JSON numbers: their grammar, and the range that a 64-bit integer or a double can hold. The other functions read a number
 * that has passed.
 */
#ifndef JOB_JSONNUMBER_H
#define JOB_JSONNUMBER_H

#include "job/json.h"

/* A number that begins at `at` with '-' or a digit; sets reader->real. */
const unsigned char *jsonnumber_read(struct json_reader *reader, const unsigned char *at);

/* An integer's value. */
int64_t jsonnumber_integer(const unsigned char *at, const unsigned char *end);

/* A number times ten to the power of `power`, rounded up, computed on its decimal digits: exact. -1 when it is below zero,
 * `limit` + 1 when the product is over `limit`, which is 9 to INT64_MAX - 1. */
int64_t jsonnumber_scaled(const unsigned char *at, const unsigned char *end, int power, int64_t limit);

#endif
