/* SPDX-License-Identifier: MIT
 *
 * The three charts of the page, each a <figure> with its own figures as text or table: inline SVG that stretches with the
 * page, labels in HTML that do not. No script.
 */
#ifndef CLI_REPORT_CHARTS_H
#define CLI_REPORT_CHARTS_H

#include "cli/report_data.h"
#include "cli/report_html.h"

#include <stdbool.h>
#include <stdint.h>

/* Jobs that ended, over time. */
void chart_throughput(struct html *html, const struct data *data);
/* What each worker did, over time. Sorts the slices. */
void chart_workers(struct html *html, struct data *data);
/* How long jobs ran. */
void chart_times(struct html *html, const struct data *data);

/* What the charts share. A plot is a box with an SVG of `width` by `height` units in it, stretched; `height` is in pixels too. */
void plot_begin(struct html *html, int height_px, double width, const char *label);
void plot_svg_end(struct html *html);
void plot_end(struct html *html);
/* A line of the grid with its label, at a share of the height or width. */
void plot_y(struct html *html, double share, const char *label);
void plot_x(struct html *html, double share, const char *label);
/* The axis of time below a plot, and the cuts in it. */
void plot_time(struct html *html, const struct axis *axis);
/* A folded table of the figures of a chart; `head` is its head row. */
void plot_table_begin(struct html *html, const char *head);
void plot_table_end(struct html *html);
/* 1, 2 or 5 times a power of ten: the step that makes `most` steps or fewer of `range`. */
double plot_step(double range, int most);
/* Where a bin begins, as time since the first job's start. */
uint64_t plot_elapsed_ns(const struct axis *axis, size_t bin);

#endif
