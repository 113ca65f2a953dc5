/* SPDX-License-Identifier: MIT
 *
 * Messages between two processes: all sizes, the three kinds of end, limits, one-way pipes, and bad use. Numbers in brackets
 * are those of the behaviours in tests/README.md.
 */
#include "unit/ipc/pipe_fixture.h"

static int echo(void *arg)
{
    void *bytes;
    size_t size;
    enum hay_status status;
    while ((status = hay_pipe_receive(arg, &bytes, &size, 0, LONG_MS, NULL)) == HAY_OK) {
        CHILD_CHECK(hay_pipe_send(arg, bytes, size, LONG_MS, NULL) == HAY_OK);
        free(bytes);
    }
    return status != HAY_EOF;
}

/* [25] [28] */
static void messages_of_all_sizes_come_back(void)
{
    size_t sizes[] = {0, 1, 7, 8, 9, 4087, 4088, 4089, 4096, 8192, 65535, 65536, 200000, (size_t)1 << 20, LARGE};
    unsigned char *sent = new_pattern(LARGE), *into = malloc(LARGE);
    open_with_child(echo);
    hay_pipe_free(right); /* right after the start */
    right = NULL;
    for (int way = 0; way < 4; way++) {
        int timeout_ms = way & 1 ? LONG_MS : -1;
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            void *got = NULL;
            size_t size = 99;
            CU_ASSERT_EQUAL(hay_pipe_send(left, sent, sizes[i], timeout_ms, &error), HAY_OK);
            if (way < 2)
                CU_ASSERT_EQUAL(hay_pipe_receive(left, &got, &size, 0, timeout_ms, &error), HAY_OK)
            else
                CU_ASSERT_EQUAL(hay_pipe_receive_into(left, into, LARGE, &size, timeout_ms, &error), HAY_OK)
            CU_ASSERT_EQUAL(size, sizes[i]);
            CU_ASSERT(is_pattern(got ? got : into, size));
            if (got)
                CU_ASSERT_EQUAL(((char *)got)[size], '\0');
            free(got);
        }
    }
    free(sent);
    free(into);
    close_pair();
}

/* [31] [30] */
static void messages_neither_merge_nor_split_and_poll_takes_nothing(void)
{
    static const char *const texts[] = {"hello", "", "a", "b", "", "", "bye", "lop"};
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_ETIMEDOUT);
    for (size_t i = 0; i < 8; i++)
        CU_ASSERT_EQUAL(hay_pipe_send(left, texts[i], strlen(texts[i]), 0, &error), HAY_OK);
    for (size_t i = 0; i < 8; i++) {
        char text[16] = "";
        size_t size = 99;
        for (int again = 0; again < 3; again++)
            CU_ASSERT_EQUAL(hay_pipe_poll(right, again - 1, &error), HAY_OK);
        if (i % 2) {
            bool is_fd = true;
            CU_ASSERT_EQUAL(hay_pipe_next(right, &size, &is_fd, 0, &error), HAY_OK);
            CU_ASSERT(size == strlen(texts[i]) && !is_fd);
            CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_OK);
        }
        CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, &size, 0, &error), HAY_OK);
        CU_ASSERT(size == strlen(texts[i]) && strcmp(text, texts[i]) == 0);
    }
    CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_ETIMEDOUT);
    close_pair();
}

/* Leaves a message unread behind. */
static int send_and_leave(void *arg)
{
    CHILD_CHECK(hay_pipe_poll(arg, LONG_MS, NULL) == HAY_OK);
    return hay_pipe_send(arg, "last", 4, LONG_MS, NULL) != HAY_OK;
}

static void the_end_comes_after_the_last_message_and_stays(void)
{
    char text[8];
    open_with_child(send_and_leave);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "never read", 10, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(child, LONG_MS, NULL, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, -1, &error), HAY_OK);
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(hay_pipe_poll(left, -1, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, -1, &error), HAY_EOF);
    }
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, -1, &error), HAY_EPEER);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, -1, &error), HAY_EPEER);
    close_pair();
}

