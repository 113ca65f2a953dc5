/* SPDX-License-Identifier: MIT
 *
 * hay_json_check on tables: what RFC 8259 allows, what it does not, with the byte and the reason. Every input is put between
 * forbidden pages, so reading outside it ends the test.
 */
#include "support/tap.h"
#include "unit/job/guard.h"

#include <hayfork/jobline.h>
#include <stdio.h>
#include <stdlib.h>

struct refusal {
    const char *text;
    size_t size;
    size_t column;
    const char *reason;
};

#define REFUSAL(text, column, reason) {text, sizeof(text) - 1, column, reason}

static enum hay_status check(const char *text, size_t size, int depth, struct hay_jobline_fault *fault)
{
    enum hay_status before = hay_json_check(guard_before(text, size), size, depth, NULL);
    enum hay_status behind = hay_json_check(guard_behind(text, size), size, depth, fault);
    CU_ASSERT_EQUAL(before, behind);
    return behind;
}

static void expect_refusals(const struct refusal *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hay_jobline_fault fault = {0, ""};
        enum hay_status status = check(table[i].text, table[i].size, 64, &fault);
        bool good = status == HAY_EINVAL && fault.column == table[i].column && strcmp(fault.reason, table[i].reason) == 0;
        if (!good)
            printf("# %s: status %d, column %zu, %s\n", table[i].text, (int)status, fault.column, fault.reason);
        CU_ASSERT(good);
    }
}

static void expect_accepted(const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hay_jobline_fault fault = {0, "-"};
        enum hay_status status = check(table[i], strlen(table[i]), 64, &fault);
        if (status != HAY_OK)
            printf("# %s: column %zu, %s\n", table[i], fault.column, fault.reason);
        CU_ASSERT_EQUAL(status, HAY_OK);
        CU_ASSERT_STRING_EQUAL(fault.reason, "-");
    }
}

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void every_kind_of_value_is_accepted(void)
{
    static const char *const table[] = {
        "14", "0", "-0", "-1", "1.5", "1e5", "1E+5", "1e-5", "0.0", "-0.0e-0", "10.25e2", "true", "false", "null", "\"\"",
        "\"x\"",
        "[]", "{}", "[ ]", "{\t}", " 1 ", "\t[1 , 2]", "[[],{},[{}]]", "{\"a\":{\"b\":[1,\"two\",null,true]}}",
        "{\"lines\":1,\"words\":2,\"bytes\":3}", "{\"\":0}", "{\"a\":1,\"a\":2}", "\"\x7f\"", "\"/\"",
        "\"a string that is longer than sixteen bytes\"", "\"exactly 16 byte\"", "\"exactly 16 bytes\"", "\"exactly 16 bytes!\"",
    };
    expect_accepted(table, COUNT(table));
}

static void every_escape_and_every_size_of_utf8_is_accepted(void)
{
    static const char *const table[] = {
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\uABCD\\uabcd\"", "\"\\uD834\\uDD1E\"", "\"\\udbff\\udfff\"",
        "\"\\ud7ff\\ue000\"",
        "\"\xc2\x80\"", "\"\xdf\xbf\"", "\"\xe0\xa0\x80\"", "\"\xed\x9f\xbf\"", "\"\xee\x80\x80\"", "\"\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\"", "\"\xf4\x8f\xbf\xbf\"", "\"a\xc3\xa9z\xe6\x97\xa5\\n\xf0\x9f\x98\x80 and plain text after it\"",
    };
    expect_accepted(table, COUNT(table));
}

