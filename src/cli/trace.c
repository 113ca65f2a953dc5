/* SPDX-License-Identifier: MIT
 *
 * Each event but the first is written behind a comma and a line end, so what is in the file always ends at an event. A slice
 * begins no earlier than the end of the one before it in its row and its length is taken from its clamped ends: viewers drop
 * slices that overlap by a rounding error. Retries and deaths are instants, because only a job's last attempt is known as a
 * whole.
 */
#include "cli/trace.h"
#include "cli/now.h"
#include "cli/pen.h"

#include <stdlib.h>
#include <unistd.h>

#define TRACE_EVENT_MAX 1024    /* without id and name */
#define TRACE_NAME_MAX 300
#define TRACE_ID_MAX 256        /* a longer one is left out; seq tells the job as well */
#define TRACE_INLINE_ROW 0      /* of jobs that ran in this process */

/* Since the start of the run. */
static uint64_t trace_since(const struct trace *trace, int64_t time_ns)
{
    return time_ns > trace->begin_ns ? (uint64_t)(time_ns - trace->begin_ns) : 0;
}

/* The wall clock, which a job's start comes in, may be set in the middle of a run: the trace goes by the steady one. A result
 * that is told right then may have either offset, but cannot have ended later than now. */
static uint64_t trace_start(struct trace *trace, int64_t wall_ns, uint64_t run_ns)
{
    int64_t before_ns = now_ns(), offset_ns = now_wall_ns() - before_ns, after_ns = now_ns();
    if (trace->wall_offset_ns > offset_ns)
        trace->wall_offset_ns = offset_ns;
    else if (trace->wall_offset_ns < offset_ns - (after_ns - before_ns))
        trace->wall_offset_ns = offset_ns - (after_ns - before_ns);
    uint64_t start_ns = trace_since(trace, wall_ns - trace->wall_offset_ns), end_ns = trace_since(trace, after_ns);
    uint64_t last_ns = end_ns > run_ns ? end_ns - run_ns : 0;
    return start_ns < last_ns ? start_ns : last_ns;
}

int trace_open(struct trace *trace, struct ev_loop *loop, const char *path)
{
    *trace = (struct trace){ .pid = getpid() };
    int failure = logfile_open(&trace->file, loop, path, false);
    trace->file.lead = strlen(",\n");
    return failure;
}

