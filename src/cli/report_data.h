/* SPDX-License-Identifier: MIT
 *
 * All that the page shows, gathered from result lines (newest first) and a trace in memory that does not grow with their
 * number: counts, a histogram of job times, slots over time, the first slices exactly, the slowest jobs, failures by kind,
 * and one bit for each job.
 */
#ifndef CLI_REPORT_DATA_H
#define CLI_REPORT_DATA_H

#include "cli/report_axis.h"
#include "cli/report_failures.h"
#include "cli/report_seen.h"

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DATA_SLICES 2000        /* up to as many jobs the timeline shows each */
#define DATA_SLOWEST 10
#define DATA_NAMES 5
#define DATA_PER_DECADE 80      /* buckets of job times: 3 % wide */
#define DATA_BUCKETS (19 * DATA_PER_DECADE + 2)

/* One job that ran, as far as its times and place go. */
struct data_slice {
    char id[48];
    uint8_t id_size;
    enum hay_outcome outcome;
    int64_t slot, begin_ns, run_ns;
    uint64_t place;             /* seq; 0: not known */
};

struct data {
    uint64_t counts[HAY_OUTCOME_COUNT];
    uint64_t jobs, superseded, retried, flaky;
    uint64_t ran, timed;        /* jobs that were started; those whose times are known */
    bool keyed, unnumbered;
    struct seen seen, seen_bad, seen_time;  /* jobs with a result; those whose newest is not ok; those with times */
    struct axis axis;
    uint64_t buckets[DATA_BUCKETS], least_ns, most_ns;
    struct data_slice slices[DATA_SLICES], slowest[DATA_SLOWEST];   /* the slowest first */
    size_t slice_count, slowest_count;
    char flaky_ids[DATA_NAMES][FAILURES_ID];    /* a ring, as the examples of a failure */
    uint8_t flaky_sizes[DATA_NAMES];
    struct failures failures;
};

struct data *data_new(void);
/* Take one result line; the newest of a job comes first. 0 or -ENOMEM. */
int data_result(struct data *data, const struct hay_resultline *result);
/* Take the times of one job. 0 or -ENOMEM. */
int data_time(struct data *data, const struct data_slice *slice);
/* Forget the results and times, keep the cuts of the axis. */
void data_clear(struct data *data);
void data_free(struct data *data);

bool data_is_failure(enum hay_outcome outcome);
uint64_t data_failed(const struct data *data);
/* The time within which this share (0 to 1) of the jobs ended, to 3 %. */
uint64_t data_quantile_ns(const struct data *data, double share);
/* The least time of a bucket. */
double data_bucket_ns(size_t bucket);
/* The mean share of the workers that was busy, 0 to 1. */
double data_busy(const struct data *data);

#endif
