/* SPDX-License-Identifier: MIT
 *
 * --summary: what a run came to, on stderr. Counts, times, workers; then the first failures and the jobs that passed only on a
 * retry, by name; then where the results are and the command that runs the failures again.
 */
#include "cli/run.h"
#include "cli/now.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SUMMARY_WORKERS 8   /* that are told one by one */
#define SUMMARY_COMMAND 1800

static void summary_time(char *out, size_t capacity, int64_t time_ns)
{
    double seconds = (double)time_ns / 1e9;
    if (seconds < 1e-3)
        snprintf(out, capacity, "%.1f us", seconds * 1e6);
    else if (seconds < 1)
        snprintf(out, capacity, "%.1f ms", seconds * 1e3);
    else
        snprintf(out, capacity, "%.2f s", seconds);
}

static void summary_counts(const struct run *run, uint64_t results)
{
    const char *plural = results == 1 ? "" : "s";
    char counts[256];
    size_t size = 0;
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++) {
        if (i != HAY_OUTCOME_OK && !run->by_outcome[i])
            continue;
        int n = snprintf(counts + size, sizeof counts - size, "%s%" PRIu64 " %s", size ? ", " : "", run->by_outcome[i],
                         hay_outcome_name((enum hay_outcome)i));
        if (n > 0 && (size_t)n < sizeof counts - size)
            size += (size_t)n;
    }
    if (run->done_before)
        say("%" PRIu64 " job%s: %s; %" PRIu64 " done before", results, plural, counts, run->done_before);
    else
        say("%" PRIu64 " job%s: %s", results, plural, counts);
}

static void summary_times(const struct tally *tally)
{
    char p50[32], p95[32], p99[32], most[32];
    if (!tally->ran)
        return;
    summary_time(p50, sizeof p50, tally_percentile(tally, 0.50));
    summary_time(p95, sizeof p95, tally_percentile(tally, 0.95));
    summary_time(p99, sizeof p99, tally_percentile(tally, 0.99));
    summary_time(most, sizeof most, tally->max_ns);
    say("job time: p50 %s, p95 %s, p99 %s, max %s (job %s)", p50, p95, p99, most, tally->longest.id);
}

/* The share of the run that a worker was in a job. */
static double summary_share(const struct tally *tally, int worker, double seconds)
{
    double busy_s = worker < tally->workers ? (double)tally->busy_ns[worker] / 1e9 : 0;
    return seconds > 0 && busy_s < seconds ? 100 * busy_s / seconds : seconds > 0 ? 100 : 0;
}

static void summary_busy_each(const struct tally *tally, int workers, double seconds)
{
    char text[SUMMARY_WORKERS * 32];
    size_t size = 0;
    for (int i = 0; i < workers; i++) {
        int n = snprintf(text + size, sizeof text - size, "%s%d: %.0f%%", i ? ", " : "", i, summary_share(tally, i, seconds));
        size += n > 0 && (size_t)n < sizeof text - size ? (size_t)n : 0;
    }
    say("workers busy: %s", text);
}

static void summary_busy(const struct tally *tally, int workers, double seconds)
{
    double sum = 0;
    int least = 0, most = 0;
    for (int i = 0; i < workers; i++) {
        double share = summary_share(tally, i, seconds);
        sum += share;
        least = share < summary_share(tally, least, seconds) ? i : least;
        most = share > summary_share(tally, most, seconds) ? i : most;
    }
    say("workers busy: %.0f%% on average, from %.0f%% (worker %d) to %.0f%% (worker %d)", sum / workers,
        summary_share(tally, least, seconds), least, summary_share(tally, most, seconds), most);
}

static void summary_workers(const struct run *run, const struct hay_pool_stats *stats)
{
    const char *plural = stats->started == 1 ? "" : "s";
    if (run->options->is_inline)
        say("no workers: ran in this process, %" PRIu64 " attempt%s, %" PRIu64 " retried", stats->started, plural,
            stats->retried);
    else
        say("%" PRIu64 " of %d workers ran, %" PRIu64 " died; %" PRIu64 " attempt%s, %" PRIu64 " retried", stats->workers_used,
            stats->workers, stats->deaths, stats->started, plural, stats->retried);
}

static uint64_t summary_told(uint64_t count)
{
    return count < TALLY_NAMED ? count : TALLY_NAMED;
}

