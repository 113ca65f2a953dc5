/* SPDX-License-Identifier: MIT
 *
 * worker_main() with the test as its master: raw frames over a socketpair, the ledger read from this side. Functions are
 * registered by the test. Every
 * read has a limit, and every worker is reaped with its exit code looked at.
 */
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
#include <unistd.h>

#define LIMIT_MS 10000
#define MAX_RESULT (4u << 20)

enum { FN_ECHO, FN_HOLD, FN_FAIL, FN_FILL, FN_PROGRESS, FN_NONBLOCKING, FN_CANCELLED, FN_NOTHING, FN_DEADLINE };

struct rig {
    struct mapping mapping;
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

static int run_echo(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    return task->host->result(task, args, size);
}

static int run_hold(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    char byte = 'x';
    if (write(rig.began[1], &byte, 1) != 1)
        return -1;
    while (read(rig.hold[0], &byte, 1) < 0 && errno == EINTR)
        ;
    return task->host->result(task, "true", 4);
}

static int run_fail(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    return task->host->fail(task, "it failed");
}

static int run_fill(hay_task *task, const struct hay_function *function, const void *args, size_t size)
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

static int run_progress(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    for (int i = 0; i < 1000; i++)
        task->host->progress(task, "0.5", 3);
    return task->host->result(task, "1", 1);
}

static int run_nonblocking(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            fd_set_nonblocking(fd);
    return task->host->result(task, "1", 1);
}

static int run_cancelled(hay_task *task, const struct hay_function *function, const void *args, size_t size)
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

static int run_nothing(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task, (void)function, (void)args, (void)size;
    return 0;
}

static int run_deadline(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function, (void)args, (void)size;
    int64_t left_ns = task->host->deadline(task) - clock_now_ns();
    return task->host->result(task, left_ns > 50 * NS_PER_S && left_ns <= 60 * NS_PER_S ? "1" : "0", 1);
}

/* ---- the rig ---- */

static void rig_start(void)
{
    static hay_run_fn *const runs[] = {run_echo, run_hold, run_fail, run_fill, run_progress, run_nonblocking, run_cancelled,
                                       run_nothing, run_deadline};
    static const char *const names[] = {"t.echo", "t.hold", "t.fail", "t.fill", "t.progress", "t.nonblocking", "t.cancelled",
                                        "t.nothing", "t.deadline"};
    int pair[2];
    memset(&rig, 0, sizeof rig);
    registry_init(&rig.registry);
    buffer_init(&rig.in);
    for (int i = 0; i < (int)(sizeof runs / sizeof runs[0]); i++)
        if (registry_register(&rig.registry, names[i], NULL, runs[i], NULL) != i)
            abort();
    if (ledger_open(&rig.mapping, &rig.ledger) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 ||
        pipe2(rig.hold, O_CLOEXEC) < 0 || pipe2(rig.began, O_CLOEXEC) < 0)
        abort();
    fflush(NULL);
    rig.pid = fork();
    if (rig.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        struct worker_setup setup = {.mapping = rig.mapping, .ledger = rig.ledger, .fd = pair[1], .index = 3,
                                     .max_result_bytes = MAX_RESULT, .table = &rig.registry};
        _exit(worker_main(&setup));
    }
    close(pair[1]);
    rig.fd = pair[0];
}

/* Its exit code, -signal, or -1000 when it did not end in time. */
static int rig_end(void)
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
    mapping_close(&rig.mapping);
    return !got ? -1000 : WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool read_byte(int fd)
{
    char byte;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, LIMIT_MS) == 1 && read(fd, &byte, 1) == 1;
}

