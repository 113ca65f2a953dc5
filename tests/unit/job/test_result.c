/* SPDX-License-Identifier: MIT
 *
 * hay_result_write: golden lines, messages of any bytes, and every capacity from 0 on with guard bytes behind it.
 */
#include "support/tap.h"

#include <hayfork/jobline.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct hay_result result_of(enum hay_outcome outcome, const char *id, const char *text)
{
    struct hay_result result = {.outcome = outcome, .exit_code = -1, .attempts = 1, .worker = -1};
    if (id)
        result.id = hay_span_of(id);
    if (outcome == HAY_OUTCOME_OK)
        result.value = hay_span_of(text);
    else
        result.message = hay_span_of(text);
    return result;
}

static void expect(const struct hay_result *result, uint64_t seq, unsigned flags, const char *line)
{
    char out[1024];
    size_t size = hay_result_write(out, sizeof out - 1, result, seq, flags);
    CU_ASSERT_FATAL(size < sizeof out);
    out[size] = '\0';
    if (strcmp(out, line) != 0)
        printf("# got %s", out);
    CU_ASSERT_STRING_EQUAL(out, line);
    CU_ASSERT_EQUAL(hay_json_check(out, size - 1, 8, NULL), HAY_OK);
}

static void an_ok_result_carries_its_value(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_OK, "7", "14");
    expect(&result, 1, 0, "{\"id\":7,\"status\":\"ok\",\"result\":14}\n");
    result.id = (struct hay_span){NULL, 0};
    expect(&result, 1, 0, "{\"status\":\"ok\",\"result\":14}\n");
    result.id = hay_span_of("\"a \\\"b\\\"\"");
    result.value = hay_span_of("{\"a\":[1,2]}");
    expect(&result, 1, 0, "{\"id\":\"a \\\"b\\\"\",\"status\":\"ok\",\"result\":{\"a\":[1,2]}}\n");
    result.attempts = 3;
    expect(&result, 1, 0, "{\"id\":\"a \\\"b\\\"\",\"status\":\"ok\",\"result\":{\"a\":[1,2]},\"attempts\":3}\n");
}

static void an_empty_value_is_null(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_OK, "7", "");
    expect(&result, 1, 0, "{\"id\":7,\"status\":\"ok\",\"result\":null}\n");
    result.value = (struct hay_span){NULL, 0};
    expect(&result, 1, 0, "{\"id\":7,\"status\":\"ok\",\"result\":null}\n");
}

static void every_other_outcome_carries_a_message(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_ERROR, "1", "no such file");
    expect(&result, 1, 0, "{\"id\":1,\"status\":\"error\",\"error\":{\"message\":\"no such file\"}}\n");
    result = result_of(HAY_OUTCOME_TIMEOUT, "\"t\"", "over 2.5 s");
    result.attempts = 2;
    expect(&result, 1, 0, "{\"id\":\"t\",\"status\":\"timeout\",\"error\":{\"message\":\"over 2.5 s\"},\"attempts\":2}\n");
    result = result_of(HAY_OUTCOME_CANCELLED, "1", "cancelled");
    result.attempts = 0;
    expect(&result, 1, 0, "{\"id\":1,\"status\":\"cancelled\",\"error\":{\"message\":\"cancelled\"}}\n");
    result = result_of(HAY_OUTCOME_SKIPPED, "1", "");
    expect(&result, 1, 0, "{\"id\":1,\"status\":\"skipped\",\"error\":{\"message\":\"\"}}\n");
    result.message = (struct hay_span){NULL, 0};
    expect(&result, 1, 0, "{\"id\":1,\"status\":\"skipped\",\"error\":{\"message\":\"\"}}\n");
}

