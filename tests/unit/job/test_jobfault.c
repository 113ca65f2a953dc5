/* SPDX-License-Identifier: MIT
 *
 * hay_jobline_scan on bad lines: the byte, the reason, what the job holds afterwards, and that no prefix of a line is read past
 * its end.
 */
#include "support/tap.h"
#include "unit/job/scan.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

struct refusal {
    const char *line;
    size_t size;
    size_t column;
    const char *reason;
};

#define REFUSAL(line, column, reason) {line, sizeof(line) - 1, column, reason}

static void expect_refusals(const struct refusal *table, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        enum hay_status status = scan(table[i].line, table[i].size, &job, &fault);
        bool good = status == HAY_EINVAL && fault.column == table[i].column && strcmp(fault.reason, table[i].reason) == 0;
        if (!good)
            printf("# %s: status %d, column %zu, %.120s\n", table[i].line, (int)status, fault.column, fault.reason);
        CU_ASSERT(good);
    }
}

static void a_line_that_is_not_one_object_is_refused(void)
{
    static const struct refusal table[] = {
        REFUSAL("", 1, "unexpected end of line"),
        REFUSAL("  ", 3, "unexpected end of line"),
        REFUSAL("[1]", 1, "not an object"),
        REFUSAL(" \"x\"", 2, "not an object"),
        REFUSAL("hello", 1, "not an object"),
        REFUSAL("\xef\xbb\xbf{}", 1, "not an object"),
        REFUSAL("\0{}", 1, "NUL byte"),
        REFUSAL("{}\0", 3, "NUL byte"),
        REFUSAL("{\"id\":1,\0}", 9, "NUL byte"),
        REFUSAL("{} {}", 4, "bytes after the object"),
        REFUSAL("{}x", 3, "bytes after the object"),
        REFUSAL("{}\n", 3, "line break"),
        REFUSAL("{\"id\":7,\n\"fn\":\"x\"}", 9, "line break"),
        REFUSAL("{", 2, "unexpected end of line"),
        REFUSAL("{,}", 2, "expected a key"),
        REFUSAL("{\"id\":1,}", 9, "expected a key"),
        REFUSAL("{\"id\":1,,\"fn\":\"x\"}", 9, "expected a key"),
        REFUSAL("{\"id\":7,\"fn\" 1}", 14, "expected ':' after a key"),
        REFUSAL("{\"longer key\" 1}", 15, "expected ':' after a key"),
        REFUSAL("{\"id\":7 \"fn\":\"x\"}", 9, "expected ',' or '}'"),
        REFUSAL("{\"id\":7]", 8, "expected ',' or '}'"),
        REFUSAL("{\"id\":}", 7, "expected a value"),
        REFUSAL("{\"id\":x}", 7, "expected a value"),
        REFUSAL("{\"args\":[1,}", 12, "expected a value"),
        REFUSAL("{\"args\":{\"a\":1e400}}", 14, "number too large for a double"),
        REFUSAL("{\"k\":\"\xff\"}", 7, "invalid UTF-8"),
        REFUSAL("{\"\xff\":1}", 3, "invalid UTF-8"),
    };
    expect_refusals(table, COUNT(table));
}

static void a_known_key_of_the_wrong_type_is_refused_at_its_value(void)
{
    static const struct refusal table[] = {
        REFUSAL("{\"id\":null}", 7, "\"id\" is not a string or an integer"),
        REFUSAL("{\"id\":1.0}", 7, "\"id\" is not a string or an integer"),
        REFUSAL("{\"id\":1e3}", 7, "\"id\" is not a string or an integer"),
        REFUSAL("{\"id\":true}", 7, "\"id\" is not a string or an integer"),
        REFUSAL("{\"id\": [1]}", 8, "\"id\" is not a string or an integer"),
        REFUSAL("{\"id\":9223372036854775808}", 7, "integer beyond 64 bits"),
        REFUSAL("{\"after\":null}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":1}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":\"a\"}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":{}}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":{\"a\":1}}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[null]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[1,2.0]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[1e3]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[[]]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[\"a\",[1]]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[{}]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[\"a\",true]}", 10, "\"after\" is not an array of strings and integers"),
        REFUSAL("{\"after\":[],\"after\":[]}", 13, "duplicate key \"after\""),
        REFUSAL("{\"after\":[1,\"\\u006\"]}", 19, "\\u needs four hex digits"),
        REFUSAL("{\"fn\":null}", 7, "\"fn\" is not a string"),
        REFUSAL("{\"fn\":7}", 7, "\"fn\" is not a string"),
        REFUSAL("{\"fn\":{}}", 7, "\"fn\" is not a string"),
        REFUSAL("{\"fn\":\"\"}", 7, "\"fn\" is empty"),
        REFUSAL("{\"fn\":\"demo.add\\u0000x\"}", 7, "\"fn\" holds a NUL character"),
        REFUSAL("{\"timeout\":null}", 12, "\"timeout\" is not a number"),
        REFUSAL("{\"timeout\":\"5\"}", 12, "\"timeout\" is not a number"),
        REFUSAL("{\"timeout\":-1}", 12, "\"timeout\" is negative"),
        REFUSAL("{\"timeout\":-0.0001}", 12, "\"timeout\" is negative"),
        REFUSAL("{\"timeout\":1000000001}", 12, "\"timeout\" is too large"),
        REFUSAL("{\"timeout\":1000000000.0000001}", 12, "\"timeout\" is too large"),
        REFUSAL("{\"timeout\":1e300}", 12, "\"timeout\" is too large"),
        REFUSAL("{\"timeout\":9223372036854775807}", 12, "\"timeout\" is too large"),
        REFUSAL("{\"retries\":null}", 12, "\"retries\" is not an integer"),
        REFUSAL("{\"retries\":1.0}", 12, "\"retries\" is not an integer"),
        REFUSAL("{\"retries\":\"1\"}", 12, "\"retries\" is not an integer"),
        REFUSAL("{\"retries\":-1}", 12, "\"retries\" is negative"),
        REFUSAL("{\"retries\":1000001}", 12, "\"retries\" is over 1000000"),
        REFUSAL("{\"priority\":null}", 13, "\"priority\" is not an integer"),
        REFUSAL("{\"priority\":1e1}", 13, "\"priority\" is not an integer"),
        REFUSAL("{\"priority\":2147483648}", 13, "\"priority\" does not fit 32 bits"),
        REFUSAL("{\"priority\":-2147483649}", 13, "\"priority\" does not fit 32 bits"),
    };
    expect_refusals(table, COUNT(table));
}

