/* SPDX-License-Identifier: MIT
 *
 * A file that a run writes beside its results: opened before the run, filled through a buffer. Whoever owns it flushes now and
 * then. The first failure is said once and ends the writing of this file, never the run. A pipe whose reader takes nothing for
 * some seconds is such a failure.
 */
#ifndef CLI_LOGFILE_H
#define CLI_LOGFILE_H

#include "cli/stream.h"

#include <stdbool.h>
#include <stddef.h>

#define LOGFILE_SIZE ((size_t)256 << 10)

struct logfile {
    const char *path;       /* NULL: not open */
    struct stream stream;
    char *buffer;           /* LOGFILE_SIZE bytes */
    size_t start, end;      /* unwritten bytes */
    bool append, failed;
};

/* Open, and leave what is in it alone for now. 0 or -errno, which the user has been told. logfile_close() is due in any case. */
int logfile_open(struct logfile *file, const char *path, bool append);
/* Empty it, or with `append` cut a torn last line. False after a failure; `*empty` says whether nothing is in it now. */
bool logfile_begin(struct logfile *file, bool *empty);
/* Room for `size` bytes, LOGFILE_SIZE at most; what was written there counts from logfile_advance() on. NULL: write nothing
 * more. */
char *logfile_room(struct logfile *file, size_t size);
void logfile_flush(struct logfile *file);
/* Flush and close. */
void logfile_close(struct logfile *file);

static inline void logfile_advance(struct logfile *file, const char *end)
{
    file->end = (size_t)(end - file->buffer);
}

#endif