static void a_crash_tells_its_signal_or_its_exit_code(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_CRASH, "8", "killed by SIGSEGV (core not dumped)");
    result.signal = 11;
    result.attempts = 2;
    expect(&result, 1, 0,
           "{\"id\":8,\"status\":\"crash\",\"error\":{\"message\":\"killed by SIGSEGV (core not dumped)\",\"signal\":11},"
           "\"attempts\":2}\n");
    result = result_of(HAY_OUTCOME_CRASH, "8", "exit");
    result.exit_code = 0;
    expect(&result, 1, 0, "{\"id\":8,\"status\":\"crash\",\"error\":{\"message\":\"exit\",\"exit\":0}}\n");
    result.exit_code = -1;
    expect(&result, 1, 0, "{\"id\":8,\"status\":\"crash\",\"error\":{\"message\":\"exit\"}}\n");
    result.outcome = HAY_OUTCOME_ERROR;
    result.signal = 11;
    expect(&result, 1, 0, "{\"id\":8,\"status\":\"error\",\"error\":{\"message\":\"exit\"}}\n");
}

static void a_rejected_line_tells_its_place(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_REJECTED, "\"x\"", "expected ':' after a key");
    result.attempts = 0;
    result.line = 3;
    result.column = 17;
    expect(&result, 9, 0,
           "{\"id\":\"x\",\"status\":\"rejected\",\"line\":3,\"error\":{\"message\":\"expected ':' after a key\","
           "\"column\":17}}\n");
    expect(&result, 9, HAY_RESULT_META,
           "{\"id\":\"x\",\"status\":\"rejected\",\"line\":3,\"error\":{\"message\":\"expected ':' after a key\","
           "\"column\":17},\"seq\":9}\n");
    result.line = INT64_MAX;
    result.column = 0;
    result.id = (struct hay_span){NULL, 0};
    expect(&result, 9, 0, "{\"status\":\"rejected\",\"line\":9223372036854775807,\"error\":{\"message\":\"expected ':' after "
           "a key\"}}\n");
}

static void meta_tells_where_and_when_it_ran(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_OK, "7", "14");
    result.worker = 0;
    result.pid = 4242;
    result.start_ns = INT64_C(1700000000000123999);
    result.run_ns = 1234567;
    expect(&result, 12, HAY_RESULT_META,
           "{\"id\":7,\"status\":\"ok\",\"result\":14,\"seq\":12,\"worker\":0,\"pid\":4242,\"start\":1700000000.000123,"
           "\"wall_ms\":1.235}\n");
    result.attempts = 2;
    result.worker = 31;
    result.run_ns = 400;
    expect(&result, INT64_MAX, HAY_RESULT_META,
           "{\"id\":7,\"status\":\"ok\",\"result\":14,\"attempts\":2,\"seq\":9223372036854775807,\"worker\":31,\"pid\":4242,"
           "\"start\":1700000000.000123,\"wall_ms\":0.000}\n");
    result.start_ns = -5;
    result.run_ns = -5;
    expect(&result, 0, HAY_RESULT_META,
           "{\"id\":7,\"status\":\"ok\",\"result\":14,\"attempts\":2,\"seq\":0,\"worker\":31,\"pid\":4242,\"start\":0.000000,"
           "\"wall_ms\":0.000}\n");
    result.worker = -1;
    expect(&result, 5, HAY_RESULT_META, "{\"id\":7,\"status\":\"ok\",\"result\":14,\"attempts\":2,\"seq\":5}\n");
}

static void a_key_is_16_digits_behind_the_seq(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_OK, "7", "14");
    result.key = UINT64_C(0x0123456789abcdef);
    expect(&result, 12, HAY_RESULT_KEY, "{\"id\":7,\"status\":\"ok\",\"result\":14,\"seq\":12,\"key\":\"0123456789abcdef\"}\n");
    result.key = 0;
    result.attempts = 2;
    expect(&result, 0, HAY_RESULT_KEY,
           "{\"id\":7,\"status\":\"ok\",\"result\":14,\"attempts\":2,\"seq\":0,\"key\":\"0000000000000000\"}\n");
    result = result_of(HAY_OUTCOME_ERROR, NULL, "x");
    result.key = UINT64_MAX;
    expect(&result, 3, HAY_RESULT_KEY | HAY_RESULT_META,
           "{\"status\":\"error\",\"error\":{\"message\":\"x\"},\"seq\":3,\"key\":\"ffffffffffffffff\"}\n");
    result.worker = 1;
    result.pid = 5;
    expect(&result, 3, HAY_RESULT_KEY | HAY_RESULT_META,
           "{\"status\":\"error\",\"error\":{\"message\":\"x\"},\"seq\":3,\"key\":\"ffffffffffffffff\",\"worker\":1,\"pid\":5,"
           "\"start\":0.000000,\"wall_ms\":0.000}\n");
}