static void a_stream_cut_in_a_message_is_truncated_not_ended(void)
{
    uint64_t head = (uint64_t)'B' << 56 | 10;
    for (int way = 0; way < 4; way++) {
        int pair[2];
        void *bytes = &pair;
        char text[16];
        struct hay_pipe *pipe = adopt_one_of(pair);
        write_raw(pair[0], head, way & 1 ? 8 : 3, way & 1 ? "four" : "");
        close(pair[0]);
        if (way < 2)
            CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, NULL, 0, -1, &error), HAY_ETRUNCATED)
        else
            CU_ASSERT_EQUAL(hay_pipe_receive_into(pipe, text, sizeof text, NULL, LONG_MS, &error), HAY_ETRUNCATED)
        CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, NULL, 0, -1, &error), HAY_ETRUNCATED);
        CU_ASSERT_PTR_NULL(bytes);
        CU_ASSERT_EQUAL(hay_pipe_poll(pipe, 0, &error), HAY_OK);
        hay_pipe_free(pipe);
    }
}

static void bytes_that_are_no_pipes_break_the_stream(void)
{
    int pair[2];
    char text[16];
    struct hay_pipe *pipe = adopt_one_of(pair);
    write_raw(pair[0], 0x6f6c6c6548, 8, "");
    CU_ASSERT_EQUAL(hay_pipe_receive_into(pipe, text, sizeof text, NULL, -1, &error), HAY_EBROKEN);
    CU_ASSERT_EQUAL(hay_pipe_next(pipe, NULL, NULL, -1, &error), HAY_EBROKEN);
    CU_ASSERT_EQUAL(hay_pipe_poll(pipe, -1, &error), HAY_OK);
    close(pair[0]);
    hay_pipe_free(pipe);
}

static void a_size_that_no_memory_holds_is_a_status(void)
{
    int pair[2];
    void *bytes;
    size_t size;
    struct hay_pipe *pipe = adopt_one_of(pair);
    write_raw(pair[0], (uint64_t)'B' << 56 | ((UINT64_C(1) << 56) - 1), 8, "");
    if (!getenv("HAY_SANITIZED")) { /* whose allocators end the program instead */
        CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 0, 0, &error), HAY_ENOMEM);
        CU_ASSERT_EQUAL(size, (size_t)((UINT64_C(1) << 56) - 1));
    }
    CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 1000, 0, &error), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 1000, 0, &error), HAY_ETIMEDOUT);
    close(pair[0]);
    CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 1000, 0, &error), HAY_ETRUNCATED);
    hay_pipe_free(pipe);
}

static int send_mixed(void *arg)
{
    unsigned char *large = new_pattern(LARGE);
    for (int i = 0; i < 3; i++) {
        CHILD_CHECK(hay_pipe_send(arg, large, LARGE >> i * 8, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(hay_pipe_send(arg, &i, sizeof i, LONG_MS, NULL) == HAY_OK);
    }
    free(large);
    return 0;
}

/* [25] */
static void a_message_over_the_limit_is_dropped_and_the_stream_stays_in_step(void)
{
    int number = -1;
    size_t size;
    void *bytes;
    open_with_child(send_mixed);
    for (int i = 0; i < 3; i++) {
        if (i % 2)
            CU_ASSERT_EQUAL(hay_pipe_receive(left, &bytes, &size, 100, LONG_MS, &error), HAY_EMSGSIZE)
        else
            CU_ASSERT_EQUAL(hay_pipe_receive_into(left, &number, sizeof number, &size, LONG_MS, &error), HAY_EMSGSIZE)
        CU_ASSERT_EQUAL(size, LARGE >> i * 8);
        CU_ASSERT_EQUAL(hay_pipe_poll(left, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_into(left, &number, sizeof number, &size, i == 2 ? 0 : LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(number, i);
    }
    CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, LONG_MS, &error), HAY_EOF);
    close_pair();
}

/* What is left of it is read by the poll itself, and what stands behind it is there at the first look. */
static void behind_a_message_that_is_dropped_the_next_is_seen_at_once(void)
{
    static char large[100000];
    char text[8];
    size_t size;
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_send(left, large, sizeof large, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "next", 4, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, &size, 0, &error), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, &size, 0, &error), HAY_OK);
    CU_ASSERT(size == 4 && memcmp(text, "next", 4) == 0);
    CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_send(left, large, 60000, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_finish(left, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, &size, 0, &error), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, &size, 0, &error), HAY_EOF);
    close_pair();
}

