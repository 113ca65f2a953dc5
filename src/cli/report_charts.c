/* SPDX-License-Identifier: MIT
 *
 * Throughput and job times. A bar that stands for anything is at least two pixels high: one failure in a million has to be
 * seen. Rates are per second of the time that a column covers of the run, so that the first and last columns tell no less
 * than others.
 */
#include "cli/report_charts.h"

#include <math.h>
#include <string.h>

#define CHARTS_HEIGHT 180
#define CHARTS_COLUMNS 128
#define CHARTS_TABLE 32
#define CHARTS_BARS 64
#define CHARTS_BARS_LEAST 9

struct column {
    uint64_t done, failed, from_ns, to_ns;
    double rate, seconds;
};

struct columns {
    struct column at[CHARTS_COLUMNS + 1];
    size_t count, bins;             /* bins of a column */
    double top;                     /* the highest rate */
};

static void charts_columns(const struct data *data, size_t most, struct columns *columns)
{
    const struct axis *axis = &data->axis;
    size_t bins = axis_bins(axis);
    *columns = (struct columns){ .bins = (bins + most - 1) / most };
    for (size_t i = 0; i < bins; i += columns->bins) {
        struct column *column = &columns->at[columns->count++];
        size_t end = i + columns->bins < bins ? i + columns->bins : bins;
        for (size_t bin = i; bin < end; bin++) {
            column->done += axis->total.bin_done[axis_place(axis, bin)];
            column->failed += axis->total.bin_failed[axis_place(axis, bin)];
        }
        column->from_ns = plot_elapsed_ns(axis, i);
        column->to_ns = plot_elapsed_ns(axis, end);
        double whole_s = (double)columns->bins * (double)(UINT64_C(1) << axis->shift) / 1e9;
        double covered_s = (double)(column->to_ns - column->from_ns) / 1e9;
        column->seconds = covered_s < whole_s / 2 ? whole_s / 2 : covered_s;
        column->rate = (double)column->done / column->seconds;
        if (column->rate > columns->top)
            columns->top = column->rate;
    }
}

static double charts_height(double number, double top)
{
    double height = top > 0 ? CHARTS_HEIGHT * number / top : 0;
    return number > 0 && height < 2 ? 2 : height;
}

static void charts_grid(struct html *html, double top, double step)
{
    for (int i = 0; i * step <= top * 1.0001; i++)
        plot_y(html, i * step / top, i ? html_short(i * step).at : "0");
}

static void charts_rate_bars(struct html *html, const struct columns *columns, double top, size_t bins)
{
    double gap = columns->count > 64 ? 0 : 0.12 * (double)columns->bins;
    for (size_t i = 0; i < columns->count; i++) {
        const struct column *column = &columns->at[i];
        double x = (double)(i * columns->bins), width = (double)columns->bins - gap;
        if (x + width > (double)bins)
            width = (double)bins - x;
        double all = charts_height(column->rate, top), bad = charts_height((double)column->failed / column->seconds, top);
        html_format(html, "<g class=\"hit\"><title>%s to %s: %s", html_duration(column->from_ns).at,
                    html_duration(column->to_ns).at, html_counted(column->done, "job").at);
        if (column->failed)
            html_format(html, ", %s failed", html_count(column->failed).at);
        html_format(html, "</title><path class=\"pad\" d=\"M%g 0h%zuv%dh-%zuz\"/>", x, columns->bins, CHARTS_HEIGHT,
                    columns->bins);
        if (column->done)
            html_format(html, "<path class=\"ok\" d=\"M%g %.1fh%.4gv%.1fh-%.4gz\"/>", x, CHARTS_HEIGHT - all, width, all, width);
        if (column->failed)
            html_format(html, "<path class=\"bad\" d=\"M%g %.1fh%.4gv%.1fh-%.4gz\"/>", x, CHARTS_HEIGHT - bad, width, bad, width);
        html_add(html, "</g>\n");
    }
}

static void charts_rate_table(struct html *html, const struct data *data)
{
    struct columns columns;
    charts_columns(data, CHARTS_TABLE, &columns);
    plot_table_begin(html, "<th>From</th><th>To</th><th class=\"n\">Jobs ended</th><th class=\"n\">Failed</th>"
                     "<th class=\"n\">Jobs per second</th>");
    for (size_t i = 0; i < columns.count; i++) {
        const struct column *column = &columns.at[i];
        html_format(html, "<tr><td>%s</td><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>"
                    "\n", html_duration(column->from_ns).at, html_duration(column->to_ns).at, html_count(column->done).at,
                    html_count(column->failed).at, html_short(column->rate).at);
    }
    plot_table_end(html);
}

