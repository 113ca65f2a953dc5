/* SPDX-License-Identifier: MIT
 *
 * Everything that watches a run and is no result: joblog, trace, figures for the summary, progress, and the answer to SIGUSR1.
 * What is not asked for costs a test a job.
 */
#ifndef CLI_OBSERVE_H
#define CLI_OBSERVE_H

#include "cli/bytes.h"
#include "cli/joblog.h"
#include "cli/progress.h"
#include "cli/tally.h"
#include "cli/trace.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct observe_options {
    const char *joblog, *trace; /* files, or NULL */
    const char *errors;         /* --stderr: "pass", "tag", a file, or NULL */
    enum progress_mode progress;
    bool summary, no_summary;   /* neither: as stderr is a terminal or not */
};

/* What is written of a function in each row. */
struct observe_function {
    const char *name;
    struct bytes call;          /* the command that calls it */
    struct bytes json;          /* its name inside a JSON string */
};

struct observe {
    struct logfile joblog;
    struct trace trace;
    struct tally *tally;        /* NULL: no summary */
    struct progress progress;
    struct observe_function *functions;
    int function_count;
    struct bytes command;       /* of the job in hand, as its verb shows it */
    struct ev_timer flush;
    bool started;               /* and not finished */
};

#endif