static void a_message_is_escaped(void)
{
    struct hay_result result = result_of(HAY_OUTCOME_ERROR, "1", "");
    result.message = (struct hay_span){"a\"b\\c/\b\f\n\r\t\v\0\x1f\x7f", 15};
    expect(&result, 1, 0, "{\"id\":1,\"status\":\"error\",\"error\":"
           "{\"message\":\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u000b\\u0000\\u001f\x7f\"}}\n");
    result.message = hay_span_of("d\xc3\xa9j\xc3\xa0 \xe6\x97\xa5 \xf0\x9f\x98\x80");
    expect(&result, 1, 0, "{\"id\":1,\"status\":\"error\",\"error\":{\"message\":\"d\xc3\xa9j\xc3\xa0 \xe6\x97\xa5 "
           "\xf0\x9f\x98\x80\"}}\n");
}

#define BAD "\xef\xbf\xbd"

static void bad_utf8_in_a_message_is_replaced(void)
{
    static const struct {
        const char *message, *shown;
    } table[] = {
        {"\xff", BAD}, {"a\x80z", "a" BAD "z"}, {"\xc3", BAD}, {"\xc3(", BAD "("}, {"\xc0\xaf", BAD BAD}, {"\xe6\x97", BAD},
        {"\xe6\x97z", BAD "z"},
        {"\xf0\x9f\x98", BAD}, {"\xf0\x9f\x98\xf0\x9f\x98\x80", BAD "\xf0\x9f\x98\x80"}, {"\xed\xa0\x80", BAD BAD BAD},
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, {"\xe0\x80\x80", BAD BAD BAD},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char line[200];
        struct hay_result result = result_of(HAY_OUTCOME_ERROR, "1", table[i].message);
        snprintf(line, sizeof line, "{\"id\":1,\"status\":\"error\",\"error\":{\"message\":\"%s\"}}\n", table[i].shown);
        expect(&result, 1, 0, line);
    }
}

static void a_message_of_any_bytes_makes_a_line_that_a_reader_takes(void)
{
    uint64_t random = 20240601;
    for (int round = 0; round < 20000; round++) {
        unsigned char message[64];
        char out[600];
        size_t size = 0, wanted = (random >> 33) % sizeof message;
        while (size < wanted) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            unsigned char byte = (unsigned char)(random >> 56);
            message[size++] = byte == 0 ? 'x' : round % 2 ? byte : (unsigned char)(byte | 0x80); /* NUL is not taken by jansson */
        }
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        struct hay_result result = result_of(HAY_OUTCOME_ERROR, "1", "");
        result.message = (struct hay_span){(const char *)message, size};
        size_t length = hay_result_write(out, sizeof out, &result, 1, 0);
        CU_ASSERT_FATAL(length <= sizeof out);
        CU_ASSERT_EQUAL_FATAL(hay_json_check(out, length - 1, 8, NULL), HAY_OK);
        json_t *line = json_loadb(out, length, 0, NULL);
        CU_ASSERT_PTR_NOT_NULL(line);
        json_decref(line);
    }
}

