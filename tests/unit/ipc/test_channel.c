/* SPDX-License-Identifier: MIT
 *
 * The channel over a real socketpair. The test holds the other end and reads or writes raw bytes; the loop is turned only while
 * it is asked to be, so nothing here waits without a limit.
 */
#include "base/clock.h"
#include "base/fd.h"
#include "ipc/channel.h"
#include "support/tap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct rig {
    struct channel channel;      /* first: handlers find the rig by it */
    struct ev_loop *loop;
    int other;
    unsigned frames, batches, broken;
    const char *fault;
    uint64_t jobs[4096];
    uint64_t body_bytes;
    uint64_t wrong_bodies;
    uint64_t refuse_at;          /* on_frame says no at this job */
    uint64_t close_at;           /* on_frame closes at this job */
};

static unsigned char body_byte(uint64_t job, size_t i)
{
    return (unsigned char)(job * 31 + i * 7);
}

static bool on_frame(struct channel *channel, const struct frame_head *head, const unsigned char *body)
{
    struct rig *rig = (struct rig *)(void *)channel;
    size_t size = head->size - sizeof *head;
    if (rig->frames < 4096)
        rig->jobs[rig->frames] = head->job;
    rig->frames++;
    rig->body_bytes += size;
    for (size_t i = 0; i < size; i += size > 1000 ? 97 : 1)
        rig->wrong_bodies += body[i] != body_byte(head->job, i);
    if (rig->close_at && rig->close_at == head->job) {
        channel_close(channel);
        return false;
    }
    return !rig->refuse_at || rig->refuse_at != head->job;
}

static void on_batch(struct channel *channel)
{
    ((struct rig *)(void *)channel)->batches++;
}

static void on_broken(struct channel *channel, const char *fault)
{
    struct rig *rig = (struct rig *)(void *)channel;
    rig->broken++;
    rig->fault = fault;
}

ssize_t __real_recv(int fd, void *bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags);

/* Who holds the other end writes as fast as it is read here, so often at most. */
static struct { int fd, left; } talker;

ssize_t __wrap_recv(int fd, void *bytes, size_t size, int flags)
{
    static const unsigned char garbage[512] = {0xee};
    ssize_t n = __real_recv(fd, bytes, size, flags);
    if (n > 0 && talker.left > 0)
        talker.left -= send(talker.fd, garbage, sizeof garbage, MSG_NOSIGNAL) > 0;
    return n;
}

static const struct channel_handler handler = {on_frame, on_batch, on_broken};

static void rig_open(struct rig *rig, size_t max_frame, int buffer_size)
{
    int pair[2];
    *rig = (struct rig){.loop = ev_loop_new(EVFLAG_AUTO)};
    if (!rig->loop || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        abort();
    if (buffer_size)
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &buffer_size, sizeof buffer_size);
    fd_set_nonblocking(pair[0]);
    fd_set_nonblocking(pair[1]);
    rig->other = pair[1];
    channel_open(&rig->channel, rig->loop, pair[0], max_frame, &handler);
}

static void rig_close(struct rig *rig)
{
    channel_close(&rig->channel);
    channel_close(&rig->channel);
    fd_close(&rig->other);
    ev_loop_destroy(rig->loop);
}

static void turn(struct rig *rig)
{
    ev_run(rig->loop, EVRUN_NOWAIT);
}

/* Append a frame whose body follows from its number. */
static int append(struct rig *rig, uint64_t job, size_t size)
{
    size_t whole = sizeof(struct frame_head) + size;
    unsigned char *at = channel_reserve(&rig->channel, whole);
    if (!at)
        return -1;
    frame_put_head(at, (struct frame_head){.size = (uint32_t)whole, .type = FRAME_JOB, .job = job});
    for (size_t i = 0; i < size; i++)
        at[sizeof(struct frame_head) + i] = body_byte(job, i);
    channel_commit(&rig->channel, whole);
    return 0;
}

/* Read what there is at the other end into the buffer. */
static void slurp(struct rig *rig, struct buffer *bytes)
{
    for (;;) {
        unsigned char *at = buffer_reserve(bytes, 65536);
        ssize_t n = at ? read(rig->other, at, 65536) : -1;
        if (n <= 0)
            return;
        buffer_commit(bytes, (size_t)n);
    }
}

