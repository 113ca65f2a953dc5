/* SPDX-License-Identifier: MIT
 *
 * The log pipe: whatever bytes come in whatever pieces, lines are handed up whole, in order, without their ends, and cut once
 * where they are too long.
 */
#include "base/fd.h"
#include "master/logpipe.h"
#include "support/tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rig {
    struct ev_loop *loop;
    struct log_turns turns;
    struct log_pipe *log;
    int in;
    unsigned lines;
    size_t sizes[64];
    char first[64], last[LOG_LINE_MAX + 1];
};

static void on_line(void *context, const char *line, size_t size)
{
    struct rig *rig = context;
    if (rig->lines < 64)
        rig->sizes[rig->lines] = size;
    if (!rig->lines++)
        memcpy(rig->first, line, size < 63 ? size : 63);
    memcpy(rig->last, line, size);
    rig->last[size] = '\0';
}

static void rig_open(struct rig *rig)
{
    int ends[2];
    *rig = (struct rig){.loop = ev_loop_new(EVFLAG_AUTO)};
    if (!rig->loop || pipe2(ends, O_CLOEXEC) < 0 || fd_set_nonblocking(ends[0]))
        abort();
    rig->in = ends[1];
    rig->log = log_pipe_open(rig->loop, &rig->turns, ends[0], rig, on_line);
    if (!rig->log)
        abort();
}

static void rig_close(struct rig *rig)
{
    log_pipe_close(rig->log);
    log_pipe_close(NULL);
    fd_close(&rig->in);
    ev_loop_destroy(rig->loop);
}

static void print(struct rig *rig, const char *bytes, size_t size)
{
    CU_ASSERT_EQUAL(fd_write_all(rig->in, bytes, size), 0);
    ev_run(rig->loop, EVRUN_NOWAIT);
}

#define PRINT(rig, text) print(rig, text, sizeof text - 1)

static void lines_come_whole_in_whatever_pieces(void)
{
    struct rig rig;
    rig_open(&rig);
    PRINT(&rig, "one\ntwo\n\nth");
    CU_ASSERT_EQUAL(rig.lines, 3);
    CU_ASSERT_STRING_EQUAL(rig.first, "one");
    CU_ASSERT_EQUAL(rig.sizes[2], 0);
    PRINT(&rig, "r");
    CU_ASSERT_EQUAL(rig.lines, 3);
    PRINT(&rig, "ee\n");
    CU_ASSERT_EQUAL(rig.lines, 4);
    CU_ASSERT_STRING_EQUAL(rig.last, "three");
    CU_ASSERT_EQUAL(rig.log->last_size, 5);
    CU_ASSERT_EQUAL(rig.log->cut_lines, 0);
    rig_close(&rig);
}

static void a_last_line_without_an_end_comes_at_the_drain(void)
{
    struct rig rig;
    rig_open(&rig);
    PRINT(&rig, "begun");
    CU_ASSERT_EQUAL(rig.lines, 0);
    CU_ASSERT_EQUAL(fd_write_all(rig.in, " and ended", 10), 0);
    log_pipe_drain(rig.log);
    CU_ASSERT_EQUAL(rig.lines, 1);
    CU_ASSERT_STRING_EQUAL(rig.last, "begun and ended");
    log_pipe_drain(rig.log);
    CU_ASSERT_EQUAL(rig.lines, 1);
    rig_close(&rig);
}

static void a_long_line_is_cut_once(void)
{
    static char bytes[3 * LOG_LINE_MAX];
    for (size_t size = LOG_LINE_MAX - 1; size <= LOG_LINE_MAX + 1; size++)
        for (int whole = 0; whole < 2; whole++) {
            struct rig rig;
            rig_open(&rig);
            memset(bytes, 'x', size);
            bytes[size] = '\n';
            if (whole) {
                print(&rig, bytes, size + 1);
            } else {
                print(&rig, bytes, size);
                PRINT(&rig, "\n");
            }
            CU_ASSERT_EQUAL(rig.lines, 1);
            CU_ASSERT_EQUAL(rig.sizes[0], size < LOG_LINE_MAX ? size : LOG_LINE_MAX);
            CU_ASSERT_EQUAL(rig.log->cut_lines, size > LOG_LINE_MAX);
            PRINT(&rig, "next\n");
            CU_ASSERT_EQUAL(rig.lines, 2);
            CU_ASSERT_STRING_EQUAL(rig.last, "next");
            rig_close(&rig);
        }
}

static void an_endless_line_is_one_line(void)
{
    static char bytes[32768];
    struct rig rig;
    rig_open(&rig);
    memset(bytes, 'y', sizeof bytes);
    for (int i = 0; i < 200; i++) {
        print(&rig, bytes, sizeof bytes);
        ev_run(rig.loop, EVRUN_NOWAIT);
        ev_run(rig.loop, EVRUN_NOWAIT);
    }
    CU_ASSERT_EQUAL(rig.lines, 1);
    CU_ASSERT_EQUAL(rig.sizes[0], LOG_LINE_MAX);
    CU_ASSERT_EQUAL(rig.log->cut_lines, 1);
    log_pipe_drain(rig.log);
    CU_ASSERT_EQUAL(rig.lines, 1);
    PRINT(&rig, "\nafter\n");
    CU_ASSERT_STRING_EQUAL(rig.last, "after");
    rig_close(&rig);
}

static void bytes_of_any_kind_pass(void)
{
    struct rig rig;
    char bytes[257];
    rig_open(&rig);
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)(i == '\n' ? 0 : i);
    bytes[256] = '\n';
    print(&rig, bytes, sizeof bytes);
    CU_ASSERT_EQUAL(rig.lines, 1);
    CU_ASSERT_EQUAL(rig.sizes[0], 256);
    CU_ASSERT(memcmp(rig.last, bytes, 256) == 0);
    rig_close(&rig);
}

static void one_turn_takes_one_bite(void)
{
    static char bytes[60000];
    struct rig rig;
    rig_open(&rig);
    memset(bytes, '\n', sizeof bytes);
    print(&rig, bytes, sizeof bytes);
    CU_ASSERT(rig.lines > 0 && rig.lines < 30000);
    log_pipe_drain(rig.log);
    CU_ASSERT_EQUAL(rig.lines, 60000);
    rig_close(&rig);
}

static void the_end_of_the_pipe_stops_the_watching(void)
{
    struct rig rig;
    rig_open(&rig);
    PRINT(&rig, "tail");
    fd_close(&rig.in);
    ev_run(rig.loop, EVRUN_NOWAIT);
    ev_run(rig.loop, EVRUN_NOWAIT);
    CU_ASSERT(!ev_is_active(&rig.log->readable));
    log_pipe_drain(rig.log);
    CU_ASSERT_EQUAL(rig.lines, 1);
    CU_ASSERT_STRING_EQUAL(rig.last, "tail");
    rig_close(&rig);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"lines come whole in whatever pieces", lines_come_whole_in_whatever_pieces},
        {"a last line without an end comes at the drain", a_last_line_without_an_end_comes_at_the_drain},
        {"a long line is cut once", a_long_line_is_cut_once},
        {"an endless line is one line", an_endless_line_is_one_line},
        {"bytes of any kind pass", bytes_of_any_kind_pass},
        {"one turn takes one bite", one_turn_takes_one_bite},
        {"the end of the pipe stops the watching", the_end_of_the_pipe_stops_the_watching},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"log pipe", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
