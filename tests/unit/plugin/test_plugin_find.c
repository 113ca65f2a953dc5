/* SPDX-License-Identifier: MIT
 *
 * From a name or a path to a plugin's file.
 */
#include "plugin/plugin_find.h"
#include "support/tap.h"
#include "unit/plugin/scratch.h"

#include <errno.h>

static char path[PATH_MAX];
static struct hay_error error;

static int find(const char *name)
{
    memset(&error, 0, sizeof error);
    path[0] = '\0';
    return plugin_find(name, path, sizeof path, &error);
}

static void expect_refused(const char *name, int status, const char *text)
{
    CU_ASSERT_EQUAL(find(name), status);
    CU_ASSERT_EQUAL(error.status, HAY_EPLUGIN);
    if (!strstr(error.text, text))
        printf("# %s\n", error.text);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, text));
}

static void search_in(const char *first, const char *second)
{
    char list[3 * PATH_MAX];
    snprintf(list, sizeof list, ":%s::%s:", first, second);
    setenv("HAYFORK_PLUGIN_PATH", list, 1);
}

static int setup(void)
{
    if (!scratch_make() || mkdir(scratch_path("one"), 0755) || mkdir(scratch_path("two"), 0755) ||
        mkdir(scratch_path("two/dir.so"), 0755))
        return 1;
    return !scratch_write("one/both.so", "1", 1, 0644) || !scratch_write("two/both.so", "2", 1, 0644) ||
           !scratch_write("two/second.so", "2", 1, 0644) || !scratch_write("one/open.so", "1", 1, 0646) ||
           !scratch_write("two/open.so", "2", 1, 0644) || mkfifo(scratch_path("one/fifo.so"), 0644) ||
           symlink("second.so", scratch_path("two/linked.so"));
}

static int teardown(void)
{
    scratch_remove();
    return 0;
}

static void a_name_is_found_in_the_first_directory_that_has_it(void)
{
    search_in(scratch_path("one"), scratch_path("two"));
    CU_ASSERT_EQUAL(find("both"), 0);
    CU_ASSERT_STRING_EQUAL(path, scratch_path("one/both.so"));
    CU_ASSERT_EQUAL(find("second"), 0);
    CU_ASSERT_STRING_EQUAL(path, scratch_path("two/second.so"));
    search_in(scratch_path("two"), scratch_path("one"));
    CU_ASSERT_EQUAL(find("both"), 0);
    CU_ASSERT_STRING_EQUAL(path, scratch_path("two/both.so"));
}

static void a_missing_name_says_where_it_was_looked_for(void)
{
    setenv("HAYFORK_PLUGIN_PATH", "/nowhere/a:/nowhere/b", 1);
    expect_refused("both", -ENOENT, "plugin both: there is no both.so in /nowhere/a, /nowhere/b, ");
    unsetenv("HAYFORK_PLUGIN_PATH");
    expect_refused("surely_not_installed", -ENOENT, "there is no surely_not_installed.so in /");
}

static void many_directories_are_cut_in_the_message(void)
{
    char list[4000] = "";
    for (int i = 0; i < 100; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "/nowhere/number/%d:", i);
    setenv("HAYFORK_PLUGIN_PATH", list, 1);
    expect_refused("both", -ENOENT, ", ...");
    CU_ASSERT(strlen(error.text) < sizeof error.text);
}

static void a_directory_too_long_to_look_at_is_named_as_the_cause(void)
{
    char list[8000];
    memset(list, 'x', sizeof list - 1);
    list[0] = '/';
    list[sizeof list - 1] = '\0';
    setenv("HAYFORK_PLUGIN_PATH", list, 1);
    expect_refused("both", -ENAMETOOLONG, "cannot be looked at");
}

