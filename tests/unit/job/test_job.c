/* SPDX-License-Identifier: MIT
 *
 * The store of job records: a live job is found by its number, whoever came and went since; moves that the table does not know
 * change nothing; the books are right at any time.
 */
#include "job/job.h"
#include "support/tap.h"

#include <stdlib.h>
#include <string.h>

#define MOST 3000

struct model {
    struct job_store store;
    struct job *live[MOST];
    uint64_t numbers[MOST];
    size_t count;
    uint64_t newest;
};

static void enter(struct model *model)
{
    struct job *job = job_new(&model->store, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(job);
    job->number = ++model->newest;
    job->id_size = JOB_NO_ID;
    job->args_size = 0;
    CU_ASSERT(job_move(&model->store, job, JOB_QUEUED));
    model->live[model->count] = job;
    model->numbers[model->count++] = job->number;
}

static void leave(struct model *model, size_t at)
{
    struct job *job = model->live[at];
    CU_ASSERT(job_move(&model->store, job, JOB_DONE));
    CU_ASSERT_PTR_NULL(job_find(&model->store, model->numbers[at]));
    job_free(&model->store, job);
    model->live[at] = model->live[--model->count];
    model->numbers[at] = model->numbers[model->count];
}

static void check(struct model *model)
{
    CU_ASSERT(job_store_is_sound(&model->store));
    for (size_t i = 0; i < model->count; i++)
        CU_ASSERT_PTR_EQUAL(job_find(&model->store, model->numbers[i]), model->live[i]);
    CU_ASSERT_PTR_NULL(job_find(&model->store, model->newest + 1));
    CU_ASSERT_PTR_NULL(job_find(&model->store, 0));
}

static struct model *open_model(void)
{
    struct model *model = calloc(1, sizeof *model);
    CU_ASSERT_PTR_NOT_NULL_FATAL(model);
    job_store_init(&model->store);
    CU_ASSERT_PTR_NULL(job_find(&model->store, 1));
    return model;
}

static void close_model(struct model *model)
{
    job_store_release(&model->store);
    free(model);
}

static void live_jobs_are_found_by_their_numbers(void)
{
    struct model *model = open_model();
    unsigned seed = 7;
    for (int round = 0; round < 200; round++) {
        size_t wanted = (size_t)rand_r(&seed) % MOST;
        while (model->count < wanted)
            enter(model);
        while (model->count > wanted)
            leave(model, (size_t)rand_r(&seed) % model->count);
        check(model);
    }
    close_model(model);
}

/* Its place is taken over many times, and it is found still; what has ended is not. */
static void so_is_one_that_stays_for_ever(void)
{
    struct model *model = open_model();
    for (int i = 0; i < 3; i++)
        enter(model);
    for (int i = 0; i < 10000; i++) {
        enter(model);
        leave(model, 3);
    }
    check(model);
    CU_ASSERT(model->store.displaced > 0);
    for (size_t left = model->count; left-- > 0;)
        leave(model, left);
    CU_ASSERT_EQUAL(model->store.displaced, 0);
    check(model);
    close_model(model);
}

static void unknown_moves_change_nothing(void)
{
    struct model *model = open_model();
    enter(model);
    struct job *job = model->live[0];
    CU_ASSERT(!job_move(&model->store, job, JOB_STARTED));
    CU_ASSERT(!job_move(&model->store, job, JOB_WAITING));
    CU_ASSERT(!job_move(&model->store, job, JOB_NEW));
    CU_ASSERT_EQUAL(job->state, JOB_QUEUED);
    check(model);
    close_model(model);
}

/* How its last attempt ended: the newest, cut between two characters, gone with the job. */
static void failures_are_kept_while_jobs_live(void)
{
    struct model *model = open_model();
    char text[JOB_FAILURE_SIZE + 2];
    enter(model);
    struct job *job = model->live[0];
    CU_ASSERT_PTR_NULL(job->failure);
    job_keep_failure(&model->store, job, "the first", 9);
    job_keep_failure(&model->store, job, "the second, and more", 10);
    CU_ASSERT_STRING_EQUAL(job->failure, "the second");
    memset(text, 'a', sizeof text);
    job_keep_failure(&model->store, job, text, JOB_FAILURE_SIZE);
    CU_ASSERT_EQUAL(strlen(job->failure), JOB_FAILURE_SIZE);
    memcpy(text + JOB_FAILURE_SIZE - 1, "\xe2\x82\xac", 3);
    job_keep_failure(&model->store, job, text, sizeof text);
    CU_ASSERT_EQUAL(strlen(job->failure), JOB_FAILURE_SIZE - 1);
    CU_ASSERT_EQUAL(model->store.failure_count, 1);
    leave(model, 0);
    CU_ASSERT_EQUAL(model->store.failure_count, 0);
    enter(model);
    CU_ASSERT_PTR_NULL(model->live[0]->failure);
    job_keep_failure(&model->store, model->live[0], "released with the store", 23);
    close_model(model);
}

/* Nothing of what a record's last job went through is the next one's. */
static void a_record_is_used_again_as_new(void)
{
    struct job_store store;
    job_store_init(&store);
    struct job *old = job_new(&store, 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(old);
    old->attempts = 3;
    old->losses = 2;
    old->needs_fresh = old->is_cancelled = true;
    old->worker = 7;
    old->pid = 1;
    old->start_ns = old->run_ns = old->due_ns = 1;
    job_free(&store, old);
    struct job *job = job_new(&store, 0);
    CU_ASSERT_PTR_EQUAL(job, old);
    CU_ASSERT(job->state == JOB_NEW && !job->attempts && !job->losses && !job->needs_fresh && !job->is_cancelled);
    CU_ASSERT(job->worker == -1 && !job->pid && !job->start_ns && !job->run_ns && !job->due_ns);
    job_store_release(&store);
}

static void but_in_so_many_jobs_only(void)
{
    struct job_store store;
    struct job **jobs = calloc(JOB_FAILURES_MAX + 1, sizeof *jobs);
    CU_ASSERT_PTR_NOT_NULL_FATAL(jobs);
    job_store_init(&store);
    for (int i = 0; i <= JOB_FAILURES_MAX; i++) {
        CU_ASSERT_PTR_NOT_NULL_FATAL(jobs[i] = job_new(&store, 0));
        job_keep_failure(&store, jobs[i], "x", 1);
    }
    CU_ASSERT_PTR_NOT_NULL(jobs[JOB_FAILURES_MAX - 1]->failure);
    CU_ASSERT_PTR_NULL(jobs[JOB_FAILURES_MAX]->failure);
    job_free(&store, jobs[0]);
    job_keep_failure(&store, jobs[JOB_FAILURES_MAX], "x", 1);
    CU_ASSERT_PTR_NOT_NULL(jobs[JOB_FAILURES_MAX]->failure);
    job_store_release(&store);
    free(jobs);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"live jobs are found by their numbers", live_jobs_are_found_by_their_numbers},
        {"so is one that stays for ever", so_is_one_that_stays_for_ever},
        {"unknown moves change nothing", unknown_moves_change_nothing},
        {"failures are kept while jobs live", failures_are_kept_while_jobs_live},
        {"a record is used again as new", a_record_is_used_again_as_new},
        {"but in so many jobs only", but_in_so_many_jobs_only},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"job", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
