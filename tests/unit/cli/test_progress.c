/* SPDX-License-Identifier: MIT
 *
 * What the progress line says, at every width.
 */
#include "support/tap.h"

#include "cli/progress.h"

#include <string.h>

static struct progress_figures half(void)
{
    return (struct progress_figures){ .done = 620, .failed = 3, .running = 8, .fraction = 0.62, .left = 380 };
}

static size_t draw(struct progress_figures figures, double rate, size_t width, char *out, size_t capacity)
{
    struct progress progress = { .rate = rate };
    memset(out, 0x7e, capacity);
    return progress_draw(&progress, &figures, 75, width, out, capacity);
}

static void a_wide_terminal_has_a_bar_and_all_parts(void)
{
    char line[320];
    draw(half(), 190, 100, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "[=======================>              ] 62%, 620 done, 3 failed, 8 running, 190/s, eta 0:02");
}

static void a_narrow_one_loses_the_bar_first(void)
{
    char line[320];
    draw(half(), 190, 60, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "62%, 620 done, 3 failed, 8 running, 190/s, eta 0:02");
    draw(half(), 190, 20, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "62%, 620 done, 190/s");
}

static void no_width_is_overrun(void)
{
    char line[320];
    struct progress_figures figures[] = {
        half(),
        { .fraction = -1, .left = -1 },
        { .done = UINT64_MAX, .failed = UINT64_MAX, .running = UINT64_MAX, .fraction = 1, .left = 1e300 },
        { .fraction = 0, .left = 0 },
    };
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        for (size_t width = 0; width < 300; width++) {
            size_t columns = draw(figures[i], i == 2 ? 1e-300 : 5, width, line, sizeof line);
            CU_ASSERT_FATAL(columns <= width);
            CU_ASSERT_EQUAL_FATAL(strlen(line), columns);
        }
    }
}

static void without_a_length_there_is_no_bar_and_the_time_passed(void)
{
    char line[320];
    struct progress_figures figures = { .done = 5, .running = 2, .fraction = -1, .left = -1 };
    draw(figures, 0.5, 100, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "5 done, 2 running, 0.5/s, 1:15");
}

static void rates_and_times_have_fitting_units(void)
{
    char line[320];
    struct progress_figures figures = { .done = 5, .fraction = -1, .left = 7.3e9 };
    draw(figures, 2.5e6, 100, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "5 done, 0 running, 2.50M/s, eta 48:40");
    draw(figures, 99999, 100, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "5 done, 0 running, 99999/s, eta 20:16:41");
}

/* 620 in 75 s, and then nothing for long: ten times slower than the mean is the most that is believed. */
static void a_long_job_does_not_make_the_rest_take_for_ever(void)
{
    char line[320];
    draw(half(), 0.0001, 60, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "62%, 620 done, 3 failed, 8 running, 0.0/s, eta 7:40");
}

static void a_whole_bar_has_no_head(void)
{
    char line[320];
    struct progress_figures figures = { .done = 5, .fraction = 1, .left = 0 };
    draw(figures, 1, 60, line, sizeof line);
    CU_ASSERT_STRING_EQUAL(line, "[=================] 100%, 5 done, 0 running, 1.0/s, eta 0:00");
    CU_ASSERT_EQUAL(strlen(line), 60);
}

static void words_are_modes(void)
{
    enum progress_mode mode = PROGRESS_AUTO;
    CU_ASSERT(progress_mode_of("json", &mode) && mode == PROGRESS_JSON);
    CU_ASSERT(progress_mode_of("none", &mode) && mode == PROGRESS_NONE);
    CU_ASSERT(!progress_mode_of("", &mode) && !progress_mode_of("ba", &mode) && !progress_mode_of("barn", &mode));
    CU_ASSERT_EQUAL(progress_mode_for(PROGRESS_LINES, true), PROGRESS_LINES);
    CU_ASSERT_EQUAL(progress_mode_for(PROGRESS_AUTO, true), PROGRESS_NONE);
}

#define TEST(name) { #name, name }

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_wide_terminal_has_a_bar_and_all_parts),
        TEST(a_narrow_one_loses_the_bar_first),
        TEST(no_width_is_overrun),
        TEST(without_a_length_there_is_no_bar_and_the_time_passed),
        TEST(rates_and_times_have_fitting_units),
        TEST(a_long_job_does_not_make_the_rest_take_for_ever),
        TEST(a_whole_bar_has_no_head),
        TEST(words_are_modes),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "progress", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    return tap_run(suites);
}
