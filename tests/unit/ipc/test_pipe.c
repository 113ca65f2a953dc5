/* SPDX-License-Identifier: MIT
 *
 * Pipes between two processes: messages of all sizes, the three kinds of end, limits, timeouts in every place, signals,
 * descriptors, bad use. Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "support/tap.h"

#include "base/clock.h"

#include <hayfork/pipe.h>
#include <hayfork/process.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000
#define LARGE ((size_t)16 << 20)

static struct hay_error error;
static struct hay_pipe *left, *right;
static struct hay_process *child;

static void open_pair(void)
{
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
}

/* A child that has the right end. */
static void open_with_child(int (*run)(void *))
{
    open_pair();
    child = hay_process_new(run, right, NULL, &error);
    CU_ASSERT_EQUAL_FATAL(hay_process_give(child, hay_pipe_handle(right), &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(child, &error), HAY_OK);
}

static void close_pair(void)
{
    hay_pipe_free(left);
    hay_pipe_free(right);
    if (child) {
        struct hay_exit how;
        CU_ASSERT_EQUAL(hay_process_join(child, LONG_MS, &how, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_exit_code(&how), 0);
        CU_ASSERT_EQUAL(hay_process_free(child), HAY_OK);
        child = NULL;
    }
}

static unsigned char pattern_at(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8) + (i >> 16));
}

static unsigned char *new_pattern(size_t size)
{
    unsigned char *bytes = malloc(size + 1);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = pattern_at(i);
    return bytes;
}

static bool is_pattern(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != pattern_at(i))
            return false;
    return true;
}

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

/* [25] */
static void timeouts_are_never_early(void)
{
    char byte;
    open_pair();
    for (int way = 0; way < 3; way++) {
        int64_t begin_ns = clock_now_ns();
        enum hay_status status = way == 0 ? hay_pipe_poll(right, 50, &error) :
                                 way == 1 ? hay_pipe_receive_into(right, &byte, 1, NULL, 50, &error) :
                                            hay_pipe_next(right, NULL, NULL, 50, &error);
        CU_ASSERT_EQUAL(status, HAY_ETIMEDOUT);
        CU_ASSERT(clock_now_ns() - begin_ns >= 50 * NS_PER_MS);
    }
    /* And the socket's own timeout of the last call does not stay for one that has none. */
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, -1, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, &byte, 1, NULL, -1, &error), HAY_OK);
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

/* Raw bytes on the wire, as no good partner sends them. */
static void write_raw(int fd, uint64_t head, size_t head_size, const char *body)
{
    CU_ASSERT_EQUAL(write(fd, &head, head_size), (ssize_t)head_size);
    CU_ASSERT_EQUAL(write(fd, body, strlen(body)), (ssize_t)strlen(body));
}

static struct hay_pipe *adopt_one_of(int pair[2])
{
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct hay_pipe *pipe = hay_pipe_adopt(pair[1], &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    return pipe;
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

static void a_receive_that_timed_out_half_way_goes_on_later(void)
{
    for (int way = 0; way < 4; way++) {
        uint64_t head = (uint64_t)'B' << 56 | 8;
        int pair[2];
        char text[16] = "";
        void *bytes = NULL;
        size_t size = 0;
        struct hay_pipe *pipe = adopt_one_of(pair);
        CU_ASSERT_EQUAL(write(pair[0], &head, 5), 5);
        CU_ASSERT_EQUAL(hay_pipe_next(pipe, &size, NULL, 10, &error), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(hay_pipe_poll(pipe, 0, &error), HAY_ETIMEDOUT); /* no busy waiting */
        CU_ASSERT_EQUAL(write(pair[0], (char *)&head + 5, 3), 3);
        CU_ASSERT_EQUAL(write(pair[0], "abc", 3), 3);
        if (way & 1)
            CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 0, 10, &error), HAY_ETIMEDOUT)
        else
            CU_ASSERT_EQUAL(hay_pipe_receive_into(pipe, text, sizeof text, &size, 10, &error), HAY_ETIMEDOUT)
        memset(text, 0, sizeof text);
        CU_ASSERT_EQUAL(hay_pipe_poll(pipe, 0, &error), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(write(pair[0], "defgh", 5), 5);
        if (way & 2)
            CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 0, 10, &error), HAY_OK)
        else
            CU_ASSERT_EQUAL(hay_pipe_receive_into(pipe, text, sizeof text, &size, 10, &error), HAY_OK)
        CU_ASSERT_EQUAL(size, 8);
        CU_ASSERT_STRING_EQUAL(bytes ? bytes : text, "abcdefgh");
        free(bytes);
        close(pair[0]);
        hay_pipe_free(pipe);
    }
}

