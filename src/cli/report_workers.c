/* SPDX-License-Identifier: MIT
 *
 * The timeline of the workers: each job as a bar where there are few, else how busy each worker was in each bin, in ten shades,
 * with red at the foot where jobs failed. More than WORKERS_ROWS workers share rows. Neighbouring bins of one shade are one
 * piece of one path, so the size is bounded by rows and bins alone.
 */
#include "cli/report_charts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_ROWS 64
#define WORKERS_LABELS 24
#define WORKERS_SHADES 10
#define WORKERS_REDS 3
#define WORKERS_WIDTH 10000

struct workers {
    const struct axis *axis;
    size_t rows, of_row;    /* rows drawn, workers of each */
    int row_px, gap_px;
};

static int workers_compare(const void *a, const void *b)
{
    const struct data_slice *first = a, *second = b;
    if (first->slot != second->slot)
        return first->slot < second->slot ? -1 : 1;
    return first->begin_ns < second->begin_ns ? -1 : first->begin_ns > second->begin_ns;
}

static size_t workers_row(const struct workers *workers, int64_t slot)
{
    size_t low = 0, high = workers->axis->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (workers->axis->rows[middle]->slot <= slot)
            low = middle;
        else
            high = middle;
    }
    return low / workers->of_row;
}

static void workers_slice(struct html *html, const struct workers *workers, const struct data_slice *slice, size_t row, bool odd)
{
    const struct axis *axis = workers->axis;
    double scale = WORKERS_WIDTH / (double)axis_bins(axis) / (double)(UINT64_C(1) << axis->shift);
    int64_t begin_ns = axis_time(axis, slice->begin_ns);
    double x = ((double)begin_ns - (double)axis->low * (double)(UINT64_C(1) << axis->shift)) * scale;
    double width = (double)slice->run_ns * scale;
    html_format(html, "<rect class=\"%s%s\" x=\"%.0f\" y=\"%zu\" width=\"%.0f\" height=\"%d\"><title>job ",
                data_is_failure(slice->outcome) ? "bad" : "ok", odd ? " odd" : "", x, row * (size_t)workers->row_px,
                width < 12 ? 12 : width, workers->row_px - workers->gap_px);
    if (slice->id_size)
        html_escape(html, slice->id, slice->id_size);
    else
        html_format(html, "%" PRIu64, slice->place);
    html_format(html, ": %s, %s</title></rect>\n", hay_outcome_name(slice->outcome), html_ran((uint64_t)slice->run_ns).at);
}

static void workers_slices(struct html *html, const struct workers *workers, struct data *data)
{
    qsort(data->slices, data->slice_count, sizeof data->slices[0], workers_compare);
    for (size_t i = 0; i < data->slice_count; i++)
        workers_slice(html, workers, &data->slices[i], workers_row(workers, data->slices[i].slot), i & 1);
}

static size_t workers_row_end(const struct workers *workers, size_t row)
{
    size_t end = (row + 1) * workers->of_row;
    return end < workers->axis->count ? end : workers->axis->count;
}

/* How much of a bin belongs to the run: the first and the last begin and end inside theirs. */
static double workers_bin_ns(const struct axis *axis, size_t bin)
{
    uint64_t covered = plot_elapsed_ns(axis, bin + 1) - plot_elapsed_ns(axis, bin);
    return covered ? (double)covered : 1;
}

/* The shade of a row in a bin: 0 idle to WORKERS_SHADES. */
static int workers_busy(const struct workers *workers, size_t row, size_t bin)
{
    const struct axis *axis = workers->axis;
    size_t from = row * workers->of_row, to = workers_row_end(workers, row), place = axis_place(axis, bin);
    double busy_ns = 0;
    bool done = false;
    for (size_t i = from; i < to; i++) {
        busy_ns += (double)axis->rows[i]->bin_busy_ns[place];
        done = done || axis->rows[i]->bin_done[place];
    }
    double share = busy_ns / (double)(to - from) / workers_bin_ns(axis, bin);
    int shade = (int)(share * WORKERS_SHADES + 0.5);
    return shade > WORKERS_SHADES ? WORKERS_SHADES : !shade && (done || busy_ns > 0) ? 1 : shade;
}

/* How red a row is in a bin: 0 without failures, 1 for up to a tenth of the jobs that ended there, 2 up to a half,
 * WORKERS_REDS above. */
static int workers_red(const struct workers *workers, size_t row, size_t bin)
{
    const struct axis *axis = workers->axis;
    size_t place = axis_place(axis, bin);
    uint64_t done = 0, failed = 0;
    for (size_t i = row * workers->of_row; i < workers_row_end(workers, row); i++) {
        done += axis->rows[i]->bin_done[place];
        failed += axis->rows[i]->bin_failed[place];
    }
    return !failed ? 0 : failed * 10 <= done ? 1 : failed * 2 <= done ? 2 : WORKERS_REDS;
}

