/* SPDX-License-Identifier: MIT
 *
 * hay_json_check against jansson, which reads what we pass on: over many thousand mutated texts from a fixed seed both accept or
 * both refuse. The differences that are meant are listed in `is_meant_to_differ`, and each has a test of its own.
 */
#include "support/tap.h"
#include "unit/job/guard.h"
#include "unit/job/mutant.h"

#include <hayfork/jobline.h>
#include <jansson.h>
#include <stdio.h>

#define ROUNDS 400000

static const char *const seeds[] = {
    "14",
    "{\"lines\":1,\"words\":2,\"bytes\":3}",
    "{\"id\":7,\"fn\":\"demo.add\",\"args\":{\"a\":7,\"b\":7}}",
    "[0,-0,1.5,-2.25e10,3E-7,1e308,9223372036854775807,-9223372036854775808,0.1]",
    "[true,false,null,[],{},[[[]]],\"\"]",
    "\"\\u00e9\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"d\xc3\xa9j\xc3\xa0 vu \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80 \xed\x9f\xbf \xf4\x8f\xbf\xbf\"",
    "{\"a long key that fills a vector\":\"a long value that fills two vectors, and more\",\"x\":[1, 2 ,\t3]}",
    "[1.7976931348623157e308,1.7976931348623159e308,1e309,123456789012345678901234567890.5]",
    " { \"a\" : [ { \"b\" : [ 1 , [ 2 ] ] } , \"c\" ] } ",
};

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* We refuse every line break, which is white space for jansson, and every NUL byte, which jansson lets pass as the last one;
 * an escaped NUL in a key is a fault for jansson and none for us. */
static bool is_meant_to_differ(const char *text, size_t size, bool ours, const json_error_t *error)
{
    if (ours)
        return json_error_code(error) == json_error_null_byte_in_key;
    return memchr(text, '\n', size) || memchr(text, '\r', size) || memchr(text, '\0', size);
}

static bool is_accepted_by_jansson(const char *text, size_t size, json_error_t *error)
{
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
    json_decref(value);
    return value != NULL;
}

static void mutated_texts_are_judged_as_jansson_judges_them(void)
{
    struct mutant mutant = {.random = 7};
    unsigned accepted = 0, refused = 0, differences = 0;
    for (int round = 0; round < ROUNDS; round++) {
        const char *seed = seeds[mutant_draw(&mutant, COUNT(seeds))];
        mutant_of(&mutant, seed, mutant_draw(&mutant, 4));
        json_error_t error = {.line = 0};
        struct hay_jobline_fault fault = {0, ""};
        const char *text = guard_behind(mutant.text, mutant.size);
        bool ours = hay_json_check(text, mutant.size, 512, &fault) == HAY_OK;
        bool theirs = is_accepted_by_jansson(text, mutant.size, &error);
        if (ours)
            accepted++;
        else
            refused++;
        if (ours == theirs || is_meant_to_differ(text, mutant.size, ours, &error))
            continue;
        if (differences++ < 10)
            printf("# round %d: we %s (%s), jansson %s (%s): %.*s\n", round, ours ? "accept" : "refuse", fault.reason,
                   theirs ? "accepts" : "refuses", theirs ? "" : error.text, (int)mutant.size, text);
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT(accepted > ROUNDS / 10 && refused > ROUNDS / 10); /* or else the corpus shows nothing */
}

/* Every decimal of 16 to 20 digits around the limits, with each exponent that could matter. */
static void numbers_near_the_limits_are_judged_as_jansson_judges_them(void)
{
    static const char *const digits[] = {"9223372036854775807", "9223372036854775808", "17976931348623157", "17976931348623158",
        "1797693134862315807",
                                         "1797693134862315808", "17976931348623159", "1", "9", "0", "00001", "10000"};
    unsigned differences = 0;
    for (size_t i = 0; i < COUNT(digits); i++) {
        for (size_t dot = 0; dot <= strlen(digits[i]); dot++) {
            for (int exponent = -340; exponent <= 340; exponent++) {
                char text[80];
                json_error_t error;
                int size = snprintf(text, sizeof text, "-%.*s%s%s%se%d", (int)dot, digits[i], dot ? "" : "0",
                    digits[i][dot] ? "." : "",
                                    digits[i] + dot, exponent);
                bool ours = hay_json_check(text, (size_t)size, 1, NULL) == HAY_OK;
                if (ours != is_accepted_by_jansson(text, (size_t)size, &error) && differences++ < 10)
                    printf("# %s: we %s\n", text, ours ? "accept" : "refuse");
            }
        }
    }
    CU_ASSERT_EQUAL(differences, 0);
}

static void all_pairs_and_triples_of_bytes_in_a_string_are_judged_as_jansson_judges_them(void)
{
    unsigned differences = 0;
    char text[8] = "\"";
    for (unsigned bytes = 0; bytes < 1u << 24; bytes += bytes < 1u << 16 ? 1 : 61) { /* all pairs, every 61st triple */
        size_t size = bytes < 1u << 16 ? 2 : 3;
        for (size_t i = 0; i < size; i++)
            text[1 + i] = (char)(bytes >> 8 * i);
        text[1 + size] = '"';
        json_error_t error;
        bool ours = hay_json_check(text, size + 2, 1, NULL) == HAY_OK;
        differences += ours != is_accepted_by_jansson(text, size + 2, &error);
    }
    CU_ASSERT_EQUAL(differences, 0);
}

static void the_meant_differences_are_these(void)
{
    json_error_t error;
    CU_ASSERT_EQUAL(hay_json_check("{\"\\u0000\":1}", 12, 1, NULL), HAY_OK);
    CU_ASSERT(!is_accepted_by_jansson("{\"\\u0000\":1}", 12, &error));
    CU_ASSERT_EQUAL(hay_json_check("\"\\u0000\"", 8, 1, NULL), HAY_OK);
    CU_ASSERT_PTR_NULL(json_loadb("\"\\u0000\"", 8, JSON_DECODE_ANY, NULL)); /* unless JSON_ALLOW_NUL */
    CU_ASSERT_EQUAL(hay_json_check("1\0", 2, 1, NULL), HAY_EINVAL);
    CU_ASSERT(is_accepted_by_jansson("1\0", 2, &error));
    CU_ASSERT_EQUAL(hay_json_check("[1,\n2]", 6, 1, NULL), HAY_EINVAL);
    CU_ASSERT(is_accepted_by_jansson("[1,\n2]", 6, &error));
    CU_ASSERT_EQUAL(hay_json_check("[1,\r2]", 6, 1, NULL), HAY_EINVAL);
    CU_ASSERT(is_accepted_by_jansson("[1,\r2]", 6, &error));
    static char deep[6000];
    memset(deep, '[', 3000);
    memset(deep + 3000, ']', 3000);
    CU_ASSERT_EQUAL(hay_json_check(deep, sizeof deep, 4096, NULL), HAY_OK);
    CU_ASSERT(!is_accepted_by_jansson(deep, sizeof deep, &error)); /* it stops at 2048 */
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"mutated_texts_are_judged_as_jansson_judges_them", mutated_texts_are_judged_as_jansson_judges_them},
        {"numbers_near_the_limits_are_judged_as_jansson_judges_them", numbers_near_the_limits_are_judged_as_jansson_judges_them},
        {"all_pairs_and_triples_of_bytes_in_a_string_are_judged_as_jansson_judges_them",
         all_pairs_and_triples_of_bytes_in_a_string_are_judged_as_jansson_judges_them},
        {"the_meant_differences_are_these", the_meant_differences_are_these},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"jsondiff", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