/* Fill the pipe to the last message that goes in whole. */
static int fill(struct hay_pipe *pipe)
{
    char block[1000];
    int count = 0;
    memset(block, 'x', sizeof block);
    while (hay_pipe_send(pipe, block, sizeof block, 0, &error) == HAY_OK)
        count++;
    CU_ASSERT_EQUAL(error.status, HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_unsent(pipe), 0);
    return count;
}

static void a_send_that_found_no_room_sent_nothing(void)
{
    char block[1000];
    open_pair();
    int count = fill(left);
    int64_t begin_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_pipe_send(left, "late", 4, 30, &error), HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - begin_ns >= 30 * NS_PER_MS);
    for (int i = 0; i < count; i++)
        CU_ASSERT_EQUAL(hay_pipe_receive_into(right, block, sizeof block, NULL, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, NULL, 0, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "late", 4, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, block, sizeof block, NULL, 0, &error), HAY_OK);
    close_pair();
}

static void a_send_that_timed_out_half_way_stays_in_step(void)
{
    unsigned char *sent = new_pattern(LARGE);
    char text[8] = "";
    void *bytes;
    size_t size;
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_send(left, sent, LARGE, 10, &error), HAY_EBUSY);
    memset(sent, 0, LARGE); /* the pipe has its own copy */
    size_t unsent = hay_pipe_unsent(left);
    CU_ASSERT(unsent > 0 && unsent < LARGE);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "next", 4, 10, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_flush(left, 10, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_poll(left, 10, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_finish(left, 0, &error), HAY_ETIMEDOUT);
    /* Waiting on the one end moves the bytes out of it, reading on the other makes room. */
    while (hay_pipe_receive(right, &bytes, &size, 0, 0, &error) == HAY_ETIMEDOUT)
        CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, 1, &error), HAY_ETIMEDOUT);
    CU_ASSERT(size == LARGE && is_pattern(bytes, size));
    CU_ASSERT_EQUAL(hay_pipe_unsent(left), 0);
    free(bytes);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "next", 4, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "next");
    CU_ASSERT_EQUAL(hay_pipe_send(left, sent, LARGE, 0, &error), HAY_EBUSY);
    hay_pipe_close(left); /* with it unsent */
    CU_ASSERT_EQUAL(hay_pipe_receive(right, &bytes, &size, 0, -1, &error), HAY_ETRUNCATED);
    free(sent);
    close_pair();
}

static int drain_slowly(void *arg)
{
    static unsigned char bytes[LARGE];
    size_t size;
    for (int i = 0; i < 2; i++) {
        CHILD_CHECK(hay_pipe_next(arg, &size, NULL, LONG_MS, NULL) == HAY_OK && size == LARGE);
        CHILD_CHECK(hay_pipe_receive_into(arg, bytes, LARGE, NULL, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(is_pattern(bytes, LARGE));
        CHILD_CHECK(hay_pipe_send(arg, "got", 3, LONG_MS, NULL) == HAY_OK);
    }
    return 0;
}

static volatile sig_atomic_t ticks;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    ticks++;
}

static int send_late(void *arg)
{
    char byte;
    CHILD_CHECK(hay_pipe_receive_into(arg, &byte, 1, NULL, LONG_MS, NULL) == HAY_OK);
    return hay_pipe_send(arg, "late", 4, LONG_MS, NULL) != HAY_OK;
}

/* [34] */
static void signals_neither_end_nor_spoil_a_call(void)
{
    unsigned char *sent = new_pattern(LARGE);
    char text[8] = "";
    struct sigaction action = {.sa_handler = on_alarm}, before;
    struct itimerval every_ms = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, &before);
    for (int way = 0; way < 2; way++) {
        int timeout_ms = way ? LONG_MS : -1;
        open_with_child(drain_slowly);
        setitimer(ITIMER_REAL, &every_ms, NULL);
        for (int i = 0; i < 2; i++) {
            CU_ASSERT_EQUAL(hay_pipe_send(left, sent, LARGE, timeout_ms, &error), HAY_OK);
            CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, timeout_ms, &error), HAY_OK);
        }
        setitimer(ITIMER_REAL, &never, NULL);
        close_pair();
        open_with_child(send_late);
        setitimer(ITIMER_REAL, &every_ms, NULL);
        int until = ticks + 20;
        while (ticks < until) /* interrupted that often, and still waiting in good order */
            CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, 5, &error), HAY_ETIMEDOUT);
        CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, timeout_ms, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, timeout_ms, &error), HAY_OK);
        setitimer(ITIMER_REAL, &never, NULL);
        close_pair();
    }
    sigaction(SIGALRM, &before, NULL);
    free(sent);
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

