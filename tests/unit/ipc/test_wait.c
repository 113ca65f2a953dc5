/* SPDX-License-Identifier: MIT
 *
 * hay_wait() over pipes, processes and plain descriptors. Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "support/descriptors.h"
#include "support/tap.h"

#include "base/clock.h"

#include <hayfork/pipe.h>
#include <hayfork/process.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define LONG_MS 20000
#define WRITERS 4
#define MESSAGES 10

static struct hay_error error;

static int write_ten(void *arg)
{
    for (int i = 0; i < MESSAGES; i++)
        CHILD_CHECK(hay_pipe_send(arg, &i, sizeof i, LONG_MS, NULL) == HAY_OK);
    return 0;
}

static int wait_for_word(void *arg)
{
    return hay_pipe_next(arg, NULL, NULL, LONG_MS, NULL) != HAY_EOF;
}

static struct hay_process *start_with(int (*run)(void *), struct hay_pipe *end)
{
    struct hay_process *process = hay_process_new(run, end, NULL, &error);
    CU_ASSERT_EQUAL_FATAL(hay_process_give(process, hay_pipe_handle(end), &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    return process;
}

static void end_process(struct hay_process *process)
{
    struct hay_exit how;
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_exit_code(&how), 0);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
}

/* [32] */
static void all_messages_of_many_writers_arrive_and_each_ends(void)
{
    struct hay_pipe *readers[WRITERS], *ends[WRITERS];
    struct hay_process *processes[WRITERS];
    struct hay_handle *handles[WRITERS];
    int next[WRITERS] = {0}, open = WRITERS;
    for (int i = 0; i < WRITERS; i++) {
        CU_ASSERT_EQUAL_FATAL(hay_pipe_new_one_way(&readers[i], &ends[i], &error), HAY_OK);
        processes[i] = start_with(write_ten, ends[i]);
        handles[i] = hay_pipe_handle(readers[i]);
    }
    while (open) {
        bool ready[WRITERS];
        CU_ASSERT_EQUAL_FATAL(hay_wait(handles, (size_t)open, ready, LONG_MS, &error), HAY_OK);
        for (int i = open; i-- > 0;) {
            int number = -1, at = 0;
            while (hay_pipe_handle(readers[at]) != handles[i])
                at++;
            if (!ready[i])
                continue;
            enum hay_status status = hay_pipe_receive_into(readers[at], &number, sizeof number, NULL, LONG_MS, &error);
            if (status == HAY_OK) {
                CU_ASSERT_EQUAL(number, next[at]++);
                continue;
            }
            CU_ASSERT_EQUAL(status, HAY_EOF);
            handles[i] = handles[--open];
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        CU_ASSERT_EQUAL(next[i], MESSAGES);
        end_process(processes[i]);
        hay_pipe_free(readers[i]);
        hay_pipe_free(ends[i]);
    }
}

/* [33] [4] */
static void exactly_what_is_ready_is_told(void)
{
    struct hay_pipe *a, *b, *ours, *theirs;
    bool ready[4];
    int ends[2];
    char byte;
    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&a, &b, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_handle plain = hay_fd_handle(ends[0], 0), room = hay_fd_handle(ends[1], POLLOUT);
    struct hay_process *process = start_with(wait_for_word, theirs);
    struct hay_handle *handles[] = {hay_pipe_handle(b), hay_process_handle(process), &plain, &room};
    CU_ASSERT_EQUAL(hay_wait(handles, 3, ready, 20, &error), HAY_ETIMEDOUT);
    CU_ASSERT(!ready[0] && !ready[1] && !ready[2]);
    CU_ASSERT_EQUAL(hay_pipe_send(a, "", 0, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_wait(handles, 3, ready, LONG_MS, &error), HAY_OK);
    CU_ASSERT(ready[0] && !ready[1] && !ready[2]);
    CU_ASSERT_EQUAL(write(ends[1], "x", 1), 1);
    CU_ASSERT_EQUAL(hay_wait(handles, 4, ready, LONG_MS, &error), HAY_OK);
    CU_ASSERT(ready[0] && !ready[1] && ready[2] && ready[3]);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(b, &byte, 1, NULL, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(hay_wait(handles, 3, ready, 0, &error), HAY_ETIMEDOUT);
    hay_pipe_close(ours);
    CU_ASSERT_EQUAL(hay_wait(handles, 3, ready, LONG_MS, &error), HAY_OK);
    CU_ASSERT(!ready[0] && ready[1] && !ready[2]);
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, NULL, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_wait(handles, 3, ready, LONG_MS, &error), HAY_OK);
    CU_ASSERT(ready[1]);
    end_process(process);
    close(ends[0]);
    close(ends[1]);
    hay_pipe_free(a);
    hay_pipe_free(b);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
}

static void what_is_in_memory_counts_too(void)
{
    struct hay_pipe *a, *b;
    bool ready[3] = {false, false, false};
    char text[4];
    int ends[2];
    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&a, &b, &error), HAY_OK);
    struct hay_handle room = hay_fd_handle(ends[1], POLLOUT);
    struct hay_handle *handles[] = {hay_pipe_handle(b), hay_pipe_handle(b), &room}; /* the same twice */
    for (int i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(hay_pipe_send(a, "abc", 3, 0, &error), HAY_OK);
    for (int i = 0; i < 3; i++) { /* the first read brings all three */
        CU_ASSERT_EQUAL(hay_wait(handles, 3, ready, LONG_MS, &error), HAY_OK);
        CU_ASSERT(ready[0] && ready[1] && ready[2]); /* the last one, which only poll() knows of, too */
        CU_ASSERT_EQUAL(hay_pipe_receive_into(b, text, sizeof text, NULL, 0, &error), HAY_OK);
    }
    CU_ASSERT_EQUAL(hay_wait(handles, 2, ready, 0, &error), HAY_ETIMEDOUT);
    close(ends[0]);
    close(ends[1]);
    hay_pipe_free(a);
    hay_pipe_free(b);
}

/* What is dropped is no news, however often its handle stands there. */
static void the_rest_of_a_message_that_is_dropped_is_not_told(void)
{
    static char large[400000];
    struct hay_pipe *a, *b;
    bool ready[2];
    char text[8];
    int rounds = 0;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&a, &b, &error), HAY_OK);
    struct hay_handle *handles[] = {hay_pipe_handle(b), hay_pipe_handle(b)};
    CU_ASSERT_EQUAL(hay_pipe_send(a, large, sizeof large, 0, &error), HAY_EBUSY);
    CU_ASSERT(hay_pipe_unsent(a) > 0);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(b, text, sizeof text, NULL, 0, &error), HAY_EMSGSIZE);
    do {
        hay_pipe_flush(a, 0, &error);
        CU_ASSERT_EQUAL(hay_wait(handles, 2, ready, 0, &error), HAY_ETIMEDOUT);
        CU_ASSERT(!ready[0] && !ready[1]);
    } while (hay_pipe_unsent(a) && ++rounds < 1000);
    CU_ASSERT_EQUAL(hay_pipe_unsent(a), 0);
    CU_ASSERT_EQUAL(hay_pipe_send(a, "next", 4, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_wait(handles, 2, ready, 0, &error), HAY_OK);
    CU_ASSERT(ready[0] && ready[1]);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(b, text, sizeof text, NULL, 0, &error), HAY_OK);
    hay_pipe_free(a);
    hay_pipe_free(b);
}