/* Take the next frame out of the buffer: its job, 0 when there is none, UINT64_MAX when it is wrong. */
static uint64_t take_frame(struct buffer *bytes)
{
    struct frame_head head;
    switch (frame_parse(buffer_at(bytes), buffer_size(bytes), SIZE_MAX, &head)) {
    case FRAME_PARTIAL:
        return 0;
    case FRAME_BAD:
        return UINT64_MAX;
    default:
        break;
    }
    for (size_t i = 0; i < head.size - sizeof head; i++)
        if (buffer_at(bytes)[sizeof head + i] != body_byte(head.job, i))
            return UINT64_MAX;
    buffer_consume(bytes, head.size, SIZE_MAX);
    return head.job;
}

static void send_frame(struct rig *rig, uint64_t job, size_t size, size_t cut)
{
    unsigned char *frame = malloc(sizeof(struct frame_head) + size);
    struct frame_head head = {.size = (uint32_t)(sizeof head + size), .type = FRAME_RESULT, .job = job};
    if (!frame)
        abort();
    memcpy(frame, &head, sizeof head);
    for (size_t i = 0; i < size; i++)
        frame[sizeof head + i] = body_byte(job, i);
    size_t whole = sizeof head + size - cut;
    int64_t deadline_ns = clock_now_ns() + 10 * NS_PER_S;
    for (size_t at = 0; at < whole && clock_now_ns() < deadline_ns;) {
        ssize_t n = send(rig->other, frame + at, whole - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else if (rig->channel.broken)
            break;
        else
            turn(rig);
    }
    free(frame);
}

/* ---- out ---- */

static void frames_leave_whole_and_in_order(void)
{
    struct rig rig;
    struct buffer bytes;
    rig_open(&rig, 1 << 20, 0);
    buffer_init(&bytes);
    for (uint64_t job = 1; job <= 200; job++)
        CU_ASSERT_EQUAL(append(&rig, job, job % 50), 0);
    CU_ASSERT_EQUAL(rig.channel.sent, 0);
    channel_flush(&rig.channel);
    CU_ASSERT_EQUAL(rig.channel.sent, rig.channel.appended);
    CU_ASSERT_EQUAL(rig.channel.boundary, rig.channel.appended);
    slurp(&rig, &bytes);
    for (uint64_t job = 1; job <= 200; job++)
        CU_ASSERT_EQUAL(take_frame(&bytes), job);
    CU_ASSERT_EQUAL(buffer_size(&bytes), 0);
    channel_flush(&rig.channel); /* of nothing */
    buffer_release(&bytes);
    rig_close(&rig);
}

static void a_full_pipe_is_written_as_it_drains(void)
{
    struct rig rig;
    struct buffer bytes;
    uint64_t next = 1, got;
    rig_open(&rig, 1 << 20, 4096);
    buffer_init(&bytes);
    for (uint64_t job = 1; job <= 50; job++)
        append(&rig, job, 3000);
    channel_flush(&rig.channel);
    CU_ASSERT(rig.channel.sent < rig.channel.appended);
    int64_t deadline_ns = clock_now_ns() + 10 * NS_PER_S;
    while (next <= 50 && clock_now_ns() < deadline_ns) {
        slurp(&rig, &bytes);
        while ((got = take_frame(&bytes)))
            CU_ASSERT_EQUAL_FATAL(got, next++);
        turn(&rig);
    }
    CU_ASSERT_EQUAL(next, 51);
    CU_ASSERT_EQUAL(rig.channel.sent, rig.channel.appended);
    CU_ASSERT(!ev_is_active(&rig.channel.writing));
    buffer_release(&bytes);
    rig_close(&rig);
}

static void a_recall_before_any_send_removes_everything(void)
{
    struct rig rig;
    struct buffer bytes;
    rig_open(&rig, 1 << 20, 0);
    buffer_init(&bytes);
    append(&rig, 1, 100);
    append(&rig, 2, 100);
    channel_recall(&rig.channel);
    CU_ASSERT_EQUAL(rig.channel.appended, 0);
    channel_recall(&rig.channel);
    append(&rig, 3, 10);
    channel_flush(&rig.channel);
    slurp(&rig, &bytes);
    CU_ASSERT(take_frame(&bytes) == 3 && buffer_size(&bytes) == 0);
    channel_mute(&rig.channel); /* as one that is given up: it gets nothing more */
    append(&rig, 4, 10);
    channel_flush(&rig.channel);
    slurp(&rig, &bytes);
    CU_ASSERT(rig.channel.sent < rig.channel.appended && buffer_size(&bytes) == 0);
    buffer_release(&bytes);
    rig_close(&rig);
}

static void a_recall_finishes_the_frame_that_was_begun(void)
{
    struct rig rig;
    struct buffer bytes;
    rig_open(&rig, 1 << 20, 4096);
    buffer_init(&bytes);
    append(&rig, 1, 300000);
    append(&rig, 2, 100);
    append(&rig, 3, 100);
    channel_flush(&rig.channel);
    CU_ASSERT(rig.channel.sent > 0 && rig.channel.sent < 300000);
    channel_recall(&rig.channel);
    CU_ASSERT_EQUAL(rig.channel.appended, 300000 + sizeof(struct frame_head));
    append(&rig, 4, 50);
    int64_t deadline_ns = clock_now_ns() + 10 * NS_PER_S;
    while (rig.channel.sent < rig.channel.appended && clock_now_ns() < deadline_ns) {
        slurp(&rig, &bytes);
        turn(&rig);
    }
    slurp(&rig, &bytes);
    CU_ASSERT_EQUAL(take_frame(&bytes), 1);
    CU_ASSERT_EQUAL(take_frame(&bytes), 4);
    CU_ASSERT_EQUAL(buffer_size(&bytes), 0);
    buffer_release(&bytes);
    rig_close(&rig);
}

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

/* The model: offsets of the frames' ends. A recall cuts it at the first end that is not before what was sent. */
static void random_sizes_keep_the_boundary_right(void)
{
    struct rig rig;
    struct buffer bytes;
    static uint64_t ends[100000], jobs[100000];
    size_t count = 0, taken = 0, wrong = 0, recalls = 0, cut = 0;
    uint32_t random = 362436069u;
    uint64_t job = 0, got;
    rig_open(&rig, 1 << 20, 4096);
    buffer_init(&bytes);
    for (int step = 0; step < 20000; step++) {
        uint32_t what = next_random(&random) % 16;
        if (what < 7 && rig.channel.appended - rig.channel.sent < 200000) {
            wrong += append(&rig, ++job, next_random(&random) % (next_random(&random) % 8 ? 200 : 9000)) != 0;
            ends[count] = rig.channel.appended;
            jobs[count++] = job;
        } else if (what < 10) {
            channel_flush(&rig.channel);
        } else if (what < 14) {
            slurp(&rig, &bytes);
            turn(&rig);
        } else if (what == 14 && next_random(&random) % 4 == 0) {
            channel_recall(&rig.channel);
            recalls++;
            size_t keep = count;
            while (keep && (keep == 1 ? 0 : ends[keep - 2]) >= rig.channel.sent)
                keep--;
            cut += count - keep;
            count = keep;
            wrong += rig.channel.appended != (count ? ends[count - 1] : 0);
        }
        wrong += rig.channel.appended - rig.channel.sent != buffer_size(&rig.channel.out);
        wrong += rig.channel.boundary < rig.channel.sent || rig.channel.boundary > rig.channel.appended;
        while ((got = take_frame(&bytes)))
            wrong += taken >= count || got != jobs[taken++];
    }
    for (int i = 0; i < 100000 && taken < count; i++) {
        channel_flush(&rig.channel);
        slurp(&rig, &bytes);
        turn(&rig);
        while ((got = take_frame(&bytes)))
            wrong += taken >= count || got != jobs[taken++];
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(taken, count);
    CU_ASSERT(recalls > 50 && cut > 50);
    buffer_release(&bytes);
    rig_close(&rig);
}

static void writing_to_a_dead_end_is_told_by_reading(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    fd_close(&rig.other);
    append(&rig, 1, 10);
    channel_flush(&rig.channel);
    CU_ASSERT_EQUAL(rig.broken, 0);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.broken, 1);
    CU_ASSERT_PTR_NULL(rig.fault);
    channel_flush(&rig.channel);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.broken, 1);
    rig_close(&rig);
}

