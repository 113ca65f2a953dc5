/* SPDX-License-Identifier: MIT
 *
 * hay_jobline_scan on good lines: the parts that it takes, their defaults and their limits.
 */
#include "support/tap.h"
#include "unit/job/scan.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static void a_whole_line_is_taken_apart(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"id\":\"a-7\",\"fn\":\"demo.add\",\"args\":{\"a\":7,\"b\":[1, 2]},\"timeout\":2.5,\"retries\":3,"
                       "\"priority\":-4}";
    CU_ASSERT_EQUAL_FATAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT(is_span(job.id, "\"a-7\""));
    CU_ASSERT(is_span(job.args, "{\"a\":7,\"b\":[1, 2]}"));
    CU_ASSERT_STRING_EQUAL(job.fn, "demo.add");
    CU_ASSERT_EQUAL(job.fn_size, 8);
    CU_ASSERT_EQUAL(job.fn_column, 18);
    CU_ASSERT_EQUAL(job.timeout_ms, 2500);
    CU_ASSERT_EQUAL(job.retries, 3);
    CU_ASSERT_EQUAL(job.priority, -4);
}

static void what_is_absent_has_its_default(void)
{
    static const char *const lines[] = {"{}", " { } ", "\t{\"other\" : [null] }\r"};
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        CU_ASSERT_EQUAL(scan(lines[i], strlen(lines[i]), &job, &fault), HAY_OK);
        CU_ASSERT(is_absent(job.id) && is_absent(job.args) && is_absent(job.after));
        CU_ASSERT_STRING_EQUAL(job.fn, "");
        CU_ASSERT(job.fn_size == 0 && job.fn_column == 0);
        CU_ASSERT(job.timeout_ms == 0 && job.retries == -1 && job.priority == 0);
    }
}

static void white_space_is_free_everywhere(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = " \t{ \"id\" : 7 ,\r\"fn\"\t:\t\"x\" , \"args\" : [ 1 , { } ] , \"retries\" : 0 } \r";
    CU_ASSERT_EQUAL_FATAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT(is_span(job.id, "7"));
    CU_ASSERT(is_span(job.args, "[ 1 , { } ]"));
    CU_ASSERT_STRING_EQUAL(job.fn, "x");
    CU_ASSERT_EQUAL(job.retries, 0);
}

static void any_value_can_be_args(void)
{
    static const char *const values[] = {"null", "true", "-1.5e3", "\"\\u00e9 \xc3\xa9\"", "[]", "{}", "[[{\"args\":{}}]]",
        "\"\\u0000\""};
    for (size_t i = 0; i < COUNT(values); i++) {
        char line[100];
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        int size = snprintf(line, sizeof line, "{\"args\":%s}", values[i]);
        CU_ASSERT_EQUAL(scan(line, (size_t)size, &job, &fault), HAY_OK);
        CU_ASSERT(is_span(job.args, values[i]));
    }
}

static void keys_are_compared_after_unescaping(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"\\u0069d\":1,\"\\u0066\\u006e\":\"f\",\"arg\\u0073\":2,\"time\\u006fut\":1,\"retrie\\u0073\":5,"
                       "\"\\u0070riority\":6}";
    CU_ASSERT_EQUAL_FATAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT(is_span(job.id, "1") && is_span(job.args, "2"));
    CU_ASSERT_STRING_EQUAL(job.fn, "f");
    CU_ASSERT(job.timeout_ms == 1000 && job.retries == 5 && job.priority == 6);
}

static void near_misses_of_keys_are_unknown(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"Id\":[],\"id \":[],\"i\":[],\"fm\":1,\"argz\":1,\"timeouts\":\"x\",\"retried\":{},"
                       "\"prioritz\":null,\"\":0,"
                       "\"\\u0069d\\u0000\":0,\"priority\\u00e9\":0}";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT(is_absent(job.id) && is_absent(job.args) && job.fn_size == 0 && job.retries == -1);
}

static void a_function_name_is_unescaped(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"fn\":\"d\\u00e9\\t\\\"\\ud83d\\ude00\xe6\x97\xa5\"}";
    CU_ASSERT_EQUAL_FATAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT_STRING_EQUAL(job.fn, "d\xc3\xa9\t\"\xf0\x9f\x98\x80\xe6\x97\xa5");
    CU_ASSERT_EQUAL(job.fn_size, strlen(job.fn));
}

