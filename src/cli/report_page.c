/* SPDX-License-Identifier: MIT
 *
 * The page in the order of the questions: did it work, how long did it take, what failed and why, how fast was it and were the
 * workers busy, how long did jobs run. What the results do not tell is left out, and a note says how to have it next time.
 */
#include "cli/report_page.h"
#include "cli/report_charts.h"
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void page_source(struct html *html, const char *path)
{
    html_add(html, "<code>");
    html_escape(html, source_name(path), strlen(source_name(path)));
    html_add(html, "</code>");
}

static uint64_t page_unrun(const struct data *data)
{
    return data->counts[HAY_OUTCOME_CANCELLED] + data->counts[HAY_OUTCOME_SKIPPED];
}

/* The one sentence of the page. */
static void page_verdict(struct html *html, const struct data *data)
{
    uint64_t failed = data_failed(data), unrun = page_unrun(data);
    if (!data->jobs)
        html_add(html, "No results");
    else if (data->counts[HAY_OUTCOME_OK] == data->jobs && data->jobs == 1)
        html_add(html, "The job ended ok");
    else if (data->counts[HAY_OUTCOME_OK] == data->jobs)
        html_format(html, "All %s jobs ended ok", html_count(data->jobs).at);
    else if (failed == data->jobs && data->jobs == 1)
        html_add(html, "The job failed");
    else if (failed == data->jobs)
        html_format(html, "All %s jobs failed", html_count(failed).at);
    else if (failed)
        html_format(html, "%s of %s failed", html_count(failed).at, html_counted(data->jobs, "job").at);
    if (unrun && unrun == data->jobs)
        html_format(html, "None of %s ran", html_counted(unrun, "job").at);
    else if (unrun && failed)
        html_format(html, ", %s not run", html_count(unrun).at);
    else if (unrun)
        html_format(html, "%s of %s not run", html_count(unrun).at, html_counted(data->jobs, "job").at);
}

/* Both ends of the run; the date and the offset once, where they are the same. */
static void page_period(struct html *html, int64_t begin_ns, int64_t end_ns)
{
    struct html_text begin = html_moment(begin_ns), end = html_moment(end_ns);
    if (!strncmp(begin.at, end.at, 11) && strlen(begin.at) == 25 && !strcmp(begin.at + 19, end.at + 19))
        html_format(html, " · %.19s to %s", begin.at, end.at + 11);
    else
        html_format(html, " · %s to %s", begin.at, end.at);
}

static void page_header(struct html *html, const struct report_source *source, const struct data *data)
{
    bool good = data->jobs && data->counts[HAY_OUTCOME_OK] == data->jobs;
    html_format(html, "<header><h1 id=\"verdict\" class=\"%s\">", good ? "good" : data_failed(data) ? "bad" : "none");
    page_verdict(html, data);
    html_add(html, "</h1><p>");
    page_source(html, source->results);
    if (data->timed) {
        const struct axis *axis = &data->axis;
        int64_t end_ns = axis->last_ns;
        for (size_t i = 0; i < axis->cut_count; i++)
            end_ns += axis->cuts[i].length_ns;
        page_period(html, axis->first_ns, end_ns);
    }
    html_add(html, "</p></header>\n");
}

static void page_tile(struct html *html, const char *id, const char *name, const char *value, const char *small)
{
    html_format(html, "<div><dt>%s</dt><dd id=\"%s\">%s<small>%s</small></dd></div>\n", name, id, value, small);
}

static void page_tiles(struct html *html, const struct data *data)
{
    char small[160];
    uint64_t failed = data_failed(data), span_ns = axis_span(&data->axis);
    html_add(html, "<dl class=\"tiles\">\n");
    snprintf(small, sizeof small, "%s ok", html_percent((double)data->counts[HAY_OUTCOME_OK], (double)data->jobs).at);
    page_tile(html, "jobs", "Jobs", html_count(data->jobs).at, data->jobs ? small : "");
    page_tile(html, "failed", "Failed", html_count(failed).at, failed ? html_percent((double)failed, (double)data->jobs).at : "");
    if (data->timed) {
        double seconds = (double)span_ns / 1e9;
        snprintf(small, sizeof small, "%s of work", html_duration(data->axis.total.busy_ns).at);
        page_tile(html, "wall", "Took", html_duration(span_ns).at, small);
        page_tile(html, "rate", "Jobs per second", seconds > 0 ? html_short((double)data->timed / seconds).at : "–",
                  "on average");
        snprintf(small, sizeof small, "95 %% in %s", html_ran(data_quantile_ns(data, 0.95)).at);
        page_tile(html, "median", "A job ran", html_ran(data_quantile_ns(data, 0.5)).at, small);
        page_tile(html, "busy", "Workers busy", html_percent(data_busy(data), 1).at, html_counted(data->axis.count, "worker").at);
    }
    html_add(html, "</dl>\n");
}

