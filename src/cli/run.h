/* SPDX-License-Identifier: MIT
 *
 * One run of `hayfork run`, `map` or `exec`: its options, and its state while the loop turns. run.c owns the life of a run,
 * run_feed.c the way from lines to jobs, run_write.c the way of results out, run_journal.c which lines the journal has
 * already, run_observe.c the joblog, the trace and the progress, run_options.c the command line, run_summary.c the closing
 * words, run_dry.c what happens in place of it all under --dry-run.
 */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/arguments.h"
#include "cli/bytes.h"
#include "cli/control.h"
#include "cli/input.h"
#include "cli/journal.h"
#include "cli/logsink.h"
#include "cli/observe.h"
#include "cli/options.h"
#include "cli/order.h"
#include "cli/output.h"
#include "cli/reaper.h"
#include "cli/spool.h"

#include <hayfork.h>

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct run;
struct run_options;

enum run_made {
    RUN_MADE,
    RUN_UNFIT,      /* the line cannot be a job, and is rejected */
    RUN_NO_MEMORY,
};

/* A result on its way out. */
enum run_flow {
    RUN_FLOWN,      /* it is written, as far as the run is concerned */
    RUN_FLOWS,      /* there is more of it, which can go on at once */
    RUN_WAITS,      /* only once an output has taken what it has */
};

/* What the verbs run, map and exec do differently. A hook that is NULL does it as `run` does: job lines in, result lines out. */
struct run_verb {
    const char *name;
    const struct option_spec *specs;    /* options of its own, or NULL */
    /* Take one of these, or an operand; false after a fault. */
    bool (*take)(struct run_options *options, struct options *reader, int key);
    /* All options are read: CLI_OK, or an exit code when the fault has been said. */
    int (*check)(struct run_options *options);
    /* Fill the args of run->job, and its id if it is not to be the line number. `reason` and `column` are for RUN_UNFIT. */
    enum run_made (*make)(struct run *run, const struct input_line *line, char *reason, size_t capacity, size_t *column);
    /* Look at a result before it is counted: what a function calls a result can be a failure here. */
    void (*judge)(struct run *run, struct hay_result *result);
    /* A result as bytes, as hay_result_write() makes a line of it; and such bytes on their way out, in their turn. */
    size_t (*render)(struct run *run, char *out, size_t capacity, const struct hay_result *result, uint64_t seq);
    enum run_flow (*write)(struct run *run, struct hay_span bytes);
    /* The next step of a result that was not written whole. */
    enum run_flow (*flow)(struct run *run);
    /* A job as people would write it. */
    void (*show)(const struct run *run, const struct hay_job *job, struct bytes *text);
};

struct run_options {
    const struct run_verb *verb;
    void *verb_state;           /* what the verb keeps for its hooks */
    bool keep_order, dry_run;
    bool nul_ended;             /* lines end with a NUL */
    bool has_arguments;         /* standard input is not the caller's: it has the words behind ":::" */
    struct arguments_files argument_files; /* and the lines of these */
    uint64_t group_lines;       /* so many make one job, 0: each does; */
    size_t group_bytes;         /* fewer, where they have more than this; */
    bool group_is_block;        /* as they are, with what ends lines between them, not NULs */
    uint64_t order_window;
    struct hay_pool_options pool;
    struct option_list plugins, configs, files;
    const char *function;       /* -f, or NULL */
    const char *output;         /* -o, or NULL */
    bool is_inline, meta;
    struct journal_options journal;
    struct observe_options observe;
    struct control_options control;
    int argc;                   /* the command line behind the verb, for the summary */
    char **argv;
};

struct run {
    const struct run_options *options;
    struct ev_loop *loop;
    struct hay_pool *pool;
    struct input input;
    struct output output;
    struct journal journal;         /* of the output, where that is a file */
    struct output errors;           /* stderr, where a verb writes results there too */
    struct order order;
    struct bytes composed;          /* the bytes of a result that a verb has made, or that has to wait */
    struct spool spool;             /* what jobs have printed and memory is not for */
    struct {
        enum run_flow state;        /* of a result that is partly written: */
        struct bytes behind;        /* these come after it, each with its size in front */
        size_t at;                  /* and begin here */
        uint64_t steps;             /* so many were taken so far */
        struct ev_idle next;        /* active while the next can be taken */
    } flow;
    struct logsink *logs;
    struct observe observe;
    struct control control;
    struct reaper reaper;
    struct ev_prepare feed, turn_end;
    struct ev_idle spin;            /* active while there is more to feed: the loop does not sleep then */
    struct ev_io readable;          /* the input that has nothing now; active while it is waited for */
    struct ev_timer patience;       /* for the output, once the run has been interrupted */
    uint64_t patience_steps;        /* as many pieces of it as there were when that began */
    struct ev_timer stuck;          /* for the workers, likewise */

    int function;                   /* of -f, -1: none */
    struct {
        char name[HAY_FUNCTION_NAME_MAX + 1];
        size_t size;
        int index;                  /* -1: nothing looked up yet */
    } last;                         /* the function of the line before, which this line most often has too */
    struct hay_job job;             /* the line in hand, when `held` */
    uint64_t key;                   /* of the line last admitted, where the output is a journal */
    char default_id[24];