static void a_function_name_of_every_size_up_to_255_bytes_fits(void)
{
    char line[400];
    for (int size = 1; size <= 257; size++) {
        for (int rest = 0; rest < 2; rest++) {
            struct hay_jobline job;
            struct hay_jobline_fault fault;
            const char *more = rest ? ",\"args\":\"some more bytes of the same line\"" : "";
            int length = sprintf(line, "{\"fn\":\"%0*d\"%s}", size, 7, more);
            enum hay_status status = scan(line, (size_t)length, &job, &fault);
            if (size <= HAY_FUNCTION_NAME_MAX) {
                CU_ASSERT_EQUAL(status, HAY_OK);
                CU_ASSERT(job.fn_size == (size_t)size && strlen(job.fn) == (size_t)size && job.fn[size - 1] == '7');
            } else {
                CU_ASSERT_EQUAL(status, HAY_EINVAL);
                CU_ASSERT_STRING_EQUAL(fault.reason, "\"fn\" is longer than 255 bytes");
                CU_ASSERT(fault.column == 7 && job.fn_size == 0 && job.fn[0] == '\0');
            }
        }
    }
}

static void escapes_count_as_what_they_mean_in_a_function_name(void)
{
    char line[2000];
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    for (int characters = 84; characters <= 86; characters++) { /* three bytes each: 252, 255, 258 */
        strcpy(line, "{\"fn\":\"");
        for (int i = 0; i < characters; i++)
            strcat(line, "\\u65e5");
        strcat(line, "\"}");
        CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), characters <= 85 ? HAY_OK : HAY_EINVAL);
        CU_ASSERT_EQUAL(job.fn_size, characters <= 85 ? (size_t)characters * 3 : 0);
    }
}

static void timeouts_are_rounded_up_to_milliseconds(void)
{
    static const struct {
        const char *text;
        int64_t timeout_ms;
    } table[] = {
        {"0", 0}, {"-0", 0}, {"-0.0", 0}, {"0e9", 0}, {"1", 1000}, {"0.001", 1}, {"0.0001", 1}, {"1e-400", 1}, {"0.1", 100},
        {"0.0015", 2}, {"2.5", 2500}, {"1.0000001", 1001}, {"1.0000000", 1000}, {"1e3", 1000000}, {"12345E-3", 12345},
        {"1.5e+1", 15000},
        {"0.29", 290}, {"1.1", 1100}, {"1000000000", 1000000000000}, {"1e9", 1000000000000}, {"999999999.9991", 1000000000000},
        {"0.00000000000000000000000000000000000000001e41", 1000},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        char line[100];
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        int size = snprintf(line, sizeof line, "{\"timeout\":%s}", table[i].text);
        CU_ASSERT_EQUAL(scan(line, (size_t)size, &job, &fault), HAY_OK);
        if (job.timeout_ms != table[i].timeout_ms)
            printf("# %s: %lld\n", table[i].text, (long long)job.timeout_ms);
        CU_ASSERT_EQUAL(job.timeout_ms, table[i].timeout_ms);
    }
}

static void retries_and_priority_reach_their_limits(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"retries\":1000000,\"priority\":2147483647}";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT(job.retries == 1000000 && job.priority == INT32_MAX);
    line = "{\"retries\":-0,\"priority\":-2147483648}";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    CU_ASSERT(job.retries == 0 && job.priority == INT32_MIN);
}

static void after_is_an_array_of_strings_and_integers(void)
{
    static const char *const values[] = {"[]", "[ ]", "[1]", "[\"a\",-7,\"\\u00e9 ]\"]", "[ \"x\" , 0 ,\t\"\" ]",
                                         "[9223372036854775807]"};
    for (size_t i = 0; i < COUNT(values); i++) {
        char line[100];
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        int size = snprintf(line, sizeof line, "{\"id\":7,\"after\":%s,\"fn\":\"x\"}", values[i]);
        CU_ASSERT_EQUAL_FATAL(scan(line, (size_t)size, &job, &fault), HAY_OK);
        CU_ASSERT(is_span(job.after, values[i]) && is_span(job.id, "7"));
        size = snprintf(line, sizeof line, "{\"\\u0061fter\" : %s}", values[i]);
        CU_ASSERT_EQUAL_FATAL(scan(line, (size_t)size, &job, &fault), HAY_OK);
        CU_ASSERT(is_span(job.after, values[i]));
    }
}

#define TEST(name) {#name, name}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_whole_line_is_taken_apart),
        TEST(what_is_absent_has_its_default),
        TEST(white_space_is_free_everywhere),
        TEST(any_value_can_be_args),
        TEST(keys_are_compared_after_unescaping),
        TEST(near_misses_of_keys_are_unknown),
        TEST(a_function_name_is_unescaped),
        TEST(a_function_name_of_every_size_up_to_255_bytes_fits),
        TEST(escapes_count_as_what_they_mean_in_a_function_name),
        TEST(timeouts_are_rounded_up_to_milliseconds),
        TEST(retries_and_priority_reach_their_limits),
        TEST(after_is_an_array_of_strings_and_integers),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"jobline", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