static void page_outcomes(struct html *html, const struct data *data)
{
    if (!data->jobs)
        return;
    html_add(html, "<section><h2>How the jobs ended</h2><div class=\"bar\" aria-hidden=\"true\">");
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        if (data->counts[i])
            html_format(html, "<i class=\"s-%s\" style=\"flex:%" PRIu64 " 0 0\"></i>", hay_outcome_name((enum hay_outcome)i),
                        data->counts[i]);
    html_add(html, "</div><ul class=\"legend\">\n");
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++) {
        const char *name = hay_outcome_name((enum hay_outcome)i);
        if (data->counts[i])
            html_format(html, "<li><span class=\"dot s-%s\"></span>%s <b id=\"count-%s\">%s</b> "
                        "<span class=\"soft\">%s</span></li>\n", name, name, name, html_count(data->counts[i]).at,
                        html_percent((double)data->counts[i], (double)data->jobs).at);
    }
    html_add(html, "</ul>\n");
    if (data->retried) {
        html_format(html, "<p class=\"soft\" style=\"margin:12px 0 0\">%s ran more than once",
                    html_counted(data->retried, "job").at);
        if (data->flaky)
            html_format(html, "; <b id=\"flaky\">%s</b> of them ended ok: ", html_count(data->flaky).at);
        uint64_t shown = data->flaky < DATA_NAMES ? data->flaky : DATA_NAMES;
        for (uint64_t i = 0; i < shown; i++) {
            size_t at = (size_t)((data->flaky - 1 - i) % DATA_NAMES);
            html_add(html, i ? ", <code>" : "<code>");
            html_escape(html, data->flaky_ids[at], data->flaky_sizes[at]);
            html_add(html, "</code>");
        }
        html_add(html, data->flaky > shown ? " …</p>" : ".</p>");
    }
    html_add(html, "</section>\n");
}

static void page_slowest(struct html *html, const struct data *data)
{
    html_add(html, "<section><h2>The slowest jobs</h2><div class=\"wide\"><table><thead><tr><th>Job</th><th>Ended</th>"
             "<th class=\"n\">Ran</th><th class=\"n\">Started after</th><th class=\"n\">Worker</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < data->slowest_count; i++) {
        const struct data_slice *slice = &data->slowest[i];
        const char *status = hay_outcome_name(slice->outcome);
        uint64_t after_ns = (uint64_t)(axis_time(&data->axis, slice->begin_ns) - data->axis.first_ns);
        html_add(html, "<tr><td><code>");
        if (slice->id_size)
            html_escape(html, slice->id, slice->id_size);
        else
            html_format(html, "%" PRIu64, slice->place);
        html_format(html, "</code></td><td><span class=\"dot s-%s\"></span>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
                    "<td class=\"n\">%" PRId64 "</td></tr>\n", status, status, html_ran((uint64_t)slice->run_ns).at,
                    html_duration(after_ns).at, slice->slot);
    }
    html_add(html, "</tbody></table></div></section>\n");
}

static void page_note(struct html *html, const char *text)
{
    html_add(html, "<p class=\"note\">");
    html_add(html, text);
    html_add(html, "</p>\n");
}

/* What the reader has to know before trusting the figures. */
static void page_notes(struct html *html, const struct report_source *source, const struct data *data)
{
    if (!data->jobs)
        page_note(html, "The file holds no result.");
    if (source->torn)
        page_note(html, "The last line is cut off and was left out: the run is still going on, or it was killed.");
    if (source->trace_torn)
        page_note(html, "The trace is cut off in its last line; what stands before it counts.");
    if (data->ran && !data->timed)
        page_note(html, "The results tell no times. A run with <code>--meta</code>, or with <code>--trace FILE</code> and this"
                  " report made with <code>--trace FILE</code>, also shows throughput, the workers and how long jobs ran.");
    else if (data->timed < data->ran) {
        html_add(html, "<p class=\"note\">");
        html_format(html, "The times of %s are not known; figures and charts of time leave them out.</p>\n",
                    html_counted(data->ran - data->timed, "job").at);
    }
    for (size_t i = 0; i < data->axis.cut_count; i++)
        html_format(html, "<p class=\"note\">Nothing ran for %s from %s on. That time is left out of all figures, and marked"
                    " in the charts.</p>\n", html_duration((uint64_t)data->axis.cuts[i].length_ns).at,
                    html_moment(data->axis.cuts[i].begin_ns).at);
}

static void page_footer(struct html *html, const struct report_source *source, const struct data *data)
{
    html_add(html, "<footer><p>Read from ");
    page_source(html, source->results);
    html_format(html, ": %s, %s.", html_counted(source->line_count, "line").at, html_bytes(source->bytes).at);
    if (data->superseded)
        html_format(html, " %s made void by a newer result of the same job.", html_counted(data->superseded, "line").at);
    if (source->trace) {
        html_add(html, " Times from ");
        page_source(html, source->trace);
        html_format(html, ": %s.", html_counted(source->slices, "slice").at);
    }
    html_format(html, "</p><p>Made by hayfork " PACKAGE_VERSION " at %s.</p></footer>\n",
                html_moment((int64_t)time(NULL) * 1000000000).at);
}

void page_write(struct html *html, const struct report_source *source, struct data *data)
{
    html_add(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n");
    for (const char *const *piece = report_head; *piece; piece++)
        html_add(html, *piece);
    html_add(html, "<title>");
    page_verdict(html, data);
    html_add(html, " · Hayfork report</title>\n</head>\n<body>\n<main>\n");
    page_header(html, source, data);
    page_notes(html, source, data);
    page_tiles(html, data);
    page_outcomes(html, data);
    page_failures(html, source, data);
    if (data->timed > 1 && axis_span(&data->axis))
        chart_throughput(html, data);
    if (data->timed) {
        chart_workers(html, data);
        chart_times(html, data);
        page_slowest(html, data);
    }
    page_footer(html, source, data);
    html_add(html, "</main>\n</body>\n</html>\n");
}