static volatile sig_atomic_t ticks;

static void on_alarm(int signal_number)
{
    (void)signal_number;
    ticks++;
}

/* [33] [34] */
static void a_timeout_is_never_early_even_with_signals(void)
{
    struct hay_pipe *a, *b;
    struct itimerval every_ms = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = on_alarm}, before;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&a, &b, &error), HAY_OK);
    struct hay_handle *handle = hay_pipe_handle(b);
    sigaction(SIGALRM, &action, &before);
    for (int way = 0; way < 2; way++) {
        int64_t begin_ns = clock_now_ns();
        CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, 60, &error), HAY_ETIMEDOUT);
        CU_ASSERT(clock_now_ns() - begin_ns >= 60 * NS_PER_MS);
        setitimer(ITIMER_REAL, &every_ms, NULL);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    CU_ASSERT(ticks > 0);
    CU_ASSERT_EQUAL(hay_wait(NULL, 0, NULL, 5, &error), HAY_ETIMEDOUT);
    hay_pipe_free(a);
    hay_pipe_free(b);
}

static void a_hundred_handles_are_no_matter(void)
{
    struct hay_handle plain[100], *handles[100];
    bool ready[100];
    int ends[2];
    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    for (int i = 0; i < 100; i++) {
        plain[i] = hay_fd_handle(i % 10 == 3 ? ends[1] : ends[0], i % 10 == 3 ? POLLOUT : POLLIN);
        handles[i] = &plain[i];
    }
    CU_ASSERT_EQUAL(hay_wait(handles, 100, ready, -1, &error), HAY_OK);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(ready[i], i % 10 == 3);
    close(ends[0]);
    close(ends[1]);
}

