/* SPDX-License-Identifier: MIT
 *
 * Fuzz target for the scanner of result lines, by which --resume, results and report go: jansson reads the same, and both have to
 * take the same lines and find the same in them. An input is any number of lines. From the top of the tree:
 *
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -std=c11 -D_GNU_SOURCE \
 *         -Iinclude -Isrc tests/fuzz/fuzz_resultline.c src/job/json*.c src/job/result*.c -ljansson -o fuzz_resultline
 *     ./fuzz_resultline -max_len=2000 new-inputs/ tests/fuzz/corpus/resultline
 *
 * Without libFuzzer it is a program that runs the lines of the files named as its arguments.
 */
#include "replay.h"

#include <hayfork/jobline.h>
#include <jansson.h>

/* Is it absent, or a whole number from 0 to `most`? */
static bool is_count(const json_t *object, const char *key, json_int_t most)
{
    const json_t *value = json_object_get(object, key);
    return !value || (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= most);
}

/* Is it absent, or a time? Where a double cannot tell, it may be either. */
static bool is_time(const json_t *object, const char *key, double most, bool *may_be_either)
{
    const json_t *value = json_object_get(object, key);
    double number = json_number_value(value);
    *may_be_either = *may_be_either || (value && (number == 0 || (number > most * 0.999999 && number < most * 1.000001)));
    return !value || (json_is_number(value) && number >= 0 && number < most);
}

static bool is_key(const json_t *value)
{
    return !value || (json_is_string(value) && json_string_length(value) == 16 &&
                      strspn(json_string_value(value), "0123456789abcdef") == 16);
}

static int outcome_of(const json_t *status)
{
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++) {
        const char *name = hay_outcome_name((enum hay_outcome)i);
        if (json_string_length(status) == strlen(name) && strcmp(json_string_value(status), name) == 0)
            return i;
    }
    return HAY_OUTCOME_COUNT;
}

/* By what the header says of a result line. */
static bool is_result(const json_t *line, bool *may_be_either)
{
    const json_t *id = json_object_get(line, "id"), *error = json_object_get(line, "error");
    const json_t *message = json_object_get(error, "message");
    return json_is_object(line) && outcome_of(json_object_get(line, "status")) < HAY_OUTCOME_COUNT &&
           (!id || json_is_string(id) || json_is_integer(id)) && (!error || json_is_object(error)) &&
           (!message || json_is_string(message)) && is_count(line, "seq", INT64_MAX) && is_count(line, "line", INT64_MAX) &&
           is_count(line, "attempts", UINT32_MAX) && is_count(line, "worker", INT32_MAX) && is_count(line, "pid", INT32_MAX) &&
           is_count(error, "signal", INT32_MAX) && is_count(error, "exit", INT32_MAX) && is_count(error, "column", INT64_MAX) &&
           is_key(json_object_get(line, "key")) && is_time(line, "start", 9223372036.854775807, may_be_either) &&
           is_time(line, "wall_ms", 9223372036854.775807, may_be_either);
}

static void check_span(struct hay_span span, const json_t *value)
{
    CHECK(!span.at == !value);
    json_t *read = value ? json_loadb(span.at, span.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
    CHECK(json_equal(read, value) || !value);
    json_decref(read);
}

static void check_message(struct hay_span span, const json_t *value)
{
    CHECK(!span.at == !value);
    size_t size = json_string_length(value);
    char *text = value ? malloc(span.size + 1) : NULL;
    CHECK(!text || hay_json_unescape(span.at, span.size, text, span.size) == size);
    CHECK(!text || memcmp(text, json_string_value(value), size) == 0);
    free(text);
}

static bool is_near(int64_t ns, double wanted)
{
    return (double)ns >= wanted * 0.999999999 - 1.5 && (double)ns <= wanted * 1.000000001 + 1.5;
}

static json_int_t number_of(const json_t *object, const char *key, json_int_t absent)
{
    const json_t *value = json_object_get(object, key);
    return value ? json_integer_value(value) : absent;
}

static void check_parts(const struct hay_resultline *result, const json_t *line)
{
    const json_t *seq = json_object_get(line, "seq"), *key = json_object_get(line, "key");
    const json_t *error = json_object_get(line, "error");
    CHECK((int)result->outcome == outcome_of(json_object_get(line, "status")));
    check_span(result->id, json_object_get(line, "id"));
    check_span(result->value, json_object_get(line, "result"));
    check_message(result->message, json_object_get(error, "message"));
    CHECK(result->has_seq == !!seq && result->seq == (uint64_t)number_of(line, "seq", 0));
    CHECK(result->has_key == !!key && result->key == (key ? strtoull(json_string_value(key), NULL, 16) : 0));
    CHECK(result->signal == number_of(error, "signal", 0) && result->exit_code == number_of(error, "exit", -1));
    CHECK(result->attempts == number_of(line, "attempts", 1) && result->line == (uint64_t)number_of(line, "line", 0));
    CHECK(result->worker == number_of(line, "worker", 0) && result->pid == number_of(line, "pid", 0));
    CHECK(is_near(result->start_ns, json_number_value(json_object_get(line, "start")) * 1e9));
    CHECK(is_near(result->run_ns, json_number_value(json_object_get(line, "wall_ms")) * 1e6));
    CHECK(result->has_meta == (json_object_get(line, "worker") && json_object_get(line, "pid") &&
                               json_object_get(line, "start") && json_object_get(line, "wall_ms")));
}

static void check_line(const char *text, size_t size)
{
    struct hay_resultline result;
    json_error_t error;
    bool may_be_either = memchr(text, '\\', size) && memmem(text, size, "\"key\"", 5); /* its digits count as they are written */
    bool taken = hay_resultline_scan(text, size, &result, NULL) == HAY_OK;
    json_t *line = json_loadb(text, size, JSON_ALLOW_NUL, &error);
    json_t *unique = json_loadb(text, size, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
    if (!line)
        CHECK(!taken || json_error_code(&error) == json_error_null_byte_in_key ||
              json_error_code(&error) == json_error_stack_overflow);
    else if (memchr(text, 0, size))
        CHECK(!taken); /* jansson takes it for the end of some tokens */
    else if (unique) /* else a key that is there twice counts only where it is known */
        CHECK(taken == is_result(line, &may_be_either) || may_be_either || json_object_size(line) > HAY_JOBLINE_KEYS);
    if (unique && taken)
        check_parts(&result, unique);
    json_decref(line);
    json_decref(unique);
}

/* Each line in a block of exactly its size, so that a checker of memory sees a load behind it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const uint8_t *newline = memchr(data + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - data) - at : size - at;
        char *line = malloc(length + !length);
        if (line)
            check_line(memcpy(line, data + at, length), length);
        free(line);
        at += length + 1;
    }
    return 0;
}
