/* SPDX-License-Identifier: MIT
 *
 * The axis of time of a report. That no shift is undefined is for a build with sanitizers to see.
 */
#include "support/tap.h"

#include "cli/report_axis.h"

#define SECOND_NS INT64_C(1000000000)

/* A hundred jobs in the hundred seconds from `begin_ns` on. */
static void add_busy(struct axis *axis, int64_t begin_ns)
{
    for (int64_t i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(axis_add(axis, 0, begin_ns + i * SECOND_NS, begin_ns + i * SECOND_NS + SECOND_NS / 2, false), 0);
}

static void an_idle_stretch_is_cut_out_wherever_it_lies(void)
{
    static const int64_t begins_s[] = { 0, 1700000000, -3600, -1700000000 };
    static struct axis axis;
    for (size_t i = 0; i < sizeof begins_s / sizeof begins_s[0]; i++) {
        int64_t begin_ns = begins_s[i] * SECOND_NS, later_ns = begin_ns + 7200 * SECOND_NS;
        axis.cut_count = 0;
        add_busy(&axis, begin_ns);
        add_busy(&axis, later_ns);
        CU_ASSERT_TRUE_FATAL(axis_cut(&axis));
        CU_ASSERT_EQUAL(axis.cut_count, 1);
        CU_ASSERT_TRUE(axis.cuts[0].begin_ns > begin_ns + 99 * SECOND_NS);
        CU_ASSERT_TRUE(axis.cuts[0].begin_ns + axis.cuts[0].length_ns <= later_ns);
        CU_ASSERT_EQUAL(axis_time(&axis, later_ns), later_ns - axis.cuts[0].length_ns);
        add_busy(&axis, begin_ns);
        add_busy(&axis, later_ns);
        CU_ASSERT_TRUE(axis_span(&axis) < (uint64_t)(1000 * SECOND_NS));
        CU_ASSERT_EQUAL(axis.total.jobs, 200);
        axis_clear(&axis);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"an idle stretch is cut out wherever it lies", an_idle_stretch_is_cut_out_wherever_it_lies},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"report_axis", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
