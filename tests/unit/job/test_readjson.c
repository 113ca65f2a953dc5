/* SPDX-License-Identifier: MIT
 *
 * hay_json_read() against json_loadb(): the same values in the same order, or the same refusal in the same words, over texts of
 * all kinds, many thousand mutants of them, all pairs of bytes in a string, and every allocation that may fail.
 */
#include "support/tap.h"
#include "unit/job/guard.h"
#include "unit/job/mutant.h"

#include <hayfork/read_json.h>
#include <hayfork/value_json.h>

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>

#define ROUNDS 300000
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const char *const texts[] = {
    "14", "-0", "0", "-7", "00", "01", "-", "-01", "+1", "1.", ".5", "1.5", "-1.5e3", "1e5", "1E+5", "1e-5", "1e", "1e+", "1.e5",
    "0x10", "1_0", "999999999999999999", "-999999999999999999", "1000000000000000000", "9223372036854775807",
    "-9223372036854775808", "9223372036854775808", "-9223372036854775809", "123456789012345678901234567890", "1e308", "1e309",
    "-1e309", "1e-400", "1.7976931348623157e308", "1.7976931348623159e308", "4.9e-324", "0.1", "0.30000000000000004", "-0.0",
    "0e0", "1e0005", "0.000000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
    "100000000000000000000000000000000000000000000000000000000000000000000000000000000000.5", "true", "false", "null", "tru",
    "truex", "true1", "nul", "nullnull", "False", "NaN", "Infinity", "-Infinity", "inf", "nan", "\"\"", "\"a\"", "\"", "\"a",
    "\"\\\"", "\"\\\"\"", "\"\\\\\"", "\"\\", "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\u0000\"", "\"\\ud800\"",
    "\"\\ud83d\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\ud83d\"", "\"\\ud83dx\"", "\"\\ude00\"", "\"\\u00\"", "\"\\u00zz\"",
    "\"\\uD83D\\uDE00\\u20AC\\u07ff\"",
    "\"\\x\"", "\"d\xc3\xa9j\xc3\xa0 vu \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xf4\x8f\xbf\xbf\"", "\"\xff\"",
    "\"\xc3\"", "\"\xed\xa0\x80\"", "\"\x7f\"", "\"tab\there\"", "\"line\nhere\"", "[]", "{}", "[ ]", "{ }", "[", "{", "]", "}",
    "[}", "{]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1,,2]", "[1]]", "[1]x", "[1] \n\r\t ", " \n\r\t [1]", "", " ", "\v1",
    "\f1", "\xef\xbb\xbf" "1", "{\"a\"}", "{\"a\":}", "{\"a\" 1}", "{a:1}", "{1:1}", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}",
    "{\"a\":1,\"a\":2,\"b\":3,\"a\":4}", "{\"\":1}", "{\"a\\u0062\":1,\"ab\":2}", "{\"\\u0000\":1}", "{\"\xc3\xa9\":1}",
    "{\"\xc3\":1}", "{\"a\nb\":1}", "{\"lines\":1,\"words\":2,\"bytes\":3}",
    "{\"id\":7,\"fn\":\"demo.add\",\"args\":{\"a\":7,\"b\":7}}",
    "[0,-0,1.5,-2.25e10,3E-7,1e308,9223372036854775807,-9223372036854775808,0.1]", "[true,false,null,[],{},[[[]]],\"\"]",
    "{\"a key that is longer than the room for a short key, which is 64 bytes\":\"a long value\",\"x\":[1, 2 ,\t3]}",
    "{\"a key of 63 bytes-----------------------------------------------\":1,"
    "\"a key of 64 bytes------------------------------------------------\":2}",
    " { \"a\" : [ { \"b\" : [ 1 , [ 2 ] ] } , \"c\" ] } ", "[1:2]", "{\"a\"::1}", "[\"a\"\"b\"]", "[1\"a\"]", "[true,]",
    "/* no */ 1", "[1] // no", "'a'",
};

