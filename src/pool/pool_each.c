/* SPDX-License-Identifier: MIT
 *
 * hay_pool_each(): a stream of jobs from a lazy producer, its results told in the order of completion or of the stream.
 *
 * Guarantees: what is taken and not told never exceeds the window, nor does memory; each job that was taken is told exactly once,
 * unless the receiver says stop; the caller's context is not touched after the return. Where jobs cannot be ended (the
 * pool is frozen) the run is left behind, deaf, and goes with its last job.
 */
#include <hayfork/pool.h>

#include "base/clock.h"
#include "base/error.h"
#include "pool/keep.h"
#include "pool/pool.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_WINDOW 2048            /* a worker; for ordered streams */
#define FIRST_EARLY 64
#define TURN_EVERY_NS (1 * NS_PER_MS)  /* also between two jobs, so that a slow producer leaves no worker idle */
#define CANCEL_EVERY_MS 50
#define END_LIMIT_MS 5000              /* beyond the grace */

struct each_run {
    struct hay_pool *pool;
    struct hay_each given;
    int function;               /* index of given.function */
    struct hay_job job;         /* taken, and not submitted yet */
    bool has_job;
    bool is_over;               /* `next` has no more */
    bool is_stopped;            /* `result` wants no more */
    bool is_telling;
    bool is_left;               /* the caller has gone */
    bool has_skipped;           /* a job was not run */
    uint64_t window;
    uint64_t taken, settled, told;
    struct hay_result **early;  /* ordered: results before their turn, by index; a ring */
    uint64_t early_size;        /* a power of 2; at least taken - told */
    int64_t turned_ns;          /* 0: never, so the first job is sent at once */
};

/* Stands for a result that there was no memory for. */
static struct hay_result lost = {.outcome = HAY_OUTCOME_OK, .exit_code = -1, .worker = -1};

/* Around the program's code, as the master does it: no call may turn the loop meanwhile. */
static void enter(struct each_run *run)
{
    run->pool->master.callback_depth++;
}

static void leave(struct each_run *run)
{
    run->pool->master.callback_depth--;
}

/* ---- results ---- */

static void tell(struct each_run *run, const struct hay_result *result)
{
    uint64_t index = run->given.ordered ? run->told : result->tag;
    run->told++;
    enter(run);
    run->is_stopped = !run->given.result(run->given.context, index, result) || run->is_stopped;
    leave(run);
}

static struct hay_result **early_at(const struct each_run *run, uint64_t index)
{
    return &run->early[index & (run->early_size - 1)];
}

static struct hay_result *copy_result(const struct hay_result *result)
{
    struct hay_result *copy = malloc(sizeof *copy + keep_size(result));
    if (!copy)
        return &lost;
    *copy = *result;
    keep_move(copy, (char *)(copy + 1));
    return copy;
}

static void free_early(struct each_run *run, uint64_t index)
{
    struct hay_result **at = early_at(run, index);
    if (*at != &lost)
        free(*at);
    *at = NULL;
}

static void tell_early(struct each_run *run)
{
    while (!run->is_stopped && run->told < run->taken && *early_at(run, run->told)) {
        uint64_t index = run->told;
        struct hay_result here = **early_at(run, index);
        if (*early_at(run, index) == &lost)
            keep_lose(&here);
        tell(run, &here);
        free_early(run, index);
    }
}

/* In order, and never while `result` runs: it may settle other jobs itself, by cancelling. */
static void tell_in_order(struct each_run *run, const struct hay_result *result)
{
    if (run->is_telling || result->tag != run->told) {
        *early_at(run, result->tag) = copy_result(result);
        return;
    }
    run->is_telling = true;
    tell(run, result);
    tell_early(run);
    run->is_telling = false;
}

static void take_result(struct each_run *run, const struct hay_result *result)
{
    run->settled++;
    run->has_skipped |= result->outcome == HAY_OUTCOME_SKIPPED;
    if (run->is_stopped)
        return;
    if (run->given.ordered)
        tell_in_order(run, result);
    else
        tell(run, result);
}

