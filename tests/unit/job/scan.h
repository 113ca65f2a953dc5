/* SPDX-License-Identifier: MIT
 *
 * A scan of a line that stands right before a forbidden page, into objects full of garbage: what is not set shows.
 */
#ifndef TESTS_UNIT_JOB_SCAN_H
#define TESTS_UNIT_JOB_SCAN_H

#include "unit/job/guard.h"

#include <hayfork/jobline.h>

static inline enum hay_status scan(const char *line, size_t size, struct hay_jobline *job, struct hay_jobline_fault *fault)
{
    memset(job, 0x5a, sizeof *job);
    memset(fault, 0x5a, sizeof *fault);
    return hay_jobline_scan(guard_behind(line, size), size, job, fault);
}

static inline bool is_span(struct hay_span span, const char *text)
{
    return span.at && span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

static inline bool is_absent(struct hay_span span)
{
    return !span.at && span.size == 0;
}

#endif
