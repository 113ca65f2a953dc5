/* SPDX-License-Identifier: MIT
 *
 * A file that a run writes beside its results: opened before the run, filled through a buffer, never waited for while the run
 * goes on. What a pipe does not take now stays in the buffer until the loop says that it does; whoever fills it asks
 * logfile_is_full(), and flushes now and then. The first failure is said once and ends the writing of this file, never the run. A
 * pipe whose reader takes nothing for some seconds is such a failure. A regular file ends with a whole record even then.
 */
#ifndef CLI_LOGFILE_H
#define CLI_LOGFILE_H

#include "cli/stream.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGFILE_SIZE ((size_t)256 << 10) /* what goes out at once, and is more than a row */

struct logfile {
    const char *path;       /* NULL: not open */
    struct stream stream;
    struct ev_loop *loop;
    struct ev_io writable;
    char *buffer;
    size_t capacity;
    size_t start, end;      /* unwritten bytes; a record begins where the buffer does */
    size_t lead;            /* of a record's bytes, those up to its line end where it begins with one; 0: it ends with one */
    int64_t blocked_ns;     /* since when it has taken nothing; 0: it takes what there is */
    bool append, failed;
};

/* Open, and leave what is in it alone for now. 0 or -errno, which the user has been told. logfile_close() is due in any case. */
int logfile_open(struct logfile *file, struct ev_loop *loop, const char *path, bool append);
/* Empty it, or with `append` cut a torn last line. False after a failure; `*empty` says whether nothing is in it now. */
bool logfile_begin(struct logfile *file, bool *empty);
/* Room for `size` bytes; what was written there counts from logfile_advance() on. NULL: write nothing
 * more. */
char *logfile_room(struct logfile *file, size_t size);
void logfile_flush(struct logfile *file);
/* Flush, with `patient` for as long as a reader takes something, and close. */
void logfile_close(struct logfile *file, bool patient);

/* The reader is so far behind that nothing more should be produced. */
static inline bool logfile_is_full(const struct logfile *file)
{
    return file->blocked_ns && file->end - file->start > LOGFILE_SIZE;
}

static inline void logfile_advance(struct logfile *file, const char *end)
{
    file->end = (size_t)(end - file->buffer);
}

#endif
