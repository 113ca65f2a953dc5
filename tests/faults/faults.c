/* SPDX-License-Identifier: MIT
 *
 * Each line of the table of faults in a run of its own, twice among 240 good jobs on two workers; then all of them in one storm.
 * Of every run: the right status on the right id, every other job ok at its first attempt with its own result, one line a job,
 * the right exit code, an end in time, and no process left. With arguments: only the faults whose names contain one of them.
 */
#include "harness.h"
#include "results.h"
#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUN_JOBS 242
#define STORM_STEP 12  /* one job of so many is a fault */

struct batch {
    FILE *in, *out, *err;
    size_t jobs;
    int code;
    bool clean;           /* it ended in time, and nothing is left of it */
    struct results results;
};

/* Sizes around the space of a worker's outbox, with and without its frame's head. */
static size_t good_size(size_t id)
{
    static const size_t sizes[] = {2, 100, 4096, 32768, 65494, 65495, 65496, 65497, 65512, 65535, 65536, 65537, 131072};
    return sizes[id / 16 % (sizeof sizes / sizeof sizes[0])];
}

static void write_good(FILE *out, size_t id)
{
    if (id % 16 == 5)
        fprintf(out, "{\"id\":%zu,\"fn\":\"fault.act\",\"args\":\"result %zu\"}\n", id, good_size(id));
    else if (id % 4 == 0)
        fprintf(out, "{\"id\":%zu,\"fn\":\"fault.ok\"}\n", id);
    else
        fprintf(out, "{\"id\":%zu,\"fn\":\"demo.add\",\"args\":{\"a\":%zu,\"b\":%zu}}\n", id, id, 2 * id);
}

static void write_fault(FILE *out, size_t id, const struct fault *fault)
{
    fprintf(out, "{\"id\":%zu,%s}\n", id, fault->job);
}

static bool good_is_right(const struct results *results, size_t id, unsigned flags)
{
    if (!results_expect(results, id, "ok", NULL, flags & REACHES_OUT ? 0 : 1))
        return false;
    const json_t *value = json_object_get(results->by_id[id].json, "result");
    bool right = id % 16 == 5 ? json_string_length(value) + 2 == good_size(id)
               : id % 4 == 0  ? json_is_null(value)
                              : json_number_value(value) == 3.0 * (double)id;
    return right || note("id %zu has a wrong result: %.200s", id, results->by_id[id].text);
}

static void batch_open(struct batch *batch)
{
    *batch = (struct batch){scratch_open(), scratch_open(), scratch_open(), 0, 0, false, {0}};
}

static void batch_close(struct batch *batch)
{
    results_free(&batch->results);
    fclose(batch->in);
    fclose(batch->out);
    fclose(batch->err);
}

/* Run what was written to `in`. False when it cannot be judged further. */
static bool batch_run(struct batch *batch, const char *options)
{
    struct run run;
    char arguments[512];
    snprintf(arguments, sizeof arguments, "run -p demo -p fault %s", options);
    struct run_io io = {scratch_rewind(batch->in), fileno(batch->out), fileno(batch->err)};
    if (!run_start(&run, arguments, &io, NULL))
        return false;
    batch->code = run_wait(&run, patience_ms());
    batch->clean = run_left_nothing(&run) && batch->code >= 0;
    return results_read(&batch->results, fileno(batch->out), batch->jobs, true);
}

static bool code_is_right(const struct batch *batch)
{
    int wanted = results_count(&batch->results, "ok") == batch->jobs ? 0 : 1;
    return batch->code == wanted || note("the exit code is %d and should be %d", batch->code, wanted);
}

static bool is_fault(size_t id)
{
    return id == RUN_JOBS / 3 || id == RUN_JOBS * 2 / 3;
}

static bool fault_is_right(const struct results *results, size_t id, const struct fault *fault)
{
    /* A sanitizer turns wild deeds into an exit of its own. */
    bool own_way = sanitized() && fault->flags & SANITIZERS_SPEAK;
    return results_expect(results, id, fault->statuses, own_way ? NULL : fault->pattern, own_way ? 0 : fault->attempts);
}

static bool run_fault(const struct fault *fault)
{
    struct batch batch;
    char options[256];
    batch_open(&batch);
    for (size_t id = 1; id <= RUN_JOBS; id++)
        if (is_fault(id))
            write_fault(batch.in, id, fault);
        else
            write_good(batch.in, id);
    batch.jobs = RUN_JOBS;
    snprintf(options, sizeof options, "-j 2 %s", fault->options);
    bool ok = batch_run(&batch, options);
    for (size_t id = 1; ok && id <= RUN_JOBS; id++)
        ok = is_fault(id) ? fault_is_right(&batch.results, id, fault) : good_is_right(&batch.results, id, fault->flags);
    ok = ok && code_is_right(&batch);
    ok &= batch.clean;
    if (!(fault->flags & SANITIZERS_SPEAK) || !ok)
        ok &= stderr_is_clean(fileno(batch.err), !ok);
    batch_close(&batch);
    return ok;
}

static bool fits_storm(const struct fault *fault)
{
    return !*fault->options && !(fault->flags & (REACHES_OUT | SANITIZERS_SPEAK | SPOILS_WORKER));
}

/* All faults that need no options of their own, three times over, in one run. */
static bool run_storm(void)
{
    struct batch batch;
    const struct fault *stormy[256];
    size_t count = 0;
    for (const struct fault *fault = faults; fault->name && count < 256; fault++)
        if (fits_storm(fault))
            stormy[count++] = fault;
    batch_open(&batch);
    batch.jobs = 3 * count * STORM_STEP;
    for (size_t id = 1; id <= batch.jobs; id++)
        if (id % STORM_STEP == 0)
            write_fault(batch.in, id, stormy[id / STORM_STEP % count]);
        else
            write_good(batch.in, id);
    bool ok = batch_run(&batch, "-j 4");
    for (size_t id = 1; ok && id <= batch.jobs; id++)
        ok = id % STORM_STEP == 0 ? fault_is_right(&batch.results, id, stormy[id / STORM_STEP % count])
                                  : good_is_right(&batch.results, id, 0);
    ok = ok && code_is_right(&batch);
    ok &= batch.clean;
    ok &= stderr_is_clean(fileno(batch.err), !ok);
    batch_close(&batch);
    return ok;
}

static bool is_wanted(const char *name, int argc, char **argv)
{
    bool wanted = argc < 2;
    for (int i = 1; i < argc; i++)
        wanted |= strstr(name, argv[i]) != NULL;
    return wanted;
}

int main(int argc, char **argv)
{
    if (!harness_init())
        return EXIT_FAILURE;
    for (const struct fault *fault = faults; fault->name; fault++) {
        if (!is_wanted(fault->name, argc, argv))
            continue;
        int64_t since_ns = now_ns();
        bool ok = run_fault(fault);
        report(ok, "%s (%lld ms)", fault->name, (long long)elapsed_ms(since_ns));
    }
    if (is_wanted("storm", argc, argv))
        report(run_storm(), "storm: all of them in one run");
    return report_end();
}
