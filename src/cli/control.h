/* SPDX-License-Identifier: MIT
 *
 * What may start, and when a run ends early: dependencies, --halt, --load, --memfree, --delay, the forms of -j, make's jobserver,
 * SIGHUP and SIGTSTP. The run asks it about each job and tells it each result; what nobody asked for costs a test a job.
 */
#ifndef CLI_CONTROL_H
#define CLI_CONTROL_H

#include "cli/after.h"
#include "cli/halt.h"
#include "cli/jobs.h"
#include "cli/jobserver.h"
#include "cli/options.h"
#include "cli/throttle.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct control_options {
    struct halt halt;
    const char *jobs;           /* of -j; NULL: none */
    unsigned retry_on;          /* what --retry-on names, 0: it was not given */
    double load_max;
    uint64_t memory_least;
    int64_t delay_ms;           /* between the starts of two jobs */
    bool retries, crash_retries; /* --retries, --crash-retries was given */
};

/* Keys of its options, and their rows for a table. */
enum {
    CONTROL_HALT = 512,
    CONTROL_MAX_FAILS,
    CONTROL_RETRY_ON,
    CONTROL_RETRY_DELAY,
    CONTROL_RETRY_DELAY_MAX,
    CONTROL_MAX_JOBS,
    CONTROL_MAX_RSS,
    CONTROL_MAX_AGE,
    CONTROL_LIMIT,
    CONTROL_NICE,
    CONTROL_MEMFREE,
    CONTROL_LOAD,
    CONTROL_DELAY,
};
#define CONTROL_SPECS \
    { 'j', "jobs", true }, { CONTROL_HALT, "halt", true }, { CONTROL_MAX_FAILS, "max-fails", true }, \
        { CONTROL_RETRY_ON, "retry-on", true }, { CONTROL_RETRY_DELAY, "retry-delay", true }, \
        { CONTROL_RETRY_DELAY_MAX, "retry-delay-max", true }, { CONTROL_MAX_JOBS, "max-jobs-per-worker", true }, \
        { CONTROL_MAX_RSS, "max-worker-rss", true }, { CONTROL_MAX_AGE, "max-worker-age", true }, \
        { CONTROL_LIMIT, "limit", true }, { CONTROL_NICE, "nice", true }, { CONTROL_MEMFREE, "memfree", true }, \
        { CONTROL_LOAD, "load", true }, { CONTROL_DELAY, "delay", true }

struct control {
    struct halt halt;
    struct after *after;
    struct after_job *kept;     /* the job in hand comes from there */
    struct jobs_file jobs_file;
    struct throttle throttle;
    struct jobserver jobserver;
    bool throttle_told;
    struct ev_timer delay;      /* active until the next job may start */
    int wanted, asked;          /* of make's slots: for jobs; and with those that workers have which are ending */
    struct ev_timer ease;       /* until fewer are wanted, */
    int ease_to;                /* so many */
    struct ev_signal drain, suspend;
    bool halted;                /* for `reason`, which unrun jobs get */
    bool cancel_due;            /* not yet told the pool */
    bool hung_up;               /* what runs ends in peace, also where its results cannot be written */
    char reason[96];
    uint64_t unrun;             /* skipped or ended because of it, or left in the input */
};

struct run;
struct run_options;
struct input_line;

/* One of the options above; false after a fault. */
bool control_take(struct run_options *options, const struct options *reader, int key);
/* All options are read: the number of workers, and what depends on two of them. False after a fault. */
bool control_check(struct run_options *options);

/* Before the pool starts: CLI_OK, or an exit code when the fault has been said. After it. And at the end, in any state: before
 * the pool is freed, and when its last results have been told. */
int control_open(struct run *run);
void control_start(struct run *run);
void control_stop(struct run *run);
void control_release(struct run *run);

/* Under --delay: may another job be handed to the pool, to start at once? One is; and the pool has not taken it. */
bool control_may_begin(struct run *run);
void control_begin(struct run *run);
void control_take_back(struct run *run);
/* Note the job of place `seq`, and ask whether run->job may start. `list`: its "after", absent: NULL. WAITS: it comes back by
 * control_next(). `reason` is for SKIP and REJECT. */
enum after_verdict control_ask(struct run *run, uint64_t seq, struct hay_span list, char *reason, size_t capacity);
/* A line that never became a job also has its place. */
void control_note(struct run *run, uint64_t seq, const struct input_line *line);
/* The line of place `seq` has its result from an earlier run. */
void control_note_done(struct run *run, uint64_t seq, const struct input_line *line, enum hay_outcome outcome);
/* Behind some lines: give the run up where not all can be known of ids any more. */
void control_look(struct run *run);
/* As many are kept as may be. */
bool control_is_full(const struct run *run);
/* Something that was kept may be started or skipped now. */
bool control_has_next(const struct run *run);
/* Take it in hand: run->control.kept, with run->job filled. To be dropped. */
void control_next(struct run *run);
void control_drop(struct run *run);
/* What was kept is not started any more. */
void control_abandon(struct run *run, const char *reason);
/* Jobs of the whole input, where it can be read twice; else 0. An exit code when it has been said why it could not be. */
int control_count_lines(const struct run *run, uint64_t *count);
/* False: out of memory. */
bool control_open_after(struct run *run);
/* Each result from the pool, to be changed: a job that a halt has kept from running was skipped. And each that is recorded. */
void control_judge(struct run *run, struct hay_result *result);
void control_tell(struct run *run, const struct hay_result *result, uint64_t seq);
/* Whether the pool may start jobs has to be thought over. */
void control_hold(struct run *run);
/* Nobody may be there any more: told by SIGHUP, or by a terminal that is gone. */
void control_hang_up(struct run *run);
/* The loop is about to sleep. */
void control_turn(struct run *run);

#endif
