/* SPDX-License-Identifier: MIT
 *
 * hay_resultline_scan: whatever the writer makes comes back as it was, what another writer makes of the same parts is read too,
 * and over many thousand damaged lines it agrees with a judge that reads them through jansson.
 */
#include "job/json.h"
#include "support/tap.h"
#include "unit/job/guard.h"
#include "unit/job/mutant.h"

#include <hayfork/jobline.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define ROUNDS 300000

static enum hay_status scan(const char *line, size_t size, struct hay_resultline *result, struct hay_jobline_fault *fault)
{
    memset(result, 0x5a, sizeof *result);
    memset(fault, 0x5a, sizeof *fault);
    return hay_resultline_scan(guard_behind(line, size), size, result, fault);
}

static bool is_span(struct hay_span span, const char *text)
{
    return text ? span.at && span.size == strlen(text) && memcmp(span.at, text, span.size) == 0 : !span.at && !span.size;
}

/* Write, scan, compare. `message` is the message as it is, which has nothing to escape. */
static void expect_round_trip(const struct hay_result *wanted, uint64_t seq, unsigned flags)
{
    char line[1024];
    struct hay_resultline got;
    struct hay_jobline_fault fault;
    bool meta = flags & HAY_RESULT_META && wanted->worker >= 0, ok = wanted->outcome == HAY_OUTCOME_OK;
    size_t size = hay_result_write(line, sizeof line, wanted, seq, flags);
    CU_ASSERT_FATAL(size <= sizeof line);
    CU_ASSERT_EQUAL_FATAL(scan(line, size - 1, &got, &fault), HAY_OK);
    CU_ASSERT_EQUAL(got.outcome, wanted->outcome);
    CU_ASSERT(is_span(got.id, wanted->id.at));
    CU_ASSERT(is_span(got.value, ok ? wanted->value.at : NULL));
    CU_ASSERT(is_span(got.message, ok ? NULL : wanted->message.at));
    CU_ASSERT_EQUAL(got.attempts, wanted->attempts);
    CU_ASSERT_EQUAL(got.has_seq, flags != 0);
    CU_ASSERT_EQUAL(got.seq, flags ? seq : 0);
    CU_ASSERT_EQUAL(got.has_key, (flags & HAY_RESULT_KEY) != 0);
    CU_ASSERT_EQUAL(got.key, flags & HAY_RESULT_KEY ? wanted->key : 0);
    CU_ASSERT_EQUAL(got.line, wanted->line);
    CU_ASSERT_EQUAL(got.signal, wanted->signal);
    CU_ASSERT_EQUAL(got.exit_code, wanted->exit_code);
    CU_ASSERT_EQUAL(got.has_meta, meta);
    CU_ASSERT_EQUAL(got.worker, meta ? wanted->worker : 0);
    CU_ASSERT_EQUAL(got.pid, meta ? wanted->pid : 0);
    CU_ASSERT_EQUAL(got.start_ns, meta ? wanted->start_ns : 0);
    CU_ASSERT_EQUAL(got.run_ns, meta ? wanted->run_ns : 0);
}

static void what_was_written_comes_back(void)
{
    for (unsigned round = 0; round < 7 * 4 * 64; round++) {
        enum hay_outcome outcome = (enum hay_outcome)(round % HAY_OUTCOME_COUNT);
        unsigned choice = round / 28;
        struct hay_result result = {.outcome = outcome, .attempts = choice & 1 ? 3 : 1, .exit_code = -1,
                                    .worker = choice & 2 ? 4095 : -1};
        result.id = hay_span_of(choice & 4 ? "\"a \\\"b\\\" \\u00e9\"" : choice & 8 ? "-7" : NULL);
        result.key = UINT64_C(0xfedcba9876543210) * (round + 1);
        if (outcome == HAY_OUTCOME_OK)
            result.value = hay_span_of(choice & 16 ? "{\"a\":[1,{\"error\":null}],\"seq\":5}" : "14");
        else
            result.message = hay_span_of(choice & 16 ? "d\xc3\xa9j\xc3\xa0 vu" : "");
        if (outcome == HAY_OUTCOME_CRASH && choice & 32)
            result.signal = 11;
        else if (outcome == HAY_OUTCOME_CRASH)
            result.exit_code = 0;
        if (outcome == HAY_OUTCOME_REJECTED)
            result.line = 17, result.column = 3;
        if (result.worker >= 0)
            result.pid = 4194304, result.start_ns = INT64_C(1790000000123456000), result.run_ns = INT64_C(86400000001000);
        expect_round_trip(&result, (uint64_t)INT64_MAX - round, round / 7 % 4);
    }
}

