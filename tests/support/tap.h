/* SPDX-License-Identifier: MIT
 *
 * Runs CUnit suites and prints one TAP line per test case, so that `make check` counts cases and not programs.
 */
#ifndef TESTS_SUPPORT_TAP_H
#define TESTS_SUPPORT_TAP_H

#include <CUnit/CUnit.h>

/* The whole main() of a test program: EXIT_SUCCESS, or EXIT_FAILURE when a case failed. `suites` ends with CU_SUITE_INFO_NULL. */
int tap_run(CU_SuiteInfo *suites);

/* In a case: it cannot be tried here, and counts as skipped, unless an assertion fails. */
void tap_skip(const char *why);

/* In a forked child: leave with code 1 and a line on stderr unless the condition holds. CUnit's own assertions must not be used
 * there: a fatal one jumps into the child's copy of the runner and runs the remaining tests again. */
#define CHILD_CHECK(condition) tap_child_check((condition) != 0, #condition, __FILE__, __LINE__)
void tap_child_check(int holds, const char *text, const char *file, int line);

#endif
