/* SPDX-License-Identifier: MIT
 *
 * Descriptors and pipes: those that are passed through one, and the pipe's own, closed by other code or taken from a low number.
 * Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "ipc/pipe.h"
#include "unit/ipc/pipe_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

/* The receiver reads ahead: the head of the first lies across the end of that, cut at each place. */
static void each_descriptor_comes_with_its_own_message(void)
{
    char text[512] = "";
    int files[2] = {memfd_create("first", MFD_CLOEXEC), memfd_create("second", MFD_CLOEXEC)};
    for (size_t cut = 0; cut <= PIPE_HEAD; cut++) {
        open_pair();
        for (size_t left_bytes = PIPE_AHEAD - cut; left_bytes;) {
            size_t size = left_bytes > 500 ? 256 : left_bytes > 264 ? left_bytes / 2 - PIPE_HEAD : left_bytes - PIPE_HEAD;
            CU_ASSERT_EQUAL(hay_pipe_send(left, text, size, 0, &error), HAY_OK);
            left_bytes -= size + PIPE_HEAD;
        }
        for (int i = 0; i < 2; i++)
            CU_ASSERT_EQUAL(hay_pipe_send_fd(left, files[i], 0, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_send(left, "end", 3, 0, &error), HAY_OK);
        bool is_fd = false;
        while (hay_pipe_next(right, NULL, &is_fd, 0, &error) == HAY_OK && !is_fd)
            CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_OK);
        for (int i = 0; i < 2; i++) {
            struct stat sent, got;
            int fd = -1;
            CU_ASSERT_EQUAL(hay_pipe_receive_fd(right, &fd, 0, &error), HAY_OK);
            CU_ASSERT(!fstat(files[i], &sent) && !fstat(fd, &got) && sent.st_ino == got.st_ino);
            close(fd);
        }
        CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, 0, &error), HAY_OK);
        CU_ASSERT_EQUAL(memcmp(text, "end", 3), 0);
        close_pair();
    }
    close(files[0]);
    close(files[1]);
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

/* As no good partner does. */
static void send_two_with_one_head(int fd)
{
    int two[2] = {1, 2};
    uint64_t head = (uint64_t)'F' << 56;
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof two)];
    } control = {.bytes = {0}};
    struct iovec vector = {&head, sizeof head};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof two), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.head), two, sizeof two);
    CU_ASSERT_EQUAL(sendmsg(fd, &message, 0), (ssize_t)sizeof head);
}

/* Numbers are taken from the lowest: what is still open leaves a gap. */
static void a_descriptor_that_nobody_took_is_closed_with_its_pipe(void)
{
    int lowest = dup(0);
    close(lowest);
    open_pair();
    bool is_fd = false;
    CU_ASSERT_EQUAL(hay_pipe_send_fd(left, 1, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, &is_fd, 0, &error), HAY_OK);
    CU_ASSERT(is_fd);
    close_pair();
    open_pair();
    send_two_with_one_head(hay_pipe_fd(left));
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, &is_fd, 0, &error), HAY_OK);
    close_pair();
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = dup(0);
    CU_ASSERT(fds[0] == lowest && fds[2] == lowest + 2);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
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

static int do_nothing(void *arg)
{
    (void)arg;
    return 0;
}

/* A copy in a child that other code forked is of no use there, and the parent's end keeps its messages. */
static void a_foreign_child_cannot_use_an_end(void)
{
    char text[8] = "";
    int status = -1;
    open_pair();
    CU_ASSERT_EQUAL(hay_pipe_send(right, "ours", 4, LONG_MS, &error), HAY_OK);
    pid_t pid = fork();
    if (pid == 0) {
        CHILD_CHECK(hay_pipe_receive_into(left, text, sizeof text, NULL, 0, &error) == HAY_ESTATE);
        CHILD_CHECK(hay_pipe_send(left, "x", 1, 0, &error) == HAY_ESTATE);
        CHILD_CHECK(hay_pipe_finish(left, 0, &error) == HAY_ESTATE);
        CHILD_CHECK(hay_wait((struct hay_handle *[]){hay_pipe_handle(left)}, 1, NULL, 0, &error) == HAY_ESTATE);
        CHILD_CHECK(hay_process_give(hay_process_new(do_nothing, NULL, NULL, NULL), hay_pipe_handle(left), &error) == HAY_ESTATE);
        hay_pipe_free(left);
        _exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(left, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "ours");
    CU_ASSERT_EQUAL(hay_pipe_send(left, "back", 4, LONG_MS, &error), HAY_OK);
    hay_pipe_free(left);
    hay_pipe_free(right);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a descriptor closed by other code is an error", a_descriptor_closed_by_other_code_is_an_error},
        {"a descriptor is passed, however high", a_descriptor_is_passed_however_high},
        {"each descriptor comes with its own message", each_descriptor_comes_with_its_own_message},
        {"descriptors and bytes keep their order", descriptors_and_bytes_keep_their_order},
        {"a descriptor that nobody took is closed with its pipe", a_descriptor_that_nobody_took_is_closed_with_its_pipe},
        {"a descriptor that does not come is an error, not a hang", a_descriptor_that_does_not_come_is_an_error_not_a_hang},
        {"a descriptor lost for want of room leaves the stream in step",
         a_descriptor_lost_for_want_of_room_leaves_the_stream_in_step},
        {"a pipe's end travels through a pipe", a_pipes_end_travels_through_a_pipe},
        {"it takes nothing from standard numbers", it_takes_nothing_from_standard_numbers},
        {"a foreign child cannot use an end", a_foreign_child_cannot_use_an_end},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