/* All pieces of one shade as one path; those of a red stand at the foot of their row. */
static void workers_path(struct html *html, const struct workers *workers, int shade, bool red)
{
    size_t bins = axis_bins(workers->axis);
    int full = workers->row_px - workers->gap_px, height = red ? (full * (2 * shade - 1) + 4) / 5 : full;
    bool any = false;
    for (size_t row = 0; row < workers->rows; row++) {
        for (size_t bin = 0, begin; bin < bins; bin++) {
            for (begin = bin; bin < bins && (red ? workers_red : workers_busy)(workers, row, bin) == shade; bin++)
                ;
            if (bin == begin)
                continue;
            if (!any)
                html_format(html, "<path class=\"%s\" fill-opacity=\"%.2g\" d=\"", red ? "bad" : "ok",
                            red ? 0.55 + 0.15 * shade : 0.1 + 0.9 * shade / WORKERS_SHADES);
            any = true;
            html_format(html, "M%zu %zuh%zuv%dh-%zuz", begin, row * (size_t)workers->row_px + (size_t)(full - height),
                        bin - begin, height, bin - begin);
        }
    }
    html_add(html, any ? "\"/>\n" : "");
}

struct workers_sum {
    char name[64];          /* the worker, or the first and the last */
    uint64_t jobs, failed;
    double busy;
};

static struct workers_sum workers_sum(const struct workers *workers, size_t row)
{
    const struct axis *axis = workers->axis;
    size_t from = row * workers->of_row, to = workers_row_end(workers, row);
    int64_t first = axis->rows[from]->slot, last = axis->rows[to - 1]->slot;
    struct workers_sum sum = { .jobs = 0 };
    double busy_ns = 0, span = (double)axis_span(axis) * (double)(to - from);
    for (size_t i = from; i < to; i++) {
        sum.jobs += axis->rows[i]->jobs;
        sum.failed += axis->rows[i]->failed;
        busy_ns += (double)axis->rows[i]->busy_ns;
    }
    sum.busy = span > 0 && busy_ns < span ? busy_ns / span : 1;
    if (first == last)
        snprintf(sum.name, sizeof sum.name, "%" PRId64, first);
    else
        snprintf(sum.name, sizeof sum.name, "%" PRId64 "–%" PRId64, first, last);
    return sum;
}

static void workers_shades(struct html *html, const struct workers *workers)
{
    for (int shade = 1; shade <= WORKERS_SHADES; shade++)
        workers_path(html, workers, shade, false);
    for (int red = 1; red <= WORKERS_REDS; red++)
        workers_path(html, workers, red, true);
    for (size_t row = 0; row < workers->rows; row++) {
        struct workers_sum sum = workers_sum(workers, row);
        html_format(html, "<path class=\"pad\" d=\"M0 %zuh%zuv%dh-%zuz\"><title>worker %s: %s busy, %s, %s failed</title></path>"
                    "\n", row * (size_t)workers->row_px, axis_bins(workers->axis), workers->row_px, axis_bins(workers->axis),
                    sum.name, html_percent(sum.busy, 1).at, html_counted(sum.jobs, "job").at, html_count(sum.failed).at);
    }
}

static void workers_labels(struct html *html, const struct workers *workers)
{
    size_t step = (workers->rows + WORKERS_LABELS - 1) / WORKERS_LABELS;
    for (size_t row = 0; row < workers->rows; row += step) {
        struct workers_sum sum = workers_sum(workers, row);
        html_format(html, "<i class=\"row\" style=\"top:%zupx;height:%dpx\"><b>%s</b><em>%s</em></i>",
                    row * (size_t)workers->row_px, workers->row_px - workers->gap_px, sum.name,
                    step > 1 ? "" : html_percent(sum.busy, 1).at);
    }
}

static void workers_table(struct html *html, const struct workers *workers)
{
    plot_table_begin(html, "<th>Worker</th><th class=\"n\">Busy</th><th class=\"n\">Jobs</th><th class=\"n\">Failed</th>");
    for (size_t row = 0; row < workers->rows; row++) {
        struct workers_sum sum = workers_sum(workers, row);
        html_format(html, "<tr><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n", sum.name,
                    html_percent(sum.busy, 1).at, html_count(sum.jobs).at, html_count(sum.failed).at);
    }
    plot_table_end(html);
}

void chart_workers(struct html *html, struct data *data)
{
    const struct axis *axis = &data->axis;
    bool each = data->timed == data->slice_count;
    struct workers workers = { .axis = axis, .of_row = (axis->count + WORKERS_ROWS - 1) / WORKERS_ROWS };
    workers.rows = (axis->count + workers.of_row - 1) / workers.of_row;
    workers.row_px = workers.rows <= 16 ? 22 : workers.rows <= WORKERS_LABELS ? 16 : 8;
    workers.gap_px = workers.row_px > 8 ? 4 : 1;
    html_format(html, "<section><h2>What the workers did</h2><p>%s, %s busy on average.</p><figure>\n",
                html_counted(axis->count, "worker").at, html_percent(data_busy(data), 1).at);
    plot_begin(html, (int)workers.rows * workers.row_px, each ? WORKERS_WIDTH : (double)axis_bins(axis),
               each ? "Each job on the row of its worker, over the time of the run" :
               "How busy each worker was, over the time of the run");
    if (each)
        workers_slices(html, &workers, data);
    else
        workers_shades(html, &workers);
    plot_svg_end(html);
    workers_labels(html, &workers);
    plot_time(html, axis);
    plot_end(html);
    html_format(html, "<figcaption>%s%s On the left the worker%s, on the right how much of the time it ran jobs.</figcaption>\n",
                each ? "Each bar is one job." : "The fuller the colour, the busier.",
                axis->total.failed ? each ? " <span class=\"key bad\"></span>Red: it failed." :
                " <span class=\"key bad\"></span>Red: jobs failed there." : "", workers.of_row > 1 ? "s of a row" : "");
    workers_table(html, &workers);
    html_add(html, "</figure></section>\n");
}
