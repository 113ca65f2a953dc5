/* SPDX-License-Identifier: MIT
 *
 * Inside the fault plugin: one act is one thing that a bad plugin may do. The acts are spread over files by what they harm.
 */
#ifndef FAULT_H
#define FAULT_H

#include <hayfork/plugin.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ACT_WORDS 4

/* What an act says about the rest of its job. */
enum act_end {
    ACT_GO_ON,   /* run the next act */
    ACT_DONE,    /* return 0 to the host; the result was given */
    ACT_FAILED,  /* return -1 to the host */
};

/* Words that are absent are "". */
typedef enum act_end act_fn(hay_task *task, const char *const words[ACT_WORDS]);

struct act {
    const char *name;
    act_fn *run;
};

extern const struct act acts_of_life[];    /* signals, exits, loops, memory */
extern const struct act acts_of_output[];  /* results and prints */
extern const struct act acts_of_family[];  /* children, threads, the surroundings of the process */
extern const struct act acts_of_war[];     /* the pipe and the ledger */

long word_number(const char *word, long otherwise);
/* Find the ledger: once in each worker. Then note what it says of the job that begins: first of all in each job. */
void war_prepare(void);
void war_begin(void);
/* Say nonsense of the hook that runs. */
void war_lie(void);

/* Wait until a signal ends the process. */
_Noreturn void wait_for_ever(void);
/* Call `use` for each descriptor from 3 up that is a socket: the pipe to the master, which a plugin is not told about. */
void each_socket(void (*use)(int fd, void *context), void *context);

#endif
