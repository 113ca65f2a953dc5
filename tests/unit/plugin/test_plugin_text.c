/* SPDX-License-Identifier: MIT
 *
 * Names are judged, bytes become text.
 */
#include "plugin/plugin_text.h"
#include "support/tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_name(const char *name)
{
    return plugin_text_is_name(name, strlen(name));
}

static void names_follow_the_grammar(void)
{
    char longest[PLUGIN_NAME_MAX + 2];
    memset(longest, 'a', sizeof longest);
    CU_ASSERT(is_name("a"));
    CU_ASSERT(is_name("text_2"));
    CU_ASSERT(!is_name(""));
    CU_ASSERT(!is_name("2a"));
    CU_ASSERT(!is_name("_a"));
    CU_ASSERT(!is_name("A"));
    CU_ASSERT(!is_name("a.b"));
    CU_ASSERT(!is_name("a-b"));
    CU_ASSERT(!is_name("a/b"));
    CU_ASSERT(!is_name("\xc3\xa4"));
    CU_ASSERT(!plugin_text_is_name("a\0b", 3));
    CU_ASSERT(plugin_text_is_name(longest, PLUGIN_NAME_MAX));
    CU_ASSERT(!plugin_text_is_name(longest, PLUGIN_NAME_MAX + 1));
}

static void expect(const char *in, const char *out, bool one_line)
{
    char text[64];
    CU_ASSERT_EQUAL(plugin_text_copy(text, sizeof text, in, strlen(in), one_line), strlen(out));
    CU_ASSERT_STRING_EQUAL(text, out);
    CU_ASSERT_EQUAL(plugin_text_copy(NULL, 0, in, strlen(in), one_line), strlen(out));
}

#define BAD "\xef\xbf\xbd"

static void good_text_is_left_alone(void)
{
    expect("", "", true);
    expect("plain", "plain", true);
    const char *many = "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf \xed\x9f\xbf";
    expect(many, many, true);
    expect("a\nb\tc", "a\nb\tc", false);
}

static void bad_utf8_is_replaced(void)
{
    expect("a\xff" "b", "a" BAD "b", false);
    expect("\xc0\x80", BAD BAD, false);              /* overlong */
    expect("\xe0\x9f\xbf", BAD BAD BAD, false);
    expect("\xf0\x8f\xbf\xbf", BAD BAD BAD BAD, false);
    expect("\xed\xa0\x80", BAD BAD BAD, false);      /* surrogate */
    expect("\xf4\x90\x80\x80", BAD BAD BAD BAD, false); /* above U+10FFFF */
    expect("\xe2\x82", BAD, false);                  /* cut */
    expect("\xf0\x9f\x98x", BAD "x", false);
    expect("\x80", BAD, false);
}

static void one_line_has_no_control_characters(void)
{
    expect("a\nb\r\x1b[0m\x7f", "a b  [0m ", true);
    expect("x\xc2\x9by", "x y", true);
    expect("x\xc2\xa0y", "x\xc2\xa0y", true);
}

static void a_cut_falls_between_characters(void)
{
    char text[6];
    CU_ASSERT_EQUAL(plugin_text_copy(text, sizeof text, "abc\xe2\x82\xac", 6, true), 3);
    CU_ASSERT_STRING_EQUAL(text, "abc");
    CU_ASSERT_EQUAL(plugin_text_copy(text, sizeof text, "ab\xe2\x82\xac", 5, true), 5);
    CU_ASSERT_EQUAL(plugin_text_copy(text, 1, "ab", 2, true), 0);
    CU_ASSERT_STRING_EQUAL(text, "");
    CU_ASSERT_EQUAL(plugin_text_copy(text, sizeof text, "a\0b", 3, false), 3);
}

static void a_long_path_loses_its_front(void)
{
    struct hay_error error = {0};
    char path[2000];
    memset(path, 'd', sizeof path);
    memcpy(path + sizeof path - 9, "/text.so", 9);
    CU_ASSERT_EQUAL(plugin_text_refuse(&error, ENOENT, path, "the reason is %s", "here\nand here"), -ENOENT);
    CU_ASSERT_EQUAL(error.status, HAY_EPLUGIN);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "plugin ...ddd"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "/text.so: the reason is here and here"));
    CU_ASSERT_EQUAL(plugin_text_refuse(NULL, ENOENT, path, "%s", "no error object"), -ENOENT);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"names_follow_the_grammar", names_follow_the_grammar},
        {"good_text_is_left_alone", good_text_is_left_alone},
        {"bad_utf8_is_replaced", bad_utf8_is_replaced},
        {"one_line_has_no_control_characters", one_line_has_no_control_characters},
        {"a_cut_falls_between_characters", a_cut_falls_between_characters},
        {"a_long_path_loses_its_front", a_long_path_loses_its_front},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"plugin_text", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
