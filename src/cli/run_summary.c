/* SPDX-License-Identifier: MIT
 *
 * --summary: what a run came to, in three lines on stderr.
 */
#include "cli/run.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>

void run_summary(const struct run *run, const struct hay_pool_stats *stats)
{
    char counts[256];
    size_t size = 0;
    int64_t end_ns = run->end_ns ? run->end_ns : run_now_ns();
    double seconds = (double)(end_ns - run->begin_ns) / 1e9;
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++) {
        if (i != HAY_OUTCOME_OK && !run->by_outcome[i])
            continue;
        int n = snprintf(counts + size, sizeof counts - size, "%s%" PRIu64 " %s", size ? ", " : "", run->by_outcome[i],
                         hay_outcome_name((enum hay_outcome)i));
        if (n > 0 && (size_t)n < sizeof counts - size)
            size += (size_t)n;
    }
    say("%" PRIu64 " jobs: %s", run->read, counts);
    say("%.3f s, %.0f jobs/s", seconds, seconds > 0 ? (double)run->read / seconds : 0.0);
    if (run->options->is_inline)
        say("no workers: ran in this process, %" PRIu64 " attempts, %" PRIu64 " retried", stats->started, stats->retried);
    else
        say("%" PRIu64 " of %d workers ran, %" PRIu64 " died; %" PRIu64 " attempts, %" PRIu64 " retried", stats->workers_used,
            stats->workers, stats->deaths, stats->started, stats->retried);
}
