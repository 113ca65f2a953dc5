/* SPDX-License-Identifier: MIT
 *
 * worker_main() with the test as its master: raw frames over a socketpair, the ledger read from this side. Functions are
 * registered here. Every read has a limit, and every worker is reaped with its exit code looked at.
 */
#ifndef TESTS_UNIT_WORKER_WORKER_RIG_H
#define TESTS_UNIT_WORKER_WORKER_RIG_H

#include "base/clock.h"
#include "base/fd.h"
#include "ipc/frame.h"
#include "support/tap.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 30000
#define MAX_RESULT (4u << 20)

enum { FN_ECHO, FN_HOLD, FN_FAIL, FN_FILL, FN_PROGRESS, FN_NONBLOCKING, FN_CANCELLED, FN_NOTHING, FN_DEADLINE, FN_OVER,
       FN_BEHIND, FN_SHUT, FN_CHILD };

struct rig {
    struct ledger *ledger;
    struct registry registry;
    struct buffer in;
    int fd;
    int hold[2];     /* FN_HOLD returns when a byte comes, */
    int began[2];    /* after it told that it began */
    pid_t pid;
    uint32_t position;
};

static struct rig rig;

/* ---- functions ---- */

static inline int run_echo(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    return task->host->result(task, args, size);
}

static inline int run_hold(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char byte = 'x';
    if (write(rig.began[1], &byte, 1) != 1)
        return -1;
    while (read(rig.hold[0], &byte, 1) < 0 && errno == EINTR)
        ;
    return task->host->result(task, "true", 4);
}

static inline int run_fail(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    return task->host->fail(task, "it failed");
}

static inline int run_fill(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    size_t wanted;
    if (size != sizeof wanted)
        return -1;
    memcpy(&wanted, args, sizeof wanted);
    char *bytes = malloc(wanted);
    if (!bytes)
        return -1;
    memset(bytes, '7', wanted);
    int status = task->host->result(task, bytes, wanted);
    free(bytes);
    return status;
}

static inline int run_progress(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    for (int i = 0; i < 1000; i++)
        task->host->progress(task, "0.5", 3);
    return task->host->result(task, "1", 1);
}

static inline int run_nonblocking(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            fd_set_nonblocking(fd);
    return task->host->result(task, "1", 1);
}

static inline int run_cancelled(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char byte = 'x';
    if (write(rig.began[1], &byte, 1) != 1)
        return -1;
    int64_t deadline_ns = clock_now_ns() + 10 * NS_PER_S;
    while (!task->host->cancelled(task) && clock_now_ns() < deadline_ns)
        ;
    return task->host->result(task, task->host->cancelled(task) ? "1" : "0", 1);
}

static inline int run_nothing(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task, (void)function, (void)args, (void)size;
    return 0;
}

static inline int run_deadline(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    int64_t left_ns = task->host->deadline(task) - clock_now_ns();
    return task->host->result(task, left_ns > 50 * NS_PER_S && left_ns <= 60 * NS_PER_S ? "1" : "0", 1);
}

/* Another socket under the pipe's number, which takes whatever is sent; then by "22" progress, or by a size a result of
 * run_fill(). */
static inline int run_over(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    int pair[2], type, fd = 3;
    socklen_t length = sizeof type;
    while (fd < 1024 && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
        fd++;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || dup2(pair[0], fd) < 0)
        return -1;
    if (size == 2)
        task->host->progress(task, "1", 1);
    return size == sizeof(size_t) ? run_fill(task, function, args, size) : task->host->result(task, "1", 1);
}

/* Writes behind its args: a terminator, and then what nobody has a reason for. */
static inline int run_behind(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    char *end = (char *)(uintptr_t)args + size;
    size_t more = size == 1 ? 0 : 40;
    *end = '\0';
    memset(end + 1, '#', more);
    return task->host->result(task, "1", 1);
}

/* Shuts its worker's pipe down, and takes its time: until the worker would flush, or with shorter args not so long. */
static inline int run_shut(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args;
    for (int fd = 3; fd < 1024; fd++)
        shutdown(fd, SHUT_WR);
    nanosleep(&(struct timespec){.tv_nsec = size > 1 ? NS_PER_MS : 150 * NS_PER_US}, NULL);
    return task->host->result(task, "1", 1);
}

/* By which signal a child ended that was sent the one in the args, as one byte: "1" by that one. */
static inline int run_child(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    int status = 0, number = size == 1 ? *(const char *)args : 0;
    pid_t got = 0, pid = fork();
    if (pid == 0)
        for (;;)
            poll(NULL, 0, -1);
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); pid > 0 && !got && clock_now_ns() < deadline_ns; poll(NULL, 0, 1)) {
        kill(pid, number);
        got = waitpid(pid, &status, WNOHANG);
    }
    if (!got)
        kill(pid, SIGKILL);
    return task->host->result(task, got == pid && WIFSIGNALED(status) && WTERMSIG(status) == number ? "1" : "0", 1);
}

/* ---- the rig ---- */