    size_t keyed;                   /* so many bytes of the args that the verb made count for the key */
    bool held;                      /* a job waits for room in the pool */
    bool pool_full, input_done, paused;
    bool crowded;                   /* no job is started: too much waits for its turn */
    bool stopping;                  /* read no more lines: a signal, a failure, a broken pool */
    bool refused;                   /* the input is not that of the journal */
    bool broken;                    /* the pool had to stop */
    bool lost;                      /* a result could not be written that others could be written after */
    bool abandoned;                 /* results can no longer be written: end now */
    bool is_stuck;                  /* an interrupted run has a worker that was killed and does not die */
    int64_t begin_ns, end_ns;
    uint64_t read;                  /* lines that became a job or a rejected result */
    uint64_t accepted, settled;     /* jobs */
    uint64_t by_outcome[HAY_OUTCOME_COUNT];
    uint64_t done_before, failed_before; /* of `read`: lines whose result is in the journal; of these, not ok */
};

/* The whole of a verb that runs jobs: its exit code. `state` is for its hooks. */
int run_verb(const struct run_verb *verb, void *state, int argc, char **argv);

/* -1, or the exit code after a fault or --help. run_options_release() is due in any case. */
int run_options_read(struct run_options *options, const struct run_verb *verb, void *state, int argc, char **argv);
void run_options_release(struct run_options *options);

/* Watchers that turn lines into jobs. */
void run_feed_start(struct run *run);
void run_feed_stop(struct run *run);
/* Something that feeding waited for has changed. */
void run_feed_wake(struct run *run);
/* The same at the end of a turn: what was written in it may have made room. */
void run_feed_look(struct run *run);
/* After a halt of an input that may never end: are there lines that were left unrun? */
void run_feed_left(struct run *run);
/* Are there lines that a halt has left, and that get their result without being run? */
bool run_feed_skips(const struct run *run);

/* Interrupted: its workers have the grace from now on, and a while more until they are given up. */
void run_expect_end(struct run *run);
/* For an idle watcher: while it is active the loop does not sleep, and what a turn of it does goes on. */
void run_on_idle(struct ev_loop *loop, struct ev_idle *watcher, int events);
/* How many results this run has, of whatever outcome. */
uint64_t run_results(const struct run *run);
/* Count a result and write it. */
void run_record(struct run *run, const struct hay_result *result, uint64_t seq);
/* The result of a job that will not run. */
void run_skip(struct run *run, const struct hay_job *job, uint64_t seq, const char *reason);

/* Results on their way out: at once, or in their turn under --keep-order. */
int run_write_open(struct run *run, int stdout_fd);
void run_write(struct run *run, const struct hay_result *result, uint64_t seq, unsigned flags);
/* This place in the input has no result in this run. */
void run_write_none(struct run *run, uint64_t seq);
/* Write what has waited for its turn, as far as the output takes it; `all`: however full it is. */
void run_write_flush(struct run *run, bool all);
/* Is the consumer so far behind that nothing more should be produced? Has it caught up with most of that? And is anything
 * unwritten, of what could be written now? */
bool run_write_is_full(const struct run *run);
bool run_write_is_low(const struct run *run);
size_t run_write_pending(const struct run *run);
void run_write_close(struct run *run);

/* Something that the run cannot do without is not to be had: it is said, and nothing more is started. */
void run_give_up(struct run *run, const char *reason);
/* The inputs, to be read as the options say. As input_open(). */
bool run_open_input(const struct run_options *options, struct input *input, int stdin_fd);
/* --dry-run: show each job and run none. The exit code. */
int run_dry(struct run *run);
/* Make run->job of a line and hold it; or record it as rejected. */
void run_feed_line(struct run *run, const struct input_line *line);
/* The id that a job line gives itself, read before its first fault and whole; else NULL. */
struct hay_span run_line_id(const struct input_line *line);

/* Before the file of -o is opened, which waits where it is a pipe: can a run go on with it? CLI_OK, or an exit code after a
 * message. */
int run_journal_check(const struct run_options *options);
/* The file of -o as the journal: lock and read it. CLI_OK, or an exit code when the fault has been said. */
int run_journal_open(struct run *run);
/* The next line of the input, by what is run of it: its key is in run->key then. False: it is dealt with, being done or not what
 * it was. */
bool run_journal_admit(struct run *run, const struct input_line *line, struct hay_span bytes);
/* The line just admitted takes its function from the command line. */
void run_journal_name(struct run *run);
/* The input has ended: was it long enough? */
void run_journal_end(struct run *run);

/* No file may be two things at once: is the one that was opened as `path`, where that is not NULL, nothing else? CLI_OK, or the
 * exit code when it has been said. */
int run_observe_check(const struct run *run, const char *path, const struct stream *stream);
/* Joblog, trace, progress, SIGUSR1 and figures. Open the files: CLI_OK, or an exit code when the fault has been said. Then begin
 * them. */
int run_observe_open(struct run *run);
void run_observe_start(struct run *run);
void run_observe_result(struct run *run, const struct hay_result *result, uint64_t seq);
/* A line that a worker printed. */
void run_observe_log(struct run *run, int worker, const char *line, size_t size);
/* The loop is about to sleep. */
void run_observe_turn(struct run *run);
/* A log is so far behind that nothing more should be produced. */
bool run_observe_is_full(const struct run *run);
/* The workers have ended, and the pool still is there to be asked. */
void run_observe_settled(struct run *run);
/* All is recorded: close the files, leave the terminal. The figures stay until they are released. */
void run_observe_finish(struct run *run);
void run_observe_release(struct run *run);
void run_summary(const struct run *run, const struct hay_pool_stats *stats);

#endif
