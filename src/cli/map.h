/* SPDX-License-Identifier: MIT
 *
 * What map and exec share, being verbs that make a job of any input line: whose id is the line or its number, and which lines
 * cannot be jobs.
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
/* Where a line has a byte that is no part of UTF-8 text, or a NUL; 0: nowhere. */
size_t map_bad_byte(struct hay_span line, char *reason, size_t capacity);

#endif
