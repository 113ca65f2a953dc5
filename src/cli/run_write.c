/* SPDX-License-Identifier: MIT
 *
 * The way of results out. Without --keep-order a line is composed right in the output's buffer. With it, what comes before its
 * turn is composed where it waits, and goes on when its turn has come; a result in its turn takes the short way. What has
 * waited is written only while the output takes it, so that a long wait does not become a large buffer.
 *
 * What a verb has on disk goes out a piece at a time, some in each turn of the loop, and what comes then waits behind it.
 */
#include "cli/run.h"
#include "cli/say.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* What may wait for its turn, before no more lines are read. */
#define WRITE_HELD_BYTES (UINT64_C(64) << 20)
#define WRITE_ROOM 512
/* The same for what waits on disk. */
#define WRITE_SPOOLED_BYTES (UINT64_C(1) << 30)
/* What may wait behind a result that is partly written, before no more results are taken. */
#define WRITE_BEHIND_BYTES ((size_t)1 << 20)
#define WRITE_STEPS 16 /* in a turn */
#define WRITE_LOW_BYTES ((size_t)256 << 10)

int run_write_open(struct run *run, int stdout_fd)
{
    const struct run_options *options = run->options;
    int failure = output_open(&run->output, run->loop, options->output, stdout_fd);
    if (!failure && options->keep_order)
        failure = run->output.failure = order_init(&run->order, options->order_window, WRITE_HELD_BYTES);
    if (!failure && options->verb->write) {
        output_open(&run->errors, run->loop, NULL, STDERR_FILENO);
        run->errors.on_terminal = true;
    }
    ev_idle_init(&run->flow.next, run_on_idle);
    return failure;
}

void run_write_close(struct run *run)
{
    int failure = output_close(&run->errors);
    if (failure && run->logs && run->logs->path)
        say_written_no_further(run->logs->path, failure);
    output_close(&run->output);
    order_release(&run->order);
    bytes_release(&run->composed);
    bytes_release(&run->flow.behind);
    ev_idle_stop(run->loop, &run->flow.next);
    spool_close(&run->spool);
}

static size_t write_render(struct run *run, char *out, size_t capacity, const struct hay_result *result, uint64_t seq,
                           unsigned flags)
{
    if (run->options->verb->render)
        return run->options->verb->render(run, out, capacity, result, seq);
    return hay_result_write(out, capacity, result, seq, flags);
}

static void write_bytes(struct run *run, struct hay_span bytes)
{
    const struct run_verb *verb = run->options->verb;
    if (!verb->write) {
        output_bytes(&run->output, bytes.at, bytes.size);
    } else if (run->flow.state != RUN_FLOWN) {
        bytes_put(&run->flow.behind, (const char *)&bytes.size, sizeof bytes.size);
        bytes_put(&run->flow.behind, bytes.at, bytes.size);
        if (run->flow.behind.failed)
            run->output.failure = -ENOMEM;
    } else {
        run->flow.state = verb->write(run, bytes);
    }
}

/* A result has gone: what waits behind it follows, as far as the next one that does not go at once. Behind a slow reader
 * something always waits, so what has gone makes room before all has. */
static void write_behind(struct run *run)
{
    struct bytes *behind = &run->flow.behind;
    while (run->flow.state == RUN_FLOWN && run->flow.at < behind->size) {
        struct hay_span bytes = { behind->at + run->flow.at + sizeof bytes.size, 0 };
        memcpy(&bytes.size, behind->at + run->flow.at, sizeof bytes.size);
        run->flow.at += sizeof bytes.size + bytes.size;
        run->flow.state = run->options->verb->write(run, bytes);
    }
    size_t left = behind->size - run->flow.at;
    if (left > run->flow.at)
        return;
    if (left)
        memcpy(behind->at, behind->at + run->flow.at, left);
    else
        bytes_clear(behind);
    behind->size = left;
    run->flow.at = 0;
}

/* The outputs take nothing now, and have enough for when they do. */
static bool write_is_stuck(const struct run *run)
{
    return output_is_full(&run->output) || (!run->errors.failure && output_is_full(&run->errors));
}

/* Some steps of what is partly written. */
static void write_flow(struct run *run)
{
    for (int i = 0; i < WRITE_STEPS && run->flow.state != RUN_FLOWN && !write_is_stuck(run) && !run->output.failure; i++) {
        run->flow.state = run->options->verb->flow(run);
        if (run->flow.state == RUN_WAITS)
            return;
        run->flow.steps++;
        write_behind(run);
    }
}