void trace_begin(struct trace *trace)
{
    bool empty;
    int64_t wall_ns = now_wall_ns();
    trace->begin_ns = now_ns();
    trace->wall_offset_ns = wall_ns - trace->begin_ns;
    char *at = logfile_begin(&trace->file, &empty) ? logfile_room(&trace->file, TRACE_EVENT_MAX) : NULL;
    if (!at)
        return;
    at = pen_text(at, "[{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":");
    at = pen_number(at, (uint64_t)trace->pid);
    at = pen_text(at, ",\"args\":{\"name\":\"hayfork\",\"start\":");
    at = pen_thousandths(at, (uint64_t)wall_ns / 1000000, 1);
    at = pen_text(at, "}}");
    logfile_advance(&trace->file, at);
}

/* ,"ph":…,"ts":…,"pid":…,"tid":… */
static char *trace_put_place(const struct trace *trace, char *at, char phase, uint64_t time_ns, int row)
{
    at = pen_text(at, ",\"ph\":\"");
    *at++ = phase;
    at = pen_text(at, "\",\"ts\":");
    at = pen_thousandths(at, time_ns, 1);
    at = pen_text(at, ",\"pid\":");
    at = pen_number(at, (uint64_t)trace->pid);
    at = pen_text(at, ",\"tid\":");
    return pen_number(at, (uint64_t)row);
}

static void trace_name_row(struct trace *trace, int row, bool is_inline)
{
    char *at = logfile_room(&trace->file, TRACE_EVENT_MAX);
    if (!at)
        return;
    trace->rows[row].named = true;
    at = pen_text(at, ",\n{\"name\":\"thread_name\"");
    at = trace_put_place(trace, at, 'M', 0, row);
    at = is_inline ? pen_text(at, ",\"args\":{\"name\":\"this process") : pen_text(at, ",\"args\":{\"name\":\"worker ");
    if (!is_inline)
        at = pen_number(at, (uint64_t)row);
    at = pen_text(at, "\"}},\n{\"name\":\"thread_sort_index\"");
    at = trace_put_place(trace, at, 'M', 0, row);
    at = pen_text(at, ",\"args\":{\"sort_index\":");
    at = pen_number(at, (uint64_t)row);
    at = pen_text(at, "}}");
    logfile_advance(&trace->file, at);
}

/* The row of a slot, with its name written; NULL when memory is out. */
static struct trace_row *trace_row(struct trace *trace, int row, bool is_inline)
{
    if (row >= trace->row_count) {
        int count = row + 16;
        struct trace_row *rows = realloc(trace->rows, (size_t)count * sizeof *rows);
        if (!rows)
            return NULL;
        memset(rows + trace->row_count, 0, (size_t)(count - trace->row_count) * sizeof *rows);
        trace->rows = rows;
        trace->row_count = count;
    }
    if (!trace->rows[row].named)
        trace_name_row(trace, row, is_inline);
    return &trace->rows[row];
}

/* What happened in a row at one moment; `value` belongs to `key`. */
static char *trace_put_instant(const struct trace *trace, char *at, const char *name, uint64_t time_ns, int row, const char *key,
                               uint64_t value)
{
    at = pen_text(at, ",\n{\"name\":\"");
    at = pen_bytes(at, name, strlen(name));
    at = pen_text(at, "\",\"s\":\"t\"");
    at = trace_put_place(trace, at, 'i', time_ns, row);
    at = pen_text(at, ",\"args\":{\"");
    at = pen_bytes(at, key, strlen(key));
    at = pen_text(at, "\":");
    at = pen_number(at, value);
    return pen_text(at, "}}");
}

/* A job's last attempt: its bar in a row. */
struct trace_slice {
    const struct hay_result *result;
    uint64_t seq;
    struct hay_span name;
    uint64_t start_ns, end_ns;
    int row;
};

static char *trace_put_slice(const struct trace *trace, char *at, const struct trace_slice *slice)
{
    const struct hay_result *result = slice->result;
    const char *status = hay_outcome_name(result->outcome);
    at = pen_text(at, ",\n{\"name\":\"");
    at = pen_span(at, slice->name);
    at = pen_text(at, "\",\"cat\":\"job\"");
    at = trace_put_place(trace, at, 'X', slice->start_ns, slice->row);
    at = pen_text(at, ",\"dur\":");
    at = pen_thousandths(at, slice->end_ns - slice->start_ns, 1);
    if (result->outcome != HAY_OUTCOME_OK)
        at = pen_text(at, ",\"cname\":\"terrible\"");
    at = pen_text(at, ",\"args\":{");
    if (result->id.size && result->id.size <= TRACE_ID_MAX) {
        at = pen_text(at, "\"id\":");
        at = pen_span(at, result->id);
        *at++ = ',';
    }
    at = pen_text(at, "\"seq\":");
    at = pen_number(at, slice->seq);
    at = pen_text(at, ",\"status\":\"");
    at = pen_bytes(at, status, strlen(status));
    at = pen_text(at, "\",\"attempts\":");
    at = pen_number(at, result->attempts);
    at = pen_text(at, ",\"fn\":\"");
    at = pen_span(at, slice->name);
    return pen_text(at, "\"}}");
}

static char *trace_put_death(const struct trace *trace, char *at, const struct trace_slice *slice)
{
    const struct hay_result *result = slice->result;
    if (result->signal > 0)
        return trace_put_instant(trace, at, "death", slice->end_ns, slice->row, "signal", (uint64_t)result->signal);
    uint64_t code = result->exit_code > 0 ? (uint64_t)result->exit_code : 0;
    return trace_put_instant(trace, at, "death", slice->end_ns, slice->row, "exit", code);
}

void trace_write(struct trace *trace, const struct hay_result *result, uint64_t seq, struct hay_span name)
{
    if (!result->attempts || trace->file.failed)
        return;
    bool is_inline = result->worker < 0;
    int index = is_inline ? TRACE_INLINE_ROW : result->worker;
    struct trace_row *row = trace_row(trace, index, is_inline);
    char *at = row ? logfile_room(&trace->file, 4 * TRACE_EVENT_MAX) : NULL;
    if (!at)
        return;
    if (name.size > TRACE_NAME_MAX)
        name.size = 0;
    uint64_t run_ns = result->run_ns > 0 ? (uint64_t)result->run_ns : 0;
    uint64_t start_ns = trace_start(trace, result->start_ns, run_ns);
    uint64_t end_ns = start_ns + run_ns;
    start_ns = start_ns < row->end_ns ? row->end_ns : start_ns;
    end_ns = end_ns < start_ns ? start_ns : end_ns;
    row->end_ns = end_ns;
    if (row->pid && row->pid != result->pid)
        at = trace_put_instant(trace, at, "new process", start_ns, index, "pid", (uint64_t)result->pid);
    row->pid = result->pid;
    if (result->attempts > 1)
        at = trace_put_instant(trace, at, "retry", start_ns, index, "attempt", result->attempts);
    struct trace_slice slice = { result, seq, name, start_ns, end_ns, index };
    at = trace_put_slice(trace, at, &slice);
    if (result->outcome == HAY_OUTCOME_CRASH)
        at = trace_put_death(trace, at, &slice);
    logfile_advance(&trace->file, at);
}

void trace_worker(struct trace *trace, int worker, const struct hay_worker *info)
{
    struct trace_row *row = trace->file.failed ? NULL : trace_row(trace, worker, false);
    if (!row || row->generation == info->generation)
        return;
    bool first = !row->generation;
    row->generation = info->generation;
    if (first || !info->pid || row->pid == info->pid)
        return;
    char *at = logfile_room(&trace->file, TRACE_EVENT_MAX);
    if (!at)
        return;
    row->pid = info->pid;
    at = trace_put_instant(trace, at, "new process", trace_since(trace, now_ns()), worker, "pid", (uint64_t)info->pid);
    logfile_advance(&trace->file, at);
}

void trace_count(struct trace *trace, uint64_t ok, uint64_t failed)
{
    char *at = ok == trace->counted_ok && failed == trace->counted_failed ? NULL : logfile_room(&trace->file, TRACE_EVENT_MAX);
    if (!at)
        return;
    trace->counted_ok = ok;
    trace->counted_failed = failed;
    at = pen_text(at, ",\n{\"name\":\"jobs\"");
    at = trace_put_place(trace, at, 'C', trace_since(trace, now_ns()), 0);
    at = pen_text(at, ",\"args\":{\"ok\":");
    at = pen_number(at, ok);
    at = pen_text(at, ",\"failed\":");
    at = pen_number(at, failed);
    at = pen_text(at, "}}");
    logfile_advance(&trace->file, at);
}

void trace_close(struct trace *trace, bool patient)
{
    char *at = NULL;
    if (trace->file.path && trace->begin_ns) {
        logfile_flush(&trace->file); /* what comes now does not begin as an event does */
        at = logfile_room(&trace->file, 4);
    }
    if (at)
        logfile_advance(&trace->file, pen_text(at, "\n]\n"));
    logfile_close(&trace->file, patient);
    free(trace->rows);
    trace->rows = NULL;
    trace->row_count = 0;
}
