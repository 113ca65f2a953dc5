/* SPDX-License-Identifier: MIT
 *
 * JSON over a pipe: every kind of value goes and comes; what cannot be written or read is a status, and the stream stays in step.
 */
#include "support/tap.h"

#include <hayfork/pipe_json.h>

static struct hay_error error;
static struct hay_pipe *left, *right;

static int open_pair(void)
{
    return hay_pipe_new(&left, &right, &error);
}

static int close_pair(void)
{
    hay_pipe_free(left);
    hay_pipe_free(right);
    return 0;
}

static void all_kinds_of_values_come_as_they_went(void)
{
    json_t *large = json_array();
    for (int i = 0; i < 3000; i++)
        json_array_append_new(large, json_integer(i));
    json_t *values[] = {json_null(), json_true(), json_integer(-42), json_real(0.5), json_string("Hello \xc3\xa4"),
                        json_string(""),
                        json_array(), json_pack("{s:s, s:[i, n]}", "key", "value", "list", 1), large};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        json_t *got = NULL;
        CU_ASSERT_EQUAL(hay_pipe_send_json(left, values[i], -1, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_json(right, &got, 0, -1, &error), HAY_OK);
        CU_ASSERT(json_equal(got, values[i]));
        json_decref(got);
        json_decref(values[i]);
    }
}

static void what_cannot_be_written_is_not_sent(void)
{
    json_t *holder = json_array(), *deep = json_array(), *got = NULL;
    json_t *wild = json_stringn_nocheck("\xff", 1);
    json_array_append(holder, wild);
    for (int i = 0; i < HAY_JSON_DEPTH + 5; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, deep);
        deep = outer;
    }
    CU_ASSERT_EQUAL(hay_pipe_send_json(left, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_json(left, wild, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_json(left, holder, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_json(left, deep, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_receive_json(right, &got, 0, 0, &error), HAY_ETIMEDOUT);
    CU_ASSERT_PTR_NULL(got);
    json_decref(holder);
    json_decref(wild);
    json_decref(deep);
}

static void what_is_no_json_is_dropped_and_the_next_comes(void)
{
    static const char bad[][8] = {"", "{", "[1,]", "1 2", "nul", "[1\0]"};
    static const size_t sizes[] = {0, 1, 4, 3, 3, 4};
    json_t *got;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        CU_ASSERT_EQUAL(hay_pipe_send(left, bad[i], sizes[i], -1, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_send(left, "7", 1, -1, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_json(right, &got, 0, -1, &error), HAY_EINVAL);
        CU_ASSERT_PTR_NULL(got);
        CU_ASSERT_EQUAL(hay_pipe_receive_json(right, &got, 0, -1, &error), HAY_OK);
        CU_ASSERT_EQUAL(json_integer_value(got), 7);
        json_decref(got);
    }
}

static void statuses_of_the_pipe_come_through(void)
{
    json_t *got, *text = json_string("longer than that");
    CU_ASSERT_EQUAL(hay_pipe_receive_json(right, NULL, 0, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_receive_json(NULL, &got, 0, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_json(NULL, text, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_json(left, text, -1, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_json(right, &got, 5, -1, NULL), HAY_EMSGSIZE);
    hay_pipe_close(left);
    CU_ASSERT_EQUAL(hay_pipe_receive_json(right, &got, 0, -1, &error), HAY_EOF);
    CU_ASSERT_EQUAL(hay_pipe_send_json(right, text, -1, &error), HAY_EPEER);
    json_decref(text);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"all kinds of values come as they went", all_kinds_of_values_come_as_they_went},
        {"what cannot be written is not sent", what_cannot_be_written_is_not_sent},
        {"what is no JSON is dropped, and the next comes", what_is_no_json_is_dropped_and_the_next_comes},
        {"statuses of the pipe come through", statuses_of_the_pipe_come_through},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe_json", open_pair, close_pair, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
