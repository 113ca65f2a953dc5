/* SPDX-License-Identifier: MIT
 *
 * Fuzz target for the scanners of job lines and result lines, the JSON check and the writer of result lines: any bytes go through
 * all four, and what they promise of each other and of jansson is asserted. From the top of the tree:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -std=c11 -D_GNU_SOURCE \
 *         -Iinclude -Isrc tests/fuzz/fuzz_jobline.c src/job/json*.c src/job/jobline.c src/job/result*.c -ljansson -o fuzz_jobline
 *     ./fuzz_jobline -max_len=2000 new-inputs/ tests/fuzz/corpus/jobline
 *
 * Without libFuzzer it is a program that runs the files named as its arguments.
 */
#include "replay.h"

#include <hayfork/jobline.h>
#include <jansson.h>

/* A reason is one line of UTF-8, and the column is in the line or right behind it. */
static void check_fault(const struct hay_jobline_fault *fault, size_t size)
{
    char line[512];
    struct hay_result result = {.outcome = HAY_OUTCOME_REJECTED, .line = 1, .column = fault->column, .worker = -1,
                                .exit_code = -1};
    CHECK(fault->column >= 1 && fault->column <= size + 1);
    CHECK(memchr(fault->reason, 0, sizeof fault->reason) && fault->reason[0]);
    for (const char *at = fault->reason; *at; at++)
        CHECK((unsigned char)*at >= ' ' && *at != 0x7f);
    CHECK(!strstr(fault->reason, "\xef\xbf\xbd") || strstr(fault->reason, "duplicate key"));
    result.message = (struct hay_span){fault->reason, strlen(fault->reason)};
    size_t length = hay_result_write(line, sizeof line, &result, 1, HAY_RESULT_META);
    CHECK(length <= sizeof line && line[length - 1] == '\n');
    CHECK(hay_json_check(line, length - 1, 3, NULL) == HAY_OK);
    json_t *value = json_loadb(line, length, 0, NULL);
    CHECK(value && strcmp(json_string_value(json_object_get(json_object_get(value, "error"), "message")), fault->reason) == 0);
    json_decref(value);
}

static void check_span(struct hay_span span, const char *line, size_t size)
{
    if (!span.at) {
        CHECK(span.size == 0);
        return;
    }
    CHECK(span.at > line && span.size > 0 && span.at + span.size <= line + size);
    if (!memchr(span.at, '\r', span.size))
        CHECK(hay_json_check(span.at, span.size, HAY_JOBLINE_DEPTH, NULL) == HAY_OK);
}

static void check_scan(const char *line, size_t size)
{
    struct hay_jobline job;
    struct hay_jobline_fault fault;
    memset(&job, 0x5a, sizeof job);
    enum hay_status status = hay_jobline_scan(line, size, &job, &fault);
    check_span(job.id, line, size);
    check_span(job.args, line, size);
    check_span(job.after, line, size);
    CHECK(!job.after.at || job.after.at[0] == '[');
    CHECK(job.fn_size <= HAY_FUNCTION_NAME_MAX && strlen(job.fn) == job.fn_size && job.fn_column <= size);
    CHECK(job.timeout_ms >= 0 && job.timeout_ms <= INT64_C(1000000000000) && job.retries >= -1 && job.retries <= 1000000);
    if (status != HAY_OK) {
        CHECK(status == HAY_EINVAL);
        check_fault(&fault, size);
        return;
    }
    if (memchr(line, '\r', size))
        return;
    CHECK(hay_json_check(line, size, HAY_JOBLINE_DEPTH, NULL) == HAY_OK);
    json_t *value = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
    if (!value)
        return; /* an escaped NUL in a key; all else is compared in check_against_jansson */
    json_t *fn = json_object_get(value, "fn"), *timeout = json_object_get(value, "timeout");
    CHECK(strcmp(job.fn, fn ? json_string_value(fn) : "") == 0);
    CHECK(job.priority == json_integer_value(json_object_get(value, "priority")));
    CHECK(job.retries == (json_object_get(value, "retries") ? json_integer_value(json_object_get(value, "retries")) : -1));
    double timeout_ms = json_number_value(timeout) * 1000;
    CHECK((double)job.timeout_ms >= timeout_ms - 0.001 && (double)job.timeout_ms <= timeout_ms + 1.001);
    json_t *after = json_object_get(value, "after");
    CHECK(!job.after.at == !after && (!after || json_is_array(after)));
    for (size_t i = 0; i < json_array_size(after); i++)
        CHECK(json_is_string(json_array_get(after, i)) || json_is_integer(json_array_get(after, i)));
    CHECK(!job.id.at == !json_object_get(value, "id") && !job.args.at == !json_object_get(value, "args"));
    json_decref(value);
}

static void check_against_jansson(const char *text, size_t size)
{
    struct hay_jobline_fault fault;
    json_error_t error;
    bool ours = hay_json_check(text, size, 512, &fault) == HAY_OK;
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (ours)
        CHECK(value || json_error_code(&error) == json_error_null_byte_in_key);
    else
        CHECK(!value || memchr(text, '\n', size) || memchr(text, '\r', size) || memchr(text, 0, size) ||
              strncmp(fault.reason, "nested", 6) == 0);
    if (!ours)
        check_fault(&fault, size);
    json_decref(value);
}

/* The bytes as a message, into a buffer of exactly the size that was told. */
static void check_result(const char *text, size_t size)
{
    struct hay_result result = {.outcome = HAY_OUTCOME_CRASH, .message = {text, size}, .signal = 11, .attempts = 2, .worker = 1};
    size_t length = hay_result_write(NULL, 0, &result, 1, HAY_RESULT_META);
    char *line = malloc(length);
    if (!line)
        return;
    CHECK(hay_result_write(line, length / 2, &result, 1, HAY_RESULT_META) == length);
    CHECK(hay_result_write(line, length, &result, 1, HAY_RESULT_META) == length);
    CHECK(line[length - 1] == '\n' && hay_json_check(line, length - 1, 3, NULL) == HAY_OK);
    struct hay_resultline scanned;
    CHECK(hay_resultline_scan(line, length - 1, &scanned, NULL) == HAY_OK);
    CHECK(scanned.outcome == HAY_OUTCOME_CRASH && scanned.signal == 11 && scanned.attempts == 2 && scanned.seq == 1);
    free(line);
}

/* Any bytes as a result line: what is found lies in it, and what is accepted is JSON. */
static void check_resultline(const char *line, size_t size)
{
    struct hay_resultline result;
    struct hay_jobline_fault fault;
    char plain[64];
    memset(&result, 0x5a, sizeof result);
    enum hay_status status = hay_resultline_scan(line, size, &result, &fault);
    check_span(result.id, line, size);
    check_span(result.value, line, size);
    if (status != HAY_OK) {
        CHECK(status == HAY_EINVAL);
        check_fault(&fault, size);
        return;
    }
    CHECK((unsigned)result.outcome < HAY_OUTCOME_COUNT && result.start_ns >= 0 && result.run_ns >= 0 && result.seq <= INT64_MAX);
    CHECK((result.has_seq || !result.seq) && (result.has_key || !result.key) && result.signal >= 0 && result.exit_code >= -1);
    if (result.message.at)
        CHECK(hay_json_unescape(result.message.at, result.message.size, plain, sizeof plain) <= result.message.size);
    if (!memchr(line, '\r', size))
        CHECK(hay_json_check(line, size, HAY_JOBLINE_DEPTH, NULL) == HAY_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    check_scan(text, size);
    check_against_jansson(text, size);
    check_result(text, size);
    check_resultline(text, size);
    return 0;
}