static void summary_failures(const struct tally *tally)
{
    uint64_t told = summary_told(tally->failed);
    for (uint64_t i = 0; i < told; i++) {
        const struct tally_job *job = &tally->failures[i];
        say("failed: job %s%s%s%s, %s: %s", job->id, *job->what ? " (" : "", job->what, *job->what ? ")" : "",
            hay_outcome_name(job->outcome), job->text);
    }
    if (tally->failed > told)
        say("failed: and %" PRIu64 " more", tally->failed - told);
}

static void summary_flaky(const struct tally *tally)
{
    char text[TALLY_NAMED * (TALLY_ID_SIZE + 32)];
    size_t size = 0;
    uint64_t told = summary_told(tally->flaky);
    if (!told)
        return;
    for (uint64_t i = 0; i < told; i++) {
        const struct tally_job *job = &tally->passes[i];
        int n = snprintf(text + size, sizeof text - size, "%s%s (attempt %" PRIu32 ")", size ? ", " : "", job->id, job->attempts);
        size += n > 0 && (size_t)n < sizeof text - size ? (size_t)n : 0;
    }
    if (tally->flaky > told)
        say("flaky: %" PRIu64 " jobs passed only on a retry: %s and %" PRIu64 " more", tally->flaky, text, tally->flaky - told);
    else
        say("flaky: %" PRIu64 " job%s passed only on a retry: %s", tally->flaky, tally->flaky == 1 ? "" : "s", text);
}

/* What the words of the command do not say: is standard input the caller's, and read? Are there inputs that the shell opened? */
static const char *summary_input(const struct run_options *options)
{
    bool is_piped = options->has_arguments ? options->argument_files.have_stdin : !options->files.count, is_numbered = false;
    for (int i = 0; i < options->files.count; i++)
        is_piped = is_piped || !strcmp(options->files.items[i], "-");
    for (int i = 0; i < options->argc; i++)
        is_numbered = is_numbered || strstr(options->argv[i], "/dev/fd/");
    return is_piped ? ", with the same standard input" : is_numbered ? ", with the same descriptors open" : "";
}

/* The same command line once more, for what did not end ok. No word goes: it may be a value, or of the command that exec runs.
 * One that say() would not show as it is would be another command. */
static void summary_retry(const struct run *run)
{
    const struct run_options *options = run->options;
    const char *input = summary_input(options);
    struct bytes command = { .at = NULL };
    char shown[SUMMARY_COMMAND];
    bytes_put_text(&command, "hayfork ");
    bytes_put_text(&command, options->verb->name);
    bytes_put_text(&command, options->journal.failed ? "" : " --retry-failed");
    for (int i = 0; i < options->argc; i++) {
        bytes_put_text(&command, " ");
        bytes_put_quoted(&command, options->argv[i], strlen(options->argv[i]));
    }
    bytes_put(&command, "", 1);
    if (!command.failed && !strcmp(say_escape(shown, sizeof shown, command.at, command.size - 1), command.at))
        say("to run again what is not ok%s: %s", input, shown);
    else
        say("to run again what is not ok, add --retry-failed to the same command%s", input);
    bytes_release(&command);
}

/* What was never run, or was stopped, says nothing of how fast the run was. */
static double summary_rate(const struct run *run, uint64_t results, double seconds)
{
    uint64_t ended = results - run->by_outcome[HAY_OUTCOME_CANCELLED] - run->by_outcome[HAY_OUTCOME_SKIPPED];
    return seconds > 0 ? (double)ended / seconds : 0;
}

void run_summary(const struct run *run, const struct hay_pool_stats *stats)
{
    const struct tally *tally = run->observe.tally;
    int64_t end_ns = run->end_ns ? run->end_ns : now_ns();
    double seconds = (double)(end_ns - run->begin_ns) / 1e9;
    uint64_t results = run_results(run);
    summary_counts(run, results);
    say("%.3f s, %.0f jobs/s", seconds, summary_rate(run, results, seconds));
    summary_workers(run, stats);
    if (tally) {
        summary_times(tally);
        if (tally->ran && stats->workers > SUMMARY_WORKERS)
            summary_busy(tally, stats->workers, seconds);
        else if (tally->ran && stats->workers > 0)
            summary_busy_each(tally, stats->workers, seconds);
        summary_failures(tally);
        summary_flaky(tally);
    }
    if (!run->output.path)
        return;
    say("results: %s", run->output.path);
    if (run->journal.is_kept &&
        (results > run->by_outcome[HAY_OUTCOME_OK] + run->by_outcome[HAY_OUTCOME_REJECTED] || run->failed_before))
        summary_retry(run);
}
