/* SPDX-License-Identifier: MIT
 *
 * Pipes under a kernel that fails in the middle of a message, as it does without socket memory: the stream stays in step, or ends
 * with a status; nothing is ever taken for a message that is none. The system calls are the ones here.
 */
#include "support/tap.h"

#include <hayfork/pipe.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BODY 20000

static int send_errno, receive_errno; /* 0: nothing fails */
static int sends;

/* The first call takes a part, the second fails; then all is well again. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct msghdr part = *message;
    struct iovec first = message->msg_iov[0];
    part.msg_iov = &first;
    part.msg_iovlen = 1;
    if (send_errno && sends++ == 0)
        return syscall(SYS_sendmsg, fd, &part, flags);
    if (send_errno) {
        errno = send_errno;
        send_errno = 0;
        return -1;
    }
    return syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!receive_errno)
        return syscall(SYS_recvmsg, fd, message, flags);
    errno = receive_errno;
    receive_errno = 0;
    return -1;
}

static struct hay_pipe *left, *right;

static void open_pipe(void)
{
    send_errno = receive_errno = sends = 0;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, NULL), HAY_OK);
}

static void close_pipe(void)
{
    hay_pipe_free(left);
    hay_pipe_free(right);
}

static bool comes(const char *text)
{
    void *bytes = NULL;
    size_t size = 0;
    enum hay_status status = hay_pipe_receive(right, &bytes, &size, 0, 1000, NULL);
    bool good = status == HAY_OK && size == strlen(text) && memcmp(bytes, text, size) == 0;
    free(bytes);
    return good;
}

static void without_memory_the_rest_follows_later(void)
{
    static const int reasons[] = {ENOBUFS, ENOMEM};
    for (int i = 0; i < 2; i++) {
        open_pipe();
        send_errno = reasons[i];
        CU_ASSERT_EQUAL(hay_pipe_send(left, "first message", 13, 1000, NULL), HAY_EBUSY);
        CU_ASSERT(hay_pipe_unsent(left) > 0);
        CU_ASSERT_EQUAL(hay_pipe_send(left, "second", 6, 1000, NULL), HAY_OK);
        CU_ASSERT(comes("first message"));
        CU_ASSERT(comes("second"));
        close_pipe();
    }
}

static void other_failures_in_the_middle_end_the_stream(void)
{
    void *bytes;
    size_t size;
    open_pipe();
    send_errno = EIO;
    CU_ASSERT_EQUAL(hay_pipe_send(left, "first message", 13, 1000, NULL), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "second", 6, 1000, NULL), HAY_EBROKEN);
    CU_ASSERT_EQUAL(hay_pipe_receive(right, &bytes, &size, 0, 1000, NULL), HAY_ETRUNCATED);
    close_pipe();
}

static void a_failure_before_the_first_byte_loses_nothing(void)
{
    open_pipe();
    send_errno = ENOBUFS;
    sends = 1;
    CU_ASSERT_EQUAL(hay_pipe_send(left, "first", 5, 1000, NULL), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "second", 6, 1000, NULL), HAY_OK);
    CU_ASSERT(comes("second"));
    close_pipe();
}

static void what_was_received_before_a_failure_is_kept(void)
{
    static const int reasons[] = {ENOMEM, EIO};
    static char body[BODY], into[BODY];
    memset(body, 'x', sizeof body);
    for (int i = 0; i < 2; i++) {
        void *bytes = NULL;
        size_t size = 0;
        open_pipe();
        CU_ASSERT_EQUAL(hay_pipe_send(left, body, sizeof body, 1000, NULL), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_next(right, &size, NULL, 1000, NULL), HAY_OK);
        receive_errno = reasons[i];
        CU_ASSERT_NOT_EQUAL(hay_pipe_receive_into(right, into, sizeof into, &size, 1000, NULL), HAY_OK);
        CU_ASSERT_EQUAL(receive_errno, 0);
        memset(into, '?', sizeof into);
        CU_ASSERT_EQUAL_FATAL(hay_pipe_receive(right, &bytes, &size, 0, 1000, NULL), HAY_OK);
        CU_ASSERT(size == sizeof body && memcmp(bytes, body, size) == 0);
        free(bytes);
        close_pipe();
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"without memory the rest follows later", without_memory_the_rest_follows_later},
        {"other failures in the middle end the stream", other_failures_in_the_middle_end_the_stream},
        {"a failure before the first byte loses nothing", a_failure_before_the_first_byte_loses_nothing},
        {"what was received before a failure is kept", what_was_received_before_a_failure_is_kept},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"pipe faults", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
