/* SPDX-License-Identifier: MIT
 *
 * Plugins that break while the throw-away process loads them, as the program that wants them sees it: each is an error with a
 * text of its own, in bounded time, and no process is left.
 */
#include "unit/pool/pool_fixture.h"

#include <limits.h>

static void expect_refused(const char *plugin, const char *text)
{
    char path[PATH_MAX];
    struct hay_error error = {0};
    const char *top = getenv("top_builddir");
    struct hay_pool *pool = hay_pool_new(NULL, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
    snprintf(path, sizeof path, "%s/tests/support/plugins/.libs/%s.so", top ? top : ".", plugin);
    CU_ASSERT_EQUAL(hay_pool_load(pool, path, &error), HAY_EPLUGIN);
    if (!strstr(error.text, text))
        printf("# %s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, text));
    CU_ASSERT_PTR_NULL(hay_pool_function(pool, 0));
    hay_pool_free(pool);
    CU_ASSERT(has_no_child());
}

static void a_constructor_that_crashes_is_an_error(void)
{
    expect_refused("ctor_crash", "killed by SIGSEGV");
}

static void a_constructor_that_exits_is_an_error(void)
{
    expect_refused("ctor_exit", "exited");
}

static void a_constructor_that_hangs_is_killed(void)
{
    expect_refused("ctor_hang", "not loaded after 10 s");
}

static void so_is_one_that_closes_its_pipe_before(void)
{
    int64_t start_ns = clock_now_ns();
    expect_refused("ctor_closes", "not loaded after 10 s");
    CU_ASSERT(clock_now_ns() - start_ns < 19 * NS_PER_S); /* not twice that time */
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a constructor that crashes is an error", a_constructor_that_crashes_is_an_error},
        {"a constructor that exits is an error", a_constructor_that_exits_is_an_error},
        {"a constructor that hangs is killed", a_constructor_that_hangs_is_killed},
        {"so is one that closes its pipe before", so_is_one_that_closes_its_pipe_before},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool load", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