static void a_line_of_another_writer_is_read_too(void)
{
    struct hay_resultline result;
    struct hay_jobline_fault fault;
    const char *line = " { \"key\" : \"00000000000000ff\" ,\t\"s\\u0065q\" : 5 , \"wall_ms\" : 1.25E1 , \"start\" : 1e3, "
                       "\"pid\":1,\"other\":[{}],\"\\u0077orker\":0,"
                       "\"error\" : { \"exit\" : 3 , \"other\" : 1 , \"m\\u0065ssage\" : \"a\\tb\" } , "
                       "\"status\" : \"cr\\u0061sh\",\"attempts\":2, \"id\" : \"x\" } \r";
    CU_ASSERT_EQUAL_FATAL(scan(line, strlen(line), &result, &fault), HAY_OK);
    CU_ASSERT(result.outcome == HAY_OUTCOME_CRASH && result.has_seq && result.seq == 5 && result.has_key && result.key == 255);
    CU_ASSERT(result.has_meta && result.run_ns == 12500000 && result.start_ns == INT64_C(1000000000000) && result.pid == 1);
    CU_ASSERT(result.exit_code == 3 && result.signal == 0 && result.attempts == 2);
    CU_ASSERT(is_span(result.message, "a\\tb") && is_span(result.id, "\"x\"") && is_span(result.value, NULL));
    line = "{\"status\":\"ok\"}";
    CU_ASSERT_EQUAL_FATAL(scan(line, strlen(line), &result, &fault), HAY_OK);
    CU_ASSERT(result.outcome == HAY_OUTCOME_OK && !result.has_seq && !result.has_key && !result.has_meta);
    CU_ASSERT(is_span(result.value, NULL));
    CU_ASSERT(result.attempts == 1 && result.exit_code == -1);
    CU_ASSERT_EQUAL(hay_resultline_scan("{\"status\":\"o\"}", 14, &result, NULL), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_resultline_scan(NULL, 0, &result, NULL), HAY_EINVAL);
}

