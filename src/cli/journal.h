/* SPDX-License-Identifier: MIT
 *
 * The file of -o as the journal of a run. Each of its lines carries the place of the job's line in the input (seq) and a hash of
 * what was to be run (key), so that a later run can tell what is done, and that the input is still the one it was. The file is
 * locked for the run. 9 bytes of memory for each finished job, in areas that workers do not inherit.
 */
#ifndef CLI_JOURNAL_H
#define CLI_JOURNAL_H

#include "cli/filesync.h"
#include "cli/options.h"
#include "cli/pages.h"

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct journal_options {
    bool resume;        /* go on where FILE ends; the other two bring it along */
    bool changed;       /* run lines again that are no more what they were */
    bool failed;        /* run again what did not end ok */
    bool is_sync;       /* --sync was given */
    enum filesync_level sync;
};

/* Keys of its options, and their rows for a table. */
enum {
    JOURNAL_RESUME = 1024,
    JOURNAL_RESUME_CHANGED,
    JOURNAL_RETRY_FAILED,
    JOURNAL_SYNC,
};
#define JOURNAL_SPECS \
    { JOURNAL_RESUME, "resume", false }, { JOURNAL_RESUME_CHANGED, "resume-changed", false }, \
        { JOURNAL_RETRY_FAILED, "retry-failed", false }, { JOURNAL_SYNC, "sync", true }

/* One of the options above; false after a fault. */
bool journal_option(struct journal_options *options, const struct options *reader, int key);
/* Do they fit `output`, the value of -o? False after a fault. */
bool journal_check(const struct journal_options *options, const char *output);

enum journal_verdict {
    JOURNAL_RUN,        /* it has no result that counts */
    JOURNAL_DONE,
    JOURNAL_CHANGED,    /* its result is that of another line */
};

/* All zero: none. */
struct journal {
    const struct journal_options *options;
    const char *path;
    bool is_kept;           /* results are written with seq and key */
    struct pages keys;      /* of each place with a result, the newest */
    struct pages states;    /* a byte each: 0, or the outcome + 1 */
    uint64_t last;          /* the last place with a result */
    uint64_t function;      /* hash of the function's name that lines take from the command line */
};

/* Lock the file that `fd` has open for writing; read it where the options say so, and cut off a line that a killed run left
 * unfinished. With `fd` -1 nothing is locked or cut, and there need not be a file. CLI_OK, or an exit code when the fault has
 * been said. */
int journal_open(struct journal *journal, const struct journal_options *options, const char *path, int fd);
void journal_close(struct journal *journal);

/* For lines that name no function: this one is theirs. */
void journal_set_function(struct journal *journal, const char *name);
/* What is run: a line without its end, or what a verb has made of it. */
uint64_t journal_hash(const char *bytes, size_t size);
/* The key of a line that takes its function from the command line; that of any other is the hash itself. */
uint64_t journal_key(const struct journal *journal, uint64_t hash);

/* What came of the line at `seq`? HAY_OUTCOME_COUNT: nothing yet. */
enum hay_outcome journal_outcome(const struct journal *journal, uint64_t seq);
/* Is the newest result of the job with this key that it was skipped? */
bool journal_was_skipped(const struct journal *journal, uint64_t seq, uint64_t key);
/* Is there anything to do for the line at `seq`? */
enum journal_verdict journal_look(const struct journal *journal, uint64_t seq, uint64_t hash);

#endif
