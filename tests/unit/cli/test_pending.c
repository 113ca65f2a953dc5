/* SPDX-License-Identifier: MIT
 *
 * The keys of lines in flight, against a plain array: places come in order and leave in any, a few stay for very long.
 */
#include "support/tap.h"

#include "cli/pending.h"

#include <stdlib.h>

#define PLACES 200000u

static uint64_t key_of(uint64_t seq)
{
    return seq * UINT64_C(0xd1342543de82ef95) + 1;
}

static void an_empty_one_has_nothing(void)
{
    struct pending pending = { .ring.entries = NULL };
    CU_ASSERT_EQUAL(pending_take(&pending, 1), 0);
    pending_release(&pending);
    CU_ASSERT(pending_add(&pending, 1, 7));
    CU_ASSERT_EQUAL(pending_take(&pending, 2), 0);
    CU_ASSERT_EQUAL(pending_take(&pending, 1), 7);
    CU_ASSERT_EQUAL(pending_take(&pending, 1), 0);
    CU_ASSERT_EQUAL(pending_count(&pending), 0);
    pending_release(&pending);
}

/* `ahead` are in flight at most, one in 1,000 of them to the end. */
static void check_window(unsigned ahead)
{
    struct pending pending = { .ring.entries = NULL };
    unsigned *flight = malloc((ahead + PLACES / 1000 + 1) * sizeof *flight), count = 0, wrong = 0;
    uint64_t random = ahead;
    CU_ASSERT_PTR_NOT_NULL_FATAL(flight);
    for (unsigned seq = 1; seq <= PLACES; seq++) {
        wrong += !pending_add(&pending, seq, key_of(seq));
        if (seq % 1000 == 0)
            continue;
        flight[count++] = seq;
        while (count >= ahead) {
            random = random * UINT64_C(6364136223846793005) + 1;
            unsigned at = (unsigned)(random >> 33) % count, gone = flight[at];
            flight[at] = flight[--count];
            wrong += pending_take(&pending, gone) != key_of(gone);
            wrong += pending_take(&pending, gone) != 0;
        }
    }
    CU_ASSERT_EQUAL(pending_count(&pending), count + PLACES / 1000);
    while (count > 0) {
        count--;
        wrong += pending_take(&pending, flight[count]) != key_of(flight[count]);
    }
    for (unsigned seq = 1000; seq <= PLACES; seq += 1000)
        wrong += pending_take(&pending, seq) != key_of(seq);
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(pending_count(&pending), 0);
    CU_ASSERT(pending.ring.bits <= 12 || (size_t)1 << pending.ring.bits <= 4 * ((size_t)ahead + 64));
    CU_ASSERT(pending.late.bits <= 12 || (size_t)1 << pending.late.bits <= 4 * ((size_t)ahead + PLACES / 1000));
    pending_release(&pending);
    free(flight);
}

static void keys_are_found_whatever_left_before(void)
{
    static const unsigned windows[] = { 1, 2, 100, 2047, 2048, 4096, 50000 };
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++)
        check_window(windows[i]);
}

#define TEST(name) { #name, name }

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(an_empty_one_has_nothing),
        TEST(keys_are_found_whatever_left_before),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "pending", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    return tap_run(suites);
}