/* The next frame; its body is at rig.in + head until the next call. False at the end, or when nothing came in time. */
static bool next_frame(struct frame_head *head, const unsigned char **body)
{
    static size_t consumed;
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

static void add_job(struct buffer *out, uint32_t epoch, uint32_t position, uint64_t number, uint32_t function, const void *args,
                    size_t size)
{
    struct frame_job fixed = {.function = function, .attempt = 1};
    struct frame_head head = {(uint32_t)(sizeof head + sizeof fixed + size), FRAME_JOB, 0, 0, epoch, position, number};
    buffer_append(out, &head, sizeof head);
    buffer_append(out, &fixed, sizeof fixed);
    buffer_append(out, args, size);
}

static void send_out(struct buffer *out)
{
    if (fd_write_all(rig.fd, buffer_at(out), buffer_size(out)))
        CU_ASSERT(!"the worker's pipe takes frames");
    buffer_release(out);
}

/* One job at the next position of epoch 1. */
static void send_job(uint64_t number, uint32_t function, const void *args, size_t size)
{
    struct buffer out;
    buffer_init(&out);
    add_job(&out, 1, rig.position++, number, function, args, size);
    send_out(&out);
}

static void send_stop(void)
{
    struct frame_head head = {.size = sizeof head, .type = FRAME_STOP};
    CU_ASSERT_EQUAL(fd_write_all(rig.fd, &head, sizeof head), 0);
}

static bool takes_ready(void)
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

static bool takes_result(uint64_t number, const char *text)
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

static void rig_start_ready(void)
{
    rig_start();
    CU_ASSERT_FATAL(takes_ready());
}

/* ---- life ---- */

static void stop_ends_it_in_good_order(void)
{
    rig_start_ready();
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void stop_is_obeyed_after_the_jobs_before_it(void)
{
    rig_start_ready();
    for (uint64_t number = 1; number <= 50; number++)
        send_job(number, FN_ECHO, "[1]", 3);
    send_stop();
    for (uint64_t number = 1; number <= 50; number++)
        CU_ASSERT(takes_result(number, "[1]"));
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void the_end_of_the_pipe_ends_it(void)
{
    rig_start_ready();
    fd_close(&rig.fd);
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void a_master_that_goes_before_a_result_ends_it(void)
{
    rig_start_ready();
    send_job(1, FN_HOLD, "1", 1);
    CU_ASSERT(read_byte(rig.began[0]));
    fd_close(&rig.fd);
    CU_ASSERT_EQUAL(write(rig.hold[1], "x", 1), 1);
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_NO_PIPE);
}

static void a_term_signal_does_not_end_it(void)
{
    rig_start_ready();
    for (uint64_t number = 1; number <= 20; number++) {
        kill(rig.pid, SIGTERM);
        send_job(number, FN_ECHO, "1", 1);
        CU_ASSERT(takes_result(number, "1"));
    }
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

/* ---- nonsense from the master ---- */

static int exit_after(const void *bytes, size_t size)
{
    rig_start();
    bool ready = takes_ready();
    CU_ASSERT_EQUAL(fd_write_all(rig.fd, bytes, size), 0);
    int code = rig_end();
    return ready ? code : -2000;
}

static void a_bad_head_ends_it(void)
{
    struct frame_head head = {.size = sizeof head, .type = FRAME_STOP};
    unsigned char garbage[64];
    memset(garbage, 0xab, sizeof garbage);
    CU_ASSERT_EQUAL(exit_after(garbage, sizeof garbage), WORKER_EXIT_PROTOCOL);
    head.size = 3;
    CU_ASSERT_EQUAL(exit_after(&head, sizeof head), WORKER_EXIT_PROTOCOL);
    head.size = sizeof head;
    head.reserved = 1;
    CU_ASSERT_EQUAL(exit_after(&head, sizeof head), WORKER_EXIT_PROTOCOL);
}

static void a_frame_of_the_other_direction_ends_it(void)
{
    for (int type = 0; type < 8; type++) {
        struct frame_head head = {.size = sizeof head, .type = (uint8_t)type};
        if (type != FRAME_STOP)
            CU_ASSERT_EQUAL(exit_after(&head, sizeof head), WORKER_EXIT_PROTOCOL);
    }
}

static void a_job_frame_without_its_fixed_part_ends_it(void)
{
    unsigned char frame[sizeof(struct frame_head) + sizeof(struct frame_job)] = {0};
    for (size_t size = sizeof(struct frame_head); size < sizeof frame; size += 5) {
        struct frame_head head = {.size = (uint32_t)size, .type = FRAME_JOB, .epoch = 1, .job = 1};
        memcpy(frame, &head, sizeof head);
        CU_ASSERT_EQUAL(exit_after(frame, size), WORKER_EXIT_PROTOCOL);
    }
}

static int exit_after_job(uint32_t epoch, uint32_t position, uint32_t function)
{
    struct buffer out;
    buffer_init(&out);
    add_job(&out, epoch, position, 1, function, "1", 1);
    int code = exit_after(buffer_at(&out), buffer_size(&out));
    buffer_release(&out);
    return code;
}

static void an_unknown_function_ends_it(void)
{
    CU_ASSERT_EQUAL(exit_after_job(1, 0, 1000), WORKER_EXIT_PROTOCOL);
    CU_ASSERT_EQUAL(exit_after_job(1, 0, UINT32_MAX), WORKER_EXIT_PROTOCOL);
}

static void a_position_out_of_step_ends_it(void)
{
    CU_ASSERT_EQUAL(exit_after_job(1, 1, FN_ECHO), WORKER_EXIT_PROTOCOL);
    CU_ASSERT_EQUAL(exit_after_job(1, UINT32_MAX, FN_ECHO), WORKER_EXIT_PROTOCOL);
}

/* ---- epochs ---- */

static void jobs_of_another_epoch_are_dropped(void)
{
    struct buffer out;
    buffer_init(&out);
    rig_start_ready();
    add_job(&out, 1, 0, 1, FN_ECHO, "1", 1);
    add_job(&out, 2, 0, 2, FN_ECHO, "2", 1);   /* never opened */
    add_job(&out, 0, 1, 3, FN_ECHO, "3", 1);
    add_job(&out, 1, 1, 4, FN_ECHO, "4", 1);
    send_out(&out);
    CU_ASSERT(takes_result(1, "1"));
    CU_ASSERT(takes_result(4, "4"));
    CU_ASSERT_EQUAL(ledger_read_claim(rig.ledger).started, 2);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void what_was_taken_back_never_runs(void)
{
    struct buffer out;
    buffer_init(&out);
    rig_start_ready();
    add_job(&out, 1, 0, 1, FN_HOLD, "1", 1);
    for (uint32_t position = 1; position < 100; position++)
        add_job(&out, 1, position, 1 + position, FN_ECHO, "\"old\"", 5);
    send_out(&out);
    CU_ASSERT(read_byte(rig.began[0]));
    struct claim claim = ledger_take_back(rig.ledger, 2);
    CU_ASSERT(claim.epoch == 1 && claim.started == 1);
    buffer_init(&out);
    add_job(&out, 2, 0, 500, FN_ECHO, "\"new\"", 5);
    send_out(&out);
    CU_ASSERT_EQUAL(write(rig.hold[1], "x", 1), 1);
    CU_ASSERT(takes_result(1, "true")); /* the running one keeps its old epoch */
    CU_ASSERT(takes_result(500, "\"new\""));
    claim = ledger_read_claim(rig.ledger);
    CU_ASSERT(claim.epoch == 2 && claim.started == 1);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void take_backs_at_random_lose_and_repeat_nothing(void)
{
    rig_start_ready();
    uint32_t epoch = 1, wrong = 0;
    uint64_t number = 0;
    for (int round = 0; round < 500; round++) {
        struct buffer out;
        struct frame_head head;
        const unsigned char *body;
        buffer_init(&out);
        uint64_t first = number + 1;
        for (uint32_t position = 0; position < 20; position++)
            add_job(&out, epoch, position, ++number, FN_ECHO, "7", 1);
        send_out(&out);
        for (int i = round * 13 % 4000; i; i--)
            (void)ledger_read_claim(rig.ledger);
        struct claim claim = ledger_take_back(rig.ledger, epoch + 1);
        wrong += claim.epoch != epoch || claim.started > 20;
        for (uint32_t i = 0; i < claim.started; i++)
            wrong += !next_frame(&head, &body) || head.type != FRAME_RESULT || head.job != first + i || head.epoch != epoch ||
                head.position != i;
        epoch++;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

/* ---- results ---- */

static void results_come_in_the_order_of_the_jobs(void)
{
    struct buffer out;
    char text[16];
    rig_start_ready();
    buffer_init(&out);
    for (uint32_t i = 0; i < 2000; i++) {
        int size = snprintf(text, sizeof text, "%u", i);
        add_job(&out, 1, i, i + 1, FN_ECHO, text, (size_t)size);
    }
    send_out(&out);
    int wrong = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        snprintf(text, sizeof text, "%u", i);
        wrong += !takes_result(i + 1, text);
    }
    CU_ASSERT_EQUAL(wrong, 0);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void an_error_carries_its_text(void)
{
    struct frame_head head;
    const unsigned char *body;
    rig_start_ready();
    send_job(1, FN_FAIL, "1", 1);
    CU_ASSERT_FATAL(next_frame(&head, &body));
    CU_ASSERT(head.type == FRAME_RESULT && head.flags == FRAME_FAILED && head.job == 1);
    CU_ASSERT_EQUAL_FATAL(head.size, FRAME_RESULT_OVERHEAD + 9);
    CU_ASSERT_NSTRING_EQUAL(body + sizeof(struct frame_result), "it failed", 9);
    send_job(2, FN_NOTHING, "1", 1);
    CU_ASSERT_FATAL(next_frame(&head, &body));
    CU_ASSERT(head.flags == FRAME_FAILED && head.job == 2 && head.size > FRAME_RESULT_OVERHEAD);
    send_job(3, FN_ECHO, "", 0); /* an empty result is none */
    CU_ASSERT_FATAL(next_frame(&head, &body));
    CU_ASSERT(head.flags == FRAME_FAILED && head.job == 3);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static bool takes_filled(uint64_t number, size_t wanted)
{
    struct frame_head head;
    const unsigned char *body;
    if (!next_frame(&head, &body) || head.job != number || head.flags || head.size - FRAME_RESULT_OVERHEAD != wanted)
        return false;
    for (size_t i = 0; i < wanted; i++)
        if (body[sizeof(struct frame_result) + i] != '7')
            return false;
    return true;
}

static void results_of_every_size_pass(void)
{
    static const size_t sizes[] = {1, 2, 100, 32000, OUTBOX_SIZE / 2 - FRAME_RESULT_OVERHEAD,
                                   OUTBOX_SIZE - FRAME_RESULT_OVERHEAD - 1,
                                   OUTBOX_SIZE - FRAME_RESULT_OVERHEAD, OUTBOX_SIZE - FRAME_RESULT_OVERHEAD + 1, OUTBOX_SIZE,
                                       100000, 1u << 20, MAX_RESULT};
    rig_start_ready();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct buffer out;
        size_t small = 3;
        buffer_init(&out);
        add_job(&out, 1, rig.position++, 100 + i, FN_FILL, &small, sizeof small); /* lies in the outbox before a large one */
        add_job(&out, 1, rig.position++, 200 + i, FN_FILL, &sizes[i], sizeof sizes[i]);
        add_job(&out, 1, rig.position++, 300 + i, FN_FILL, &small, sizeof small);
        send_out(&out);
        CU_ASSERT(takes_filled(100 + i, 3));
        CU_ASSERT(takes_filled(200 + i, sizes[i]));
        CU_ASSERT(takes_filled(300 + i, 3));
    }
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void a_result_over_the_limit_is_an_error(void)
{
    struct frame_head head;
    const unsigned char *body;
    size_t size = MAX_RESULT + 1;
    rig_start_ready();
    send_job(1, FN_FILL, &size, sizeof size);
    CU_ASSERT_FATAL(next_frame(&head, &body));
    CU_ASSERT(head.flags == FRAME_FAILED && head.size < 1000);
    send_job(2, FN_ECHO, "1", 1);
    CU_ASSERT(takes_result(2, "1"));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void args_larger_than_any_buffer_pass(void)
{
    size_t size = 3u << 20;
    char *args = malloc(size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(args);
    memset(args, '7', size);
    rig_start_ready();
    send_job(1, FN_ECHO, args, size);
    CU_ASSERT(takes_filled(1, size));
    send_job(2, FN_ECHO, "5", 1);
    CU_ASSERT(takes_result(2, "5"));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
    free(args);
}

static void a_pipe_made_non_blocking_still_carries_all(void)
{
    size_t size = 2u << 20;
    rig_start_ready();
    send_job(1, FN_NONBLOCKING, "1", 1);
    CU_ASSERT(takes_result(1, "1"));
    send_job(2, FN_FILL, &size, sizeof size);
    CU_ASSERT(takes_filled(2, size));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

/* ---- the outbox ---- */

static void finished_results_lie_in_the_outbox_behind_a_long_job(void)
{
    static unsigned char copy[OUTBOX_SIZE];
    struct buffer out;
    uint64_t seen = 0;
    rig_start_ready();
    buffer_init(&out);
    for (uint32_t i = 0; i < 50; i++)
        add_job(&out, 1, i, i + 1, FN_ECHO, "1", 1);
    add_job(&out, 1, 50, 51, FN_HOLD, "1", 1);
    send_out(&out);
    CU_ASSERT(read_byte(rig.began[0]));
    CU_ASSERT_EQUAL(ledger_read_claim(rig.ledger).started, 51);
    int64_t start_ns = 0;
    CU_ASSERT(ledger_read_start(rig.ledger, (struct claim){1, 51}, 50, &start_ns));
    CU_ASSERT(start_ns > 0 && start_ns <= clock_now_ns());
    /* Each of the 50 is in the pipe or in the outbox, none is held back elsewhere. */
    int length = ledger_copy_outbox(rig.ledger, copy);
    CU_ASSERT(length >= 0);
    struct frame_head head;
    const unsigned char *body;
    uint64_t in_box = 0;
    for (size_t at = 0; length > 0 && at < (size_t)length; at += head.size, in_box++)
        if (frame_parse(copy + at, (size_t)length - at, OUTBOX_SIZE, &head) != FRAME_WHOLE || head.type != FRAME_RESULT)
            break;
    while (seen + in_box < 50 && next_frame(&head, &body))
        CU_ASSERT_EQUAL(head.job, ++seen);
    CU_ASSERT_EQUAL(seen + in_box, 50);
    CU_ASSERT(in_box > 0);
    CU_ASSERT_EQUAL(write(rig.hold[1], "x", 1), 1);
    while (seen < 50 && next_frame(&head, &body))
        CU_ASSERT_EQUAL(head.job, ++seen);
    CU_ASSERT(takes_result(51, "true"));
    CU_ASSERT_EQUAL(ledger_read_claim(rig.ledger).started, 51);
    CU_ASSERT(ledger_read_start(rig.ledger, (struct claim){1, 51}, 50, &start_ns) && start_ns == LEDGER_ENDED);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void an_outbox_half_full_is_flushed_in_the_middle_of_a_batch(void)
{
    struct buffer out;
    size_t size = 4000;
    rig_start_ready();
    buffer_init(&out);
    for (uint32_t i = 0; i < 40; i++)
        add_job(&out, 1, i, i + 1, FN_FILL, &size, sizeof size);
    add_job(&out, 1, 40, 41, FN_HOLD, "1", 1);
    send_out(&out);
    CU_ASSERT(read_byte(rig.began[0]));
    CU_ASSERT(outbox_length(rig.ledger) < OUTBOX_SIZE / 2);
    for (uint64_t number = 1; number <= 32; number++) /* 40 results of 4,040 bytes are 4 times half an outbox and a rest */
        CU_ASSERT(takes_filled(number, size));
    CU_ASSERT_EQUAL(write(rig.hold[1], "x", 1), 1);
    for (uint64_t number = 33; number <= 40; number++)
        CU_ASSERT(takes_filled(number, size));
    CU_ASSERT(takes_result(41, "true"));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void a_worker_with_nothing_to_do_keeps_nothing(void)
{
    struct buffer out;
    rig_start_ready();
    buffer_init(&out);
    for (uint32_t i = 0; i < 5; i++)
        add_job(&out, 1, i, i + 1, FN_ECHO, "1", 1);
    send_out(&out);
    for (uint64_t number = 1; number <= 5; number++)
        CU_ASSERT(takes_result(number, "1"));
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (outbox_length(rig.ledger) && clock_now_ns() < deadline_ns)
        ;
    CU_ASSERT_EQUAL(outbox_length(rig.ledger), 0);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

/* ---- what a job is told ---- */

static void the_cancel_word_reaches_the_job_it_names(void)
{
    rig_start_ready();
    atomic_store(&rig.ledger->cancel, 6); /* some other job */
    send_job(7, FN_CANCELLED, "1", 1);
    CU_ASSERT(read_byte(rig.began[0]));
    atomic_store(&rig.ledger->cancel, 7);
    CU_ASSERT(takes_result(7, "1"));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void a_timeout_becomes_the_jobs_deadline(void)
{
    struct frame_job fixed = {.function = FN_DEADLINE, .attempt = 1, .timeout_ns = 60 * NS_PER_S};
    struct frame_head head = {sizeof head + sizeof fixed, FRAME_JOB, 0, 0, 1, 0, 1};
    rig_start_ready();
    CU_ASSERT_EQUAL(fd_write_all(rig.fd, &head, sizeof head), 0);
    CU_ASSERT_EQUAL(fd_write_all(rig.fd, &fixed, sizeof fixed), 0);
    CU_ASSERT(takes_result(1, "1"));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

static void progress_comes_before_its_result_and_not_too_often(void)
{
    struct frame_head head;
    const unsigned char *body;
    int reports = 0;
    rig_start_ready();
    send_job(1, FN_PROGRESS, "1", 1);
    while (next_frame(&head, &body) && head.type == FRAME_PROGRESS) {
        CU_ASSERT(head.job == 1 && head.epoch == 1 && head.position == 0 && head.size == sizeof head + 3);
        reports++;
    }
    CU_ASSERT(head.type == FRAME_RESULT && head.job == 1);
    CU_ASSERT(reports >= 1 && reports < 500);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

int main(void)
{
    CU_TestInfo life[] = {
        {"stop ends it in good order", stop_ends_it_in_good_order},
        {"stop is obeyed after the jobs before it", stop_is_obeyed_after_the_jobs_before_it},
        {"the end of the pipe ends it", the_end_of_the_pipe_ends_it},
        {"a master that goes before a result ends it", a_master_that_goes_before_a_result_ends_it},
        {"a TERM signal does not end it", a_term_signal_does_not_end_it},
        {"a bad head ends it", a_bad_head_ends_it},
        {"a frame of the other direction ends it", a_frame_of_the_other_direction_ends_it},
        {"a job frame without its fixed part ends it", a_job_frame_without_its_fixed_part_ends_it},
        {"an unknown function ends it", an_unknown_function_ends_it},
        {"a position out of step ends it", a_position_out_of_step_ends_it},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo jobs[] = {
        {"jobs of another epoch are dropped", jobs_of_another_epoch_are_dropped},
        {"what was taken back never runs", what_was_taken_back_never_runs},
        {"take-backs at random lose and repeat nothing", take_backs_at_random_lose_and_repeat_nothing},
        {"results come in the order of the jobs", results_come_in_the_order_of_the_jobs},
        {"an error carries its text", an_error_carries_its_text},
        {"results of every size pass", results_of_every_size_pass},
        {"a result over the limit is an error", a_result_over_the_limit_is_an_error},
        {"args larger than any buffer pass", args_larger_than_any_buffer_pass},
        {"a pipe made non-blocking still carries all", a_pipe_made_non_blocking_still_carries_all},
        {"finished results lie in the outbox behind a long job", finished_results_lie_in_the_outbox_behind_a_long_job},
        {"an outbox half full is flushed in the middle of a batch", an_outbox_half_full_is_flushed_in_the_middle_of_a_batch},
        {"a worker with nothing to do keeps nothing", a_worker_with_nothing_to_do_keeps_nothing},
        {"the cancel word reaches the job it names", the_cancel_word_reaches_the_job_it_names},
        {"a timeout becomes the job's deadline", a_timeout_becomes_the_jobs_deadline},
        {"progress comes before its result and not too often", progress_comes_before_its_result_and_not_too_often},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"worker life", NULL, NULL, NULL, NULL, life}, {"worker jobs", NULL, NULL, NULL, NULL, jobs},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
