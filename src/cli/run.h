/* SPDX-License-Identifier: MIT
 *
 * One run of `hayfork run`: its options, and its state while the loop turns. run.c owns the life of a run, run_feed.c the way
 * from lines to jobs, run_options.c the command line, run_summary.c the closing words.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/input.h"
#include "cli/logsink.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/reaper.h"

#include <hayfork.h>

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct run_options {
    struct hay_pool_options pool;
    struct option_list plugins, files;
    const char *function;       /* -f, or NULL */
    const char *output;         /* -o, or NULL */
    bool is_inline, meta, summary;
};

struct run {
    const struct run_options *options;
    struct ev_loop *loop;
    struct hay_pool *pool;
    struct input input;
    struct output output;
    struct logsink *logs;
    struct reaper reaper;
    struct ev_prepare feed, turn_end;
    struct ev_idle spin;            /* active while there is more to feed: the loop does not sleep then */
    struct ev_io readable;          /* the input that has nothing now */
    struct ev_timer patience;       /* for the output, once the run has been interrupted */

    int function;                   /* of -f, -1: none */
    struct {
        char name[HAY_FUNCTION_NAME_MAX + 1];
        size_t size;
        int index;                  /* -1: nothing looked up yet */
    } last;                         /* the function of the line before, which this line most often has too */
    struct hay_job job;             /* the line in hand, when `held` */
    char default_id[24];

    bool held;                      /* a job waits for room in the pool */
    bool pool_full, input_waiting, input_done, paused;
    bool stopping;                  /* read no more lines: a signal, a failure, a broken pool */
    bool broken;                    /* the pool had to stop */
    bool abandoned;                 /* results can no longer be written: end now */
    int64_t begin_ns, end_ns;
    uint64_t read;                  /* lines that became a job or a rejected result */
    uint64_t accepted, settled;     /* jobs */
    uint64_t by_outcome[HAY_OUTCOME_COUNT];
};

/* False after a fault or --help; `*code` is the exit code then. run_options_release() is due in any case. */
bool run_options_read(struct run_options *options, int argc, char **argv, int *code);
void run_options_release(struct run_options *options);

/* Watchers that turn lines into jobs. */
void run_feed_start(struct run *run);
void run_feed_stop(struct run *run);
/* Something that feeding waited for has changed. */
void run_feed_wake(struct run *run);

int64_t run_now_ns(void);
/* Count a result and write it. */
void run_record(struct run *run, const struct hay_result *result, uint64_t seq);
void run_summary(const struct run *run, const struct hay_pool_stats *stats);

#endif
