/* SPDX-License-Identifier: MIT
 *
 * A worker that is stepped by ptrace, and looked at after every single instruction as its master would if it had been killed
 * there: first the pipe, then the outbox, then the claim. Skipped where no process can be stepped.
 */
#include "support/tracer.h"
#include "unit/worker/worker_rig.h"

#define LARGE ((size_t)OUTBOX_SIZE + 1000) /* fits no outbox */
#define STEPS 20000000

enum { JOBS = 5 };

static struct seen {
    struct buffer pipe;
    bool in_pipe[JOBS], in_outbox[JOBS];   /* whole, by position, */
    bool was[JOBS];                        /* and in one of them before */
    uint32_t started;
    int faults;
} seen;

static size_t wanted_size(uint32_t position)
{
    return position == 2 ? LARGE : position + 1;
}

/* The fill of a result, which says to the last byte that it is there. */
static bool is_whole(const struct frame_head *head, const unsigned char *body)
{
    size_t size = head->size - FRAME_RESULT_OVERHEAD;
    if (head->type != FRAME_RESULT || head->flags || head->epoch != 1 || head->position >= JOBS ||
        head->job != head->position + 1 || size != wanted_size(head->position))
        return false;
    for (size_t i = 0; i < size; i++)
        if (body[sizeof(struct frame_result) + i] != '7')
            return false;
    return true;
}

/* The whole frames among these bytes; how many bytes they are. */
static size_t note_frames(const unsigned char *bytes, size_t size, bool *in)
{
    size_t at = 0;
    struct frame_head head;
    while (frame_parse(bytes + at, size - at, SIZE_MAX, &head) == FRAME_WHOLE) {
        bool whole = is_whole(&head, bytes + at + sizeof head);
        seen.faults += !whole;
        if (whole)
            in[head.position] = true;
        at += head.size;
    }
    return at;
}

static void drain_pipe(void)
{
    unsigned char *at = buffer_reserve(&seen.pipe, 65536);
    ssize_t n = at ? recv(rig.fd, at, 65536, MSG_DONTWAIT) : -1;
    if (n > 0) {
        buffer_commit(&seen.pipe, (size_t)n);
        buffer_consume(&seen.pipe, note_frames(buffer_at(&seen.pipe), buffer_size(&seen.pipe), seen.in_pipe), SIZE_MAX);
    }
}

static void look_into_the_outbox(void)
{
    uint32_t length = outbox_length(rig.ledger);
    memset(seen.in_outbox, 0, sizeof seen.in_outbox);
    seen.faults += length > OUTBOX_SIZE || note_frames(rig.ledger->outbox, length, seen.in_outbox) != length;
}

/* What was finished once stays so. */
static void look_for_losses(void)
{
    for (int i = 0; i < JOBS; i++) {
        bool is = seen.in_pipe[i] || seen.in_outbox[i];
        seen.faults += seen.was[i] && !is;
        seen.was[i] = is;
    }
}

/* Each but the newest claim has its result; the newest had begun before it was claimed, and has ended before its result is
 * there. */
static void look_at_the_claim(void)
{
    struct claim claim = ledger_read_claim(rig.ledger);
    bool is_new = claim.started != seen.started;
    seen.faults += claim.epoch != 1 || claim.started > JOBS || claim.started < seen.started || claim.started > seen.started + 1;
    seen.started = claim.started;
    if (!claim.started || seen.faults)
        return;
    uint32_t newest = claim.started - 1;
    for (uint32_t position = 0; position < newest; position++)
        seen.faults += !seen.was[position];
    bool has_ended = atomic_load(&rig.ledger->start_ns[newest & 1]) == LEDGER_ENDED;
    seen.faults += is_new ? has_ended : !has_ended && seen.was[newest];
}

static bool is_all_done(void)
{
    for (int i = 0; i < JOBS; i++)
        if (!seen.in_pipe[i])
            return false;
    return !outbox_length(rig.ledger);
}

/* Stepped until all results are in the pipe; false: it could not be. */
static bool step_through(void)
{
    int status;
    for (int steps = 0; steps < STEPS && !seen.faults && !is_all_done(); steps++) {
        if (ptrace(PTRACE_SINGLESTEP, rig.pid, NULL, NULL) < 0 || waitpid(rig.pid, &status, 0) != rig.pid || !WIFSTOPPED(status))
            return false;
        drain_pipe();
        look_into_the_outbox();
        look_for_losses();
        look_at_the_claim();
    }
    return is_all_done();
}

static void killed_at_any_instruction_it_has_lost_nothing(void)
{
    int status;
    struct buffer out;
    if (!tracer_can_step())
        return;
    memset(&seen, 0, sizeof seen);
    buffer_init(&seen.pipe);
    buffer_init(&out);
    rig_start_ready();
    for (uint32_t position = 0; position < JOBS; position++) {
        size_t size = wanted_size(position);
        add_job(&out, 1, position, position + 1, FN_FILL, &size, sizeof size);
    }
    CU_ASSERT_EQUAL_FATAL(ptrace(PTRACE_SEIZE, rig.pid, NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(ptrace(PTRACE_INTERRUPT, rig.pid, NULL, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(waitpid(rig.pid, &status, 0), rig.pid);
    send_out(&out);
    CU_ASSERT(step_through());
    CU_ASSERT_EQUAL(seen.faults, 0);
    CU_ASSERT_EQUAL(seen.started, JOBS);
    ptrace(PTRACE_DETACH, rig.pid, NULL, NULL);
    send_stop();
    CU_ASSERT_EQUAL(rig_end(), WORKER_EXIT_OK);
    buffer_release(&seen.pipe);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"killed at any instruction it has lost nothing", killed_at_any_instruction_it_has_lost_nothing},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"worker steps", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
