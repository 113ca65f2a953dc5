/* SPDX-License-Identifier: MIT
 *
 * The queue against a model that looks for the best job by scanning all: after each of many random operations both name the same
 * next job. Jobs that come back
 * stand before those accepted after them.
 */
#include "master/queue.h"
#include "support/tap.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define JOBS 600

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void job_make(struct job *job, uint64_t number, int32_t priority)
{
    memset(job, 0, sizeof *job);
    list_init(&job->node);
    job->number = number;
    job->priority = priority;
}

/* The next one, which is taken out. Number 0: there is none. */
static struct job take_next(struct queue *queue)
{
    struct job none = {.number = 0}, *next = queue_peek(queue);
    if (!next)
        return none;
    queue_remove(queue, next);
    return *next;
}

static void an_empty_queue_has_no_next(void)
{
    struct queue queue;
    struct job job;
    queue_init(&queue);
    CU_ASSERT_PTR_NULL(queue_peek(&queue));
    job_make(&job, 1, 0);
    CU_ASSERT_EQUAL(queue_push(&queue, &job), 0);
    CU_ASSERT_PTR_EQUAL(queue_peek(&queue), &job);
    queue_remove(&queue, &job);
    CU_ASSERT_PTR_NULL(queue_peek(&queue));
    CU_ASSERT_EQUAL(queue.size, 0);
    queue_release(&queue);
    CU_ASSERT_PTR_NULL(queue_peek(&queue));
    queue_release(&queue);
}

static void higher_priorities_go_first_and_equal_ones_in_order(void)
{
    static const int32_t priorities[] = {0, INT32_MIN, 5, INT32_MAX, 0, 5, -1, INT32_MAX, INT32_MIN};
    static const uint64_t order[] = {4, 8, 3, 6, 1, 5, 7, 2, 9};
    struct job jobs[9];
    struct queue queue;
    queue_init(&queue);
    for (size_t i = 0; i < 9; i++) {
        job_make(&jobs[i], i + 1, priorities[i]);
        CU_ASSERT_EQUAL(queue_push(&queue, &jobs[i]), 0);
    }
    for (size_t i = 0; i < 9; i++)
        CU_ASSERT_EQUAL(take_next(&queue).number, order[i]);
    CU_ASSERT_EQUAL(queue.size, 0);
    queue_release(&queue);
}

static void what_comes_back_takes_its_old_place(void)
{
    struct job jobs[6];
    struct queue queue;
    queue_init(&queue);
    for (size_t i = 0; i < 6; i++) {
        job_make(&jobs[i], i + 1, 0);
        queue_push(&queue, &jobs[i]);
    }
    for (size_t i = 0; i < 4; i++)
        queue_remove(&queue, &jobs[i]);
    for (size_t i = 4; i-- > 0;)
        CU_ASSERT_EQUAL(queue_return(&queue, &jobs[i]), 0);
    queue_remove(&queue, &jobs[2]);
    queue_remove(&queue, &jobs[5]);
    queue_return(&queue, &jobs[5]); /* behind all */
    queue_return(&queue, &jobs[2]); /* between 2 and 4 */
    for (uint64_t number = 1; number <= 6; number++)
        CU_ASSERT_EQUAL(take_next(&queue).number, number);
    queue_release(&queue);
}

static struct job *model_next(struct job *jobs, const bool *is_in)
{
    struct job *best = NULL;
    for (size_t i = 0; i < JOBS; i++)
        if (is_in[i] && (!best || jobs[i].priority > best->priority || (jobs[i].priority == best->priority &&
                                                                        jobs[i].number < best->number)))
            best = &jobs[i];
    return best;
}

static void random_operations_agree_with_the_model(void)
{
    static struct job jobs[JOBS];
    static bool is_in[JOBS], was_in[JOBS];
    struct queue queue;
    uint32_t random = 2463534242u;
    for (uint32_t spread = 1; spread <= 40; spread += 13) {
        uint64_t number = 0;
        size_t size = 0, wrong = 0;
        queue_init(&queue);
        memset(is_in, 0, sizeof is_in);
        memset(was_in, 0, sizeof was_in);
        for (int step = 0; step < 20000; step++) {
            size_t i = next_random(&random) % JOBS;
            struct job *job = &jobs[i];
            if (is_in[i]) {
                queue_remove(&queue, job);
                is_in[i] = false;
                size--;
            } else if (was_in[i] && next_random(&random) % 2) {
                wrong += queue_return(&queue, job) != 0;
                is_in[i] = true;
                size++;
            } else {
                job_make(job, ++number, (int32_t)(next_random(&random) % spread) - 7);
                wrong += queue_push(&queue, job) != 0;
                is_in[i] = was_in[i] = true;
                size++;
            }
            if (step % 3 == 0 && size) {
                job = queue_peek(&queue);
                wrong += !job || job != model_next(jobs, is_in);
                if (job && step % 2) {
                    is_in[job - jobs] = false;
                    queue_remove(&queue, job);
                    size--;
                }
            }
            wrong += queue.size != size || (!size && queue_peek(&queue));
        }
        for (struct job *job; (job = queue_peek(&queue)); is_in[job - jobs] = false) {
            wrong += job != model_next(jobs, is_in);
            queue_remove(&queue, job);
        }
        CU_ASSERT_EQUAL(wrong, 0);
        CU_ASSERT_EQUAL(queue.size, 0);
        queue_release(&queue);
    }
}

static void many_priorities_are_held_and_forgotten(void)
{
    static struct job jobs[JOBS];
    struct queue queue;
    queue_init(&queue);
    for (size_t i = 0; i < JOBS; i++) {
        job_make(&jobs[i], i + 1, (int32_t)(i * 7919 % JOBS));
        CU_ASSERT_EQUAL(queue_push(&queue, &jobs[i]), 0);
    }
    CU_ASSERT_EQUAL(queue.level_count, JOBS);
    for (int32_t priority = JOBS - 1; priority >= 0; priority--)
        CU_ASSERT_EQUAL(take_next(&queue).priority, priority);
    CU_ASSERT(queue.level_count <= 1);
    queue_release(&queue);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"an empty queue has no next", an_empty_queue_has_no_next},
        {"higher priorities go first and equal ones in order", higher_priorities_go_first_and_equal_ones_in_order},
        {"what comes back takes its old place", what_comes_back_takes_its_old_place},
        {"random operations agree with the model", random_operations_agree_with_the_model},
        {"many priorities are held and forgotten", many_priorities_are_held_and_forgotten},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
