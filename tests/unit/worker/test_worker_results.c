/* SPDX-License-Identifier: MIT
 *
 * The results of a worker: their order, sizes and errors, and how they lie in the outbox until they are sent.
 */
#include "unit/worker/worker_rig.h"

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

/* What a result waited for its reader is no time of the next job. */
static void a_job_behind_a_long_delivery_begins_after_it(void)
{
    size_t size = MAX_RESULT;
    int64_t start_ns = 0, deadline_ns = clock_deadline_ns(LIMIT_MS);
    struct buffer out;
    struct frame_head head;
    struct frame_result times = {0};
    const unsigned char *body;
    buffer_init(&out);
    rig_start_ready();
    add_job(&out, 1, 0, 1, FN_FILL, &size, sizeof size);
    add_job(&out, 1, 1, 2, FN_ECHO, "2", 1);
    send_out(&out);
    while (start_ns != LEDGER_ENDED && clock_now_ns() < deadline_ns)
        ledger_read_start(rig.ledger, (struct claim){1, 1}, 0, &start_ns);
    int64_t ended_ns = clock_now_ns();
    CU_ASSERT(takes_filled(1, size));
    if (next_frame(&head, &body) && head.job == 2)
        memcpy(&times, body, sizeof times);
    CU_ASSERT(times.start_ns >= ended_ns);
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

int main(void)
{
    CU_TestInfo tests[] = {
        {"results come in the order of the jobs", results_come_in_the_order_of_the_jobs},
        {"an error carries its text", an_error_carries_its_text},
        {"results of every size pass", results_of_every_size_pass},
        {"a result over the limit is an error", a_result_over_the_limit_is_an_error},
        {"args larger than any buffer pass", args_larger_than_any_buffer_pass},
        {"a pipe made non-blocking still carries all", a_pipe_made_non_blocking_still_carries_all},
        {"a job behind a long delivery begins after it", a_job_behind_a_long_delivery_begins_after_it},
        {"finished results lie in the outbox behind a long job", finished_results_lie_in_the_outbox_behind_a_long_job},
        {"an outbox half full is flushed in the middle of a batch", an_outbox_half_full_is_flushed_in_the_middle_of_a_batch},
        {"a worker with nothing to do keeps nothing", a_worker_with_nothing_to_do_keeps_nothing},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"worker jobs", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