static void broken_structure_is_refused_where_it_breaks(void)
{
    static const struct refusal table[] = {
        REFUSAL("", 1, "unexpected end of line"),
        REFUSAL("   ", 4, "unexpected end of line"),
        REFUSAL("[", 2, "unexpected end of line"),
        REFUSAL("[1", 3, "unexpected end of line"),
        REFUSAL("[1,", 4, "unexpected end of line"),
        REFUSAL("{\"a\"", 5, "unexpected end of line"),
        REFUSAL("{\"a\":", 6, "unexpected end of line"),
        REFUSAL("tru", 4, "unexpected end of line"),
        REFUSAL("[1,]", 4, "expected a value"),
        REFUSAL("[,1]", 2, "expected a value"),
        REFUSAL("[1 2]", 4, "expected ',' or ']'"),
        REFUSAL("[1}", 3, "expected ',' or ']'"),
        REFUSAL("{\"a\":1]", 7, "expected ',' or '}'"),
        REFUSAL("{\"a\":1 \"b\":2}", 8, "expected ',' or '}'"),
        REFUSAL("{\"a\":1,}", 8, "expected a key"),
        REFUSAL("{a:1}", 2, "expected a key"),
        REFUSAL("{1:1}", 2, "expected a key"),
        REFUSAL("{\"a\" 1}", 6, "expected ':' after a key"),
        REFUSAL("{\"a\":}", 6, "expected a value"),
        REFUSAL("1 2", 3, "bytes after the value"),
        REFUSAL("[]]", 3, "bytes after the value"),
        REFUSAL("nullx", 5, "bytes after the value"),
        REFUSAL("]", 1, "expected a value"),
        REFUSAL("True", 1, "expected a value"),
        REFUSAL("trux", 1, "expected a value"),
        REFUSAL("NaN", 1, "expected a value"),
        REFUSAL("nan", 1, "expected a value"),
        REFUSAL("Infinity", 1, "expected a value"),
        REFUSAL("'a'", 1, "expected a value"),
        REFUSAL("// comment", 1, "expected a value"),
        REFUSAL("\xef\xbb\xbf" "1", 1, "expected a value"),
    };
    expect_refusals(table, COUNT(table));
}

static void broken_strings_are_refused_where_they_break(void)
{
    static const struct refusal table[] = {
        REFUSAL("\"", 2, "unexpected end of line"),
        REFUSAL("\"abc", 5, "unexpected end of line"),
        REFUSAL("\"abc\\", 6, "unexpected end of line"),
        REFUSAL("\"abc\\\"", 7, "unexpected end of line"),
        REFUSAL("\"\\u00", 6, "unexpected end of line"),
        REFUSAL("\"\\ud800", 8, "unexpected end of line"),
        REFUSAL("\"\\ud800\\", 9, "unexpected end of line"),
        REFUSAL("\"\\x\"", 3, "unknown escape in a string"),
        REFUSAL("\"\\u12g4\"", 6, "\\u needs four hex digits"),
        REFUSAL("\"\\u12\"", 6, "\\u needs four hex digits"),
        REFUSAL("\"\\ud800\"", 2, "unpaired surrogate in a string"),
        REFUSAL("\"a\\udc00\"", 3, "unpaired surrogate in a string"),
        REFUSAL("\"\\ud800\\ud800\"", 2, "unpaired surrogate in a string"),
        REFUSAL("\"\\ud800\\n\"", 2, "unpaired surrogate in a string"),
        REFUSAL("\"\\ud800x\"", 2, "unpaired surrogate in a string"),
        REFUSAL("\"a\tb\"", 3, "control character in a string"),
        REFUSAL("\"a string longer than a vector\x1f\"", 31, "control character in a string"),
        REFUSAL("\"a\nb\"", 3, "line break in a string"),
        REFUSAL("\"a\0b\"", 3, "NUL byte"),
        REFUSAL("[\"ab\0", 5, "NUL byte"),
    };
    expect_refusals(table, COUNT(table));
}

static void bad_utf8_is_refused_at_its_first_byte(void)
{
    static const struct refusal table[] = {
        REFUSAL("\"\x80\"", 2, "invalid UTF-8"),           /* a lone continuation */
        REFUSAL("\"\xc0\xaf\"", 2, "invalid UTF-8"),       /* overlong, two bytes */
        REFUSAL("\"\xc1\xbf\"", 2, "invalid UTF-8"),
        REFUSAL("\"\xe0\x9f\xbf\"", 2, "invalid UTF-8"),   /* overlong, three */
        REFUSAL("\"\xf0\x8f\xbf\xbf\"", 2, "invalid UTF-8"), /* overlong, four */
        REFUSAL("\"\xed\xa0\x80\"", 2, "invalid UTF-8"),   /* surrogates */
        REFUSAL("\"\xed\xbf\xbf\"", 2, "invalid UTF-8"),
        REFUSAL("\"\xf4\x90\x80\x80\"", 2, "invalid UTF-8"), /* above U+10FFFF */
        REFUSAL("\"\xf5\x80\x80\x80\"", 2, "invalid UTF-8"),
        REFUSAL("\"\xff\"", 2, "invalid UTF-8"),
        REFUSAL("\"ok\xc3\xa9\xc3\"", 6, "invalid UTF-8"), /* cut short */
        REFUSAL("\"\xe6\x97", 2, "invalid UTF-8"),
        REFUSAL("\"\xf0\x9f\x98\"", 2, "invalid UTF-8"),
        REFUSAL("\"plain text before the fault \xe6\x97z\"", 30, "invalid UTF-8"),
    };
    expect_refusals(table, COUNT(table));
}