static void a_line_that_is_no_result_is_refused(void)
{
    static const struct {
        const char *line;
        size_t column;
        const char *reason;
    } table[] = {
        {"", 1, "unexpected end of line"},
        {"hello", 1, "not an object"},
        {"[]", 1, "not an object"},
        {"{}", 1, "no \"status\""},
        {"{\"fn\":\"demo.add\"}", 1, "no \"status\""},
        {"{\"status\":\"ok\"", 15, "unexpected end of line"},
        {"{\"status\":\"ok\"} x", 17, "bytes after the object"},
        {"{\"status\":\"fine\"}", 11, "unknown \"status\""},
        {"{\"status\":\"\"}", 11, "unknown \"status\""},
        {"{\"status\":1}", 11, "\"status\" is not a string"},
        {"{\"status\":\"ok\",\"status\":\"ok\"}", 16, "duplicate key \"status\""},
        {"{\"x\":1,\"status\":\"ok\",\"\\u0078\":1}", 22, "duplicate key \"x\""},
        {"{\"id\":1.5,\"status\":\"ok\"}", 7, "\"id\" is not a string or an integer"},
        {"{\"status\":\"ok\",\"seq\":-1}", 22, "\"seq\" is not a place in an input"},
        {"{\"status\":\"ok\",\"seq\":1.0}", 22, "\"seq\" is not a place in an input"},
        {"{\"status\":\"ok\",\"seq\":\"1\"}", 22, "\"seq\" is not a place in an input"},
        {"{\"status\":\"ok\",\"seq\":9223372036854775808}", 22, "integer beyond 64 bits"},
        {"{\"status\":\"ok\",\"key\":1}", 22, "\"key\" is not 16 hexadecimal digits"},
        {"{\"status\":\"ok\",\"key\":\"0123456789abcde\"}", 22, "\"key\" is not 16 hexadecimal digits"},
        {"{\"status\":\"ok\",\"key\":\"0123456789abcdef0\"}", 22, "\"key\" is not 16 hexadecimal digits"},
        {"{\"status\":\"ok\",\"key\":\"0123456789abcdeg\"}", 22, "\"key\" is not 16 hexadecimal digits"},
        {"{\"status\":\"ok\",\"key\":\"0123456789abcdeF\"}", 22, "\"key\" is not 16 hexadecimal digits"},
        {"{\"status\":\"ok\",\"attempts\":4294967296}", 27, "\"attempts\" is not a count"},
        {"{\"status\":\"ok\",\"line\":-1}", 23, "\"line\" is not a number of a line"},
        {"{\"status\":\"ok\",\"worker\":-1}", 25, "\"worker\" is not a number of a worker"},
        {"{\"status\":\"ok\",\"pid\":2147483648}", 22, "\"pid\" is not a number of a process"},
        {"{\"status\":\"ok\",\"start\":-0.5}", 24, "\"start\" is not a time"},
        {"{\"status\":\"ok\",\"start\":1e300}", 24, "\"start\" is not a time"},
        {"{\"status\":\"ok\",\"start\":\"now\"}", 24, "\"start\" is not a time"},
        {"{\"status\":\"ok\",\"wall_ms\":null}", 26, "\"wall_ms\" is not a time"},
        {"{\"status\":\"error\",\"error\":\"x\"}", 27, "\"error\" is not an object"},
        {"{\"status\":\"error\",\"error\":{\"message\":1}}", 27, "\"message\" is not a string"},
        {"{\"status\":\"error\",\"error\":{\"message\":\"\",\"message\":\"\"}}", 27, "duplicate key in \"error\""},
        {"{\"status\":\"crash\",\"error\":{\"signal\":-1}}", 27, "\"signal\" is not a number of a signal"},
        {"{\"status\":\"crash\",\"error\":{\"exit\":\"x\"}}", 27, "\"exit\" is not an exit code"},
        {"{\"status\":\"rejected\",\"error\":{\"column\":1.5}}", 30, "\"column\" is not a whole number"},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct hay_resultline result;
        struct hay_jobline_fault fault;
        enum hay_status status = scan(table[i].line, strlen(table[i].line), &result, &fault);
        bool good = status == HAY_EINVAL && fault.column == table[i].column && strcmp(fault.reason, table[i].reason) == 0;
        if (!good)
            printf("# %s: status %d, column %zu, %.120s\n", table[i].line, (int)status, fault.column, fault.reason);
        CU_ASSERT(good);
    }
}

static void no_beginning_of_a_line_is_taken_for_one(void)
{
    struct hay_result crash = {.outcome = HAY_OUTCOME_CRASH, .id = {"\"x\"", 3}, .message = {"a\"b", 3}, .signal = 9,
                               .attempts = 2, .worker = 1, .pid = 77, .start_ns = 1000, .run_ns = 5000, .key = 7,
                               .exit_code = -1};
    char line[512];
    struct hay_resultline result;
    struct hay_jobline_fault fault;
    size_t size = hay_result_write(line, sizeof line, &crash, 9, HAY_RESULT_META | HAY_RESULT_KEY);
    CU_ASSERT_FATAL(size <= sizeof line);
    CU_ASSERT_EQUAL(scan(line, size - 1, &result, &fault), HAY_OK);
    for (size_t part = 0; part < size - 1; part++)
        CU_ASSERT_EQUAL_FATAL(scan(line, part, &result, &fault), HAY_EINVAL);
}

static bool is_count(const json_t *value, json_int_t most)
{
    return json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= most;
}

/* The same judgement on the tree: NULL is absent and fine. */
static bool judge_error(const json_t *error)
{
    const json_t *message = json_object_get(error, "message"), *signal = json_object_get(error, "signal");
    const json_t *code = json_object_get(error, "exit"), *column = json_object_get(error, "column");
    return json_is_object(error) && (!message || json_is_string(message)) && (!signal || is_count(signal, INT_MAX)) &&
           (!code || is_count(code, INT_MAX)) && (!column || is_count(column, INT64_MAX));
}

static bool judge_time(const json_t *time, double unit)
{
    return json_is_number(time) && !(json_number_value(time) < 0) && json_number_value(time) * unit < 9.2233720368547e18;
}

static bool judge_key(const json_t *key)
{
    const char *text = json_string_value(key);
    return text && json_string_length(key) == 16 && strspn(text, "0123456789abcdef") == 16;
}

