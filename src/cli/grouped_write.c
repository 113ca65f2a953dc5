/* SPDX-License-Identifier: MIT
 *
 * A rendered result on its way out: the command's stdout to stdout, then its stderr and the notice to stderr, each line with the
 * tag in front. Where both go the same way, to a terminal or by 2>&1, stderr begins when stdout has taken all of its piece, and
 * the next result when stderr has. What has to wait is kept, and so is a result with a piece in a file, of which each step writes
 * 64 KiB at most.
 */
#include "cli/grouped.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define GROUPED_STEP ((size_t)64 << 10)
#define GROUPED_TAGGED ((size_t)4 << 20) /* so much at most becomes of a step, with the tags in it */

/* Bytes of the piece in hand as they are, or each line with the tag, which ends with a tab, in front. */
static void grouped_put(struct run *run, struct grouped_flow *flow, struct hay_span bytes)
{
    struct output *output = flow->piece == GROUPED_STDOUT ? &run->output : &run->errors;
    const char *at = bytes.at, *end = bytes.at + bytes.size;
    while (flow->tag.size && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at)), *past = newline ? newline + 1 : end;
        if (!flow->in_line)
            output_bytes(output, flow->tag.at, flow->tag.size);
        output_bytes(output, at, (size_t)(past - at));
        flow->in_line = !newline;
        at = past;
    }
    output_bytes(output, at, (size_t)(end - at));
    if (bytes.size)
        flow->in_line = end[-1] != '\n';
}

/* Where the parts of a record are. */
static void grouped_locate(struct grouped_flow *flow, const char *record)
{
    flow->tag.at = record + sizeof flow->head;
    flow->at = flow->tag.at + flow->tag.size;
    for (int i = 0; i < flow->piece; i++)
        flow->at += flow->head.is_spooled[i] ? 0 : flow->head.sizes[i];
}

static void grouped_open(struct grouped_flow *flow, struct hay_span bytes)
{
    memcpy(&flow->head, bytes.at, sizeof flow->head);
    flow->tag.size = flow->head.sizes[GROUPED_TAG];
    flow->piece = GROUPED_STDOUT;
    flow->in_line = false;
    flow->fd = -1;
    grouped_locate(flow, bytes.at);
}

/* The next piece, which is in the record. */
static void grouped_put_piece(struct run *run, struct grouped_flow *flow)
{
    struct hay_span bytes = { flow->at, flow->head.sizes[flow->piece] };
    if (flow->piece == GROUPED_NOTE && bytes.size && flow->in_line)
        grouped_put(run, flow, (struct hay_span){ "\n", 1 });
    grouped_put(run, flow, bytes);
    flow->at += bytes.size;
}

/* Some of a piece that is in a file. 1: there is more of it, 0: that was all, or -errno. */
static int grouped_put_step(struct run *run, struct grouped_flow *flow)
{
    char step[GROUPED_STEP];
    size_t most = GROUPED_TAGGED / (flow->tag.size + 1) + 1;
    if (flow->fd < 0) {
        flow->left_bytes = flow->head.sizes[flow->piece];
        flow->fd = spool_take(&run->spool, flow->head.number, flow->piece, flow->left_bytes);
        if (flow->fd < 0)
            return flow->fd;
    }
    if (most > sizeof step)
        most = sizeof step;
    ssize_t got = bytes_wait_read(flow->fd, step, flow->left_bytes < most ? (size_t)flow->left_bytes : most);
    if (got <= 0)
        return got ? (int)got : -EIO;
    grouped_put(run, flow, (struct hay_span){ step, (size_t)got });
    flow->left_bytes -= (uint64_t)got;
    return flow->left_bytes > 0;
}

static void grouped_next_piece(struct grouped_flow *flow)
{
    if (flow->fd >= 0)
        close(flow->fd);
    flow->fd = -1;
    flow->piece++;
    flow->in_line = flow->in_line && flow->piece == GROUPED_NOTE;
}

/* Has an output to take what it has before the next piece begins, or before the result is done? */
static bool grouped_waits(struct run *run, const struct grouped_flow *flow)
{
    const struct stream *out = &run->output.stream, *error = &run->errors.stream;
    struct output *output = flow->piece == GROUPED_PIECES ? &run->errors : &run->output;
    if (flow->piece == GROUPED_STDOUT || !(flow->head.sizes[GROUPED_STDERR] || flow->head.sizes[GROUPED_NOTE]))
        return false;
    output_flush(output);
    return out->device == error->device && out->inode == error->inode && output_pending(output) && !output->failure;
}

/* Write some of it. What is no longer there costs nothing else its place. */
static void grouped_step(struct run *run, struct grouped_flow *flow)
{
    int more = 0;
    if (flow->head.is_spooled[flow->piece])
        more = grouped_put_step(run, flow);
    else
        grouped_put_piece(run, flow);
    if (more > 0)
        return;
    grouped_next_piece(flow);
    if (more < 0) {
        say("what command %" PRIu64 " has printed cannot be read again: %s", flow->head.number, strerror(-more));
        run->lost = true;
    }
}

enum run_flow grouped_continue(struct run *run, struct grouped_flow *flow)
{
    if (grouped_waits(run, flow))
        return RUN_WAITS;
    if (flow->piece < GROUPED_PIECES) {
        grouped_step(run, flow);
        return RUN_FLOWS;
    }
    bytes_clear(&flow->record);
    return RUN_FLOWN;
}

enum run_flow grouped_write(struct run *run, struct grouped_flow *flow, struct hay_span bytes)
{
    if (bytes.size < sizeof flow->head)
        return RUN_FLOWN;
    grouped_open(flow, bytes);
    while (!grouped_waits(run, flow)) {
        if (flow->piece == GROUPED_PIECES)
            return RUN_FLOWN;
        if (flow->head.is_spooled[flow->piece])
            break;
        grouped_step(run, flow);
    }
    bytes_put(&flow->record, bytes.at, bytes.size);
    if (flow->record.failed) {
        run->output.failure = -ENOMEM;
        return RUN_FLOWN;
    }
    grouped_locate(flow, flow->record.at);
    return RUN_FLOWS;
}

void grouped_release(struct grouped_flow *flow)
{
    if (flow->fd >= 0)
        close(flow->fd);
    flow->fd = -1;
    bytes_release(&flow->record);
}
