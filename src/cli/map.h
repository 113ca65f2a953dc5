/* SPDX-License-Identifier: MIT
 *
 * What map and exec share, being verbs that make a job of any input line: whose id is the line or its number, which lines cannot
 * be jobs, and lists of arguments in place of lines.
 */
#ifndef CLI_MAP_H
#define CLI_MAP_H

#include "cli/run.h"

struct map_lines {
    bool id_is_line;            /* --id line */
    struct bytes id;
};

/* The value of --id; false after a fault. */
bool map_read_id(struct map_lines *lines, const struct options *reader);
/* Give run->job the line as its id, if so asked. False: out of memory. The line has to be UTF-8. */
bool map_make_id(struct map_lines *lines, struct run *run, struct hay_span line);
/* The list of arguments in these words becomes the input: a file's lines are read as those of other files, all else takes the
 * place of stdin, each argument as a line, which NUL ends because it may have newlines. CLI_OK, or an exit code after a
 * message. */
int map_take_list(struct run_options *options, const char *const *words, size_t count);
/* Where a line has a byte that is no part of UTF-8 text, or a NUL; 0: nowhere. */
size_t map_bad_byte(struct hay_span line, char *reason, size_t capacity);

#endif