static void a_path_is_taken_as_it_is_and_made_absolute(void)
{
    char relative[PATH_MAX];
    unsetenv("HAYFORK_PLUGIN_PATH");
    CU_ASSERT_EQUAL(find(scratch_path("two/second.so")), 0);
    CU_ASSERT_STRING_EQUAL(path, scratch_path("two/second.so"));
    snprintf(relative, sizeof relative, ".//./%s/two/linked.so", strrchr(scratch, '/') + 1);
    CU_ASSERT_EQUAL(find(relative), 0);
    CU_ASSERT_STRING_EQUAL(path, scratch_path("two/linked.so"));
}

static void a_relative_directory_of_the_list_gives_an_absolute_path(void)
{
    char list[PATH_MAX];
    snprintf(list, sizeof list, "%s/one", strrchr(scratch, '/') + 1);
    setenv("HAYFORK_PLUGIN_PATH", list, 1);
    CU_ASSERT_EQUAL(find("both"), 0);
    CU_ASSERT_STRING_EQUAL(path, scratch_path("one/both.so"));
}

static void a_missing_path_says_so(void)
{
    expect_refused("./no/such.so", -ENOENT, "plugin ./no/such.so: there is no such file");
    expect_refused(scratch_path("two/second.so/x.so"), -ENOTDIR, "cannot be looked at: Not a directory");
}

static void a_path_needs_its_ending(void)
{
    expect_refused(scratch_path("two/second"), -ENOENT, "there is no such file");
}

static void only_regular_files_are_plugins(void)
{
    search_in(scratch_path("one"), scratch_path("two"));
    expect_refused("dir", -EISDIR, "/two/dir.so: is a directory");
    expect_refused("fifo", -EINVAL, "/one/fifo.so: not a regular file");
    expect_refused(scratch_path("two"), -EISDIR, "is a directory");
}

static void a_file_that_everybody_may_write_is_refused_and_ends_the_search(void)
{
    search_in(scratch_path("one"), scratch_path("two"));
    expect_refused("open", -EPERM, "/one/open.so: refused: everybody may write to this file");
}

static void what_is_no_name_is_told_so(void)
{
    expect_refused("", -EINVAL, "a plugin's name is needed");
    expect_refused(NULL, -EINVAL, "a plugin's name is needed");
    expect_refused("Text", -EINVAL, "plugin Text: not a plugin's name");
    expect_refused("te xt\n", -EINVAL, "plugin te xt : not a plugin's name");
    expect_refused("both.so", -EINVAL, "write ./both.so");
}

static void a_small_buffer_is_not_overrun(void)
{
    char small[8] = "";
    search_in(scratch_path("one"), scratch_path("two"));
    CU_ASSERT_EQUAL(plugin_find("both", small, sizeof small, &error), -ENAMETOOLONG);
    CU_ASSERT_EQUAL(plugin_find(scratch_path("one/both.so"), small, sizeof small, NULL), -ENAMETOOLONG);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a_name_is_found_in_the_first_directory_that_has_it", a_name_is_found_in_the_first_directory_that_has_it},
        {"a_missing_name_says_where_it_was_looked_for", a_missing_name_says_where_it_was_looked_for},
        {"many_directories_are_cut_in_the_message", many_directories_are_cut_in_the_message},
        {"a_directory_too_long_to_look_at_is_named_as_the_cause", a_directory_too_long_to_look_at_is_named_as_the_cause},
        {"a_path_is_taken_as_it_is_and_made_absolute", a_path_is_taken_as_it_is_and_made_absolute},
        {"a_relative_directory_of_the_list_gives_an_absolute_path", a_relative_directory_of_the_list_gives_an_absolute_path},
        {"a_missing_path_says_so", a_missing_path_says_so},
        {"a_path_needs_its_ending", a_path_needs_its_ending},
        {"only_regular_files_are_plugins", only_regular_files_are_plugins},
        {"a_file_that_everybody_may_write_is_refused", a_file_that_everybody_may_write_is_refused_and_ends_the_search},
        {"what_is_no_name_is_told_so", what_is_no_name_is_told_so},
        {"a_small_buffer_is_not_overrun", a_small_buffer_is_not_overrun},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"plugin_find", setup, teardown, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
