/* SPDX-License-Identifier: MIT
 *
 * Gathering. The first line met for a job number is its newest and the only one that counts; lines without a number (a run
 * without --meta and without a journal) count each. Job times go to buckets of equal ratio, from which quantiles are read back.
 */
#include "cli/report_data.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct data *data_new(void)
{
    return calloc(1, sizeof(struct data));
}

bool data_is_failure(enum hay_outcome outcome)
{
    return outcome != HAY_OUTCOME_OK && outcome != HAY_OUTCOME_CANCELLED && outcome != HAY_OUTCOME_SKIPPED;
}

uint64_t data_failed(const struct data *data)
{
    uint64_t failed = 0;
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++)
        failed += data_is_failure((enum hay_outcome)i) ? data->counts[i] : 0;
    return failed;
}

static size_t data_bucket(uint64_t ns)
{
    return ns ? 1 + (size_t)(log10((double)ns) * DATA_PER_DECADE + 1e-6) : 0;
}

double data_bucket_ns(size_t bucket)
{
    return bucket ? pow(10, (double)(bucket - 1) / DATA_PER_DECADE) : 0;
}

uint64_t data_quantile_ns(const struct data *data, double share)
{
    uint64_t rank = (uint64_t)ceil(share * (double)data->timed), sum = 0;
    size_t bucket = 0;
    for (rank = rank ? rank : 1; bucket < DATA_BUCKETS - 1 && sum + data->buckets[bucket] < rank; bucket++)
        sum += data->buckets[bucket];
    double middle = bucket ? sqrt(data_bucket_ns(bucket) * data_bucket_ns(bucket + 1)) : 0;
    double unit = middle >= 10 ? pow(10, floor(log10(middle)) - 1) : 1; /* two digits: no more are known */
    uint64_t ns = (uint64_t)(round(middle / unit) * unit);
    return ns < data->least_ns ? data->least_ns : ns > data->most_ns ? data->most_ns : ns;
}

double data_busy(const struct data *data)
{
    double room = (double)data->axis.count * (double)axis_span(&data->axis);
    double share = room > 0 ? (double)data->axis.total.busy_ns / room : data->timed ? 1 : 0;
    return share > 1 ? 1 : share;
}

static void data_slowest(struct data *data, const struct data_slice *slice)
{
    size_t at = data->slowest_count;
    if (at == DATA_SLOWEST && slice->run_ns < data->slowest[at - 1].run_ns)
        return;
    if (at < DATA_SLOWEST)
        data->slowest_count++;
    else
        at--;
    for (; at && data->slowest[at - 1].run_ns <= slice->run_ns; at--)
        data->slowest[at] = data->slowest[at - 1];
    data->slowest[at] = *slice;
}

int data_time(struct data *data, const struct data_slice *slice)
{
    struct data_slice own = *slice;
    if (own.run_ns > INT64_MAX - own.begin_ns)
        own.run_ns = INT64_MAX - own.begin_ns;
    uint64_t run_ns = (uint64_t)own.run_ns;
    if (!data->timed || run_ns < data->least_ns)
        data->least_ns = run_ns;
    if (run_ns > data->most_ns)
        data->most_ns = run_ns;
    data->timed++;
    data->buckets[data_bucket(run_ns)]++;
    if (data->slice_count < DATA_SLICES)
        data->slices[data->slice_count++] = own;
    data_slowest(data, &own);
    return axis_add(&data->axis, own.slot, own.begin_ns, own.begin_ns + own.run_ns, data_is_failure(own.outcome));
}

static int data_take_time(struct data *data, const struct hay_resultline *result)
{
    struct data_slice slice = {
        .outcome = result->outcome, .slot = result->worker, .begin_ns = result->start_ns, .run_ns = result->run_ns,
        .place = result->has_seq ? result->seq : 0,
    };
    if (slice.begin_ns <= 0 || slice.run_ns < 0)
        return 0;
    if (slice.place && seen_mark(&data->seen_time, slice.place) == -ENOMEM)
        return -ENOMEM;
    slice.id_size = (uint8_t)failures_id(&result->id, slice.id, sizeof slice.id);
    return data_time(data, &slice);
}

int data_result(struct data *data, const struct hay_resultline *result)
{
    if (result->has_seq) {
        int seen = seen_mark(&data->seen, result->seq);
        if (seen == -ENOMEM)
            return seen;
        if (seen > 0) {
            data->superseded++;
            return 0;
        }
        if (result->outcome != HAY_OUTCOME_OK && seen_mark(&data->seen_bad, result->seq) == -ENOMEM)
            return -ENOMEM;
    } else {
        data->unnumbered = true;
    }
    data->jobs++;
    data->counts[result->outcome]++;
    data->keyed = data->keyed || result->has_key;
    data->retried += result->attempts > 1;
    if (result->attempts > 1 && result->outcome == HAY_OUTCOME_OK) {
        size_t at = data->flaky++ % DATA_NAMES;
        data->flaky_sizes[at] = (uint8_t)failures_id(&result->id, data->flaky_ids[at], sizeof data->flaky_ids[at]);
    }
    if (result->outcome != HAY_OUTCOME_OK)
        failures_add(&data->failures, result);
    data->ran += result->outcome < HAY_OUTCOME_CANCELLED;
    return result->has_meta ? data_take_time(data, result) : 0;
}

void data_clear(struct data *data)
{
    struct axis_cut cuts[AXIS_CUTS];
    size_t count = data->axis.cut_count;
    memcpy(cuts, data->axis.cuts, sizeof cuts);
    seen_release(&data->seen);
    seen_release(&data->seen_bad);
    seen_release(&data->seen_time);
    axis_clear(&data->axis);
    failures_clear(&data->failures);
    memset(data, 0, sizeof *data);
    memcpy(data->axis.cuts, cuts, sizeof cuts);
    data->axis.cut_count = count;
}

void data_free(struct data *data)
{
    if (!data)
        return;
    data_clear(data);
    free(data);
}
