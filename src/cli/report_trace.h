/* SPDX-License-Identifier: MIT
 *
 * The slices of a trace, as `run --trace` writes it, for the jobs whose results bring no times.
 */
#ifndef CLI_REPORT_TRACE_H
#define CLI_REPORT_TRACE_H

#include "cli/report_data.h"

#include <stdbool.h>
#include <stdint.h>

/* CLI_OK, or the exit code after a message. `*used` counts the slices taken, `*torn` tells of a last line that was cut off. */
int slices_read(struct data *data, const char *path, uint64_t *used, bool *torn);

#endif
