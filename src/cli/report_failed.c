/* SPDX-License-Identifier: MIT
 *
 * The section of the failures: the most frequent kinds open to the eye, the rest folded away, each with its first jobs.
 */
#include "cli/report_page.h"

#include <inttypes.h>
#include <string.h>

#define FAILED_OPEN 2
#define FAILED_SHOWN 12
#define FAILED_MOST 100

static void failed_example(struct html *html, const struct failure_example *example, bool rejected)
{
    html_add(html, "<div class=\"example\"><p>");
    if (rejected)
        html_format(html, "line %s", html_count(example->place).at);
    else
        html_add(html, "job ");
    if (example->id_size) {
        html_add(html, rejected ? ", id <code>" : "<code>");
        html_escape(html, example->id, example->id_size);
        html_add(html, "</code>");
    } else if (!rejected && example->place) {
        html_format(html, "%" PRIu64, example->place);
    } else if (!rejected) {
        html_add(html, "without an id");
    }
    if (example->run_ns >= 0)
        html_format(html, ", after %s", html_ran((uint64_t)example->run_ns).at);
    if (example->worker >= 0)
        html_format(html, " on worker %d", example->worker);
    if (example->attempts > 1)
        html_format(html, ", attempt %" PRIu32, example->attempts);
    html_add(html, "</p><span class=\"message\">");
    html_escape(html, example->message, example->message_size);
    html_add(html, "</span></div>\n");
}

static void failed_group(struct html *html, const struct failure_group *group, uint64_t jobs, bool open)
{
    const char *status = hay_outcome_name(group->outcome);
    html_format(html, "<div class=\"kind\"><div class=\"many\">%s<small><span class=\"dot s-%s\"></span>%s</small></div><div>"
                "<span class=\"message\">", html_count(group->count).at, status, status);
    if (group->pattern_size)
        html_escape(html, group->pattern, group->pattern_size);
    else
        html_add(html, "(no message)");
    uint64_t shown = group->count < FAILURES_EXAMPLES ? group->count : FAILURES_EXAMPLES;
    html_format(html, "</span><details%s><summary>%s of all jobs; the first %s</summary>\n", open ? " open" : "",
                html_percent((double)group->count, (double)jobs).at, shown == 1 ? "one" : html_count(shown).at);
    for (uint64_t i = 0; i < shown; i++)
        failed_example(html, &group->examples[(group->count - 1 - i) % FAILURES_EXAMPLES],
                       group->outcome == HAY_OUTCOME_REJECTED);
    html_add(html, "</details></div></div>\n");
}

/* How to run them again; only a journal with keys can. */
static void failed_again(struct html *html, const struct report_source *source, const struct data *data)
{
    if (!data->keyed || !strcmp(source->results, "-"))
        return;
    html_add(html, "<h3>To run them again</h3><pre><code>hayfork run --retry-failed -o ");
    html_escape(html, source->results, strlen(source->results));
    html_add(html, " …</code></pre><p class=\"soft\">with the options and the input of the first run, "
                   "and map or exec where it was one of these.</p>\n");
}

void page_failures(struct html *html, const struct report_source *source, struct data *data)
{
    struct failures *failures = &data->failures;
    if (!failures->count && !failures->others)
        return;
    failures_sort(failures);
    uint64_t hidden = failures->others;
    html_format(html, "<section id=\"failures\"><h2>What did not end ok</h2><p class=\"soft\">%s, most frequent first."
                " Messages that differ in numbers (#) or paths (*) only are one kind.</p>\n",
                html_counted(failures->count, "kind").at);
    for (size_t i = 0; i < failures->count; i++) {
        if (i == FAILED_SHOWN)
            html_format(html, "<details><summary>%s more</summary>\n",
                        html_counted((failures->count < FAILED_MOST ? failures->count : FAILED_MOST) - i, "kind").at);
        if (i < FAILED_MOST)
            failed_group(html, failures->groups[i], data->jobs, i < FAILED_OPEN);
        else
            hidden += failures->groups[i]->count;
    }
    if (failures->count > FAILED_SHOWN)
        html_add(html, "</details>\n");
    if (hidden)
        html_format(html, "<p class=\"soft\">And %s of rarer kinds.</p>\n", html_counted(hidden, "job").at);
    failed_again(html, source, data);
    html_add(html, "</section>\n");
}
