/* SPDX-License-Identifier: MIT
 *
 * The lists of arguments of `hayfork exec`: the words behind each ":::" of its command line, and the lines of each file behind
 * "::::". They become standard input, with a NUL behind each, and are read like other lines: of one list each word is one, of
 * several every combination has one word of each list, and the last list changes fastest, as in GNU parallel.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/stream.h"

#include <stdbool.h>
#include <stddef.h>

#define ARGUMENTS_LISTS 64

/* The files that lists were read from: closed again, but to be known by. */
struct arguments_files {
    struct stream streams[ARGUMENTS_LISTS];
    size_t count;
    bool have_stdin;            /* is one of them */
};

/* Where in `words` the first list begins, at its separator; `count`: there is none. */
size_t arguments_begin(const char *const *words, size_t count);
/* The file, where these words, of which the first is a separator, are but one list that is a file; else NULL. */
const char *arguments_only_file(const char *const *words, size_t count);
/* How many lists are in these words. */
size_t arguments_lists(const char *const *words, size_t count);
/* Make standard input of them. `nul_ended`: lines in files end with a NUL. `files` tells what was read. CLI_OK, or an exit code
 * after a message. */
int arguments_to_stdin(const char *const *words, size_t count, bool nul_ended, struct arguments_files *files);
/* Is it one of these? */
bool arguments_have_file(const struct arguments_files *files, const struct stream *stream);

#endif
