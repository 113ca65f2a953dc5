/* SPDX-License-Identifier: MIT
 *
 * The results of exec.run as `hayfork exec` shows them: a command's stdout to stdout and its stderr to stderr, each in one piece
 * when it has ended, byte for byte; and what makes such a result a failure.
 */
#ifndef CLI_GROUPED_H
#define CLI_GROUPED_H

#include "cli/bytes.h"
#include "cli/run.h"

/* A rendered result: this head, the tag, and the three pieces, of which those of the command can be in a file instead. */
enum grouped_part { GROUPED_STDOUT, GROUPED_STDERR, GROUPED_NOTE, GROUPED_PIECES, GROUPED_TAG = GROUPED_PIECES, GROUPED_PARTS };

struct grouped_head {
    uint64_t number;            /* of the job in the run */
    uint64_t sizes[GROUPED_PARTS];
    bool is_spooled[GROUPED_PIECES];
};

/* What is left of a result that is partly written. */
struct grouped_flow {
    struct bytes record;        /* as rendered */
    struct grouped_head head;
    struct hay_span tag;
    const char *at;             /* the next of the pieces that are in the record */
    int piece;
    int fd;                     /* of the piece, when that is in a file; -1: it was not begun */
    uint64_t left_bytes;        /* of that file */
    bool in_line;               /* what was written of the piece does not end with a newline */
};

/* A result in which the command did not exit 0, or printed too much, becomes an error; `reason` is where its message may stay.
 * The exit code or signal of an error that exec.run itself made of it is read from its message. */
void grouped_judge(struct run *run, struct hay_result *result, char *reason, size_t capacity);
/* The same of streams that are no base64. The message has the last words of stderr, and the value stays beside it. */
void grouped_judge_json(struct run *run, struct hay_result *result, char *reason, size_t capacity);
/* What `write` takes. `command` is what to name in a message for people; `tag`, in base64, is what each line of output begins
 * with; NULL: nothing. */
size_t grouped_render(char *out, size_t capacity, const struct hay_result *result, struct hay_span command, struct hay_span tag);
/* As the hooks `write` and `flow`. */
enum run_flow grouped_write(struct run *run, struct grouped_flow *flow, struct hay_span bytes);
enum run_flow grouped_continue(struct run *run, struct grouped_flow *flow);
void grouped_release(struct grouped_flow *flow);

#endif
