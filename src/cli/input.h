/* SPDX-License-Identifier: MIT
 *
 * Job lines from a list of files and `-`, one after the other, without ever blocking. A line is handed out where it was read,
 * with no copy, and is good until the next call. CR before LF and a BOM at a file's start are removed, a missing last newline is
 * fine, lines of nothing but spaces and tabs are counted and not handed out. A line over CLI_LINE_MAX is handed out once as too
 * long, with its beginning; the rest of it is skipped without being kept. Lines may also be handed out as groups, copied.
 */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "cli/bytes.h"
#include "cli/pages.h"
#include "cli/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INPUT_GROUP_BYTES ((size_t)64 << 10) /* as a rule */

struct input_source {
    const char *path;       /* NULL: stdin */
    struct stream stream;
    off_t begin;            /* of stdin, where it is a file */
};

struct input_line {
    const char *at;
    size_t size;
    uint64_t number, file_number;   /* of a group's first line */
    const char *name;               /* the path, or "-" */
    bool too_long;
    uint64_t lines;                 /* 1, or as many as the group has */
};

struct input {
    struct input_source *sources;
    size_t count, current;
    struct pages buffer;
    size_t start, searched, end;    /* unread bytes are [start, end); no newline before `searched` */
    uint64_t number, file_number;   /* of the last line, through all inputs and in its file */
    uint64_t turn_bytes;            /* what may still be read in this turn */
    uint64_t read_bytes, total_bytes; /* so far; and of all inputs, 0 when one of them does not know its size */
    char line_end;                  /* newline or NUL */
    bool as_is;                     /* lines count as they are: empty, white space, CR, BOM, NUL */
    bool at_start, skipping, ended; /* of the current file: before its first line; inside a line too long; end seen */
    uint64_t group_lines;           /* so many make a group at most; 0: none are made */
    size_t group_bytes;             /* nor more than these, but for one line */
    char group_joint;               /* between any two of its lines */
    struct bytes group;
    struct input_line grouped;      /* what is in `group`; handed out when `lines` is 0 again */
    struct input_line next;         /* read, and not in the group; when `lines` is not 0 */
    const char *failed;             /* the source of a failure, as it stands in messages */
    int failure;                    /* -errno */
};

enum input_event {
    INPUT_LINE,
    INPUT_AGAIN,    /* nothing now: input_wait(), or wait until input_fd() is readable */
    INPUT_END,
    INPUT_FAILED,   /* see `failed` and `failure`; no more lines come */
};

/* Open all of `paths` before a byte is read; none: stdin, which is descriptor `stdin_fd`. False: see `failed` and `failure`.
 * input_close() is due in any case. */
bool input_open(struct input *input, const char *const *paths, int count, int stdin_fd);
enum input_event input_next(struct input *input, struct input_line *line);
/* After INPUT_AGAIN, for who has nothing else to do: wait, as long as it takes, or until a signal. What fails here is told by the
 * next input_next(). */
void input_wait(struct input *input);
/* Read no more than about `bytes` until the next call of this: then INPUT_AGAIN, though more may be there. Lines may be long,
 * blank or dropped without end. At first there is no bound. */
static inline void input_begin_turn(struct input *input, uint64_t bytes)
{
    input->turn_bytes = bytes;
}
/* Lines end with a NUL from here on, and only those without a byte are not handed out. Before the first line. */
void input_use_nul(struct input *input);
/* From here on this many lines are handed out at once with a NUL between any two, fewer at the end of all input or where they had
 * more than so many bytes. A line that is too long or has a NUL in it comes alone. */
void input_use_groups(struct input *input, uint64_t lines, size_t bytes);
/* The same for lines that count as they are, with what ends lines between any two. Before the first line. */
void input_use_blocks(struct input *input, uint64_t lines, size_t bytes);
/* Does it surely end? */
bool input_is_finite(const struct input *input);
/* Can all of it be opened and read once more? */
bool input_is_replayable(const struct input *input);
/* What input_open() takes as stdin to read all of it once more; -1: there is no stdin in it that is a file. The caller's. */
int input_stdin_again(const struct input *input);
int input_fd(const struct input *input);
/* Is the open file behind `stream` one of the inputs? Returns its name, or NULL. */
const char *input_same_file(const struct input *input, const struct stream *stream);
/* Why a line that is too long is rejected; returns the column of that. */
size_t input_explain_long(char *text, size_t capacity);
/* Tell the user what `failed`. Returns the exit code for it. */
int input_say_failure(const struct input *input);
void input_close(struct input *input);

#endif