void chart_throughput(struct html *html, const struct data *data)
{
    struct columns columns;
    size_t most = data->timed / 3 < 12 ? 12 : data->timed / 3 > CHARTS_COLUMNS ? CHARTS_COLUMNS : (size_t)(data->timed / 3);
    charts_columns(data, most, &columns);
    double step = plot_step(columns.top, 4), top = columns.top * 1.05;
    html_add(html, "<section><h2>Jobs per second</h2><figure>\n");
    plot_begin(html, CHARTS_HEIGHT, (double)axis_bins(&data->axis), "Jobs that ended per second, over the time of the run");
    charts_rate_bars(html, &columns, top, axis_bins(&data->axis));
    plot_svg_end(html);
    charts_grid(html, top, step);
    plot_time(html, &data->axis);
    plot_end(html);
    html_format(html, "<figcaption>Jobs that ended in each %s of the run%s.</figcaption>",
                html_duration((uint64_t)columns.bins << data->axis.shift).at,
                data->axis.total.failed ? "; <span class=\"key bad\"></span>failed ones in front" : "");
    charts_rate_table(html, data);
    html_add(html, "</figure></section>\n");
}

/* The bars of the histogram: whole numbers of buckets, of equal ratio. The first may stand for times of 0. */
struct bars {
    uint64_t at[CHARTS_BARS], most;
    size_t first, count, buckets;   /* the first bucket, and how many make a bar */
    bool zero;
};

static void charts_bars(const struct data *data, struct bars *bars)
{
    static const size_t widths[] = { 4, 5, 8, 10, 16, 20, 40, 80 };
    size_t low = DATA_BUCKETS, high = 0;
    *bars = (struct bars){ .zero = data->buckets[0] > 0 };
    for (size_t i = 1; i < DATA_BUCKETS; i++) {
        if (data->buckets[i]) {
            low = i < low ? i : low;
            high = i;
        }
    }
    if (low > high)
        low = high = 1 + 3 * DATA_PER_DECADE;
    /* Results tell microseconds, so below ten of them finer bars would leave teeth. */
    bool coarse = low < 1 + 4 * DATA_PER_DECADE;
    for (size_t i = coarse ? 5 : 0; i < sizeof widths / sizeof widths[0]; i++) {
        bars->buckets = widths[i];
        bars->first = (low - 1) / bars->buckets * bars->buckets + 1;
        bars->count = (high - bars->first) / bars->buckets + 1 + bars->zero;
        if (bars->count <= 36)
            break;
    }
    for (; bars->count < CHARTS_BARS_LEAST; bars->count++)
        bars->first -= bars->first > bars->buckets && (bars->count & 1) && !bars->zero ? bars->buckets : 0;
    for (size_t i = low; i <= high; i++)
        bars->at[(i - bars->first) / bars->buckets + bars->zero] += data->buckets[i];
    if (bars->zero)
        bars->at[0] = data->buckets[0];
    for (size_t i = 0; i < bars->count; i++)
        bars->most = bars->at[i] > bars->most ? bars->at[i] : bars->most;
}

/* The time where bar `i` begins. */
static uint64_t charts_bar_ns(const struct bars *bars, size_t i)
{
    if (bars->zero && !i)
        return 0;
    double ns = data_bucket_ns(bars->first + (i - bars->zero) * bars->buckets);
    return ns > 9.2e18 ? INT64_MAX : (uint64_t)(ns + 0.5);
}

static void charts_bars_labels(struct html *html, const struct bars *bars)
{
    size_t decade = DATA_PER_DECADE / bars->buckets, edges = bars->count - bars->zero;
    size_t step = edges >= 2 * decade ? decade : edges > 5 ? (edges + 4) / 5 : 1;
    while (edges / step > 7)
        step += decade;
    size_t offset = step % decade ? 0 : (decade - (bars->first - 1) / bars->buckets % decade) % decade;
    if (bars->zero) {
        plot_x(html, 0.5 / (double)bars->count, "0");
        offset += offset * 12 < bars->count ? step : 0;
    }
    for (size_t i = offset; i <= edges; i += step)
        plot_x(html, (double)(i + bars->zero) / (double)bars->count, html_duration(charts_bar_ns(bars, i + bars->zero)).at);
}

