/* SPDX-License-Identifier: MIT
 *
 * The lines of a file from the last to the first, so that the newest result of a job is met first. The size is taken once at the
 * beginning: a run may go on appending meanwhile. What cannot be read backwards (a pipe) is copied to an unnamed file first.
 */
#ifndef CLI_REPORT_LINES_H
#define CLI_REPORT_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <stdint.h>

struct lines {
    int fd;
    off_t size;         /* of the file */
    off_t at;           /* of the first byte in the buffer */
    char *buffer;
    size_t end, capacity;
    bool last, ended;   /* the next line is the file's last; all were handed out */
};

struct lines_line {
    const char *at;     /* good until the next call; no line end, no CR before it, no BOM */
    size_t size;
    off_t offset;
    bool torn;          /* the last one, and it has no line end */
};

/* `path` NULL: stdin. 0 or -errno; lines_close() is due in any case. */
int lines_open(struct lines *lines, const char *path);
/* Start again at the end of the file. */
void lines_rewind(struct lines *lines);
/* 1 with a line, 0 when there are no more, -errno. -EFBIG: a line that no run writes. -ESTALE: the file was cut meanwhile. */
int lines_previous(struct lines *lines, struct lines_line *line);
/* The number of the line that begins at `offset`, from 1; 0 when that cannot be read. */
uint64_t lines_number(const struct lines *lines, off_t offset);
/* Read the beginning of the file: bytes, or -errno. */
ssize_t lines_head(const struct lines *lines, char *bytes, size_t size);
void lines_close(struct lines *lines);

#endif
