/* SPDX-License-Identifier: MIT
 *
 * What a worker prints: read from its log pipe in bounded bites and handed up line by line, each cut at LOG_LINE_MAX. A
 * worker that prints without end costs the loop one bite a turn. The last line is kept, for the message of a death, and up to
 * when all that was printed has been handed up, so that nobody takes a job's line for the next one's.
 */
#ifndef MASTER_LOGPIPE_H
#define MASTER_LOGPIPE_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOG_LINE_MAX 4096

/* Of the loop: how many, and when the last two began to wait. */
struct log_turns {
    unsigned count;
    int64_t before_ns, last_ns;
};

struct log_pipe {
    struct ev_loop *loop;
    const struct log_turns *turns;
    ev_io readable;
    int fd;
    uint64_t owner;       /* the process: a child has a copy, and must not read what is its parent's */
    void *context;
    void (*on_line)(void *context, const char *line, size_t size);
    size_t bite_size;     /* of the next bite */
    unsigned turn;        /* in which there was something to read, the last time */
    int64_t read_ns;      /* all that was printed before has been read */
    int64_t line_ns;      /* the same when the line in hand began */
    int64_t ahead_ns;     /* and what was printed before this is within the next so many bytes, if there are any: */
    size_t ahead;
    int64_t newest_ns;    /* the newest bytes were printed before this */
    size_t used;          /* bytes of the unfinished line */
    bool is_cut;          /* the rest of this line is skipped */
    size_t cut_lines;
    size_t last_size;
    char last[160];       /* the newest line's beginning */
    char line[LOG_LINE_MAX];
};

/* Adopts the read end, which has to be non-blocking; borrows the turns. NULL without memory; the end is then the caller's
 * still. */
struct log_pipe *log_pipe_open(struct ev_loop *loop, const struct log_turns *turns, int fd, void *context,
                               void (*on_line)(void *context, const char *line, size_t size));
/* All that was printed before has been handed up; 0: not known. In on_line: but for this line. */
static inline int64_t log_pipe_read_ns(const struct log_pipe *log)
{
    return log->used ? log->line_ns : log->read_ns;
}
/* Read what is in the pipe now, and hand up an unfinished last line too. */
void log_pipe_drain(struct log_pipe *log);
/* The loop looks at it no more. All that is due in a child, of one that is its parent's. */
void log_pipe_leave(struct log_pipe *log);
void log_pipe_close(struct log_pipe *log);

#endif
