/* SPDX-License-Identifier: MIT
 *
 * Time in bins: how busy each slot was, and how many jobs ended, in at most AXIS_BINS bins that double their width whenever a
 * time falls outside, to either side. Times may come in any order and may be any number. Long idle stretches are cut out of the
 * axis: a run that was resumed the next morning keeps its detail.
 */
#ifndef CLI_REPORT_AXIS_H
#define CLI_REPORT_AXIS_H

#include <hayfork/pool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AXIS_BINS 512
#define AXIS_SLOTS HAY_POOL_MAX_WORKERS /* whatever is above shares the last */
#define AXIS_CUTS 8

struct axis_row {
    int64_t slot;
    uint64_t jobs, failed, busy_ns;
    uint64_t bin_busy_ns[AXIS_BINS];
    uint32_t bin_done[AXIS_BINS], bin_failed[AXIS_BINS];
};

struct axis_cut {
    int64_t begin_ns, length_ns;    /* in real time */
};

struct axis {
    int shift;              /* a bin is 2^shift ns wide */
    int64_t low, high;      /* numbers of the bins in use; bin b stands at b modulo AXIS_BINS */
    bool any;
    int64_t first_ns, last_ns;      /* cuts taken out */
    struct axis_row total, *rows[AXIS_SLOTS];  /* by slot */
    size_t count;
    struct axis_cut cuts[AXIS_CUTS];
    size_t cut_count;
};

/* 0 or -ENOMEM. `end_ns` is not before `begin_ns`. */
int axis_add(struct axis *axis, int64_t slot, int64_t begin_ns, int64_t end_ns, bool failed);
/* A real time as a time with the cuts taken out. */
int64_t axis_time(const struct axis *axis, int64_t real_ns);
/* Look for idle stretches that would hide everything else. True: cuts were found, the counts are void, and all is to be
 * added again. */
bool axis_cut(struct axis *axis);
/* Forget what was added, keep the cuts. */
void axis_clear(struct axis *axis);

static inline uint64_t axis_span(const struct axis *axis)
{
    return axis->any ? (uint64_t)axis->last_ns - (uint64_t)axis->first_ns : 0;
}

/* How many bins are in use, and the place of the i-th of them. */
static inline size_t axis_bins(const struct axis *axis)
{
    return axis->any ? (size_t)(axis->high - axis->low) + 1 : 0;
}

static inline size_t axis_place(const struct axis *axis, size_t i)
{
    return (size_t)((uint64_t)axis->low + i) % AXIS_BINS;
}

#endif