static void control_characters_and_line_breaks_have_their_own_reasons(void)
{
    static const struct refusal table[] = {
        REFUSAL("\0", 1, "NUL byte"),
        REFUSAL("[1,\0]", 4, "NUL byte"),
        REFUSAL("1\0", 2, "NUL byte"),
        REFUSAL("[1,\x01]", 4, "control character"),
        REFUSAL("1\x0c", 2, "control character"),
        REFUSAL("[1,\n2]", 4, "line break"),
        REFUSAL("\n1", 1, "line break"),
        REFUSAL("1\n", 2, "line break"),
        REFUSAL("[1,\r2]", 4, "line break"),
        REFUSAL("1\r", 2, "line break"),
    };
    expect_refusals(table, COUNT(table));
}

static void broken_numbers_are_refused(void)
{
    static const struct refusal table[] = {
        REFUSAL("-", 2, "unexpected end of line"),
        REFUSAL("1.", 3, "unexpected end of line"),
        REFUSAL("1e", 3, "unexpected end of line"),
        REFUSAL("1e+", 4, "unexpected end of line"),
        REFUSAL("-x", 2, "expected a digit"),
        REFUSAL("[1.]", 4, "expected a digit"),
        REFUSAL("1.e5", 3, "expected a digit"),
        REFUSAL("1e5.", 4, "bytes after the value"),
        REFUSAL("1ex", 3, "expected a digit"),
        REFUSAL("01", 1, "leading zero in a number"),
        REFUSAL("[-012]", 2, "leading zero in a number"),
        REFUSAL("00.5", 1, "leading zero in a number"),
        REFUSAL(".5", 1, "expected a value"),
        REFUSAL("+1", 1, "expected a value"),
        REFUSAL("0x10", 2, "bytes after the value"),
        REFUSAL("1_000", 2, "bytes after the value"),
        REFUSAL("--1", 2, "expected a digit"),
    };
    expect_refusals(table, COUNT(table));
}

static void integers_end_at_64_bits(void)
{
    static const char *const good[] = {"9223372036854775807", "-9223372036854775808", "[999999999999999999]"};
    static const struct refusal bad[] = {
        REFUSAL("9223372036854775808", 1, "integer beyond 64 bits"),
        REFUSAL("[1,-9223372036854775809]", 4, "integer beyond 64 bits"),
        REFUSAL("10000000000000000000", 1, "integer beyond 64 bits"),
        REFUSAL("99999999999999999999999999", 1, "integer beyond 64 bits"),
    };
    expect_accepted(good, COUNT(good));
    expect_refusals(bad, COUNT(bad));
}

static void reals_end_where_a_double_becomes_infinite(void)
{
    static const char *const good[] = {
        "1.7976931348623157e308", "1.7976931348623158e308", "-1.7976931348623157E+308", "1.797693134862315807e308", "1e308",
        "1e-400",
        "0e999999999999999999999999", "0.0000e99999", "1e-99999999999999999999999", "0.00001e313", "17976931348623157e292",
        "4.9e-324",
        "1e0000000000000000000000000000000000000001", "0.000000000000000000000000000001e0338",
    };
    static const struct refusal bad[] = {
        REFUSAL("1e309", 1, "number too large for a double"),
        REFUSAL("1e400", 1, "number too large for a double"),
        REFUSAL("-1e400", 1, "number too large for a double"),
        REFUSAL("[0, 1.7976931348623159e308]", 5, "number too large for a double"),
        REFUSAL("1.797693134862315808e308", 1, "number too large for a double"),
        REFUSAL("9e99999999999999999999999999999999", 1, "number too large for a double"),
        REFUSAL("0.00001e314", 1, "number too large for a double"),
        REFUSAL("17976931348623159e292", 1, "number too large for a double"),
    };
    expect_accepted(good, COUNT(good));
    expect_refusals(bad, COUNT(bad));
}

