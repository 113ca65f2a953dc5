/* SPDX-License-Identifier: MIT
 *
 * Job times go into a histogram whose buckets grow with the time: exact up to 32 ns, then 32 buckets for each doubling. A
 * percentile is the middle of its bucket, by nearest rank, and never over the largest time seen.
 */
#include "cli/tally.h"
#include "cli/say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TALLY_FINE (UINT64_C(1) << TALLY_FINE_BITS)

struct tally *tally_new(void)
{
    return calloc(1, sizeof(struct tally));
}

void tally_free(struct tally *tally)
{
    if (tally)
        free(tally->busy_ns);
    free(tally);
}

static size_t tally_bucket(uint64_t time_ns)
{
    if (time_ns < TALLY_FINE)
        return (size_t)time_ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(time_ns) - TALLY_FINE_BITS;
    return ((size_t)shift << TALLY_FINE_BITS) + (size_t)(time_ns >> shift);
}

/* The middle of a bucket. */
static uint64_t tally_bucket_ns(size_t bucket)
{
    if (bucket < TALLY_FINE)
        return bucket;
    unsigned shift = (unsigned)(bucket >> TALLY_FINE_BITS) - 1;
    uint64_t low = (TALLY_FINE + (bucket & (TALLY_FINE - 1))) << shift;
    return low + ((UINT64_C(1) << shift) - 1) / 2;
}

int64_t tally_percentile(const struct tally *tally, double share)
{
    double exact = share * (double)tally->ran;
    uint64_t rank = (uint64_t)exact, seen = 0;
    if ((double)rank < exact || !rank)
        rank++;
    for (size_t i = 0; i < TALLY_BUCKETS; i++) {
        seen += tally->times[i];
        if (seen < rank)
            continue;
        uint64_t time_ns = tally_bucket_ns(i);
        return time_ns < (uint64_t)tally->max_ns ? (int64_t)time_ns : tally->max_ns;
    }
    return tally->ran ? tally->max_ns : 0;
}

static void tally_name(struct tally_job *job, const struct hay_result *result, uint64_t seq, const char *what)
{
    job->outcome = result->outcome;
    job->attempts = result->attempts;
    if (result->id.at && result->id.size)
        say_escape(job->id, sizeof job->id, result->id.at, result->id.size);
    else if (result->line)
        snprintf(job->id, sizeof job->id, "of line %" PRIu64, result->line);
    else
        snprintf(job->id, sizeof job->id, "number %" PRIu64, seq);
    say_escape(job->text, sizeof job->text, result->message.at, result->message.at ? result->message.size : 0);
    say_escape(job->what, sizeof job->what, what, what ? strlen(what) : 0);
}

/* The place of a worker; NULL: out of memory. */
static int64_t *tally_worker(struct tally *tally, int worker)
{
    if (worker >= tally->workers) {
        int count = worker + 16;
        int64_t *busy_ns = realloc(tally->busy_ns, (size_t)count * sizeof *busy_ns);
        if (!busy_ns)
            return NULL;
        memset(busy_ns + tally->workers, 0, (size_t)(count - tally->workers) * sizeof *busy_ns);
        tally->busy_ns = busy_ns;
        tally->workers = count;
    }
    return &tally->busy_ns[worker];
}

void tally_busy(struct tally *tally, int worker, int64_t busy_ns)
{
    int64_t *known_ns = tally_worker(tally, worker);
    if (known_ns && *known_ns < busy_ns)
        *known_ns = busy_ns;
}

void tally_result(struct tally *tally, const struct hay_result *result, uint64_t seq, const char *what)
{
    bool failed = result->outcome != HAY_OUTCOME_OK && result->outcome != HAY_OUTCOME_CANCELLED &&
                  result->outcome != HAY_OUTCOME_SKIPPED;
    if (failed && tally->failed++ < TALLY_NAMED)
        tally_name(&tally->failures[tally->failed - 1], result, seq, what);
    if (!result->attempts)
        return;
    int64_t run_ns = result->run_ns > 0 ? result->run_ns : 0;
    tally->times[tally_bucket((uint64_t)run_ns)]++;
    if (!tally->ran++ || run_ns > tally->max_ns) {
        tally->max_ns = run_ns;
        tally_name(&tally->longest, result, seq, what);
    }
    int64_t *busy_ns = result->worker >= 0 ? tally_worker(tally, result->worker) : NULL;
    if (busy_ns)
        *busy_ns += run_ns;
    if (result->outcome == HAY_OUTCOME_OK && result->attempts > 1 && tally->flaky++ < TALLY_NAMED)
        tally_name(&tally->passes[tally->flaky - 1], result, seq, what);
}
