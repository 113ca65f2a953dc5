/* SPDX-License-Identifier: MIT
 *
 * What the closing summary says of a run besides its counts: how long jobs took, the first that failed, those that passed only
 * on a retry, and how long each worker was busy. Of fixed size but for one number a worker; a result costs some additions.
 */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stdint.h>

#define TALLY_NAMED 5           /* failures and flaky jobs that are told one by one */
#define TALLY_ID_SIZE 64
#define TALLY_TEXT_SIZE 200
#define TALLY_FINE_BITS 5       /* 32 buckets for each power of two: percentiles are off by 1.6 % at most */
#define TALLY_BUCKETS ((64 - TALLY_FINE_BITS + 1) << TALLY_FINE_BITS)

struct tally_job {
    enum hay_outcome outcome;
    uint32_t attempts;
    char id[TALLY_ID_SIZE];     /* the JSON token, cut; or words where there is none */
    char what[HAY_FUNCTION_NAME_MAX + 1]; /* its function, or the command that it is, one line, cut */
    char text[TALLY_TEXT_SIZE]; /* the message, one line, cut */
};

struct tally {
    uint64_t ran;               /* jobs that were started */
    uint64_t failed, flaky;     /* cancelled and skipped jobs are not failures of their own */
    int64_t max_ns;
    struct tally_job longest;
    struct tally_job failures[TALLY_NAMED], passes[TALLY_NAMED];
    int64_t *busy_ns;           /* of each worker */
    int workers;
    uint64_t times[TALLY_BUCKETS];
};

/* Ownership: tally_free(). NULL when memory is out. */
struct tally *tally_new(void);
void tally_free(struct tally *tally);
/* `what` is the function, or the command that the job is; it may be NULL. */
void tally_result(struct tally *tally, const struct hay_result *result, uint64_t seq, const char *what);
/* What the pool says of a worker, which knows of attempts that no result tells of; less than what is known is ignored. */
void tally_busy(struct tally *tally, int worker, int64_t busy_ns);
/* The time that `share` of all jobs did not exceed, 0 to 1; 0 when no job ran. */
int64_t tally_percentile(const struct tally *tally, double share);

#endif