static void duplicate_keys_are_refused_at_the_second(void)
{
    static const struct refusal table[] = {
        REFUSAL("{\"fn\":\"a\",\"fn\":\"b\"}", 11, "duplicate key \"fn\""),
        REFUSAL("{\"id\":1,\"args\":1,\"id\":1}", 18, "duplicate key \"id\""),
        REFUSAL("{\"id\":1,\"i\\u0064\":1}", 9, "duplicate key \"id\""),
        REFUSAL("{\"priority\":1, \"priority\":1}", 16, "duplicate key \"priority\""),
        REFUSAL("{\"x\":1,\"y\":1,\"x\":2}", 14, "duplicate key \"x\""),
        REFUSAL("{\"x\":1,\"\\u0078\":2}", 8, "duplicate key \"x\""),
        REFUSAL("{\"\\u00e9\":1,\"\xc3\xa9\":2}", 13, "duplicate key \"\xc3\xa9\""),
        REFUSAL("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", 19, "duplicate key \"\xf0\x9f\x98\x80\""),
        REFUSAL("{\"\":1,\"\":2}", 7, "duplicate key \"\""),
        REFUSAL("{\"a\\n\\u001b\\u0085\\u2028z\":1,\"a\\n\\u001b\\u0085\\u2028z\":2}", 29, "duplicate key \"a????z\""),
        REFUSAL("{\"x\":{\"y\":1,\"y\":2},\"x\":3}", 20, "duplicate key \"x\""),
    };
    expect_refusals(table, COUNT(table));
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"x\":{\"y\":1,\"y\":2},\"xy\":1,\"args\":{\"a\":1,\"a\":2}}";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_OK); /* below the envelope they are the function's matter */
}

static void a_quoted_key_is_cut_between_characters(void)
{
    char line[4000] = "{", key[1000] = "";
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    for (int i = 0; i < 100; i++)
        strcat(key, "\xe6\x97\xa5");
    strcpy(key + 300, "end");
    for (size_t from = 0; from < 3; from++) { /* "x" and "xx" before it move the cut */
        int size = snprintf(line, sizeof line, "{\"%.*s%s\":1,\"%.*s%s\":2}", (int)from, "xx", key, (int)from, "xx", key);
        CU_ASSERT_EQUAL(scan(line, (size_t)size, &job, &fault), HAY_EINVAL);
        CU_ASSERT(strlen(fault.reason) < sizeof fault.reason && strstr(fault.reason, "\xe6\x97\xa5…\""));
        char quoted[200];
        size = snprintf(quoted, sizeof quoted, "\"%s", fault.reason + strlen("duplicate key \""));
        CU_ASSERT_EQUAL(hay_json_check(quoted, (size_t)size, 1, NULL), HAY_OK); /* which proves its UTF-8 */
    }
}

static void two_hundred_and_fifty_six_keys_are_the_most(void)
{
    char *line = malloc(20000), *at = line;
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    at += sprintf(at, "{\"id\":7");
    for (int i = 1; i < HAY_JOBLINE_KEYS; i++)
        at += sprintf(at, ",\"key%d\":%d", i, i);
    size_t column = (size_t)(at - line) + 2;
    strcpy(at, "}");
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_OK);
    strcpy(at, ",\"key1\":1}");
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_EINVAL);
    CU_ASSERT_STRING_EQUAL(fault.reason, "more than 256 keys");
    CU_ASSERT_EQUAL(fault.column, column);
    CU_ASSERT(is_span(job.id, "7"));
    free(line);
}