/* The next step waits for an output, or for nothing but a turn. */
static void write_wake(struct run *run)
{
    if (run->flow.state == RUN_FLOWS && !write_is_stuck(run) && !run->output.failure)
        ev_idle_start(run->loop, &run->flow.next);
    else
        ev_idle_stop(run->loop, &run->flow.next);
}

/* The bytes of a result, in run->composed. */
static bool write_compose(struct run *run, const struct hay_result *result, uint64_t seq, unsigned flags)
{
    struct bytes *composed = &run->composed;
    bytes_clear(composed);
    bytes_reserve(composed, WRITE_ROOM);
    size_t size = write_render(run, composed->at, composed->capacity, result, seq, flags);
    if (size > composed->capacity && bytes_reserve(composed, size))
        size = write_render(run, composed->at, composed->capacity, result, seq, flags);
    composed->size = composed->failed ? 0 : size;
    if (composed->failed)
        run->output.failure = -ENOMEM;
    return !composed->failed;
}

/* A result whose turn it is. */
static void write_now(struct run *run, const struct hay_result *result, uint64_t seq, unsigned flags)
{
    if (!run->options->verb->render)
        output_result(&run->output, result, seq, flags);
    else if (write_compose(run, result, seq, flags))
        write_bytes(run, bytes_span(&run->composed));
}

/* Pass on what has waited, while its turn has come. */
static void write_release(struct run *run, bool all)
{
    struct hay_span bytes;
    while (run->order.count && run->flow.state == RUN_FLOWN && (all || !run_write_is_full(run)) && !run->output.failure &&
           order_next(&run->order, &bytes))
        write_bytes(run, bytes);
}

void run_write(struct run *run, const struct hay_result *result, uint64_t seq, unsigned flags)
{
    struct order *order = &run->order;
    bool is_kept = order_is_kept(order), is_next = is_kept && order_is_next(order, seq) && run->flow.state == RUN_FLOWN;
    if (run->output.failure)
        return;
    if (is_next || !is_kept) {
        write_now(run, result, seq, flags);
        if (is_next)
            order_pass(order);
        write_release(run, false);
        return;
    }
    if (write_compose(run, result, seq, flags))
        run->output.failure = order_keep(order, seq, &run->composed);
}

void run_write_none(struct run *run, uint64_t seq)
{
    struct bytes none = { .at = NULL };
    if (!order_is_kept(&run->order) || run->output.failure)
        return;
    if (order_is_next(&run->order, seq)) {
        order_pass(&run->order);
        write_release(run, false);
    } else {
        run->output.failure = order_keep(&run->order, seq, &none);
    }
}

/* Where too much waits nothing more is started while something runs: that may be what the rest waits for. */
static void write_hold(struct run *run)
{
    struct hay_pool_stats stats;
    bool crowded = order_is_crowded(&run->order) || run->spool.waiting_bytes > WRITE_SPOOLED_BYTES;
    if (crowded) {
        hay_pool_stats(run->pool, &stats);
        crowded = stats.pending > stats.queued;
    }
    if (crowded == run->crowded)
        return;
    run->crowded = crowded;
    control_hold(run);
}

void run_write_flush(struct run *run, bool all)
{
    write_flow(run);
    write_release(run, all);
    if (!all)
        write_hold(run);
    output_flush(&run->output);
    output_flush(&run->errors);
    write_wake(run);
}

static size_t write_behind_bytes(const struct run *run)
{
    return run->flow.behind.size - run->flow.at;
}

bool run_write_is_full(const struct run *run)
{
    return write_is_stuck(run) || (run->flow.state != RUN_FLOWN && (write_behind_bytes(run) > WRITE_BEHIND_BYTES ||
                                                                    run->spool.waiting_bytes > WRITE_SPOOLED_BYTES));
}

bool run_write_is_low(const struct run *run)
{
    return !run_write_is_full(run) && output_pending(&run->output) + write_behind_bytes(run) < WRITE_LOW_BYTES;
}

size_t run_write_pending(const struct run *run)
{
    return output_pending(&run->output) + (run->errors.failure ? 0 : output_pending(&run->errors)) + write_behind_bytes(run) +
           (run->flow.state != RUN_FLOWN);
}
