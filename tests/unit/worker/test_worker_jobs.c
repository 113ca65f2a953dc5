/* SPDX-License-Identifier: MIT
 *
 * The jobs of a worker: which of them run when some are taken back, and what a job is told and tells while it runs.
 */
#include "unit/worker/worker_rig.h"

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

/* ---- what a job does to the next one ---- */

static void a_terminator_behind_the_args_harms_nobody(void)
{
    char large[1000];
    struct buffer out;
    buffer_init(&out);
    memset(large, '7', sizeof large);
    rig_start_ready();
    add_job(&out, 1, 0, 1, FN_BEHIND, "1", 1);
    add_job(&out, 1, 1, 2, FN_FILL, &(size_t){3}, sizeof(size_t)); /* whose size has a low byte other than 0 */
    add_job(&out, 1, 2, 3, FN_BEHIND, "1", 1);
    add_job(&out, 1, 3, 4, FN_ECHO, large, sizeof large);
    add_job(&out, 1, 4, 5, FN_BEHIND, "1", 1);
    send_out(&out);
    CU_ASSERT(takes_result(1, "1") && takes_result(2, "777") && takes_result(3, "1"));
    struct frame_head head;
    const unsigned char *body;
    CU_ASSERT(next_frame(&head, &body) && head.job == 4 && head.size == FRAME_RESULT_OVERHEAD + sizeof large);
    CU_ASSERT(takes_result(5, "1"));
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
}

/* A job, and one behind it that is not begun. How much is left in the outbox. */
static uint32_t ends_before_the_next(uint32_t function, const char *args, int code)
{
    struct buffer out;
    buffer_init(&out);
    rig_start_ready();
    add_job(&out, 1, 0, 1, function, args, strlen(args));
    add_job(&out, 1, 1, 2, FN_ECHO, "2", 1);
    send_out(&out);
    CU_ASSERT(has_ended());
    CU_ASSERT_EQUAL(ledger_read_claim(rig.ledger).started, 1);
    uint32_t left = outbox_length(rig.ledger);
    CU_ASSERT_EQUAL(rig_end(), code);
    return left;
}

static void more_behind_the_args_is_the_end_before_the_next(void)
{
    ends_before_the_next(FN_BEHIND, "22", WORKER_EXIT_PROTOCOL);
}

static void a_pipe_that_was_shut_down_is_the_end_before_the_next(void)
{
    CU_ASSERT(ends_before_the_next(FN_SHUT, "22", WORKER_EXIT_NO_PIPE) > 0);
}

/* The flush of a result would see it as well, so that one may not be due: the first job has just had its own. */
static void a_pipe_that_was_shut_down_is_seen_without_a_flush(void)
{
    struct buffer out;
    buffer_init(&out);
    rig_start_ready();
    add_job(&out, 1, 0, 1, FN_ECHO, "1", 1);
    add_job(&out, 1, 1, 2, FN_SHUT, "1", 1);
    add_job(&out, 1, 2, 3, FN_ECHO, "3", 1);
    send_out(&out);
    CU_ASSERT(has_ended());
    CU_ASSERT_EQUAL(ledger_read_claim(rig.ledger).started, 2);
    CU_ASSERT(outbox_length(rig.ledger) > 0);
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_NO_PIPE);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"jobs of another epoch are dropped", jobs_of_another_epoch_are_dropped},
        {"what was taken back never runs", what_was_taken_back_never_runs},
        {"take-backs at random lose and repeat nothing", take_backs_at_random_lose_and_repeat_nothing},
        {"the cancel word reaches the job it names", the_cancel_word_reaches_the_job_it_names},
        {"a timeout becomes the job's deadline", a_timeout_becomes_the_jobs_deadline},
        {"progress comes before its result and not too often", progress_comes_before_its_result_and_not_too_often},
        {"a terminator behind the args harms nobody", a_terminator_behind_the_args_harms_nobody},
        {"more behind the args is the end before the next", more_behind_the_args_is_the_end_before_the_next},
        {"a pipe that was shut down is the end before the next", a_pipe_that_was_shut_down_is_the_end_before_the_next},
        {"a pipe that was shut down is seen without a flush", a_pipe_that_was_shut_down_is_seen_without_a_flush},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"worker jobs", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