/* ---- in ---- */

static void frames_of_one_read_are_one_batch(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    for (uint64_t job = 1; job <= 100; job++)
        send_frame(&rig, job, job % 40, 0);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 100);
    CU_ASSERT_EQUAL(rig.batches, 1);
    CU_ASSERT_EQUAL(rig.wrong_bodies, 0);
    for (unsigned i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(rig.jobs[i], i + 1);
    rig_close(&rig);
}

static void a_frame_may_come_byte_by_byte(void)
{
    struct rig rig;
    struct frame_head head = {.size = sizeof head + 3, .type = FRAME_RESULT, .job = 5};
    unsigned char frame[sizeof head + 3];
    memcpy(frame, &head, sizeof head);
    for (size_t i = 0; i < 3; i++)
        frame[sizeof head + i] = body_byte(5, i);
    rig_open(&rig, 1 << 20, 0);
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof frame; i++) {
            CU_ASSERT_EQUAL(rig.frames, (unsigned)round);
            CU_ASSERT_EQUAL(write(rig.other, frame + i, 1), 1);
            turn(&rig);
        }
    CU_ASSERT_EQUAL(rig.frames, 2);
    CU_ASSERT_EQUAL(rig.wrong_bodies, 0);
    rig_close(&rig);
}

static void large_frames_arrive_up_to_the_limit(void)
{
    struct rig rig;
    const size_t limit = (10u << 20) + sizeof(struct frame_head);
    rig_open(&rig, limit, 0);
    send_frame(&rig, 1, 10u << 20, 0);
    send_frame(&rig, 2, 1u << 20, 0);
    for (int i = 0; i < 1000 && rig.frames < 2; i++)
        turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 2);
    CU_ASSERT_EQUAL(rig.body_bytes, 11u << 20);
    CU_ASSERT_EQUAL(rig.wrong_bodies, 0);
    CU_ASSERT_EQUAL(rig.broken, 0);
    CU_ASSERT(rig.channel.in.capacity <= 1u << 20); /* what a large frame took was given back */
    send_frame(&rig, 3, (10u << 20) + 1, 0);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.broken, 1);
    CU_ASSERT_PTR_NOT_NULL(rig.fault);
    rig_close(&rig);
}

