/* SPDX-License-Identifier: MIT
 *
 * Lines that workers print, on their way to stderr or a file. The buffer is bounded: when nobody reads, lines are dropped and
 * counted, and nobody waits.
 */
#ifndef CLI_LOGSINK_H
#define CLI_LOGSINK_H

#include "cli/stream.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGSINK_SIZE ((size_t)64 << 10)

struct logsink {
    struct ev_loop *loop;
    struct ev_io writable;
    struct stream stream;   /* fd -1: nobody can read */
    const char *path;       /* NULL: stderr */
    bool tagged;            /* for whoever fills it: say whose each line is */
    uint64_t dropped;       /* lines */
    size_t start, end;
    char bytes[LOGSINK_SIZE];
};

/* Ownership: logsink_close(). NULL when memory is out. */
struct logsink *logsink_open(struct ev_loop *loop);
/* Write to this file instead, before the first line. 0 or -errno, which the user has been told. */
int logsink_redirect(struct logsink *sink, const char *path);
/* Empty that file, if there is one. */
void logsink_begin(struct logsink *sink);
void logsink_line(struct logsink *sink, const char *line, size_t size);
void logsink_tagged_line(struct logsink *sink, const char *tag, const char *line, size_t size);
void logsink_flush(struct logsink *sink);
/* Flush, waiting a second at most for a reader; returns how many lines were dropped. NULL is fine. */
uint64_t logsink_close(struct logsink *sink);

/* Has stderr taken only a part of what is there? */
static inline bool logsink_is_pending(const struct logsink *sink)
{
    return !sink->path && sink->start < sink->end;
}

#endif
