/* SPDX-License-Identifier: MIT
 *
 * The lists of arguments of `hayfork exec`: the words behind each ":::" of its command line. They become standard input, with a
 * NUL behind each, and are read like other lines: of one list each word is one, of several every combination has one word of each
 * list, and the last list changes fastest, as in GNU parallel.
 */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/* Where in `words` the first list begins, at its ":::"; `count`: there is none. */
size_t arguments_begin(const char *const *words, size_t count);
/* Make standard input of these, of which the first is a ":::". The number of lists, or 0 after a message. */
size_t arguments_to_stdin(const char *const *words, size_t count);

#endif
