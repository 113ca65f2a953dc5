/* SPDX-License-Identifier: MIT
 *
 * hay_json_write() against json_dump_callback(): the same bytes for the same values, or no success for both.
 */
#include "support/tap.h"

#include <hayfork/value_json.h>
#include <hayfork/write_json.h>

#include <stdbool.h>
#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define ROOM ((size_t)1 << 20)

struct out {
    size_t size, limit;
    char bytes[ROOM];
};
static struct out ours, theirs;

static int put(const char *bytes, size_t size, void *context)
{
    struct out *out = context;
    if (size > out->limit - out->size)
        return -1;
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
    return 0;
}

/* Both succeed with the same bytes, or both fail. */
static bool is_same(const json_t *value, bool *is_written)
{
    ours.size = theirs.size = 0;
    ours.limit = theirs.limit = ROOM;
    int our_status = hay_json_write(value, HAY_JSON_DEPTH, put, &ours);
    int their_status = json_dump_callback(value, put, &theirs, JSON_COMPACT | JSON_ENCODE_ANY);
    *is_written = our_status == 0;
    if ((our_status == 0) != (their_status == 0))
        return false;
    return our_status || (ours.size == theirs.size && memcmp(ours.bytes, theirs.bytes, ours.size) == 0);
}

static bool is_same_text(const char *text)
{
    bool is_written;
    json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool same = value && is_same(value, &is_written) && is_written;
    json_decref(value);
    if (!same)
        printf("# %s\n", text);
    return same;
}

static void values_of_all_kinds_are_written_as_jansson_writes_them(void)
{
    static const char *const texts[] = {
        "0", "-1", "7", "9223372036854775807", "-9223372036854775808", "true", "false", "null", "1.5", "-0.0", "1e300",
        "4.9e-324",
        "0.1", "100000.0", "1e16", "1e17", "123456789012.25", "\"\"", "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\\u007f\"",
        "\"\\u00e9\\ud83d\\ude00\\u2028\"", "\"caf\xc3\xa9 \\n\"", "[]", "{}", "[[]]", "[{}]", "{\"\":{}}",
        "[1,2.5,\"x\",null,true,false,[],{}]",
        "{\"a\":1,\"b\":[1,2,{\"c\":\"d\"}],\"\xc3\xa9\":\"\xc3\xa9\",\"q\\\"\\n\":0,\"z\":-0.5}", "[[[[[[[[[[[[1]]]]]]]]]]]]",
        "{\"z\":1,\"y\":2,\"x\":3,\"w\":4,\"v\":5,\"u\":6,\"t\":7,\"s\":8,\"r\":9,\"q\":10,\"p\":11}",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        CU_ASSERT(is_same_text(texts[i]));
}

static void each_byte_in_a_string_and_in_a_key_is_written_as_jansson_writes_it(void)
{
    unsigned differences = 0, refused = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        char text[4] = {'x', (char)byte, 'y', '\0'};
        bool is_written;
        json_t *string = json_stringn_nocheck(text, 3), *object = json_object();
        if (byte) /* older janssons have no NUL in keys */
            json_object_set_new_nocheck(object, text, json_integer(1));
        differences += !is_same(string, &is_written);
        refused += !is_written;
        if (byte < 0x80)
            differences += !is_same(object, &is_written);
        else /* jansson 2.14 loses the rest of such a key, and calls that a success */
            CU_ASSERT_EQUAL(hay_json_write(object, HAY_JSON_DEPTH, put, &ours), -1);
        json_decref(string);
        json_decref(object);
    }
    CU_ASSERT_EQUAL(differences, 0);
    CU_ASSERT_EQUAL(refused, 128); /* none of these is UTF-8 alone */
}

/* Around the size of the writer's own room. */
static void strings_of_all_lengths_are_written_as_jansson_writes_them(void)
{
    static char text[3000];
    unsigned differences = 0;
    memset(text, 'a', sizeof text);
    for (size_t size = 0; size < sizeof text; size++) {
        bool is_written;
        json_t *value = json_pack("[s#,i,s#]", text, (int)size, 12, text, (int)(size % 700));
        text[size] = size % 5 ? 'b' : '\n';
        differences += !value || !is_same(value, &is_written) || !is_written;
        json_decref(value);
    }
    CU_ASSERT_EQUAL(differences, 0);
}

