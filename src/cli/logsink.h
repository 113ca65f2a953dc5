/* SPDX-License-Identifier: MIT
 *
 * Lines that workers print, on their way to stderr. The buffer is bounded: when stderr is not read, lines are dropped and
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
    bool blocked;
    uint64_t dropped;       /* lines */
    size_t start, end;
    char bytes[LOGSINK_SIZE];
};

/* Ownership: logsink_close(). NULL when memory is out. */
struct logsink *logsink_open(struct ev_loop *loop);
void logsink_line(struct logsink *sink, const char *line, size_t size);
void logsink_flush(struct logsink *sink);
/* Flush, waiting a second at most for a reader; returns how many lines were dropped. NULL is fine. */
uint64_t logsink_close(struct logsink *sink);

#endif