static void nesting_counts_the_line_s_own_object(void)
{
    char line[2000];
    for (int levels = HAY_JOBLINE_DEPTH - 1; levels <= HAY_JOBLINE_DEPTH; levels++) {
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        int size = sprintf(line, "{\"id\":7,\"args\":");
        memset(line + size, '[', (size_t)levels);
        memset(line + size + levels, ']', (size_t)levels);
        line[size + 2 * levels] = '}';
        enum hay_status status = scan(line, (size_t)(size + 2 * levels + 1), &job, &fault);
        if (levels < HAY_JOBLINE_DEPTH) {
            CU_ASSERT_EQUAL(status, HAY_OK);
            CU_ASSERT_EQUAL(job.args.size, 2 * (size_t)levels);
            continue;
        }
        CU_ASSERT_EQUAL(status, HAY_EINVAL);
        CU_ASSERT_STRING_EQUAL(fault.reason, "nested deeper than 512");
        CU_ASSERT_EQUAL(fault.column, (size_t)(size + levels));
        CU_ASSERT(is_absent(job.args) && is_span(job.id, "7"));
    }
}

static void a_fault_leaves_what_was_read_before_it(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    const char *line = "{\"id\":\"seven\",\"retries\":2,\"fn\":\"demo.add\",\"args\":{\"a\":}}";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_EINVAL);
    CU_ASSERT(is_span(job.id, "\"seven\"") && job.retries == 2 && is_absent(job.args) && job.timeout_ms == 0);
    CU_ASSERT_STRING_EQUAL(job.fn, "demo.add");
    line = "{\"id\":1,\"id\":2}";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_EINVAL);
    CU_ASSERT(is_span(job.id, "1"));
    line = "{\"unknown\":0,\"id\":1,\"more\":[";
    CU_ASSERT_EQUAL(scan(line, strlen(line), &job, &fault), HAY_EINVAL);
    CU_ASSERT(is_span(job.id, "1"));
}

static void an_id_that_may_be_cut_is_not_taken(void)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    CU_ASSERT_EQUAL(scan("{\"id\":104", 9, &job, &fault), HAY_EINVAL);
    CU_ASSERT(is_absent(job.id));
    CU_ASSERT_EQUAL(scan("{\"id\":104 ", 10, &job, &fault), HAY_EINVAL);
    CU_ASSERT(is_span(job.id, "104"));
    CU_ASSERT_EQUAL(scan("{\"id\":\"104\"", 11, &job, &fault), HAY_EINVAL);
    CU_ASSERT(is_span(job.id, "\"104\""));
}

static void every_prefix_of_a_good_line_is_refused(void)
{
    static const char *const lines[] = {
        "{\"id\":7,\"fn\":\"demo.add\",\"args\":{\"a\":7,\"b\":7}}",
        "{\"note\":\"a long plain string of more than two vectors, to pass the fast path\","
        "\"\\u0069d\":\"\\ud83d\\ude00 \xf0\x9f\x98\x80\xe6\x97\xa5\","
        "\"args\":[-1.25e-3,true,false,null,[[],{\"k\":{}}]],\"timeout\":1e2,\"retries\":12,\"priority\":-3}",
    };
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct hay_jobline job;
        struct hay_jobline_fault fault;
        size_t whole = strlen(lines[i]);
        CU_ASSERT_EQUAL(scan(lines[i], whole, &job, &fault), HAY_OK);
        for (size_t size = 0; size < whole; size++) {
            CU_ASSERT_EQUAL(scan(lines[i], size, &job, &fault), HAY_EINVAL);
            CU_ASSERT(fault.column >= 1 && fault.column <= size + 1);
            CU_ASSERT(strcmp(fault.reason, "unexpected end of line") == 0 || strcmp(fault.reason, "invalid UTF-8") == 0);
        }
    }
}

static void no_line_and_no_fault_object_are_survived(void)
{
    struct hay_jobline job;
    CU_ASSERT_EQUAL(hay_jobline_scan(NULL, 0, &job, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_jobline_scan("{\"x\":1,\"x\":1}", 13, &job, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(job.retries, -1);
}

#define TEST(name) {#name, name}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(a_line_that_is_not_one_object_is_refused),
        TEST(a_known_key_of_the_wrong_type_is_refused_at_its_value),
        TEST(duplicate_keys_are_refused_at_the_second),
        TEST(a_quoted_key_is_cut_between_characters),
        TEST(two_hundred_and_fifty_six_keys_are_the_most),
        TEST(nesting_counts_the_line_s_own_object),
        TEST(a_fault_leaves_what_was_read_before_it),
        TEST(an_id_that_may_be_cut_is_not_taken),
        TEST(every_prefix_of_a_good_line_is_refused),
        TEST(no_line_and_no_fault_object_are_survived),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"jobfault", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
