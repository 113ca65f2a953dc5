/* SPDX-License-Identifier: MIT
 *
 * Result lines on their way to stdout or a file: collected in one buffer, written in large pieces, never blocking. What the
 * descriptor does not take now waits in the buffer until the loop says that it does; whoever fills it asks output_is_full().
 * The first failure ends all writing: later lines are dropped and `failure` stays.
 */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/filesync.h"
#include "cli/pages.h"
#include "cli/stream.h"

#include <hayfork/jobline.h>

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
    const char *path;       /* NULL: stdout */
    struct stream stream;
    struct ev_loop *loop;
    struct ev_io writable;
    struct pages buffer;
    size_t start, end;      /* unwritten bytes */
    size_t at;              /* where in the file they go, once something has been written, or: */
    bool is_ours;           /* the file is locked: nobody else writes to it, */
    bool is_named;          /* or takes its name away */
    bool blocked;           /* the descriptor took no more, or: */
    bool syncing;           /* what was written has to reach the disk first */
    struct filesync sync;
    bool on_terminal;       /* or set for stderr: what is drawn there makes way */
    void (*before)(void *context); /* NULL, or called before each write */
    void *context;
    int failure;            /* 0 or -errno: -EPIPE: the reader is gone; -ESTALE: others changed what is ours */
};

/* Open for writing, a file at its end. `path` NULL or "-": descriptor `stdout_fd`. 0 or -errno; output_close() is due in any
 * case. */
int output_open(struct output *output, struct ev_loop *loop, const char *path, int stdout_fd);
/* The file is locked: what is written is flushed to the disk from here on, and what others change is a failure in the end. */
void output_sync(struct output *output, enum filesync_level level);
void output_result(struct output *output, const struct hay_result *result, uint64_t seq, unsigned flags);
/* Bytes as they are: one or more whole results. */
void output_bytes(struct output *output, const char *bytes, size_t size);
/* Write what the descriptor takes. */
void output_flush(struct output *output);
/* Close it. What waits for a sync is written first; what else was not flushed is lost. 0 or -errno, which is the first failure
 * ever. */
int output_close(struct output *output);

static inline size_t output_pending(const struct output *output)
{
    return output->end - output->start;
}

/* The consumer is so far behind that nothing more should be produced. */
static inline bool output_is_full(const struct output *output)
{
    return output->blocked && output->end - output->start > ((size_t)1 << 20);
}

#endif
