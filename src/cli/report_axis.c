/* SPDX-License-Identifier: MIT
 *
 * The bins of all rows share one width and one range. Growing the range is free, because a bin's place is its number modulo the
 * count; when the range would exceed the count, every row is folded to bins of twice the width. An interval is spread over the
 * bins that it touches by its share of each. Clocks that step back make slots that are busier than time allows; whoever
 * draws them caps the share.
 */
#include "cli/report_axis.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AXIS_SHIFT_LEAST 10
#define AXIS_CUT_REST 50            /* what may stay of an idle stretch: a 50th of the whole */
#define AXIS_CUT_LEAST_NS (INT64_C(60) * 1000000000)

static inline size_t axis_modulo(int64_t bin)
{
    return (size_t)((uint64_t)bin % AXIS_BINS);
}

static void axis_fold_row(const struct axis *axis, struct axis_row *row)
{
    uint64_t busy[AXIS_BINS] = {0};
    uint32_t done[AXIS_BINS] = {0}, failed[AXIS_BINS] = {0};
    for (int64_t bin = axis->low; bin <= axis->high; bin++) {
        size_t from = axis_modulo(bin), to = axis_modulo(bin >> 1);
        busy[to] += row->bin_busy_ns[from];
        done[to] += row->bin_done[from];
        failed[to] += row->bin_failed[from];
    }
    memcpy(row->bin_busy_ns, busy, sizeof busy);
    memcpy(row->bin_done, done, sizeof done);
    memcpy(row->bin_failed, failed, sizeof failed);
}

static void axis_fold(struct axis *axis)
{
    axis_fold_row(axis, &axis->total);
    for (size_t i = 0; i < axis->count; i++)
        axis_fold_row(axis, axis->rows[i]);
    axis->low >>= 1;
    axis->high >>= 1;
    axis->shift++;
}

static void axis_reach(struct axis *axis, int64_t begin_ns, int64_t end_ns)
{
    if (!axis->any) {
        axis->any = true;
        axis->shift = AXIS_SHIFT_LEAST;
        axis->low = axis->high = begin_ns >> axis->shift;
        axis->first_ns = begin_ns;
        axis->last_ns = end_ns;
    }
    if (begin_ns < axis->first_ns)
        axis->first_ns = begin_ns;
    if (end_ns > axis->last_ns)
        axis->last_ns = end_ns;
    while ((axis->last_ns >> axis->shift) - (axis->first_ns >> axis->shift) >= AXIS_BINS)
        axis_fold(axis);
    axis->low = axis->first_ns >> axis->shift;
    axis->high = axis->last_ns >> axis->shift;
}

static struct axis_row *axis_row(struct axis *axis, int64_t slot)
{
    size_t low = 0, high = axis->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (axis->rows[middle]->slot == slot)
            return axis->rows[middle];
        if (axis->rows[middle]->slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    if (axis->count == AXIS_SLOTS)
        return axis->rows[AXIS_SLOTS - 1];
    struct axis_row *row = calloc(1, sizeof *row);
    if (!row)
        return NULL;
    row->slot = slot;
    memmove(axis->rows + low + 1, axis->rows + low, (axis->count - low) * sizeof(struct axis_row *));
    axis->count++;
    return axis->rows[low] = row;
}

static void axis_put(const struct axis *axis, struct axis_row *row, int64_t begin_ns, int64_t end_ns, bool failed)
{
    int64_t first = begin_ns >> axis->shift, last = end_ns >> axis->shift;
    for (int64_t bin = first; bin <= last; bin++) {
        uint64_t from = bin == first ? (uint64_t)begin_ns : (uint64_t)bin << axis->shift;
        uint64_t to = bin == last ? (uint64_t)end_ns : ((uint64_t)bin + 1) << axis->shift;
        row->bin_busy_ns[axis_modulo(bin)] += to - from;
    }
    row->bin_done[axis_modulo(last)]++;
    row->bin_failed[axis_modulo(last)] += failed;
    row->jobs++;
    row->failed += failed;
    row->busy_ns += (uint64_t)end_ns - (uint64_t)begin_ns;
}

int axis_add(struct axis *axis, int64_t slot, int64_t begin_ns, int64_t end_ns, bool failed)
{
    begin_ns = axis_time(axis, begin_ns);
    end_ns = axis_time(axis, end_ns);
    struct axis_row *row = axis_row(axis, slot);
    if (!row)
        return -ENOMEM;
    axis_reach(axis, begin_ns, end_ns);
    axis_put(axis, row, begin_ns, end_ns, failed);
    axis_put(axis, &axis->total, begin_ns, end_ns, failed);
    return 0;
}

int64_t axis_time(const struct axis *axis, int64_t real_ns)
{
    int64_t time_ns = real_ns;
    for (size_t i = 0; i < axis->cut_count; i++)
        if (real_ns > axis->cuts[i].begin_ns)
            time_ns -= axis->cuts[i].length_ns;
    return time_ns;
}

static int64_t axis_real(const struct axis *axis, int64_t time_ns)
{
    for (size_t i = 0; i < axis->cut_count; i++)
        if (time_ns > axis->cuts[i].begin_ns)
            time_ns += axis->cuts[i].length_ns;
    return time_ns;
}

/* The longest stretch of empty bins, as the numbers of its first and of the one after its last. */
static void axis_idle(const struct axis *axis, int64_t *from, int64_t *to)
{
    int64_t begin = axis->low;
    *from = *to = axis->low;
    for (int64_t bin = axis->low; bin <= axis->high; bin++) {
        size_t at = axis_modulo(bin);
        if (axis->total.bin_busy_ns[at] || axis->total.bin_done[at])
            begin = bin + 1;
        else if (bin + 1 - begin > *to - *from) {
            *from = begin;
            *to = bin + 1;
        }
    }
}

/* The time where a bin begins; of one before the epoch it is negative, and so is its number. */
static int64_t axis_begin(const struct axis *axis, int64_t bin)
{
    return (int64_t)((uint64_t)bin << axis->shift);
}

bool axis_cut(struct axis *axis)
{
    int64_t from, to;
    if (!axis->any || axis->cut_count == AXIS_CUTS)
        return false;
    axis_idle(axis, &from, &to);
    int64_t begin_ns = axis_real(axis, axis_begin(axis, from)), end_ns = axis_real(axis, axis_begin(axis, to));
    bool widens = end_ns - begin_ns > (to - from) << axis->shift; /* a cut already there was found with wide bins */
    if (to - from < 2 || (to - from) * (widens ? AXIS_CUT_REST : 2) < axis->high - axis->low)
        return false;
    if (!widens && (to - from) << axis->shift < AXIS_CUT_LEAST_NS)
        return false;
    struct axis_cut cut = { begin_ns, end_ns - begin_ns };
    size_t at = axis->cut_count;
    for (size_t i = 0; i < axis->cut_count; i++) {
        struct axis_cut *other = &axis->cuts[i];
        if (other->begin_ns >= begin_ns && other->begin_ns + other->length_ns <= end_ns)
            at = i;
    }
    if (at == axis->cut_count)
        for (axis->cut_count++; at && axis->cuts[at - 1].begin_ns > begin_ns; at--)
            axis->cuts[at] = axis->cuts[at - 1];
    axis->cuts[at] = cut;
    axis_clear(axis);
    return true;
}

void axis_clear(struct axis *axis)
{
    for (size_t i = 0; i < axis->count; i++)
        free(axis->rows[i]);
    axis->count = 0;
    axis->any = false;
    memset(&axis->total, 0, sizeof axis->total);
}
