/* SPDX-License-Identifier: MIT
 *
 * What ends a worker and what does not: the stop, the end of the pipe, a signal, and nonsense from the master.
 */
#include "unit/worker/worker_rig.h"

#include <sys/resource.h>

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

/* The number of the job that the next frame of the outbox, or else of the pipe, is a result of; 0: nothing is left. */
static uint64_t next_result(const unsigned char *outbox, size_t size, size_t *at)
{
    struct frame_head head;
    const unsigned char *body;
    if (frame_parse(outbox + *at, size - *at, SIZE_MAX, &head) == FRAME_WHOLE)
        *at += head.size;
    else if (!next_frame(&head, &body))
        return 0;
    return head.type == FRAME_RESULT ? head.job : 0;
}

/* What was sent by the number of its pipe would be lost with whatever was put there. */
static void its_results_go_to_no_other_socket(void)
{
    enum { JOBS = 40 };
    static unsigned char outbox[OUTBOX_SIZE];
    bool came[JOBS + 1] = {false};
    struct buffer out;
    size_t at = 0;
    rig_start_ready();
    buffer_init(&out);
    for (uint64_t number = 1; number <= JOBS; number++)
        add_job(&out, 1, rig.position++, number, number == JOBS / 2 ? FN_OVER : FN_ECHO, "1", 1);
    send_out(&out);
    CU_ASSERT(has_ended());
    int size = ledger_copy_outbox(rig.ledger, outbox);
    uint32_t begun = ledger_read_claim(rig.ledger).started;
    CU_ASSERT(size > 0 && begun >= JOBS / 2);
    for (uint64_t job; (job = next_result(outbox, (size_t)size, &at));)
        came[job <= JOBS ? job : 0] = true;
    for (uint32_t number = 1; number <= begun; number++)
        CU_ASSERT(came[number]);
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_NO_PIPE);
}

/* One that fits no outbox, while nothing waits for a flush. */
static void a_large_result_goes_to_no_other_socket(void)
{
    size_t size = 4 * OUTBOX_SIZE;
    rig_start_ready();
    send_job(1, FN_ECHO, "1", 1);
    CU_ASSERT(takes_result(1, "1"));
    send_job(2, FN_OVER, &size, sizeof size);
    CU_ASSERT(has_ended());
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_NO_PIPE);
}

static void progress_goes_to_no_other_socket(void)
{
    rig_start_ready();
    send_job(1, FN_ECHO, "1", 1);
    CU_ASSERT(takes_result(1, "1"));
    send_job(2, FN_OVER, "22", 2);
    CU_ASSERT(has_ended());
    CU_ASSERT_EQUAL(outbox_length(rig.ledger), 0); /* it came no further */
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

static void a_term_signal_ends_the_children_of_its_jobs(void)
{
    static const char signals[] = {SIGTERM, SIGINT};
    rig_start_ready();
    for (uint64_t number = 1; number <= 2; number++) {
        send_job(number, FN_CHILD, &signals[number - 1], 1);
        CU_ASSERT(takes_result(number, "1"));
    }
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

/* ---- what it cannot begin without ---- */

/* The code of a worker whose set-up `spoil` has seen to, in its own process. */
static int exit_of_spoilt(void (*spoil)(struct worker_setup *setup))
{
    int status = 0;
    struct worker_setup setup = {.fd = -1, .max_result_bytes = MAX_RESULT};
    CU_ASSERT_EQUAL_FATAL(ledger_open(&setup.ledger), 0);
    pid_t pid = fork();
    if (pid == 0) {
        setup.fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        spoil(&setup);
        _exit(worker_main(&setup));
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    ledger_close(&setup.ledger);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void allow_no_descriptor(struct worker_setup *setup)
{
    (void)setup;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, 3});
}

static void unmap_the_ledger(struct worker_setup *setup)
{
    struct ledger *ledger = setup->ledger;
    ledger_close(&ledger);
}

static void each_failure_of_its_set_up_has_its_code(void)
{
    CU_ASSERT_EQUAL(exit_of_spoilt(allow_no_descriptor), WORKER_EXIT_NOT_SET_UP);
    CU_ASSERT_EQUAL(exit_of_spoilt(unmap_the_ledger), WORKER_EXIT_NO_MEMORY);
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

int main(void)
{
    CU_TestInfo tests[] = {
        {"stop ends it in good order", stop_ends_it_in_good_order},
        {"stop is obeyed after the jobs before it", stop_is_obeyed_after_the_jobs_before_it},
        {"the end of the pipe ends it", the_end_of_the_pipe_ends_it},
        {"a master that goes before a result ends it", a_master_that_goes_before_a_result_ends_it},
        {"its results go to no other socket", its_results_go_to_no_other_socket},
        {"a large result goes to no other socket", a_large_result_goes_to_no_other_socket},
        {"progress goes to no other socket", progress_goes_to_no_other_socket},
        {"a TERM signal does not end it", a_term_signal_does_not_end_it},
        {"a TERM signal ends the children of its jobs", a_term_signal_ends_the_children_of_its_jobs},
        {"each failure of its set-up has its code", each_failure_of_its_set_up_has_its_code},
        {"a bad head ends it", a_bad_head_ends_it},
        {"a frame of the other direction ends it", a_frame_of_the_other_direction_ends_it},
        {"a job frame without its fixed part ends it", a_job_frame_without_its_fixed_part_ends_it},
        {"an unknown function ends it", an_unknown_function_ends_it},
        {"a position out of step ends it", a_position_out_of_step_ends_it},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"worker life", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
