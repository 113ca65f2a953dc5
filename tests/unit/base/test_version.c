/* SPDX-License-Identifier: MIT
 *
 * The version is written in several places: they agree.
 */
#include "config.h"
#include "support/tap.h"

#include <hayfork/version.h>

#include <stdio.h>

static void header_library_and_package_agree(void)
{
    char text[64];
    snprintf(text, sizeof text, "%d.%d.%d", HAY_VERSION_MAJOR, HAY_VERSION_MINOR, HAY_VERSION_PATCH);
    CU_ASSERT_STRING_EQUAL(text, HAY_VERSION);
    CU_ASSERT_STRING_EQUAL(hay_version(), HAY_VERSION);
    CU_ASSERT_STRING_EQUAL(HAY_VERSION, PACKAGE_VERSION);
}

static void versions_compare_as_numbers(void)
{
    CU_ASSERT(HAY_VERSION_NUMBER >= HAY_VERSION_OF(0, 1, 0));
    CU_ASSERT(HAY_VERSION_OF(0, 10, 0) > HAY_VERSION_OF(0, 9, 999));
    CU_ASSERT(HAY_VERSION_OF(1, 0, 0) > HAY_VERSION_OF(0, 999, 999));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"header_library_and_package_agree", header_library_and_package_agree},
        {"versions_compare_as_numbers", versions_compare_as_numbers},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"version", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