static void on_done(void *context, const struct hay_result *result)
{
    struct each_run *run = context;
    if (!run->is_left)
        take_result(run, result);
    else if (++run->settled == run->taken)
        free(run);
}

/* ---- jobs ---- */

static bool grow_early(struct each_run *run)
{
    if (!run->given.ordered || run->taken - run->told < run->early_size)
        return true;
    uint64_t size = run->early_size ? run->early_size * 2 : FIRST_EARLY;
    struct hay_result **early = size <= SIZE_MAX / sizeof *early ? calloc((size_t)size, sizeof *early) : NULL;
    if (!early)
        return false;
    for (uint64_t i = run->told; i < run->taken; i++)
        early[i & (size - 1)] = *early_at(run, i);
    free(run->early);
    run->early = early;
    run->early_size = size;
    return true;
}

static void take(struct each_run *run)
{
    run->job = (struct hay_job){.function = run->given.function};
    enter(run);
    run->has_job = run->given.next(run->given.context, &run->job);
    leave(run);
    run->is_over = !run->has_job;
    if (!run->has_job)
        return;
    if (run->given.function && run->job.function == run->given.function) {
        run->job.function = NULL; /* looked up once */
        run->job.index = run->function;
    }
    run->job.tag = run->taken++;
    run->job.on_done = on_done;
    run->job.done_context = run;
}

/* The job that was taken ends without having been submitted. */
static void refuse(struct each_run *run, enum hay_outcome outcome, const char *text)
{
    struct hay_result result = {.outcome = outcome, .tag = run->job.tag, .id = run->job.id, .args = run->job.args,
                                .message = hay_span_of(text), .exit_code = -1, .worker = -1};
    run->has_job = false;
    take_result(run, &result);
}

static enum hay_status offer(struct each_run *run, struct hay_error *error)
{
    struct hay_error refusal;
    run->has_job = false; /* inline pools run it here */
    enum hay_status status = hay_pool_submit(run->pool, &run->job, 0, NULL, &refusal);
    switch (status) {
    case HAY_OK:
        return HAY_OK;
    case HAY_EFULL:
        run->has_job = true;
        return HAY_OK;
    case HAY_ESTATE:
    case HAY_EBROKEN:
    case HAY_ENOMEM:
        refuse(run, HAY_OUTCOME_SKIPPED, refusal.text);
        return error_set(error, status, "%s", refusal.text);
    default:
        refuse(run, HAY_OUTCOME_REJECTED, refusal.text); /* this job's own fault */
        return HAY_OK;
    }
}

static bool has_room(const struct each_run *run)
{
    const struct hay_job *job = &run->job;
    size_t size = run->has_job ? job->id.size + (job->args.at ? job->args.size : strlen("null")) : 0;
    return hay_pool_has_room(run->pool, size);
}

/* Take and submit while there is room. `must`: nothing is pending, so if there is no room the pool says why when it is asked. */
static enum hay_status feed(struct each_run *run, bool must, int64_t deadline_ns, struct hay_error *error)
{
    while (!run->is_stopped && (run->has_job || !run->is_over)) {
        if (!run->has_job && (run->taken - run->told >= run->window || (!must && !has_room(run))))
            break;
        if (!run->has_job && !grow_early(run)) {
            if (must)
                return error_set(error, HAY_ENOMEM, "out of memory");
            break;
        }
        if (!run->has_job)
            take(run);
        if (!run->has_job || (!must && !has_room(run)))
            break;
        enum hay_status status = offer(run, error);
        if (status)
            return status;
        must = false;
        int64_t now_ns = clock_now_ns();
        if (now_ns >= deadline_ns)
            break;
        if (now_ns - run->turned_ns >= TURN_EVERY_NS) {
            hay_pool_turn(run->pool, 0);
            run->turned_ns = clock_now_ns();
        }
    }
    return HAY_OK;
}

