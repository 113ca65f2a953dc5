/* SPDX-License-Identifier: MIT
 *
 * The error object: every status has a text, a text is always one terminated line, and a caller may pass no object at all.
 */
#include "base/error.h"
#include "support/tap.h"

#include <errno.h>
#include <string.h>

static void every_status_has_a_text_of_its_own(void)
{
    for (int i = 0; i < HAY_STATUS_COUNT; i++) {
        const char *text = hay_status_text((enum hay_status)i);
        CU_ASSERT_PTR_NOT_NULL_FATAL(text);
        CU_ASSERT(*text != '\0');
        for (int k = 0; k < i; k++)
            CU_ASSERT_STRING_NOT_EQUAL(text, hay_status_text((enum hay_status)k));
    }
    CU_ASSERT_STRING_EQUAL(hay_status_text(HAY_ETIMEDOUT), "timed out");
}

static void a_status_out_of_range_has_a_text_too(void)
{
    int values[] = {HAY_STATUS_COUNT, 1000, -1};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        CU_ASSERT_STRING_EQUAL(hay_status_text((enum hay_status)values[i]), "unknown status");
}

static void set_fills_the_object_and_returns_the_status(void)
{
    struct hay_error error = {HAY_OK, 77, "old"};
    CU_ASSERT_EQUAL(error_set(&error, HAY_EINVAL, "no %s in %d", "hay", 3), HAY_EINVAL);
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_EQUAL(error.sys_errno, 0);
    CU_ASSERT_STRING_EQUAL(error.text, "no hay in 3");
}

static void no_object_is_fine(void)
{
    CU_ASSERT_EQUAL(error_set(NULL, HAY_EFULL, "full of %s", "hay"), HAY_EFULL);
    CU_ASSERT_EQUAL(error_system(NULL, ENOENT, "open"), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error_system(NULL, ENOMEM, "malloc"), HAY_ENOMEM);
}

static void a_failed_call_names_its_reason(void)
{
    struct hay_error error;
    CU_ASSERT_EQUAL(error_system(&error, ENOENT, "open %s", "barn"), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.status, HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.sys_errno, ENOENT);
    CU_ASSERT_STRING_EQUAL(error.text, "open barn: No such file or directory");
    CU_ASSERT_EQUAL(error_system(&error, ENOMEM, "mmap"), HAY_ENOMEM);
    CU_ASSERT_EQUAL(error.status, HAY_ENOMEM);
    CU_ASSERT_EQUAL(error.sys_errno, ENOMEM);
}

static void an_unknown_errno_is_said_to_be_so(void)
{
    struct hay_error error;
    CU_ASSERT_EQUAL(error_system(&error, 99999, "call"), HAY_ESYSTEM);
    CU_ASSERT_STRING_EQUAL(error.text, "call: unknown error");
}

static void a_text_is_one_line(void)
{
    struct hay_error error;
    error_set(&error, HAY_EPLUGIN, "%s", "two\nlines\r\tand\x1b[31m red\x7f");
    CU_ASSERT_STRING_EQUAL(error.text, "two lines  and [31m red ");
    error_set(&error, HAY_EPLUGIN, "%s", "caf\xc3\xa9");
    CU_ASSERT_STRING_EQUAL(error.text, "caf\xc3\xa9");
}

static void a_long_text_is_cut_and_terminated(void)
{
    struct hay_error error;
    char text[1000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    error_set(&error, HAY_EINVAL, "%s", text);
    CU_ASSERT_EQUAL(strlen(error.text), sizeof error.text - 1);
    CU_ASSERT_EQUAL(error_system(&error, ENOENT, "%s", text), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(strlen(error.text), sizeof error.text - 1);
    CU_ASSERT_EQUAL(error.sys_errno, ENOENT);
}

static void a_text_may_quote_the_one_it_replaces(void)
{
    struct hay_error error;
    error_set(&error, HAY_EPLUGIN, "no entry");
    error_set(&error, HAY_EPLUGIN, "text.so: %s, sorry", error.text);
    CU_ASSERT_STRING_EQUAL(error.text, "text.so: no entry, sorry");
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"every_status_has_a_text_of_its_own", every_status_has_a_text_of_its_own},
        {"a_status_out_of_range_has_a_text_too", a_status_out_of_range_has_a_text_too},
        {"set_fills_the_object_and_returns_the_status", set_fills_the_object_and_returns_the_status},
        {"no_object_is_fine", no_object_is_fine},
        {"a_failed_call_names_its_reason", a_failed_call_names_its_reason},
        {"an_unknown_errno_is_said_to_be_so", an_unknown_errno_is_said_to_be_so},
        {"a_text_is_one_line", a_text_is_one_line},
        {"a_long_text_is_cut_and_terminated", a_long_text_is_cut_and_terminated},
        {"a_text_may_quote_the_one_it_replaces", a_text_may_quote_the_one_it_replaces},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"error", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
