/* SPDX-License-Identifier: MIT
 *
 * Descriptors: pairs, whole writes through interruptions, short pipes and every kind of end; moving and closing in bulk. What
 * changes the process's descriptors or limits runs in a child.
 */
#include "base/fd.h"
#include "support/readall.h"
#include "support/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCK (1 << 20) /* many times what a pipe holds */

static int open_pipe(int ends[2])
{
    return pipe2(ends, O_CLOEXEC);
}

static int run_child(void (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    int status = 0;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void close_makes_it_minus_one_and_is_safe_to_repeat(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(open_pipe(ends), 0);
    int copy = ends[0];
    fd_close(&ends[0]);
    CU_ASSERT_EQUAL(ends[0], -1);
    CU_ASSERT(!is_open(copy));
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static unsigned char pattern_at(size_t i)
{
    return (unsigned char)(i * 31 + (i >> 8));
}

static unsigned char *new_pattern(void)
{
    unsigned char *bytes = malloc(BLOCK);
    for (size_t i = 0; bytes && i < BLOCK; i++)
        bytes[i] = pattern_at(i);
    return bytes;
}

static void more_than_a_pipe_holds_passes_whole(void)
{
    int ends[2];
    unsigned char *sent = new_pattern(), *got = calloc(1, BLOCK + 1);
    CU_ASSERT_FATAL(sent && got && open_pipe(ends) == 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        fd_close(&ends[0]);
        CHILD_CHECK(fd_write_all(ends[1], sent, BLOCK) == 0);
        _exit(0);
    }
    fd_close(&ends[1]);
    CU_ASSERT_EQUAL(read_all(ends[0], got, BLOCK + 1), BLOCK);
    CU_ASSERT_EQUAL(memcmp(sent, got, BLOCK), 0);
    CU_ASSERT_EQUAL(read_all(ends[0], got, 1), 0);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    fd_close(&ends[0]);
    free(sent);
    free(got);
}

static int tick_fd = -1;

static void on_signal_alarm(int signal_number)
{
    (void)signal_number;
    int saved = errno;
    ssize_t n = write(tick_fd, "t", 1); /* when the pipe is full, enough were counted */
    errno = n < 0 ? saved : errno;
}

static void drain_one_page_per_tick(int ticks, int in)
{
    static char page[4096];
    for (int i = 0; i < 20; i++) {
        char tick;
        CHILD_CHECK(read_all(ticks, &tick, 1) == 1);
        CHILD_CHECK(read_all(in, page, sizeof page) == sizeof page);
    }
    size_t total = 20 * sizeof page;
    ssize_t n;
    while ((n = read_all(in, page, sizeof page)) > 0)
        total += (size_t)n;
    CHILD_CHECK(total == BLOCK);
    _exit(0);
}

static void a_signal_does_not_shorten_a_write(void)
{
    int data[2], ticks[2];
    unsigned char *sent = new_pattern();
    CU_ASSERT_FATAL(sent && open_pipe(data) == 0 && open_pipe(ticks) == 0);
    CU_ASSERT_EQUAL_FATAL(fd_set_nonblocking(ticks[1]), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        fd_close(&data[1]);
        drain_one_page_per_tick(ticks[0], data[0]);
    }
    tick_fd = ticks[1];
    struct sigaction action = {.sa_handler = on_signal_alarm}, before;
    struct itimerval every_ms = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &every_ms, NULL);
    CU_ASSERT_EQUAL(fd_write_all(data[1], sent, BLOCK), 0);
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
    fd_close(&data[1]);
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    fd_close(&data[0]);
    fd_close(&ticks[0]);
    fd_close(&ticks[1]);
    free(sent);
}

static void errors_come_back_as_minus_errno(void)
{
    char byte = 'x';
    CU_ASSERT_EQUAL(fd_write_all(-1, &byte, 1), -EBADF);
    CU_ASSERT_EQUAL(fd_set_nonblocking(-1), -EBADF);
    CU_ASSERT_EQUAL(fd_move_high(-1), -EBADF);
    CU_ASSERT_EQUAL(fd_write_all(-1, NULL, 0), 0);
}

static void write_to_a_closed_pipe(void)
{
    int ends[2];
    signal(SIGPIPE, SIG_IGN);
    CHILD_CHECK(open_pipe(ends) == 0);
    fd_close(&ends[0]);
    CHILD_CHECK(fd_write_all(ends[1], "x", 1) == -EPIPE);
}

static void a_reader_that_left_is_an_error(void)
{
    CU_ASSERT_EQUAL(run_child(write_to_a_closed_pipe), 0);
}

static void nonblocking_keeps_the_other_flags(void)
{
    int ends[2];
    CU_ASSERT_EQUAL_FATAL(open_pipe(ends), 0);
    CU_ASSERT(fcntl(ends[1], F_SETFL, O_APPEND) >= 0);
    CU_ASSERT_EQUAL(fd_set_nonblocking(ends[1]), 0);
    int flags = fcntl(ends[1], F_GETFL);
    CU_ASSERT((flags & O_NONBLOCK) && (flags & O_APPEND) && (flags & O_ACCMODE) == O_WRONLY);
    unsigned char *sent = new_pattern();
    CU_ASSERT_PTR_NOT_NULL_FATAL(sent);
    CU_ASSERT_EQUAL(fd_write_all(ends[1], sent, BLOCK), -EAGAIN);
    free(sent);
    fd_close(&ends[0]);
    fd_close(&ends[1]);
}

static void limit_descriptors(rlim_t count)
{
    struct rlimit limit;
    CHILD_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = count;
    CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void open_both_kinds(int pair[2], int ends[2])
{
    CHILD_CHECK(fd_open_pair(pair) == 0 && fd_open_pipe(ends) == 0);
    for (int i = 0; i < 2; i++) {
        CHILD_CHECK(pair[i] > 2 && fcntl(pair[i], F_GETFD) == FD_CLOEXEC);
        CHILD_CHECK(ends[i] > 2 && fcntl(ends[i], F_GETFD) == FD_CLOEXEC);
    }
}

static void open_without_stdio(void)
{
    int pair[2], ends[2];
    char byte = 0;
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    open_both_kinds(pair, ends);
    CHILD_CHECK(fd_write_all(ends[1], "p", 1) == 0 && read_all(ends[0], &byte, 1) == 1 && byte == 'p');
    CHILD_CHECK(fd_write_all(pair[0], "s", 1) == 0 && read_all(pair[1], &byte, 1) == 1 && byte == 's');
    for (int fd = 0; fd < 3; fd++)
        CHILD_CHECK(!is_open(fd));
}

/* The numbers of stdio are free, and no other one is. */
static void open_with_no_number_left(void)
{
    int ends[2] = {7, 7};
    limit_descriptors(64);
    while (dup(0) >= 0)
        ;
    CHILD_CHECK(fd_open_pipe(ends) == -EMFILE && ends[0] == -1 && ends[1] == -1);
    ends[0] = ends[1] = 7;
    CHILD_CHECK(fd_open_pair(ends) == -EMFILE && ends[0] == -1 && ends[1] == -1);
    for (int fd = 0; fd < 3; fd++)
        close(fd);
    CHILD_CHECK(fd_open_pipe(ends) == -EMFILE && ends[0] == -1 && ends[1] == -1);
    CHILD_CHECK(fd_open_pair(ends) == -EMFILE && ends[0] == -1 && ends[1] == -1);
    for (int fd = 0; fd < 3; fd++)
        CHILD_CHECK(!is_open(fd));
}

static void pairs_leave_the_numbers_of_stdio_free(void)
{
    CU_ASSERT_EQUAL(run_child(open_without_stdio), 0);
}

static void a_failed_pair_leaves_nothing_open(void)
{
    CU_ASSERT_EQUAL(run_child(open_with_no_number_left), 0);
}

static void move_and_use(int at_least)
{
    int ends[2];
    CHILD_CHECK(open_pipe(ends) == 0);
    int old = ends[1];
    int moved = fd_move_high(ends[1]);
    CHILD_CHECK(moved >= at_least);
    CHILD_CHECK(!is_open(old));
    CHILD_CHECK(fcntl(moved, F_GETFD) == FD_CLOEXEC);
    char byte = 0;
    CHILD_CHECK(fd_write_all(moved, "m", 1) == 0 && read_all(ends[0], &byte, 1) == 1 && byte == 'm');
}

static void move_under_common_limits(void)
{
    limit_descriptors(1024);
    move_and_use(500);
    move_and_use(501);
}

static void move_under_a_tight_limit(void)
{
    limit_descriptors(64);
    move_and_use(48);
    limit_descriptors(20);
    move_and_use(3);
}

static void move_with_no_number_left(void)
{
    int ends[2];
    CHILD_CHECK(open_pipe(ends) == 0);
    limit_descriptors(64);
    while (dup(0) >= 0)
        ;
    CHILD_CHECK(fd_move_high(ends[1]) == -EMFILE);
    CHILD_CHECK(is_open(ends[1]));
}

static void a_descriptor_moves_high_and_still_works(void)
{
    CU_ASSERT_EQUAL(run_child(move_under_common_limits), 0);
}

static void a_tight_limit_is_respected(void)
{
    CU_ASSERT_EQUAL(run_child(move_under_a_tight_limit), 0);
}

static void a_failed_move_keeps_the_old_descriptor(void)
{
    CU_ASSERT_EQUAL(run_child(move_with_no_number_left), 0);
}

static void close_with_a_mixed_list(void)
{
    limit_descriptors(1024);
    int opened[100];
    for (int i = 0; i < 100; i++)
        CHILD_CHECK((opened[i] = dup(0)) >= 3);
    int far = fcntl(0, F_DUPFD, 900);
    CHILD_CHECK(far >= 900);
    const int keep[] = {opened[50], -1, opened[7], far, opened[50], 1, opened[8], -5};
    fd_close_all_but(keep, sizeof keep / sizeof keep[0]);
    for (int i = 0; i < 100; i++)
        CHILD_CHECK(is_open(opened[i]) == (i == 50 || i == 7 || i == 8));
    CHILD_CHECK(is_open(far));
    for (int fd = 0; fd < 3; fd++)
        CHILD_CHECK(is_open(fd));
    for (int fd = 200; fd < 1024; fd++)
        CHILD_CHECK(fd == far || !is_open(fd));
}

static void close_with_an_empty_list(void)
{
    int ends[2];
    CHILD_CHECK(open_pipe(ends) == 0);
    fd_close_all_but(NULL, 0);
    CHILD_CHECK(!is_open(ends[0]) && !is_open(ends[1]));
    CHILD_CHECK(is_open(0) && is_open(1) && is_open(2));
}

static void all_but_the_kept_are_closed(void)
{
    CU_ASSERT_EQUAL(run_child(close_with_a_mixed_list), 0);
}

static void keeping_none_keeps_the_standard_three(void)
{
    CU_ASSERT_EQUAL(run_child(close_with_an_empty_list), 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"close_makes_it_minus_one_and_is_safe_to_repeat", close_makes_it_minus_one_and_is_safe_to_repeat},
        {"more_than_a_pipe_holds_passes_whole", more_than_a_pipe_holds_passes_whole},
        {"a_signal_does_not_shorten_a_write", a_signal_does_not_shorten_a_write},
        {"errors_come_back_as_minus_errno", errors_come_back_as_minus_errno},
        {"a_reader_that_left_is_an_error", a_reader_that_left_is_an_error},
        {"nonblocking_keeps_the_other_flags", nonblocking_keeps_the_other_flags},
        {"pairs_leave_the_numbers_of_stdio_free", pairs_leave_the_numbers_of_stdio_free},
        {"a_failed_pair_leaves_nothing_open", a_failed_pair_leaves_nothing_open},
        {"a_descriptor_moves_high_and_still_works", a_descriptor_moves_high_and_still_works},
        {"a_tight_limit_is_respected", a_tight_limit_is_respected},
        {"a_failed_move_keeps_the_old_descriptor", a_failed_move_keeps_the_old_descriptor},
        {"all_but_the_kept_are_closed", all_but_the_kept_are_closed},
        {"keeping_none_keeps_the_standard_three", keeping_none_keeps_the_standard_three},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"fd", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
