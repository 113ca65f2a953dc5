/* SPDX-License-Identifier: MIT
 *
 * frame_parse(): every prefix of a frame is partial, the whole is whole, and each way in which a head can be wrong is bad. The
 * bytes lie in
 * allocations of their exact size, so that a sanitizer sees a look past the end.
 */
#include "ipc/frame.h"
#include "support/tap.h"

#include <stdlib.h>

static const struct frame_head good = {.size = 60, .type = FRAME_JOB, .flags = 0, .epoch = 7, .position = 9, .job = 11};

static enum frame_state parse_prefix(const unsigned char *frame, size_t size, size_t max_size, struct frame_head *head)
{
    unsigned char *exact = malloc(size ? size : 1);
    if (!exact)
        return FRAME_BAD;
    memcpy(exact, frame, size);
    enum frame_state state = frame_parse(exact, size, max_size, head);
    free(exact);
    return state;
}

static void every_prefix_is_partial(void)
{
    unsigned char frame[60] = {0};
    memcpy(frame, &good, sizeof good);
    for (size_t size = 0; size < sizeof frame; size++) {
        struct frame_head head = {.size = 99};
        CU_ASSERT_EQUAL(parse_prefix(frame, size, 1000, &head), FRAME_PARTIAL);
        CU_ASSERT_EQUAL(head.size, size < sizeof head ? 0 : 60);
    }
}

static void a_whole_frame_is_whole_whatever_follows(void)
{
    unsigned char frame[100];
    memset(frame, 0xff, sizeof frame);
    memcpy(frame, &good, sizeof good);
    for (size_t size = 60; size < sizeof frame; size++) {
        struct frame_head head;
        CU_ASSERT_EQUAL(parse_prefix(frame, size, 60, &head), FRAME_WHOLE);
        CU_ASSERT(memcmp(&head, &good, sizeof head) == 0);
    }
}

static void a_frame_may_be_its_head_alone(void)
{
    struct frame_head head, stop = {.size = sizeof stop, .type = FRAME_STOP};
    CU_ASSERT_EQUAL(frame_parse((const unsigned char *)&stop, sizeof stop, sizeof stop, &head), FRAME_WHOLE);
}

static enum frame_state judge(struct frame_head head, size_t max_size)
{
    struct frame_head out;
    return frame_parse((const unsigned char *)&head, sizeof head, max_size, &out);
}

static void wrong_heads_are_bad(void)
{
    struct frame_head head = good;
    for (uint32_t size = 0; size < sizeof head; size++) {
        head.size = size;
        CU_ASSERT_EQUAL(judge(head, 1000), FRAME_BAD);
    }
    head = good;
    for (int type = 0; type < 256; type++) {
        head.type = (uint8_t)type;
        CU_ASSERT_EQUAL(judge(head, 1000), type >= FRAME_READY && type <= FRAME_STOP ? FRAME_PARTIAL : FRAME_BAD);
    }
    head = good;
    for (int bit = 0; bit < 16; bit++) {
        head.reserved = (uint16_t)(1u << bit);
        CU_ASSERT_EQUAL(judge(head, 1000), FRAME_BAD);
    }
}

static void the_limit_counts_the_whole_frame(void)
{
    struct frame_head head = good;
    CU_ASSERT_EQUAL(judge(head, 60), FRAME_PARTIAL);
    CU_ASSERT_EQUAL(judge(head, 59), FRAME_BAD);
    head.size = UINT32_MAX;
    CU_ASSERT_EQUAL(judge(head, UINT32_MAX), FRAME_PARTIAL);
    CU_ASSERT_EQUAL(judge(head, UINT32_MAX - 1), FRAME_BAD);
    head.size = sizeof head;
    CU_ASSERT_EQUAL(judge(head, 0), FRAME_BAD);
}

static void a_frame_may_lie_at_any_address(void)
{
    unsigned char bytes[sizeof good + 16];
    for (size_t shift = 0; shift < 16; shift++) {
        struct frame_head head;
        memcpy(bytes + shift, &good, sizeof good);
        CU_ASSERT_EQUAL(frame_parse(bytes + shift, sizeof good, 1000, &head), FRAME_PARTIAL);
        CU_ASSERT(memcmp(&head, &good, sizeof head) == 0);
    }
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"every prefix is partial", every_prefix_is_partial},
        {"a whole frame is whole whatever follows", a_whole_frame_is_whole_whatever_follows},
        {"a frame may be its head alone", a_frame_may_be_its_head_alone},
        {"wrong heads are bad", wrong_heads_are_bad},
        {"the limit counts the whole frame", the_limit_counts_the_whole_frame},
        {"a frame may lie at any address", a_frame_may_lie_at_any_address},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"frame", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