static void bad_bytes_are_reported_once_and_stop_the_reading(void)
{
    struct rig rig;
    unsigned char garbage[512];
    memset(garbage, 0xee, sizeof garbage);
    rig_open(&rig, 1 << 20, 0);
    send_frame(&rig, 1, 8, 0);
    CU_ASSERT_EQUAL(write(rig.other, garbage, sizeof garbage), (ssize_t)sizeof garbage);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 1);
    CU_ASSERT_EQUAL(rig.batches, 0);
    CU_ASSERT_EQUAL(rig.broken, 1);
    CU_ASSERT_PTR_NOT_NULL(rig.fault);
    send_frame(&rig, 2, 8, 0);
    turn(&rig);
    channel_drain(&rig.channel);
    channel_pause(&rig.channel, true);
    channel_pause(&rig.channel, false); /* must not wake a broken channel */
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 1);
    CU_ASSERT_EQUAL(rig.broken, 1);
    rig_close(&rig);
}

/* Nor is anything kept of what comes then, but what was read with it. */
static void a_refused_frame_stops_the_reading(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    rig.refuse_at = 2;
    for (uint64_t job = 1; job <= 3; job++)
        send_frame(&rig, job, 8, 0);
    turn(&rig);
    CU_ASSERT(rig.frames == 2 && rig.broken == 0);
    CU_ASSERT(!ev_is_active(&rig.channel.reading));
    size_t kept = buffer_size(&rig.channel.in);
    send_frame(&rig, 4, 50000, 0);
    turn(&rig);
    channel_drain(&rig.channel);
    CU_ASSERT(rig.frames == 2 && buffer_size(&rig.channel.in) == kept);
    rig_close(&rig);
}

static bool take_odd(struct channel *channel, const struct frame_head *head, const unsigned char *body)
{
    return head->job % 2 && head->type == FRAME_RESULT && on_frame(channel, head, body);
}

/* Wherever they begin; a frame that is not taken is looked into, and the last one is not whole. */
static void a_search_finds_what_stands_behind_bad_bytes(void)
{
    struct rig rig;
    unsigned char garbage[513];
    memset(garbage, 0xee, sizeof garbage);
    rig_open(&rig, 1 << 20, 0);
    CU_ASSERT_EQUAL(channel_search(&rig.channel, take_odd), 0);
    CU_ASSERT_EQUAL(write(rig.other, garbage, sizeof garbage), (ssize_t)sizeof garbage);
    send_frame(&rig, 3, 8, 0);
    turn(&rig);
    CU_ASSERT(rig.broken == 1 && rig.frames == 0);
    send_frame(&rig, 4, 100, 0);
    CU_ASSERT_EQUAL(write(rig.other, garbage, 7), 7);
    send_frame(&rig, 5, 70000, 0);
    send_frame(&rig, 7, 8, 3);
    CU_ASSERT_EQUAL(channel_search(&rig.channel, take_odd), 2);
    CU_ASSERT(rig.frames == 2 && rig.jobs[0] == 3 && rig.jobs[1] == 5);
    CU_ASSERT_EQUAL(rig.wrong_bodies, 0);
    rig_close(&rig);
}

/* What somebody put into a result is his result. */
static void a_search_takes_nothing_within_what_it_has_taken(void)
{
    struct rig rig;
    struct frame_head inner = {.size = sizeof inner, .type = FRAME_RESULT, .job = 5};
    struct frame_head outer = {.size = sizeof outer + sizeof inner, .type = FRAME_RESULT, .job = 3};
    rig_open(&rig, 1 << 20, 0);
    CU_ASSERT(write(rig.other, &outer, sizeof outer) > 0 && write(rig.other, &inner, sizeof inner) > 0);
    CU_ASSERT(channel_search(&rig.channel, take_odd) == 1 && rig.frames == 1 && rig.jobs[0] == 3);
    rig_close(&rig);
}