/* Around 2^1024 - 2^970 in full digits: the C library's strtod must agree. */
static void the_limit_of_reals_is_exact(void)
{
    static const char limit[] =
        "17976931348623158079372897140530341507993413271003782693617377898044496829276475094664901797758720709633028641"
        "66928879109465555478519404026306574886715058206819089020007083836762738548458177115317644757302700698555713669"
        "59622842914819860834936475292719074168444365510704342711559699508093042880177904174497792";
    char text[400];
    struct hay_jobline_fault fault;
    for (size_t cut = 17; cut < sizeof limit; cut++) {
        for (int step = -1; step <= 1; step++) {
            size_t size = cut;
            memcpy(text, limit, size);
            if ((step < 0 && text[size - 1] == '0') || (step > 0 && text[size - 1] == '9'))
                continue;
            text[size - 1] = (char)(text[size - 1] + step);
            size += (size_t)snprintf(text + size, sizeof text - size, ".0e%zu", sizeof limit - 1 - cut);
            bool finite = strtod(text, NULL) <= 1.7976931348623157e308;
            CU_ASSERT_EQUAL(check(text, size, 64, &fault) == HAY_OK, finite);
        }
    }
}

static void long_numbers_are_exact_and_take_linear_time(void)
{
    size_t size = GUARD_ROOM;
    char *text = malloc(size);
    struct hay_jobline_fault fault;
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    memset(text, '3', size);
    CU_ASSERT_EQUAL(check(text, size, 64, &fault), HAY_EINVAL);
    CU_ASSERT_STRING_EQUAL(fault.reason, "integer beyond 64 bits");
    text[1] = '.';
    CU_ASSERT_EQUAL(check(text, size, 64, &fault), HAY_OK);
    text[1] = '3';
    text[size - 2] = '.';
    CU_ASSERT_EQUAL(check(text, size, 64, &fault), HAY_EINVAL);
    CU_ASSERT_STRING_EQUAL(fault.reason, "number too large for a double");
    /* 0.000…0003e(as many) is about 0.3, one more 310 is too much */
    memset(text, '0', size);
    text[1] = '.';
    size_t mantissa = size - 20;
    text[mantissa - 1] = '3';
    int more = snprintf(text + mantissa, 20, "e%zu", mantissa - 2);
    CU_ASSERT_EQUAL(check(text, mantissa + (size_t)more, 64, &fault), HAY_OK);
    more = snprintf(text + mantissa, 20, "e%zu", mantissa - 2 + 310);
    CU_ASSERT_EQUAL(check(text, mantissa + (size_t)more, 64, &fault), HAY_EINVAL);
    free(text);
}

static void nested(char *text, int levels, char kind)
{
    char *at = text;
    for (int i = 0; i < levels; i++) {
        bool object = kind == '{' || (kind == 'x' && i % 3 == 1);
        strcpy(at, object ? "{\"\":" : "[");
        at += strlen(at);
    }
    *at++ = '1';
    for (int i = levels - 1; i >= 0; i--)
        *at++ = kind == '{' || (kind == 'x' && i % 3 == 1) ? '}' : ']';
    *at = '\0';
}