static void what_cannot_be_put_is_no_success(void)
{
    json_t *value = json_pack("{s:[i,f,s,b],s:s}", "a", 1, 2.5, "x\n", 1, "caf\xc3\xa9", "\xc3\xa9");
    bool is_written;
    CU_ASSERT(is_same(value, &is_written) && is_written);
    size_t whole = ours.size;
    for (size_t limit = 0; limit <= whole; limit++) {
        ours.size = 0;
        ours.limit = limit;
        CU_ASSERT_EQUAL(hay_json_write(value, HAY_JSON_DEPTH, put, &ours), limit < whole ? -1 : 0);
    }
    json_decref(value);
    CU_ASSERT_EQUAL(hay_json_write(NULL, HAY_JSON_DEPTH, put, &ours), -1);
}

static void depth_is_bounded(void)
{
    json_t *value = json_integer(1);
    for (int depth = 1; depth < 100; depth++) {
        ours.size = 0;
        ours.limit = ROOM;
        CU_ASSERT_EQUAL(hay_json_write(value, depth, put, &ours), 0);
        CU_ASSERT_EQUAL(hay_json_write(value, depth - 1, put, &ours), HAY_JSON_TOO_DEEP);
        CU_ASSERT(hay_json_too_deep(value, depth - 1) && !hay_json_too_deep(value, depth));
        json_t *outer = depth % 2 ? json_pack("[o]", value) : json_pack("{s:o}", "k", value);
        value = outer;
    }
    json_decref(value);
    json_t *circle = json_array();
    json_array_append(circle, circle); /* which jansson refuses */
    json_t *other = json_array();
    json_array_append(circle, other);
    json_array_append_new(other, json_incref(circle));
    CU_ASSERT_EQUAL(hay_json_write(circle, 50, put, &ours), HAY_JSON_TOO_DEEP);
    json_array_clear(other);
    json_decref(other);
    json_decref(circle);
}

static void encode_takes_texts_of_all_sizes(void)
{
    static char text[20000];
    memset(text, 'x', sizeof text);
    for (size_t size = 900; size < sizeof text; size += 37) {
        struct hay_json_text encoded;
        json_t *value = json_stringn(text, size);
        CU_ASSERT_EQUAL(hay_json_encode(value, &encoded), HAY_OK);
        CU_ASSERT(encoded.size == size + 2 && encoded.at[0] == '"' && encoded.at[size + 1] == '"' && !encoded.fault);
        CU_ASSERT_EQUAL(memcmp(encoded.at + 1, text, size), 0);
        hay_json_free(&encoded);
        json_decref(value);
    }
    struct hay_json_text none;
    json_t *bad = json_pack("[s#,o]", text, 5000, json_stringn_nocheck("\xff", 1));
    CU_ASSERT_EQUAL(hay_json_encode(bad, &none), HAY_EINVAL);
    CU_ASSERT(none.fault && !none.at);
    CU_ASSERT_EQUAL(hay_json_encode(NULL, &none), HAY_EINVAL);
    json_decref(bad);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"values_of_all_kinds_are_written_as_jansson_writes_them", values_of_all_kinds_are_written_as_jansson_writes_them},
        {"each_byte_in_a_string_and_in_a_key_is_written_as_jansson_writes_it",
         each_byte_in_a_string_and_in_a_key_is_written_as_jansson_writes_it},
        {"strings_of_all_lengths_are_written_as_jansson_writes_them", strings_of_all_lengths_are_written_as_jansson_writes_them},
        {"what_cannot_be_put_is_no_success", what_cannot_be_put_is_no_success},
        {"depth_is_bounded", depth_is_bounded},
        {"encode_takes_texts_of_all_sizes", encode_takes_texts_of_all_sizes},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"writejson", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
