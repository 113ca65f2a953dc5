/* SPDX-License-Identifier: MIT
 *
 * Reading the results and the trace into the data of the page. What is not ours is refused with its line; a last line that was
 * cut off is left out and noted. The user has been told of a failure when a call returns one.
 */
#ifndef CLI_REPORT_READ_H
#define CLI_REPORT_READ_H

#include "cli/report_data.h"
#include "cli/report_lines.h"

#include <stdbool.h>
#include <stdint.h>

struct report_source {
    const char *results, *trace;    /* paths, "-": stdin; trace NULL: none */
    struct lines lines;
    uint64_t bytes, line_count;     /* of the results */
    uint64_t slices;                /* of the trace that were used */
    bool torn, trace_torn;
};

/* A path of results or of a trace as people read it. */
const char *source_name(const char *path);
/* Read all. CLI_OK, or the exit code. source_close() is due in any case. */
int source_read(struct report_source *source, struct data *data);
void source_close(struct report_source *source);

#endif
