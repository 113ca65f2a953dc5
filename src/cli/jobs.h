/* SPDX-License-Identifier: MIT
 *
 * How many workers `-j` asks for: `N`, `N%` of the CPUs at hand, `+N` or `-N` more or fewer than those, and `@FILE`, a file that
 * holds one of these and is read again when it changes, so that a long run can be given more room or less.
 */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include <ev.h>
#include <stdbool.h>

struct jobs_file {
    const char *path;
    struct ev_timer look;
    int workers;                /* as it was last read */
    int bad_looks;              /* in a row: at the first it may be being written */
    void (*on_change)(void *context, int workers);
    void *context;
};

/* 1 to HAY_POOL_MAX_WORKERS; what comes out below 1 is 1, as with GNU parallel. False: not one of the forms (or, for `N` itself,
 * out of range). */
bool jobs_parse(const char *text, int cpus, int *workers);
/* The first line of the file. False after it has been said what is wrong. */
bool jobs_read(const char *path, int *workers);
/* Look once a second, and call back when the file says another number than `workers`; what cannot be read at two looks is said,
 * and the last number stays. */
void jobs_watch(struct jobs_file *file, struct ev_loop *loop, const char *path, int workers,
                void (*on_change)(void *context, int workers), void *context);
void jobs_unwatch(struct jobs_file *file, struct ev_loop *loop);

#endif
