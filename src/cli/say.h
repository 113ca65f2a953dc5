/* SPDX-License-Identifier: MIT
 *
 * Messages to the person at the terminal: one line each on stderr, "hayfork VERB: …". Control characters are escaped, so that no
 * file name or plugin can break a line or drive the terminal. A stderr that takes nothing delays a message by a second at most.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* The verb that messages begin with; NULL: none. */
void say_verb(const char *verb);

__attribute__((format(printf, 1, 2)))
void say(const char *format, ...);

/* The same, then where to find help. Returns CLI_USAGE, so that `return say_usage("…");` reads well. */
__attribute__((format(printf, 1, 2)))
int say_usage(const char *format, ...);

/* Out of memory. Returns CLI_STOPPED. */
int say_no_memory(void);

/* A file cannot be opened for writing; one that was written to takes no more. `failure`: -errno. */
void say_unwritable(const char *path, int failure);
void say_written_no_further(const char *path, int failure);

/* Whole lines, as they are. */
void say_text(const char *text, size_t size);

/* Call this before anything is written to stderr, so that what is drawn there can be taken away; NULL: nothing. And call it
 * now; `in_line`: what will be written ends in the middle of a line. */
void say_curtain(void (*hide)(void *context, bool in_line), void *context);
void say_make_way(bool in_line);

/* Copy text with control characters written as \n, \t or \x1b; cut to fit with "…". Returns `out`. */
char *say_escape(char *out, size_t capacity, const char *text, size_t size);

/* Standard output, which is `stream`, is complete: flush it, and report what could not be written. Returns `code`, or CLI_OUTPUT.
 * errno still has to be that of the last write: who prints in a loop ends it where ferror() says so. */
int say_stream_done(FILE *stream, int code);

#endif