/* Where a time stands, as a share of the width; below 0: nowhere. */
static double charts_place(const struct bars *bars, uint64_t ns)
{
    double place = ns ? log10((double)ns) * DATA_PER_DECADE + 1 - (double)bars->first : 0;
    return ns ? (place / (double)bars->buckets + bars->zero) / (double)bars->count : -1;
}

/* A dashed line at a quantile, unless the median's stands there already. */
static void charts_mark(struct html *html, const struct data *data, const struct bars *bars, double share, const char *name)
{
    uint64_t ns = data_quantile_ns(data, share);
    double x = charts_place(bars, ns), median = charts_place(bars, data_quantile_ns(data, 0.5));
    if (x >= 0 && x <= 1 && (share <= 0.5 || x - median > 0.05))
        html_format(html, "<i class=\"mark%s\" style=\"left:%.4g%%\" title=\"%s: %s\"><b>%s</b></i>", x > 0.93 ? " last" : "",
                    100 * x, name, html_duration(ns).at, name);
}

static void charts_times_facts(struct html *html, const struct data *data)
{
    static const struct { const char *name; double share; } facts[] = {
        { "half within", 0.5 }, { "90 %", 0.9 }, { "95 %", 0.95 }, { "99 %", 0.99 }, { "99.9 %", 0.999 },
    };
    html_format(html, "<dl class=\"facts\"><div><dt>fastest</dt><dd>%s</dd></div>", html_ran(data->least_ns).at);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++)
        html_format(html, "<div><dt>%s</dt><dd>%s</dd></div>", facts[i].name,
                    html_ran(data_quantile_ns(data, facts[i].share)).at);
    html_format(html, "<div><dt>slowest</dt><dd>%s</dd></div></dl>\n", html_ran(data->most_ns).at);
}

static void charts_times_table(struct html *html, const struct bars *bars, uint64_t timed)
{
    plot_table_begin(html, "<th>From</th><th>To</th><th class=\"n\">Jobs</th><th class=\"n\">Share</th>");
    for (size_t i = 0; i < bars->count; i++)
        if (bars->at[i])
            html_format(html, "<tr><td>%s</td><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                        html_duration(charts_bar_ns(bars, i)).at, html_duration(charts_bar_ns(bars, i + 1)).at,
                        html_count(bars->at[i]).at, html_percent((double)bars->at[i], (double)timed).at);
    plot_table_end(html);
}

void chart_times(struct html *html, const struct data *data)
{
    struct bars bars;
    charts_bars(data, &bars);
    double top = (double)bars.most * 1.12, step = plot_step((double)bars.most, 4);
    html_add(html, "<section><h2>How long jobs ran</h2>\n");
    charts_times_facts(html, data);
    html_add(html, "<figure>\n");
    plot_begin(html, CHARTS_HEIGHT, (double)bars.count, "Number of jobs by how long they ran");
    for (size_t i = 0; i < bars.count; i++) {
        double height = charts_height((double)bars.at[i], top);
        html_format(html, "<g class=\"hit\"><title>%s to %s: %s</title><path class=\"pad\" d=\"M%zu 0h1v%dh-1z\"/>",
                    html_duration(charts_bar_ns(&bars, i)).at, html_duration(charts_bar_ns(&bars, i + 1)).at,
                    html_counted(bars.at[i], "job").at, i, CHARTS_HEIGHT);
        if (bars.at[i])
            html_format(html, "<path class=\"time\" d=\"M%.2f %.1fh.92v%.1fh-.92z\"/>", (double)i + 0.04,
                        CHARTS_HEIGHT - height, height);
        html_add(html, "</g>\n");
    }
    plot_svg_end(html);
    charts_grid(html, top, step < 1 ? 1 : step);
    charts_bars_labels(html, &bars);
    charts_mark(html, data, &bars, 0.5, "p50");
    charts_mark(html, data, &bars, 0.99, "p99");
    plot_end(html);
    html_add(html, "<figcaption>From the start to the end of the last attempt of each job, on a logarithmic scale."
             "</figcaption>\n");
    charts_times_table(html, &bars, data->timed);
    html_add(html, "</figure></section>\n");
}