/* [33]: select() knows those below FD_SETSIZE only. */
static void descriptors_of_high_numbers_are_no_matter(void)
{
    static struct descriptors low;
    struct hay_pipe *ours, *theirs;
    bool ready[2];
    if (!descriptors_take(&low))
        return;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_process *process = start_with(write_ten, theirs);
    struct hay_handle *handles[] = {hay_pipe_handle(ours), hay_process_handle(process)};
    CU_ASSERT(handles[0]->fd >= FD_SETSIZE && handles[1]->fd >= FD_SETSIZE);
    for (int i = 0, number; i < MESSAGES; i++) {
        CU_ASSERT_EQUAL(hay_wait(handles, 1, ready, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_into(ours, &number, sizeof number, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(number, i);
    }
    CU_ASSERT_EQUAL(hay_wait(&handles[1], 1, ready, LONG_MS, &error), HAY_OK);
    end_process(process);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
    descriptors_give_back(&low);
}

/* [34] */
static void bad_use_is_a_status(void)
{
    struct hay_pipe *receiver, *sender;
    struct hay_handle bad = hay_fd_handle(987, 0), negative = hay_fd_handle(-1, 0), *handle = &bad, *none = NULL;
    bool ready = true;
    CU_ASSERT_EQUAL(hay_wait(&handle, 1, &ready, -1, &error), HAY_EINVAL);
    CU_ASSERT(!ready);
    handle = &negative;
    CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_wait(&none, 1, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_wait(NULL, 1, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_wait(NULL, 0, NULL, -1, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new_one_way(&receiver, &sender, &error), HAY_OK);
    handle = hay_pipe_handle(sender);
    CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, -1, &error), HAY_EINVAL);
    hay_pipe_close(receiver);
    handle = hay_pipe_handle(receiver);
    CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, -1, &error), HAY_ESTATE);
    struct hay_process *process = hay_process_new(wait_for_word, NULL, NULL, &error);
    handle = hay_process_handle(process);
    CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, -1, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    hay_pipe_free(receiver);
    hay_pipe_free(sender);
}

static void more_handles_than_descriptors_is_a_status(void)
{
    enum { MANY = 101 };
    struct rlimit limit, low;
    struct hay_handle input = hay_fd_handle(0, 0), *handles[MANY];
    for (int i = 0; i < MANY; i++)
        handles[i] = &input;
    CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = MANY - 1;
    CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &low), 0);
    CU_ASSERT_EQUAL(hay_wait(handles, MANY, NULL, 0, &error), HAY_ERANGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.text, "101 handles"));
    CU_ASSERT_NOT_EQUAL(hay_wait(handles, MANY - 1, NULL, 0, &error), HAY_ERANGE);
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"all messages of many writers arrive, and each ends", all_messages_of_many_writers_arrive_and_each_ends},
        {"exactly what is ready is told", exactly_what_is_ready_is_told},
        {"what is in memory counts too", what_is_in_memory_counts_too},
        {"the rest of a message that is dropped is not told", the_rest_of_a_message_that_is_dropped_is_not_told},
        {"a timeout is never early, even with signals", a_timeout_is_never_early_even_with_signals},
        {"a hundred handles are no matter", a_hundred_handles_are_no_matter},
        {"descriptors of high numbers are no matter", descriptors_of_high_numbers_are_no_matter},
        {"bad use is a status", bad_use_is_a_status},
        {"more handles than descriptors is a status", more_handles_than_descriptors_is_a_status},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"wait", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
