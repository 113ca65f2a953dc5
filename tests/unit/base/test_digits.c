/* SPDX-License-Identifier: MIT
 *
 * Digits as printf() makes them, for every length of number and both sides of each power of ten, in no more room than promised.
 */
#include "base/digits.h"
#include "support/tap.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#define GUARD '~'

/* Both forms of one number; false: one is not what printf() says, or wrote too far. */
static bool is_right(uint64_t value)
{
    char wanted[32], made[32];
    memset(made, GUARD, sizeof made);
    char *end = digits_decimal(made, value);
    size_t size = (size_t)snprintf(wanted, sizeof wanted, "%" PRIu64, value);
    bool right = (size_t)(end - made) == size && !memcmp(made, wanted, size) && made[DIGITS_DECIMAL] == GUARD;
    memset(made, GUARD, sizeof made);
    end = digits_hex(made, (uint32_t)(value >> 7));
    snprintf(wanted, sizeof wanted, "%08" PRIx32 "~", (uint32_t)(value >> 7));
    right = right && end == made + 8 && !memcmp(made, wanted, 9);
    if (!right)
        printf("# wrong: %" PRIu64 "\n", value);
    return right;
}

static void every_number_of_up_to_six_digits(void)
{
    int wrong = 0;
    for (uint64_t value = 0; value < 1000000 && wrong < 10; value++)
        wrong += !is_right(value);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void both_sides_of_each_power(void)
{
    int wrong = !is_right(UINT64_MAX) + !is_right(UINT64_MAX - 1);
    for (uint64_t power = 1, last = 0; power > last && wrong < 10; last = power, power *= 10)
        for (uint64_t by = 1; by < 10 && power <= UINT64_MAX / by; by++)
            wrong += !is_right(power * by - 1) + !is_right(power * by) + !is_right(power * by + 1);
    for (int bit = 0; bit < 64 && wrong < 10; bit++)
        wrong += !is_right((UINT64_C(1) << bit) - 1) + !is_right(UINT64_C(1) << bit);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void numbers_spread_over_all_lengths(void)
{
    int wrong = 0;
    uint64_t value = 88172645463325252;
    for (int i = 0; i < 1000000 && wrong < 10; i++) {
        value ^= value << 13;
        value ^= value >> 7;
        value ^= value << 17;
        wrong += !is_right(value >> (unsigned)i % 64);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"every_number_of_up_to_six_digits", every_number_of_up_to_six_digits},
        {"both_sides_of_each_power", both_sides_of_each_power},
        {"numbers_spread_over_all_lengths", numbers_spread_over_all_lengths},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"digits", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
