/* SPDX-License-Identifier: MIT
 *
 * The words of a command with places for lines, or all of them as one shell script: what exec.run gets as "argv" or "shell", and
 * from that back to what a shell would take. A text that is not UTF-8 goes in base64.
 */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "cli/bytes.h"
#include "cli/template.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct words {
    struct template *templates; /* of the words, or of the one script */
    size_t count;
    size_t places;              /* in which all lines of a job stand */
    uint32_t last_line;         /* the highest that a place asks for by its number */
    bool shell;
    bool is_binary;             /* a word is not UTF-8 */
    struct bytes word;          /* in hand */
};

/* A job: a line, or several with a NUL between any two. */
struct words_job {
    struct hay_span text;
    uint64_t number;
    bool is_row;                /* a line that is not there is an empty one: else a word with nothing else is left out */
    bool is_binary;             /* the text is not UTF-8 */
};

struct words_style {
    bool shell;                 /* they are one script */
    bool is_for_lines;          /* a command without any place gets one at its end; else places of a line are text */
    const char *place;          /* as in struct template_syntax */
};

/* Of `count` words, which have to outlive it. False: out of memory. */
bool words_parse(struct words *words, const char *const *given, size_t count, const struct words_style *style);
void words_release(struct words *words);

/* What execve(2) counts of a command at most: its own words, and for each byte of its lines, their ends included, so many. */
struct words_cost {
    size_t own, per_byte;
};

struct words_cost words_cost(const struct words *words);

/* The columns of a line, between any two of which stands the separator, as several lines of a job. */
struct hay_span words_split(struct hay_span line, const char *separator, struct bytes *columns);
/* The command of the job, as the first members of an object. */
void words_put(struct words *words, const struct words_job *job, struct bytes *args);
/* The command in the args that begin with it, as a shell would take it. */
void words_show(struct words *words, struct hay_span args, struct bytes *text);

#endif