static void depth_is_counted_exactly(void)
{
    static char text[8 * 5000];
    static const int depths[] = {1, 2, 63, 64, 65, 511, 512, 4095, 4096};
    struct hay_jobline_fault fault;
    for (size_t i = 0; i < COUNT(depths); i++) {
        for (const char *kind = "[{x"; *kind; kind++) {
            nested(text, depths[i], *kind);
            CU_ASSERT_EQUAL(check(text, strlen(text), depths[i], &fault), HAY_OK);
            CU_ASSERT_EQUAL(check(text, strlen(text), depths[i] - 1, &fault), HAY_EINVAL);
            char reason[64];
            snprintf(reason, sizeof reason, "nested deeper than %d", depths[i] - 1);
            CU_ASSERT_STRING_EQUAL(fault.reason, reason);
        }
    }
    CU_ASSERT_EQUAL(check("1", 1, 0, &fault), HAY_OK);
    CU_ASSERT_EQUAL(check("[]", 2, 0, &fault), HAY_EINVAL);
    CU_ASSERT_EQUAL(check("[[],[],{}]", 10, 2, &fault), HAY_OK);
    CU_ASSERT_EQUAL(check("[[],[[]]]", 9, 2, &fault), HAY_EINVAL);
    CU_ASSERT_EQUAL(fault.column, 6);
}

static void a_depth_out_of_range_is_clamped(void)
{
    static char text[8 * 5000];
    struct hay_jobline_fault fault;
    nested(text, 4096, 'x');
    CU_ASSERT_EQUAL(check(text, strlen(text), 1000000, &fault), HAY_OK);
    nested(text, 4097, 'x');
    CU_ASSERT_EQUAL(check(text, strlen(text), 1000000, &fault), HAY_EINVAL);
    CU_ASSERT_STRING_EQUAL(fault.reason, "nested deeper than 4096");
    CU_ASSERT_EQUAL(check("7", 1, -5, &fault), HAY_OK);
    CU_ASSERT_EQUAL(check("{}", 2, -5, &fault), HAY_EINVAL);
    CU_ASSERT_STRING_EQUAL(fault.reason, "nested deeper than 0");
}

/* Each special byte at each place of strings of each length around the vector size. */
static void a_special_byte_is_found_at_every_offset(void)
{
    static const char specials[] = {'\0', '\n', '\x1f', '\\', '"', '\x80', '\xff'};
    char text[80];
    for (size_t length = 1; length < 70; length++) {
        memset(text, 'x', sizeof text);
        text[0] = '"';
        text[length + 1] = '"';
        CU_ASSERT_EQUAL(check(text, length + 2, 1, NULL), HAY_OK);
        CU_ASSERT_EQUAL(check(text, length + 1, 1, NULL), HAY_EINVAL);
        for (size_t at = 1; at <= length; at++) {
            for (size_t i = 0; i < sizeof specials; i++) {
                struct hay_jobline_fault fault = {0, ""};
                text[at] = specials[i];
                CU_ASSERT_EQUAL(check(text, length + 2, 1, &fault), HAY_EINVAL);
                /* An early quote is seen by what follows it, a backslash by what it escapes: at last the closing quote. */
                size_t column = at + 1 + (specials[i] == '\\' || specials[i] == '"') + (specials[i] == '\\' && at == length);
                CU_ASSERT_EQUAL(fault.column, column);
                text[at] = 'x';
            }
        }
    }
}

static void no_bytes_at_all_are_refused(void)
{
    struct hay_jobline_fault fault;
    CU_ASSERT_EQUAL(hay_json_check(NULL, 0, 8, &fault), HAY_EINVAL);
    CU_ASSERT_EQUAL(fault.column, 1);
    CU_ASSERT_EQUAL(hay_json_check(NULL, 10, 8, NULL), HAY_EINVAL);
}

#define TEST(name) {#name, name}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(every_kind_of_value_is_accepted),
        TEST(every_escape_and_every_size_of_utf8_is_accepted),
        TEST(broken_structure_is_refused_where_it_breaks),
        TEST(broken_strings_are_refused_where_they_break),
        TEST(bad_utf8_is_refused_at_its_first_byte),
        TEST(control_characters_and_line_breaks_have_their_own_reasons),
        TEST(broken_numbers_are_refused),
        TEST(integers_end_at_64_bits),
        TEST(reals_end_where_a_double_becomes_infinite),
        TEST(the_limit_of_reals_is_exact),
        TEST(long_numbers_are_exact_and_take_linear_time),
        TEST(depth_is_counted_exactly),
        TEST(a_depth_out_of_range_is_clamped),
        TEST(a_special_byte_is_found_at_every_offset),
        TEST(no_bytes_at_all_are_refused),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"json", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
