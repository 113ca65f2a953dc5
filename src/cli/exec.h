/* SPDX-License-Identifier: MIT
 *
 * `hayfork exec` between its two halves: exec_options.c reads and checks what the command line asks for, exec.c makes a job of
 * each line and shows what came of it.
 */
#ifndef CLI_EXEC_H
#define CLI_EXEC_H

#include "cli/grouped.h"
#include "cli/map.h"
#include "cli/run.h"
#include "cli/words.h"

#define EXEC_FUNCTION "exec.run"
#define EXEC_OUTPUT_IN_MEMORY (UINT64_C(64) << 20) /* for result lines by default, else at most where there is no folder */
#define EXEC_UNSET UINT64_MAX
#define EXEC_FDS 64
#define EXEC_LIVE_FDS 3         /* copies of stdout and stderr, and the lock of lines */

struct exec {
    struct run_verb verb;
    struct option_list given;
    struct words words;
    bool shell, json, tag;
    bool ungroup;               /* commands print by themselves, */
    bool by_line;           /* or their lines are passed on as they come */
    bool pipe;                  /* lines are the command's standard input, */
    bool has_count;             /* as many as -n says */
    bool is_product;            /* a job has a word of each of several lists */
    const char *place;          /* what alone stands for the line; NULL: the braces */
    const char *separator;      /* of the columns of a line; NULL: it has none */
    uint64_t max_output;        /* EXEC_UNSET: not given */
    int inherited[EXEC_FDS + EXEC_LIVE_FDS]; /* descriptors that the commands have too, and those for live output */
    size_t inherited_count;     /* without the latter */
    struct bytes tail;          /* of the args of each job, from the first job on */
    struct bytes spool;         /* before that, a number between them; empty: all output stays in memory */
    struct map_lines lines;
    struct bytes args;          /* of the job in hand */
    struct bytes columns;       /* of the line in hand, each but the last with a NUL behind it */
    struct bytes shown;         /* of a command or a line, as people read it */
    char reason[1024];          /* of the result in hand */
    struct grouped_flow flow;
};

static inline bool exec_is_live(const struct exec *exec)
{
    return exec->ungroup || exec->by_line;
}

/* How much of each stream can be part of a result. */
static inline uint64_t exec_in_memory(const struct exec *exec)
{
    return exec->json || exec->max_output < EXEC_OUTPUT_IN_MEMORY ? exec->max_output : EXEC_OUTPUT_IN_MEMORY;
}

/* As of a verb, whose state is the exec. */
extern const struct option_spec exec_specs[];
bool exec_options_take(struct run_options *options, struct options *reader, int key);
int exec_options_check(struct run_options *options);

#endif
