/* SPDX-License-Identifier: MIT
 *
 * The results of exec.run as `hayfork exec` shows them: a command's stdout to stdout and its stderr to stderr, each in one piece
 * when it has ended, byte for byte; and what makes such a result a failure.
 */
#ifndef CLI_GROUPED_H
#define CLI_GROUPED_H

#include "cli/run.h"

/* A result in which the command did not exit 0, or printed too much, becomes an error; `reason` is where its message may stay.
 * The exit code or signal of an error that exec.run itself made of it is read from its message. */
void grouped_judge(struct hay_result *result, char *reason, size_t capacity);
/* The same of streams that are no base64. The message has the last words of stderr, and the value stays beside it. */
void grouped_judge_json(struct hay_result *result, char *reason, size_t capacity);
/* The two pieces with their sizes in front, which is what `write` takes. `command` is what to name in a message for people;
 * `tag`, in base64, is what each line of output begins with; NULL: nothing. */
size_t grouped_render(char *out, size_t capacity, const struct hay_result *result, struct hay_span command, struct hay_span tag);
void grouped_write(struct run *run, struct hay_span bytes);

#endif