/* [27] */
static void a_one_way_pipe_has_one_way(void)
{
    char text[8] = "";
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new_one_way(&left, &right, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(right, "ok", 2, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "ok");
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, 1, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_poll(right, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, NULL, -1, &error), HAY_EINVAL);
    hay_pipe_close(right);
    CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, -1, &error), HAY_EOF);
    close_pair();
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new_one_way(&left, &right, &error), HAY_OK);
    hay_pipe_close(left);
    CU_ASSERT_EQUAL(hay_pipe_send(right, "x", 1, -1, &error), HAY_EPEER);
    CU_ASSERT_EQUAL(hay_pipe_unsent(right), 0);
    CU_ASSERT_EQUAL(hay_pipe_flush(right, -1, &error), HAY_EPEER);
    CU_ASSERT_EQUAL(hay_pipe_finish(right, -1, &error), HAY_EPEER);
    close_pair();
}

static void a_finished_end_still_receives(void)
{
    char text[8] = "";
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_send(left, "one", 3, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_finish(left, -1, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_finish(left, -1, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "two", 3, 0, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_flush(left, 0, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, NULL, 0, &error), HAY_EOF);
    CU_ASSERT_EQUAL(hay_pipe_send(right, "back", 4, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "back");
    close_pair();
}

/* [26]: in C a part of a buffer is a pointer and a size. */
static void bad_use_is_a_status(void)
{
    char text[8];
    void *bytes = text;
    size_t size = 1;
    CU_ASSERT_EQUAL(hay_pipe_new(NULL, &right, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_new_one_way(&left, NULL, NULL), HAY_EINVAL);
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_send(NULL, "x", 1, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send(left, NULL, 1, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", SIZE_MAX, -1, &error), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(hay_pipe_receive(NULL, &bytes, &size, 0, -1, &error), HAY_EINVAL);
    CU_ASSERT(bytes == NULL && size == 0);
    CU_ASSERT_EQUAL(hay_pipe_receive(left, NULL, NULL, 0, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, NULL, 5, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_poll(NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_next(NULL, NULL, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_flush(NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_finish(NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_unsent(NULL), 0);
    CU_ASSERT_EQUAL(hay_pipe_fd(NULL), -1);
    CU_ASSERT_PTR_NULL(hay_pipe_handle(NULL));
    CU_ASSERT_PTR_NULL(hay_pipe_given(0, &error));
    CU_ASSERT_PTR_NULL(hay_pipe_adopt(-1, &error));
    CU_ASSERT_PTR_NULL(hay_pipe_adopt(0, &error));
    int lonely = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_PTR_NULL(hay_pipe_adopt(lonely, &error));
    CU_ASSERT(error.status == HAY_EINVAL && strstr(error.text, "not connected"));
    close(lonely);
    CU_ASSERT_EQUAL(hay_pipe_receive_fd(left, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, 987, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, -1, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_pipe_send(left, NULL, 0, -1, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, NULL, 0, &size, -1, &error), HAY_OK);
    hay_pipe_close(left);
    hay_pipe_close(left);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, -1, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_receive(left, &bytes, &size, 0, -1, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_poll(left, -1, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_fd(left), -1);
    hay_pipe_close(NULL);
    hay_pipe_free(NULL);
    close_pair();
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"messages of all sizes come back", messages_of_all_sizes_come_back},
        {"messages neither merge nor split, and poll takes nothing", messages_neither_merge_nor_split_and_poll_takes_nothing},
        {"the end comes after the last message, and stays", the_end_comes_after_the_last_message_and_stays},
        {"a stream cut in a message is truncated, not ended", a_stream_cut_in_a_message_is_truncated_not_ended},
        {"bytes that are no pipe's break the stream", bytes_that_are_no_pipes_break_the_stream},
        {"a size that no memory holds is a status", a_size_that_no_memory_holds_is_a_status},
        {"a message over the limit is dropped, and the stream stays in step",
         a_message_over_the_limit_is_dropped_and_the_stream_stays_in_step},
        {"behind a message that is dropped the next is seen at once",
         behind_a_message_that_is_dropped_the_next_is_seen_at_once},
        {"a one-way pipe has one way", a_one_way_pipe_has_one_way},
        {"a finished end still receives", a_finished_end_still_receives},
        {"bad use is a status", bad_use_is_a_status},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