static enum hay_status drive(struct each_run *run, int timeout_ms, struct hay_error *error)
{
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    bool must = false;
    do {
        enum hay_status status = feed(run, must, deadline_ns, error);
        if (status)
            return status;
        if (run->is_stopped || (run->is_over && run->settled == run->taken))
            break;
        must = hay_pool_turn(run->pool, clock_left_ms(deadline_ns)) == HAY_EOF;
        run->turned_ns = clock_now_ns();
    } while (run->turned_ns < deadline_ns || (must && !run->taken)); /* where nothing could be taken, it is said why */
    if (run->is_stopped)
        return error_set(error, HAY_ECANCELLED, "the receiver of the results said stop");
    if (run->is_over && run->settled == run->taken)
        return run->has_skipped && run->pool->master.is_broken ?
                   error_set(error, HAY_EBROKEN, "%s", run->pool->master.broken_reason) : HAY_OK;
    return error_set(error, HAY_ETIMEDOUT, "the time was up with %llu of %llu jobs unfinished",
                     (unsigned long long)(run->taken - run->settled), (unsigned long long)run->taken);
}

/* ---- the end ---- */

/* Cancel what is unfinished and wait for it: the grace, and then the moment that a kill takes. */
static void finish(struct each_run *run)
{
    const struct master *master = &run->pool->master; /* whose grace a callback may change by terminating it */
    int64_t cancel_ns = 0, now_ns = clock_now_ns(), from_ns = clock_add(now_ns, END_LIMIT_MS * NS_PER_MS);
    if (run->has_job)
        refuse(run, HAY_OUTCOME_CANCELLED, "cancelled before it started");
    for (; run->settled < run->taken && now_ns < clock_add(from_ns, master->options.grace_ns); now_ns = clock_now_ns()) {
        if (now_ns >= cancel_ns) {
            master_cancel_batch(&run->pool->master, run);
            cancel_ns = now_ns + CANCEL_EVERY_MS * NS_PER_MS;
            continue;
        }
        if (hay_pool_turn(run->pool, CANCEL_EVERY_MS) == HAY_EOF)
            break;
    }
}

static void release(struct each_run *run)
{
    for (uint64_t i = run->told; run->early && i < run->taken; i++)
        free_early(run, i);
    free(run->early);
    run->early = NULL;
    run->is_left = true;
    if (run->settled == run->taken)
        free(run);
}

static uint64_t default_window(const struct hay_pool *pool, bool ordered)
{
    uint64_t workers = pool_is_live(pool) ? (uint64_t)pool->master.wanted : 1;
    return ordered ? DEFAULT_WINDOW * workers : UINT64_MAX;
}

enum hay_status hay_pool_each(struct hay_pool *pool, const struct hay_each *each, int timeout_ms, struct hay_error *error)
{
    if (!pool || !each || !each->next || !each->result)
        return error_set(error, HAY_EINVAL, "a stream of jobs needs a pool, next() and result()");
    if (!pool_is_ours(pool))
        return pool_refuse_foreign(pool, error);
    if (pool_is_inside(pool))
        return error_set(error, HAY_ESTATE, "a callback may not wait for a stream of jobs");
    int function = each->function ? hay_pool_find(pool, each->function, strlen(each->function)) : -1;
    if (each->function && function < 0)
        return error_set(error, HAY_EUNKNOWN, "unknown function \"%.100s\"", each->function);
    struct each_run *run = calloc(1, sizeof *run);
    if (!run)
        return error_set(error, HAY_ENOMEM, "out of memory");
    run->pool = pool;
    run->given = *each;
    run->function = function;
    run->window = each->window ? each->window : default_window(pool, each->ordered);
    enum hay_status status = drive(run, timeout_ms, error);
    finish(run);
    release(run);
    return status;
}