static inline void rig_start(void)
{
    static hay_run_fn *const runs[] = {run_echo, run_hold, run_fail, run_fill, run_progress, run_nonblocking, run_cancelled,
                                       run_nothing, run_deadline, run_over, run_behind, run_shut, run_child};
    static const char *const names[] = {"t.echo", "t.hold", "t.fail", "t.fill", "t.progress", "t.nonblocking", "t.cancelled",
                                        "t.nothing", "t.deadline", "t.over", "t.behind", "t.shut", "t.child"};
    int pair[2];
    memset(&rig, 0, sizeof rig);
    registry_init(&rig.registry);
    buffer_init(&rig.in);
    for (int i = 0; i < (int)(sizeof runs / sizeof runs[0]); i++)
        if (registry_register(&rig.registry, names[i], NULL, runs[i], NULL) != i)
            abort();
    if (ledger_open(&rig.ledger) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        pipe2(rig.hold, O_CLOEXEC) < 0 || pipe2(rig.began, O_CLOEXEC) < 0)
        abort();
    fflush(NULL);
    rig.pid = fork();
    if (rig.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        struct worker_setup setup = {.ledger = rig.ledger, .fd = pair[1], .index = 3,
                                     .max_result_bytes = MAX_RESULT, .table = &rig.registry};
        _exit(worker_main(&setup));
    }
    close(pair[1]);
    rig.fd = pair[0];
}

/* Its exit code, -signal, or -1000 when it did not end in time. */
static inline int rig_end(void)
{
    int status = 0;
    pid_t got = 0;
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !got && clock_now_ns() < deadline_ns;) {
        got = waitpid(rig.pid, &status, WNOHANG);
        if (!got)
            poll(NULL, 0, 1);
    }
    if (!got) {
        kill(rig.pid, SIGKILL);
        waitpid(rig.pid, NULL, 0);
    }
    fd_close(&rig.fd);
    for (int i = 0; i < 2; i++) {
        fd_close(&rig.hold[i]);
        fd_close(&rig.began[i]);
    }
    buffer_release(&rig.in);
    registry_release(&rig.registry);
    ledger_close(&rig.ledger);
    return !got ? -1000 : WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Dead, and not reaped yet. */
static inline bool has_ended(void)
{
    siginfo_t info = {0};
    for (int64_t deadline_ns = clock_deadline_ns(LIMIT_MS); !info.si_pid && clock_now_ns() < deadline_ns;) {
        if (waitid(P_PID, (id_t)rig.pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0)
            return false;
        if (!info.si_pid)
            poll(NULL, 0, 1);
    }
    return info.si_pid != 0;
}

static inline bool read_byte(int fd)
{
    char byte;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, LIMIT_MS) == 1 && read(fd, &byte, 1) == 1;
}

/* The next frame; its body is at rig.in + head until the next call. False at the end, or when nothing came in time. */
static inline bool next_frame(struct frame_head *head, const unsigned char **body)
{
    static size_t consumed;
    *body = NULL;
    if (!rig.in.data)
        consumed = 0;
    if (consumed)
        buffer_consume(&rig.in, consumed, SIZE_MAX);
    consumed = 0;
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (frame_parse(buffer_at(&rig.in), buffer_size(&rig.in), SIZE_MAX, head) != FRAME_WHOLE) {
        struct pollfd ready = {.fd = rig.fd, .events = POLLIN};
        if (poll(&ready, 1, clock_left_ms(deadline_ns)) != 1)
            return false;
        unsigned char *at = buffer_reserve(&rig.in, 65536);
        ssize_t n = at ? read(rig.fd, at, 65536) : -1;
        if (n <= 0)
            return false;
        buffer_commit(&rig.in, (size_t)n);
    }
    *body = buffer_at(&rig.in) + sizeof *head;
    consumed = head->size;
    return true;
}

static inline void add_job(struct buffer *out, uint32_t epoch, uint32_t position, uint64_t number, uint32_t function,
                           const void *args, size_t size)
{
    struct frame_job fixed = {.function = function, .attempt = 1};
    struct frame_head head = {(uint32_t)(sizeof head + sizeof fixed + size), FRAME_JOB, 0, 0, epoch, position, number};
    buffer_append(out, &head, sizeof head);
    buffer_append(out, &fixed, sizeof fixed);
    buffer_append(out, args, size);
}

static inline void send_out(struct buffer *out)
{
    if (fd_write_all(rig.fd, buffer_at(out), buffer_size(out)))
        CU_ASSERT(!"the worker's pipe takes frames");
    buffer_release(out);
}

/* One job at the next position of epoch 1. */
static inline void send_job(uint64_t number, uint32_t function, const void *args, size_t size)
{
    struct buffer out;
    buffer_init(&out);
    add_job(&out, 1, rig.position++, number, function, args, size);
    send_out(&out);
}

static inline void send_stop(void)
{
    struct frame_head head = {.size = sizeof head, .type = FRAME_STOP};
    CU_ASSERT_EQUAL(fd_write_all(rig.fd, &head, sizeof head), 0);
}

static inline bool takes_ready(void)
{
    struct frame_head head;
    const unsigned char *body;
    struct buffer names;
    buffer_init(&names);
    bool same = next_frame(&head, &body) && head.type == FRAME_READY && head.flags == 0 && registry_pack(&rig.registry, 0,
            &names) == 0 &&
                head.size - sizeof head == buffer_size(&names) && memcmp(body, buffer_at(&names), buffer_size(&names)) == 0;
    buffer_release(&names);
    return same;
}

static inline bool takes_result(uint64_t number, const char *text)
{
    struct frame_head head;
    struct frame_result fixed;
    const unsigned char *body;
    if (!next_frame(&head, &body) || head.type != FRAME_RESULT || head.job != number || head.flags || head.reserved)
        return false;
    memcpy(&fixed, body, sizeof fixed);
    return fixed.start_ns > 0 && fixed.run_ns >= 0 && head.size - FRAME_RESULT_OVERHEAD == strlen(text) &&
           memcmp(body + sizeof fixed, text, strlen(text)) == 0;
}

static inline void rig_start_ready(void)
{
    rig_start();
    CU_ASSERT_FATAL(takes_ready());
}

#endif
