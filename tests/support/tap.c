/* SPDX-License-Identifier: MIT */
#include "support/tap.h"

#include <CUnit/TestRun.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned count;
static const char *skipped; /* why the case that runs is not tried */

static void on_case_complete(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
    count++;
    printf("%sok %u - %s: %s%s%s\n", failure ? "not " : "", count, suite->pName, test->pName,
           skipped && !failure ? " # SKIP " : "", skipped && !failure ? skipped : "");
    skipped = NULL;
    for (CU_pFailureRecord at = failure; at; at = at->pNext)
        printf("# %s:%u: %s\n", at->strFileName, at->uiLineNumber, at->strCondition);
}

static void on_suite_init_failure(const CU_pSuite suite)
{
    count++;
    printf("not ok %u - %s: the suite's set-up failed\n", count, suite->pName);
}

int tap_run(CU_SuiteInfo *suites)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (CU_initialize_registry() != CUE_SUCCESS || CU_register_suites(suites) != CUE_SUCCESS) {
        printf("Bail out! CUnit: %s\n", CU_get_error_msg());
        return EXIT_FAILURE;
    }
    CU_set_test_complete_handler(on_case_complete);
    CU_set_suite_init_failure_handler(on_suite_init_failure);
    CU_run_all_tests();
    unsigned failed = CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
    printf("1..%u\n", count);
    CU_cleanup_registry();
    return failed || !count ? EXIT_FAILURE : EXIT_SUCCESS;
}

void tap_skip(const char *why)
{
    skipped = why;
}

void tap_child_check(int holds, const char *text, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: in a child: %s\n", file, line, text);
    _exit(1);
}
