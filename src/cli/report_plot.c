/* SPDX-License-Identifier: MIT
 *
 * The frame of a chart: its box, its grid, its axis of time. The SVG in it is stretched to the box, so positions are shares and
 * lines keep their width; labels stand beside it in HTML and keep their size on every screen.
 */
#include "cli/report_charts.h"

#include <math.h>

#define PLOT_TICKS 6

void plot_begin(struct html *html, int height_px, double width, const char *label)
{
    html_format(html, "<div class=\"plot\" style=\"height:%dpx\"><svg role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %g %d\""
                " preserveAspectRatio=\"none\">\n", height_px, label, width, height_px);
}

void plot_svg_end(struct html *html)
{
    html_add(html, "</svg>");
}

void plot_end(struct html *html)
{
    html_add(html, "</div>\n");
}

void plot_y(struct html *html, double share, const char *label)
{
    html_format(html, "<i class=\"gy\" style=\"bottom:%.4g%%\"><b>%s</b></i>", 100 * share, label);
}

void plot_x(struct html *html, double share, const char *label)
{
    const char *edge = share < 0.03 ? " first" : share > 0.97 ? " last" : "";
    html_format(html, "<i class=\"gx%s\" style=\"left:%.4g%%\"><b>%s</b></i>", edge, 100 * share, label);
}

void plot_table_begin(struct html *html, const char *head)
{
    html_add(html, "<details><summary>Figures as a table</summary><div class=\"wide\"><table><thead><tr>");
    html_add(html, head);
    html_add(html, "</tr></thead><tbody>\n");
}

void plot_table_end(struct html *html)
{
    html_add(html, "</tbody></table></div></details>\n");
}

double plot_step(double range, int most)
{
    double step = pow(10, floor(log10(range / most) + 1e-9));
    static const double factors[] = { 1, 2, 5, 10 };
    for (size_t i = 0; i < sizeof factors / sizeof factors[0]; i++)
        if (range / (step * factors[i]) <= most + 1e-9)
            return step * factors[i];
    return step * 10;
}

/* The step between labels of time: round in the unit that a person would count in. */
static double plot_time_step(double span_ns)
{
    static const double seconds[] = { 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200 };
    if (span_ns < 4e9)
        return plot_step(span_ns, PLOT_TICKS);
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++)
        if (span_ns / (seconds[i] * 1e9) <= PLOT_TICKS)
            return seconds[i] * 1e9;
    return plot_step(span_ns / 86400e9, PLOT_TICKS) * 86400e9;
}

uint64_t plot_elapsed_ns(const struct axis *axis, size_t bin)
{
    int64_t at = (int64_t)(((uint64_t)axis->low + bin) << axis->shift);
    return at <= axis->first_ns ? 0 : at >= axis->last_ns ? axis_span(axis) : (uint64_t)(at - axis->first_ns);
}

/* A moment with the cuts taken out, as a share of the width. */
static double plot_share(const struct axis *axis, int64_t time_ns)
{
    double bin_ns = (double)(UINT64_C(1) << axis->shift), low_ns = (double)axis->low * bin_ns;
    return ((double)time_ns - low_ns) / bin_ns / (double)axis_bins(axis);
}

void plot_time(struct html *html, const struct axis *axis)
{
    double span = (double)axis_span(axis), step = span > 0 ? plot_time_step(span) : 1;
    for (int i = 0; i * step <= span * 1.0001; i++)
        plot_x(html, plot_share(axis, axis->first_ns + (int64_t)(i * step)), i ? html_duration((uint64_t)(i * step)).at : "0");
    int64_t gone = 0;
    for (size_t i = 0; i < axis->cut_count; i++) {
        const struct axis_cut *cut = &axis->cuts[i];
        html_format(html, "<i class=\"cut\" style=\"left:%.4g%%\" title=\"%s in which nothing ran\"></i>",
                    100 * plot_share(axis, cut->begin_ns - gone), html_duration((uint64_t)cut->length_ns).at);
        gone += cut->length_ns;
    }
}