static void a_search_ends_beside_one_who_writes_for_ever(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    send_frame(&rig, 3, 8, 0);
    talker.fd = rig.other;
    talker.left = 1000;
    CU_ASSERT_EQUAL(channel_search(&rig.channel, take_odd), 1);
    CU_ASSERT(talker.left >= 998);
    talker.left = 0;
    rig_close(&rig);
}

static void the_end_of_the_stream_is_reported_after_its_frames(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    send_frame(&rig, 1, 8, 0);
    send_frame(&rig, 2, 100, 50); /* cut short by a death */
    fd_close(&rig.other);
    turn(&rig);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 1);
    CU_ASSERT_EQUAL(rig.broken, 1);
    CU_ASSERT_PTR_NULL(rig.fault);
    rig_close(&rig);
}

static void a_handler_may_close_in_the_middle_of_a_batch(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    rig.close_at = 2;
    for (uint64_t job = 1; job <= 5; job++)
        send_frame(&rig, job, 8, 0);
    turn(&rig);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 2);
    CU_ASSERT_EQUAL(rig.batches, 0);
    CU_ASSERT_EQUAL(rig.broken, 0);
    CU_ASSERT_EQUAL(rig.channel.fd, -1);
    rig_close(&rig);
}

static void a_drain_reads_what_is_there_and_never_waits(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    channel_drain(&rig.channel);
    for (uint64_t job = 1; job <= 40; job++)
        send_frame(&rig, job, 900, 0);
    channel_drain(&rig.channel);
    CU_ASSERT_EQUAL(rig.frames, 40);
    CU_ASSERT_EQUAL(rig.batches, 0);
    send_frame(&rig, 41, 5, 0);
    fd_close(&rig.other);
    channel_drain(&rig.channel);
    CU_ASSERT_EQUAL(rig.frames, 41);
    CU_ASSERT_EQUAL(rig.broken, 0); /* the end is not read, only what was there */
    rig_close(&rig);
    channel_drain(&rig.channel);
}

static void a_paused_channel_reads_nothing_until_it_goes_on(void)
{
    struct rig rig;
    rig_open(&rig, 1 << 20, 0);
    channel_pause(&rig.channel, true);
    channel_pause(&rig.channel, true);
    send_frame(&rig, 1, 5, 0);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 0);
    channel_pause(&rig.channel, false);
    turn(&rig);
    CU_ASSERT_EQUAL(rig.frames, 1);
    rig_close(&rig);
}

int main(void)
{
    CU_TestInfo out[] = {
        {"frames leave whole and in order", frames_leave_whole_and_in_order},
        {"a full pipe is written as it drains", a_full_pipe_is_written_as_it_drains},
        {"a recall before any send removes everything", a_recall_before_any_send_removes_everything},
        {"a recall finishes the frame that was begun", a_recall_finishes_the_frame_that_was_begun},
        {"random sizes keep the boundary right", random_sizes_keep_the_boundary_right},
        {"writing to a dead end is told by reading", writing_to_a_dead_end_is_told_by_reading},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo in[] = {
        {"frames of one read are one batch", frames_of_one_read_are_one_batch},
        {"a frame may come byte by byte", a_frame_may_come_byte_by_byte},
        {"large frames arrive up to the limit", large_frames_arrive_up_to_the_limit},
        {"bad bytes are reported once and stop the reading", bad_bytes_are_reported_once_and_stop_the_reading},
        {"a refused frame stops the reading", a_refused_frame_stops_the_reading},
        {"a search finds what stands behind bad bytes", a_search_finds_what_stands_behind_bad_bytes},
        {"a search takes nothing within what it has taken", a_search_takes_nothing_within_what_it_has_taken},
        {"a search ends beside one who writes for ever", a_search_ends_beside_one_who_writes_for_ever},
        {"the end of the stream is reported after its frames", the_end_of_the_stream_is_reported_after_its_frames},
        {"a handler may close in the middle of a batch", a_handler_may_close_in_the_middle_of_a_batch},
        {"a drain reads what is there and never waits", a_drain_reads_what_is_there_and_never_waits},
        {"a paused channel reads nothing until it goes on", a_paused_channel_reads_nothing_until_it_goes_on},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"channel out", NULL, NULL, NULL, NULL, out}, {"channel in", NULL, NULL, NULL, NULL, in},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
