/* SPDX-License-Identifier: MIT
 *
 * Timeouts of a pipe in every place, a message cut by one included, and signals in its calls. Numbers in brackets are those of
 * the behaviours in tests/README.md.
 */
#include "base/clock.h"
#include "unit/ipc/pipe_fixture.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

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
        /* The next one, which is larger, has a place of its own. */
        unsigned char *large = new_pattern(5000);
        head = (uint64_t)'B' << 56 | 5000;
        CU_ASSERT(write(pair[0], &head, sizeof head) == sizeof head && write(pair[0], large, 5000) == 5000);
        CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 0, 10, &error), HAY_OK);
        CU_ASSERT(size == 5000 && malloc_usable_size(bytes) > size && memcmp(bytes, large, size) == 0);
        free(large);
        free(bytes);
        close(pair[0]);
        hay_pipe_free(pipe);
    }
}

/* What had come of it goes too: the next one is larger. */
static void a_message_that_came_half_way_may_be_dropped(void)
{
    int pair[2];
    char text[4];
    void *bytes = NULL;
    size_t size = 0;
    struct hay_pipe *pipe = adopt_one_of(pair);
    unsigned char *large = new_pattern(5000);
    write_raw(pair[0], (uint64_t)'B' << 56 | 8, 8, "abc");
    CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 0, 10, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(pipe, text, sizeof text, &size, 10, &error), HAY_EMSGSIZE);
    CU_ASSERT_EQUAL(write(pair[0], "defgh", 5), 5);
    uint64_t head = (uint64_t)'B' << 56 | 5000;
    CU_ASSERT(write(pair[0], &head, sizeof head) == sizeof head && write(pair[0], large, 5000) == 5000);
    CU_ASSERT_EQUAL(hay_pipe_receive(pipe, &bytes, &size, 0, 10, &error), HAY_OK);
    CU_ASSERT(size == 5000 && malloc_usable_size(bytes) > size && memcmp(bytes, large, size) == 0);
    free(bytes);
    free(large);
    close(pair[0]);
    hay_pipe_free(pipe);
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
    /* Asking on the one end moves the bytes out of it, without waiting too; reading on the other makes room. */
    for (int turn = 0; hay_pipe_receive(right, &bytes, &size, 0, 0, &error) == HAY_ETIMEDOUT && turn < 100000; turn++)
        CU_ASSERT_EQUAL(hay_pipe_next(left, NULL, NULL, turn % 8 == 7, &error), HAY_ETIMEDOUT);
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
        poll(NULL, 0, 20); /* so that the sender is interrupted where nothing moves */
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

int main(void)
{
    CU_TestInfo tests[] = {
        {"timeouts are never early", timeouts_are_never_early},
        {"a receive that timed out half-way goes on later", a_receive_that_timed_out_half_way_goes_on_later},
        {"a message that came half-way may be dropped", a_message_that_came_half_way_may_be_dropped},
        {"a send that found no room sent nothing", a_send_that_found_no_room_sent_nothing},
        {"a send that timed out half-way stays in step", a_send_that_timed_out_half_way_stays_in_step},
        {"signals neither end nor spoil a call", signals_neither_end_nor_spoil_a_call},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
