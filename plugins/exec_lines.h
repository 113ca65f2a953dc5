/* SPDX-License-Identifier: MIT
 *
 * What a command prints, passed on while it runs: whole lines, each with a tag in front where there is one, to a descriptor that
 * several workers share. They write in turn, under a lock that the death of its holder frees, so no line is within another. Only
 * of a line over 1 MiB the pieces may be apart. A last line without an end stays so.
 */
#ifndef PLUGINS_EXEC_LINES_H
#define PLUGINS_EXEC_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct exec_lines {
    int fd;                     /* -1: nothing is passed on */
    int lock_fd;                /* of a file that each of them locks while it writes */
    const char *tag;            /* borrowed */
    size_t tag_size;
    char *bytes;                /* of the line that has not ended yet, */
    size_t size, capacity;
    bool in_line;               /* of which some is written, being too long */
};

/* Both wait for a reader that is slow. 0 or errno; what could not be written is lost. The end is that of what was kept. */
int exec_lines_put(struct exec_lines *lines, const char *bytes, size_t size);
int exec_lines_end(struct exec_lines *lines);
void exec_lines_close(struct exec_lines *lines);

#endif