/* An invalid descriptor under a pipe, as when other code closed it. [34] */
static void a_descriptor_closed_by_other_code_is_an_error(void)
{
    char byte;
    open_pair();
    int fd = hay_pipe_fd(left);
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    close(fd);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, -1, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.sys_errno, EBADF);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, &byte, 1, NULL, -1, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(hay_pipe_poll(left, -1, &error), HAY_EINVAL);
    dup2(copy, fd);
    close(copy);
    close_pair();
}

static int write_into_given(void *arg)
{
    int fd = -1;
    CHILD_CHECK(hay_pipe_receive_fd(arg, &fd, LONG_MS, NULL) == HAY_OK);
    CHILD_CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHILD_CHECK(pwrite(fd, "by the child", 12, 0) == 12);
    return hay_pipe_send(arg, "", 0, LONG_MS, NULL) != HAY_OK;
}

/* [29] */
static void a_descriptor_is_passed_however_high(void)
{
    for (int way = 0; way < 2; way++) {
        char text[16] = "";
        int file = memfd_create("passed", MFD_CLOEXEC);
        int sent = way ? fcntl(file, F_DUPFD_CLOEXEC, 300) : file;
        open_with_child(write_into_given);
        CU_ASSERT_EQUAL(hay_pipe_send_fd(left, sent, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(pread(file, text, sizeof text, 0), 12);
        CU_ASSERT_STRING_EQUAL(text, "by the child");
        if (way)
            close(sent);
        close(file);
        close_pair();
    }
}

static void descriptors_and_bytes_keep_their_order(void)
{
    char text[8] = "";
    size_t size;
    bool is_fd;
    int fd = -1;
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_send(left, "one", 3, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, 1, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, 2, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "two", 3, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_fd(right, &fd, 0, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_next(right, &size, &is_fd, 0, &error), HAY_OK);
    CU_ASSERT(is_fd && size == 0);
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(hay_pipe_poll(right, 0, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_fd(right, &fd, 0, &error), HAY_OK);
        CU_ASSERT(fd > 2 && close(fd) == 0);
    }
    CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "two");
    CU_ASSERT_EQUAL(hay_pipe_receive_fd(right, &fd, 0, &error), HAY_ETIMEDOUT);
    close_pair();
}

/* [29] */
static void a_descriptor_that_does_not_come_is_an_error_not_a_hang(void)
{
    int pair[2], fd = 5;
    struct hay_pipe *pipe = adopt_one_of(pair);
    write_raw(pair[0], (uint64_t)'F' << 56, 8, "");
    CU_ASSERT_EQUAL(hay_pipe_receive_fd(pipe, &fd, -1, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(fd, -1);
    write_raw(pair[0], (uint64_t)'B' << 56 | 2, 8, "ok");
    CU_ASSERT_EQUAL(hay_pipe_next(pipe, NULL, NULL, -1, &error), HAY_OK);
    close(pair[0]);
    hay_pipe_free(pipe);
}

static int receive_with_no_room(void *arg)
{
    struct rlimit none = {(rlim_t)hay_pipe_fd(arg) + 1, (rlim_t)hay_pipe_fd(arg) + 1};
    struct hay_error why;
    char text[8];
    int fd;
    while (dup(0) >= 0 && dup(0) < hay_pipe_fd(arg))
        ;
    CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
    while (dup(0) >= 0)
        ;
    CHILD_CHECK(hay_pipe_receive_fd(arg, &fd, LONG_MS, &why) == HAY_ESYSTEM && why.sys_errno == EMFILE);
    return hay_pipe_receive_into(arg, text, sizeof text, NULL, LONG_MS, NULL) != HAY_OK;
}

static void a_descriptor_lost_for_want_of_room_leaves_the_stream_in_step(void)
{
    open_with_child(receive_with_no_room);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, 1, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "after", 5, LONG_MS, &error), HAY_OK);
    close_pair();
}

static void a_pipes_end_travels_through_a_pipe(void)
{
    struct hay_pipe *a, *b;
    char text[8] = "";
    int fd;
    open_pair();
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&a, &b, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, hay_pipe_fd(b), 0, &error), HAY_OK);
    hay_pipe_free(b);
    CU_ASSERT_EQUAL(hay_pipe_receive_fd(right, &fd, 0, &error), HAY_OK);
    struct hay_pipe *arrived = hay_pipe_adopt(fd, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(arrived);
    CU_ASSERT_EQUAL(hay_pipe_send(a, "hello", 5, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(arrived, text, sizeof text, NULL, 1000, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "hello");
    hay_pipe_free(a);
    hay_pipe_free(arrived);
    close_pair();
}

static void it_takes_nothing_from_standard_numbers(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        struct hay_pipe *a, *b;
        close(0);
        close(2);
        _exit(hay_pipe_new(&a, &b, NULL) || hay_pipe_fd(a) < 3 || hay_pipe_fd(b) < 3);
    }
    int status = -1;
    CU_ASSERT(pid > 0 && waitpid(pid, &status, 0) == pid);
    CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"messages of all sizes come back", messages_of_all_sizes_come_back},
        {"messages neither merge nor split, and poll takes nothing", messages_neither_merge_nor_split_and_poll_takes_nothing},
        {"timeouts are never early", timeouts_are_never_early},
        {"the end comes after the last message, and stays", the_end_comes_after_the_last_message_and_stays},
        {"a stream cut in a message is truncated, not ended", a_stream_cut_in_a_message_is_truncated_not_ended},
        {"bytes that are no pipe's break the stream", bytes_that_are_no_pipes_break_the_stream},
        {"a size that no memory holds is a status", a_size_that_no_memory_holds_is_a_status},
        {"a message over the limit is dropped, and the stream stays in step",
         a_message_over_the_limit_is_dropped_and_the_stream_stays_in_step},
        {"a receive that timed out half-way goes on later", a_receive_that_timed_out_half_way_goes_on_later},
        {"a send that found no room sent nothing", a_send_that_found_no_room_sent_nothing},
        {"a send that timed out half-way stays in step", a_send_that_timed_out_half_way_stays_in_step},
        {"signals neither end nor spoil a call", signals_neither_end_nor_spoil_a_call},
        {"a one-way pipe has one way", a_one_way_pipe_has_one_way},
        {"a finished end still receives", a_finished_end_still_receives},
        {"bad use is a status", bad_use_is_a_status},
        {"a descriptor closed by other code is an error", a_descriptor_closed_by_other_code_is_an_error},
        {"a descriptor is passed, however high", a_descriptor_is_passed_however_high},
        {"descriptors and bytes keep their order", descriptors_and_bytes_keep_their_order},
        {"a descriptor that does not come is an error, not a hang", a_descriptor_that_does_not_come_is_an_error_not_a_hang},
        {"a descriptor lost for want of room leaves the stream in step",
         a_descriptor_lost_for_want_of_room_leaves_the_stream_in_step},
        {"a pipe's end travels through a pipe", a_pipes_end_travels_through_a_pipe},
        {"it takes nothing from standard numbers", it_takes_nothing_from_standard_numbers},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