static char *text_of(const json_t *value)
{
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

/* Both readers say the same; `value` tells whether it was one. */
static bool is_same(const char *text, size_t size, bool *is_value)
{
    json_error_t ours_error = {.line = 0}, theirs_error = {.line = 0};
    const char *guarded = guard_behind(text, size);
    json_t *ours = hay_json_read(guarded, size, &ours_error);
    json_t *theirs = json_loadb(guarded, size, JSON_DECODE_ANY, &theirs_error);
    bool same = !ours == !theirs;
    *is_value = ours != NULL;
    if (ours && theirs) {
        char *ours_text = text_of(ours), *theirs_text = text_of(theirs);
        same = json_equal(ours, theirs) && ours_text && theirs_text && strcmp(ours_text, theirs_text) == 0;
        free(ours_text);
        free(theirs_text);
    } else if (same) {
        same = !strcmp(ours_error.text, theirs_error.text) && ours_error.position == theirs_error.position;
    }
    json_decref(ours);
    json_decref(theirs);
    if (!same)
        printf("# %.*s\n", (int)size, text);
    return same;
}

static void each_text_is_read_as_jansson_reads_it(void)
{
    unsigned differences = 0, values = 0;
    bool is_value;
    for (size_t i = 0; i < COUNT(texts); i++) {
        char wrapped[1000];
        differences += !is_same(texts[i], strlen(texts[i]), &is_value);
        values += is_value;
        int size = snprintf(wrapped, sizeof wrapped, "{\"k\":[%s,%s],\"l\":%s}", texts[i], texts[i], texts[i]);
        differences += !is_same(wrapped, (size_t)size, &is_value);
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT(values > COUNT(texts) / 4 && values < COUNT(texts));
}

static void mutated_texts_are_read_as_jansson_reads_them(void)
{
    struct mutant mutant = {.random = 11};
    unsigned differences = 0, values = 0;
    bool is_value;
    for (int round = 0; round < ROUNDS; round++) {
        mutant_of(&mutant, texts[mutant_draw(&mutant, COUNT(texts))], 1 + mutant_draw(&mutant, 3));
        differences += !is_same(mutant.text, mutant.size, &is_value);
        values += is_value;
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT(values > ROUNDS / 20 && values < ROUNDS - ROUNDS / 20);
}

static void all_pairs_of_bytes_are_read_as_jansson_reads_them(void)
{
    static const char *const frames[][2] = {{"", ""}, {"\"", "\""}, {"[1", "]"}, {"{\"", "\":1}"}, {"{\"a\"", "1}"}};
    unsigned differences = 0;
    bool is_value;
    for (size_t i = 0; i < COUNT(frames); i++)
        for (unsigned bytes = 0; bytes < 1u << 16; bytes++) {
            char text[32];
            int size = snprintf(text, sizeof text, "%s%c%c%s", frames[i][0], (char)bytes, (char)(bytes >> 8), frames[i][1]);
            differences += !is_same(text, (size_t)size, &is_value);
        }
    CU_ASSERT_EQUAL(differences, 0);
}

/* A NUL may stand anywhere; jansson alone judges it. */
static void texts_with_nul_are_read_as_jansson_reads_them(void)
{
    unsigned differences = 0;
    bool is_value;
    for (size_t i = 0; i < COUNT(texts); i++)
        for (size_t at = 0; at <= strlen(texts[i]); at++) {
            char text[1000];
            size_t size = strlen(texts[i]) + 1;
            memcpy(text, texts[i], at);
            text[at] = '\0';
            memcpy(text + at + 1, texts[i] + at, size - at);
            differences += !is_same(text, size, &is_value);
        }
    CU_ASSERT_EQUAL(differences, 0);
}

static void the_deepest_is_as_deep_as_jansson_s(void)
{
    static char text[3 * 2049];
    bool is_value;
    for (size_t depth = 2047; depth <= 2049; depth++)
        for (int kind = 0; kind < 2; kind++) {
            size_t size = 0;
            for (size_t i = 0; i < depth; i++)
                text[size++] = '[';
            if (kind)
                text[size++] = '1';
            for (size_t i = 0; i < depth; i++)
                text[size++] = ']';
            CU_ASSERT(is_same(text, size, &is_value));
            CU_ASSERT_EQUAL(is_value, depth + (size_t)kind <= HAY_READER_DEPTH);
        }
}

/* ---- memory that is not there ---- */

static unsigned allocations, failing;
static long live;

static void *scarce(size_t size)
{
    if (++allocations == failing)
        return NULL;
    live++;
    return malloc(size);
}

static void give_back(void *memory)
{
    live -= memory != NULL;
    free(memory);
}

static void an_allocation_that_fails_loses_and_leaks_nothing(void)
{
    static const char text[] = "{\"a\":[1,-2.5,\"x\",\"\xc3\xa9\",\"e\\n\",true,{\"e\\n\":null}],"
                               "\"a key that is longer than the room for a short key, which is 64 bytes\":"
                               "{\"b\":12345678901234567}}";
    json_malloc_t old_malloc;
    json_free_t old_free;
    json_get_alloc_funcs(&old_malloc, &old_free);
    json_set_alloc_funcs(scarce, give_back);
    unsigned whole = 0;
    for (failing = 1;; failing++) {
        allocations = 0;
        json_t *value = hay_json_read(text, sizeof text - 1, NULL);
        bool was_scarce = allocations >= failing;
        whole += value != NULL;
        CU_ASSERT(!value || json_array_size(json_object_get(value, "a")) == 7);
        json_decref(value);
        CU_ASSERT_EQUAL(live, 0);
        if (!was_scarce)
            break;
    }
    json_set_alloc_funcs(old_malloc, old_free);
    CU_ASSERT(failing > 20 && whole > 0);
}

/* jansson knows how to read 1.5 where strtod() wants 1,5. */
static void a_locale_with_commas_changes_nothing(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "C"};
    bool is_value;
    const char *name = NULL;
    for (size_t i = 0; i < COUNT(names) && !name; i++)
        name = setlocale(LC_NUMERIC, names[i]);
    printf("# with the locale %s\n", name);
    CU_ASSERT(is_same("[1.5,-2.25e10,1]", 16, &is_value) && is_value);
    CU_ASSERT(is_same("[1,5]", 5, &is_value) && is_value);
    setlocale(LC_NUMERIC, "C");
}

static void decode_reads_the_same_and_tells_the_column(void)
{
    size_t column = 0;
    json_t *value = hay_json_decode("{\"a\":1}", 7, &column);
    CU_ASSERT(json_integer_value(json_object_get(value, "a")) == 1 && column == 0);
    json_decref(value);
    CU_ASSERT_PTR_NULL(hay_json_decode("[1,}", 4, &column));
    CU_ASSERT_EQUAL(column, 4);
    CU_ASSERT_PTR_NULL(hay_json_decode("[1\0]", 4, NULL));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"each_text_is_read_as_jansson_reads_it", each_text_is_read_as_jansson_reads_it},
        {"mutated_texts_are_read_as_jansson_reads_them", mutated_texts_are_read_as_jansson_reads_them},
        {"all_pairs_of_bytes_are_read_as_jansson_reads_them", all_pairs_of_bytes_are_read_as_jansson_reads_them},
        {"texts_with_nul_are_read_as_jansson_reads_them", texts_with_nul_are_read_as_jansson_reads_them},
        {"the_deepest_is_as_deep_as_jansson_s", the_deepest_is_as_deep_as_jansson_s},
        {"an_allocation_that_fails_loses_and_leaks_nothing", an_allocation_that_fails_loses_and_leaks_nothing},
        {"a_locale_with_commas_changes_nothing", a_locale_with_commas_changes_nothing},
        {"decode_reads_the_same_and_tells_the_column", decode_reads_the_same_and_tells_the_column},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"readjson", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