static void no_capacity_is_ever_overrun(void)
{
    struct hay_result results[3] = {
        result_of(HAY_OUTCOME_OK, "\"some id\"", "[1,2,3]"),
        result_of(HAY_OUTCOME_CRASH, "8", "tab\tquote\" bad \xff and \xe6\x97\xa5"),
        result_of(HAY_OUTCOME_REJECTED, NULL, "unexpected end of line"),
    };
    results[0].worker = 3;
    results[0].pid = 77;
    results[0].attempts = 12;
    results[1].signal = 9;
    results[2].line = 10;
    results[2].column = 20;
    for (int i = 0; i < 3; i++) {
        char whole[512], out[600];
        size_t size = hay_result_write(whole, sizeof whole, &results[i], 5, HAY_RESULT_META);
        CU_ASSERT_FATAL(size <= sizeof whole);
        CU_ASSERT_EQUAL(hay_result_write(NULL, 0, &results[i], 5, HAY_RESULT_META), size);
        CU_ASSERT_EQUAL(hay_result_write(NULL, 1000, &results[i], 5, HAY_RESULT_META), size);
        for (size_t capacity = 0; capacity <= size + 20; capacity++) {
            memset(out, 0x77, sizeof out);
            CU_ASSERT_EQUAL(hay_result_write(out, capacity, &results[i], 5, HAY_RESULT_META), size);
            size_t touched = capacity < size ? capacity : size;
            for (size_t at = touched; at < sizeof out; at++)
                CU_ASSERT_EQUAL_FATAL(out[at], 0x77);
            if (capacity >= size)
                CU_ASSERT_EQUAL(memcmp(out, whole, size), 0);
        }
    }
}

static void a_large_value_and_a_large_message_are_written_whole(void)
{
    size_t large = (size_t)3 << 20;
    char *bytes = malloc(large), *out = malloc(7 * large);
    CU_ASSERT_FATAL(bytes && out);
    memset(bytes, '1', large);
    struct hay_result result = result_of(HAY_OUTCOME_OK, "1", "");
    result.value = (struct hay_span){bytes, large};
    size_t size = hay_result_write(out, 7 * large, &result, 1, 0);
    CU_ASSERT_EQUAL(size, large + strlen("{\"id\":1,\"status\":\"ok\",\"result\":}\n"));
    memset(bytes, 1, large);
    result = result_of(HAY_OUTCOME_ERROR, "1", "");
    result.message = (struct hay_span){bytes, large};
    size = hay_result_write(out, 7 * large, &result, 1, 0);
    CU_ASSERT_EQUAL(size, 6 * large + strlen("{\"id\":1,\"status\":\"error\",\"error\":{\"message\":\"\"}}\n"));
    CU_ASSERT_EQUAL(hay_json_check(out, size - 1, 2, NULL), HAY_OK);
    free(bytes);
    free(out);
}

static void every_outcome_has_a_name(void)
{
    static const char *const names[] = {"ok", "error", "timeout", "crash", "cancelled", "skipped", "rejected"};
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        CU_ASSERT_STRING_EQUAL(hay_outcome_name((enum hay_outcome)i), names[i]);
    CU_ASSERT_STRING_EQUAL(hay_outcome_name(HAY_OUTCOME_COUNT), "unknown");
    CU_ASSERT_STRING_EQUAL(hay_outcome_name((enum hay_outcome)0x7fffffff), "unknown");
}

#define TEST(name) {#name, name}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(an_ok_result_carries_its_value),
        TEST(an_empty_value_is_null),
        TEST(every_other_outcome_carries_a_message),
        TEST(a_crash_tells_its_signal_or_its_exit_code),
        TEST(a_rejected_line_tells_its_place),
        TEST(meta_tells_where_and_when_it_ran),
        TEST(a_key_is_16_digits_behind_the_seq),
        TEST(a_message_is_escaped),
        TEST(bad_utf8_in_a_message_is_replaced),
        TEST(a_message_of_any_bytes_makes_a_line_that_a_reader_takes),
        TEST(no_capacity_is_ever_overrun),
        TEST(a_large_value_and_a_large_message_are_written_whole),
        TEST(every_outcome_has_a_name),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"result", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
