/* SPDX-License-Identifier: MIT
 *
 * --joblog: one row for each job in GNU parallel's columns, so that its users' scripts read it and `parallel --resume-failed
 * --joblog` continues from it. A job that never ran has no row: a resumed run runs it. Exitval and Signal are both 0 for a job
 * that is ok and for no other. A row is one line, whatever is in the job.
 */
#ifndef CLI_JOBLOG_H
#define CLI_JOBLOG_H

#include "cli/logfile.h"

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stdint.h>

/* What of a command stands in a row; the rest is cut. */
#define JOBLOG_COMMAND_MAX ((size_t)16 << 10)

/* May it be continued, where it was opened to append: is it a joblog, or empty? Else that is said. */
bool joblog_check(const struct logfile *file);
/* Just before the run: empty the file, unless it is continued, and write the columns' names. */
void joblog_begin(struct logfile *file);
/* The row of a result. `command` is shell text; a line end in it becomes a NUL, which parallel --retry-failed reads back. */
void joblog_write(struct logfile *file, const struct hay_result *result, uint64_t seq, struct hay_span command);
/* The same for a function: the command is `call` (such as "hayfork call demo.add"), then the job's args, quoted for a shell. */
void joblog_write_call(struct logfile *file, const struct hay_result *result, uint64_t seq, struct hay_span call);

#endif
