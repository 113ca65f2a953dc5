/* SPDX-License-Identifier: MIT
 *
 * --trace: what ran where and when, as Chrome trace events in array form, for Perfetto and chrome://tracing. One event a line,
 * a row for each worker's slot, times in microseconds since the start of the run. Slices of a row never overlap. The file can
 * be opened while it grows and when it was cut off: only the closing bracket is missing then.
 */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include "cli/logfile.h"

#include <hayfork/jobline.h>
#include <hayfork/pool.h>

#include <stdint.h>

struct trace_row {
    uint64_t end_ns;            /* of the last slice, since the start of the run */
    uint64_t generation;        /* the last that was seen */
    pid_t pid;                  /* of the last slice or generation */
    bool named;
};

struct trace {
    struct logfile file;
    struct trace_row *rows;
    int row_count;
    pid_t pid;
    int64_t begin_ns;           /* on the steady clock */
    int64_t wall_offset_ns;     /* CLOCK_REALTIME less that */
    uint64_t counted_ok, counted_failed;
};

/* 0 or -errno, already said. trace_close() is due in any case. */
int trace_open(struct trace *trace, struct ev_loop *loop, const char *path);
/* Just before the run: empty the file and write its first events. */
void trace_begin(struct trace *trace);
/* The slice of a job; one that never ran has none. `name` is the inside of a JSON string, 300 bytes at most. */
void trace_write(struct trace *trace, const struct hay_result *result, uint64_t seq, struct hay_span name);
/* Now and then: what a worker's slot is now, and how far the run is. */
void trace_worker(struct trace *trace, int worker, const struct hay_worker *info);
void trace_count(struct trace *trace, uint64_t ok, uint64_t failed);
void trace_close(struct trace *trace, bool patient);

#endif