static bool judge_status(const json_t *status)
{
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        if (json_is_string(status) && strcmp(json_string_value(status), hay_outcome_name((enum hay_outcome)i)) == 0)
            return strlen(json_string_value(status)) == json_string_length(status);
    return false;
}

static bool judge(const json_t *line)
{
    static const struct {
        const char *name;
        json_int_t most;
    } counts[] = {{"attempts", UINT32_MAX}, {"line", INT64_MAX}, {"seq", INT64_MAX}, {"worker", INT_MAX}, {"pid", INT_MAX}};
    const json_t *id = json_object_get(line, "id"), *error = json_object_get(line, "error"), *key = json_object_get(line, "key");
    const json_t *start = json_object_get(line, "start"), *wall = json_object_get(line, "wall_ms");
    for (size_t i = 0; i < COUNT(counts); i++) {
        const json_t *value = json_object_get(line, counts[i].name);
        if (value && !is_count(value, counts[i].most))
            return false;
    }
    return json_is_object(line) && judge_status(json_object_get(line, "status")) &&
           (!id || json_is_string(id) || json_is_integer(id)) && (!error || judge_error(error)) &&
           (!start || judge_time(start, 1e9)) && (!wall || judge_time(wall, 1e6)) && (!key || judge_key(key));
}

/* A key that stands twice is a fault of ours at the top, and none in what is nested in a value; a tree keeps the last one. */
static bool has_a_duplicate(const char *text, size_t size)
{
    json_t *line = json_loadb(text, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    json_decref(line);
    return !line;
}

static bool agrees(const char *text, size_t size, const struct hay_resultline *result)
{
    json_t *line = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    const json_t *message = json_object_get(json_object_get(line, "error"), "message");
    char plain[MUTANT_MAX];
    bool good = line && strcmp(hay_outcome_name(result->outcome), json_string_value(json_object_get(line, "status"))) == 0;
    good = good && (json_int_t)result->seq == json_integer_value(json_object_get(line, "seq"));
    good = good && result->has_seq == !!json_object_get(line, "seq") && result->has_key == !!json_object_get(line, "key");
    good = good && !result->value.at == !json_object_get(line, "result") && !result->id.at == !json_object_get(line, "id");
    good = good && result->worker == (int)json_integer_value(json_object_get(line, "worker"));
    good = good && !result->message.at == !message;
    if (good && message) {
        size_t length = hay_json_unescape(result->message.at, result->message.size, plain, sizeof plain);
        good = length == json_string_length(message) && memcmp(plain, json_string_value(message), length) == 0;
    }
    json_decref(line);
    return good;
}

static const char *const seeds[] = {
    "{\"id\":7,\"status\":\"ok\",\"result\":14,\"seq\":7,\"key\":\"0123456789abcdef\"}",
    "{\"id\":\"a\\u00e9\",\"status\":\"ok\",\"result\":{\"a\":[1,2]},\"attempts\":3,\"seq\":12,\"key\":\"00000000000000ff\","
    "\"worker\":3,\"pid\":4242,\"start\":1700000000.000123,\"wall_ms\":1.235}",
    "{\"id\":8,\"status\":\"crash\",\"error\":{\"message\":\"killed by \\\"SIGSEGV\\\"\",\"signal\":11},\"attempts\":2,\"seq\":1,"
    "\"key\":\"ffffffffffffffff\"}",
    "{\"status\":\"rejected\",\"line\":3,\"error\":{\"message\":\"d\xc3\xa9j\xc3\xa0\",\"column\":17},\"seq\":9,"
    "\"key\":\"0000000000000000\"}",
    " { \"seq\" : 1 , \"status\" : \"timeout\" , \"other\" : [ true ] , \"error\" : { } }",
};

/* Pieces by which a result line becomes another. */
static void graft(struct mutant *mutant)
{
    static const char *const grafts[] = {
        "\"seq\":1,", "\"status\":\"ok\",", "\"key\":\"0123456789abcdef\",", "\"x\":1,", "\"error\":{},",
        "\"st\\u0061rt\":5,", "-", ".5", "e9", "\"worker\":1,", "\"wall_ms\":0,", "\"pid\":1,", "null", "\"id\":1,", "\\u0000",
    };
    const char *piece = grafts[mutant_draw(mutant, COUNT(grafts))];
    size_t at = mutant_draw(mutant, 2) ? 1 : mutant_draw(mutant, mutant->size + 1);
    if (at <= mutant->size)
        mutant_insert(mutant, at, piece, strlen(piece));
}

static void damaged_lines_are_judged_as_by_their_tree(void)
{
    struct mutant mutant = {.random = 11};
    unsigned accepted = 0, refused = 0, differences = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct hay_resultline result;
        struct hay_jobline_fault fault = {0, ""};
        mutant_of(&mutant, seeds[mutant_draw(&mutant, COUNT(seeds))], mutant_draw(&mutant, 3));
        if (mutant_draw(&mutant, 2))
            graft(&mutant);
        const char *text = guard_behind(mutant.text, mutant.size);
        if (memchr(text, '\n', mutant.size) || memchr(text, 0, mutant.size))
            continue;
        bool ours = hay_resultline_scan(text, mutant.size, &result, &fault) == HAY_OK;
        json_error_t error = {.line = 0};
        json_t *line = json_loadb(text, mutant.size, JSON_ALLOW_NUL, &error);
        bool theirs = line && judge(line);
        bool excused = !line && json_error_code(&error) == json_error_null_byte_in_key;
        json_decref(line);
        accepted += ours;
        refused += !ours;
        bool good = ours == theirs ? !ours || agrees(text, mutant.size, &result) : false;
        if (good || excused || has_a_duplicate(text, mutant.size))
            continue;
        if (differences++ < 10)
            printf("# round %d: we %s (%.120s), the tree %s: %.*s\n", round, ours ? "accept" : "refuse", fault.reason,
                   theirs ? "is fine" : error.text, (int)mutant.size, text);
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT(accepted > ROUNDS / 20 && refused > ROUNDS / 20);
}

static void a_string_is_unescaped_and_cut_at_a_character(void)
{
    static const char inside[] = "a\\n\\u00e9\xe6\x97\xa5\\ud83d\\ude00z", plain[] = "a\n\xc3\xa9\xe6\x97\xa5\xf0\x9f\x98\x80z";
    static const size_t ends[] = {0, 1, 2, 2, 4, 4, 4, 7, 7, 7, 7, 11, 12, 12}; /* of what fits in each capacity */
    for (size_t capacity = 0; capacity < COUNT(ends); capacity++) {
        char out[20];
        memset(out, 'x', sizeof out);
        CU_ASSERT_EQUAL(hay_json_unescape(inside, sizeof inside - 1, out, capacity), sizeof plain - 1);
        CU_ASSERT_EQUAL(memcmp(out, plain, ends[capacity]), 0);
        for (size_t i = ends[capacity]; i < sizeof out; i++)
            CU_ASSERT_EQUAL(out[i], 'x');
    }
    CU_ASSERT_EQUAL(hay_json_unescape(inside, sizeof inside - 1, NULL, 0), sizeof plain - 1);
    CU_ASSERT_EQUAL(hay_json_unescape(NULL, 0, NULL, 0), 0);
}

#define TEST(name) {#name, name}

/* Whatever the pool takes as a result. */
static void the_deepest_result_is_read_back(void)
{
    static char text[2 * (JSON_RESULT_DEPTH + 1) + 100];
    for (size_t depth = 500; depth <= JSON_RESULT_DEPTH + 1; depth += depth < 520 ? 1 : 51) {
        size_t size = (size_t)sprintf(text, "{\"id\":1,\"status\":\"ok\",\"result\":");
        const char *value = text + size;
        memset(text + size, '[', depth);
        memset(text + size + depth, ']', depth);
        bool is_result = hay_json_check(value, 2 * depth, JSON_RESULT_DEPTH, NULL) == HAY_OK;
        size += 2 * depth;
        text[size++] = '}';
        struct hay_resultline line;
        CU_ASSERT_EQUAL(hay_resultline_scan(text, size, &line, NULL) == HAY_OK, is_result);
        CU_ASSERT_EQUAL(is_result, depth <= JSON_RESULT_DEPTH);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        TEST(what_was_written_comes_back),
        TEST(a_line_of_another_writer_is_read_too),
        TEST(a_line_that_is_no_result_is_refused),
        TEST(no_beginning_of_a_line_is_taken_for_one),
        TEST(damaged_lines_are_judged_as_by_their_tree),
        TEST(a_string_is_unescaped_and_cut_at_a_character),
        TEST(the_deepest_result_is_read_back),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"resultline", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
