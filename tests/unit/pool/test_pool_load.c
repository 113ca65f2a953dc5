/* SPDX-License-Identifier: MIT
 *
 * Plugins that break while the throw-away process loads them, as the program that wants them sees it: each is an error with a
 * text of its own, in bounded time, and no process is left.
 */
#include "unit/plugin/scratch.h"
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

static void one_that_answers_in_its_name_is_an_error(void)
{
    unsetenv("LIE");
    expect_refused("ctor_lies", "it wrote nonsense over its own description");
    setenv("LIE", "endless", 1);
    expect_refused("ctor_lies", "it wrote nonsense over its own description");
    unsetenv("LIE");
}

/* Put the plugin good into the scratch folder, with `to`, of the same length, in place of each `from`. */
static void put_plugin(const char *from, const char *to)
{
    static char bytes[1 << 20];
    char path[PATH_MAX];
    const char *top = getenv("top_builddir");
    snprintf(path, sizeof path, "%s/tests/support/plugins/.libs/good.so", top ? top : ".");
    FILE *file = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    size_t size = fread(bytes, 1, sizeof bytes, file), length = strlen(from);
    fclose(file);
    for (char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), from, length + 1)); at += length)
        memcpy(at, to, length);
    CU_ASSERT(scratch_write("new", bytes, size, 0755) && rename(scratch_path("new"), scratch_path("good.so")) == 0);
}

/* As by an installation in the middle of a run: the jobs are for what was checked, and nothing else may run them. */
static void another_plugin_in_its_place_is_not_taken(void)
{
    struct fixture fixture;
    CU_ASSERT_FATAL(scratch_make());
    put_plugin("nothing", "nothing");
    fixture_new(&fixture, &(struct hay_pool_options){.workers = 1});
    CU_ASSERT_EQUAL(hay_pool_load(fixture.pool, scratch_path("good.so"), NULL), HAY_OK);
    put_plugin("nothing", "nothink");
    CU_ASSERT_EQUAL(hay_pool_start(fixture.pool, NULL), HAY_OK);
    uint64_t number = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture) && ended_as(&fixture, number, HAY_OUTCOME_SKIPPED));
    CU_ASSERT_PTR_NOT_NULL(strstr(fixture.reason, "a plugin has other functions now than when it was checked"));
    fixture_end(&fixture);
    scratch_remove();
}

static void a_name_is_needed(void)
{
    struct hay_pool *pool = hay_pool_new(NULL, NULL);
    CU_ASSERT_EQUAL(hay_pool_load(pool, NULL, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pool_load(pool, "", NULL), HAY_EINVAL);
    hay_pool_free(pool);
}

static enum hay_status configure(struct hay_pool *pool, const char *plugin, const char *json, const char *text)
{
    struct hay_error error = {0};
    enum hay_status status = hay_pool_configure(pool, plugin, json, &error);
    if (!strstr(error.text, text))
        printf("# %s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, text));
    return status;
}

static void a_configuration_is_checked_at_once(void)
{
    char path[PATH_MAX];
    const char *top = getenv("top_builddir");
    struct hay_pool *pool = hay_pool_new(NULL, NULL);
    char *large = malloc((16 << 20) + 2);
    CU_ASSERT_FATAL(pool && large);
    memset(large, ' ', (16 << 20) + 1);
    large[(16 << 20) + 1] = '\0';
    snprintf(path, sizeof path, "%s/tests/support/plugins/.libs/configured.so", top ? top : ".");
    CU_ASSERT_EQUAL(configure(pool, "configured", "1", "no plugin \"configured\" is loaded"), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_pool_load(pool, path, NULL), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_load(pool, "demo", NULL), HAY_OK);
    CU_ASSERT(hay_pool_plugin(pool, 0)->is_configurable && !hay_pool_plugin(pool, 1)->is_configurable);
    CU_ASSERT_EQUAL(configure(NULL, "configured", "1", ""), HAY_EINVAL);
    CU_ASSERT_EQUAL(configure(pool, NULL, "1", "no plugin"), HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(configure(pool, "demo", "1", "takes no configuration"), HAY_EINVAL);
    CU_ASSERT_EQUAL(configure(pool, "configured", "[1,]", "is not JSON: column 4"), HAY_EINVAL);
    CU_ASSERT_EQUAL(configure(pool, "configured", "[1,\n2]", "is not JSON: column 4"), HAY_EINVAL);
    CU_ASSERT_EQUAL(configure(pool, "configured", large, "is longer than 16 MiB"), HAY_EINVAL);
    CU_ASSERT_EQUAL(configure(pool, "configured", "{}", ""), HAY_OK);
    CU_ASSERT_EQUAL(configure(pool, "configured", NULL, ""), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pool_start(pool, NULL), HAY_OK);
    CU_ASSERT_EQUAL(configure(pool, "configured", "1", "has started"), HAY_ESTATE);
    struct hay_job job = {.function = "configured.show"};
    struct hay_future *future = hay_pool_future(pool, &job, -1, NULL);
    CU_ASSERT_EQUAL_FATAL(hay_future_wait(future, 10000), HAY_OK);
    CU_ASSERT_EQUAL(hay_future_result(future)->value.size, 4);
    CU_ASSERT_NSTRING_EQUAL(hay_future_result(future)->value.at, "null", 4);
    hay_future_free(future);
    hay_pool_free(pool);
    free(large);
    CU_ASSERT(has_no_child());
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a constructor that crashes is an error", a_constructor_that_crashes_is_an_error},
        {"a constructor that exits is an error", a_constructor_that_exits_is_an_error},
        {"a constructor that hangs is killed", a_constructor_that_hangs_is_killed},
        {"so is one that closes its pipe before", so_is_one_that_closes_its_pipe_before},
        {"one that answers in its name is an error", one_that_answers_in_its_name_is_an_error},
        {"another plugin in its place is not taken", another_plugin_in_its_place_is_not_taken},
        {"a name is needed", a_name_is_needed},
        {"a configuration is checked at once", a_configuration_is_checked_at_once},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pool load", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
