/* SPDX-License-Identifier: MIT
 *
 * Judges the schedule of benchmark 4 from the result lines of `hayfork run --meta` on stdin (ids 1 to N in input order).
 * makespan: from the first start to the last end. greedy: the makespan of list scheduling of the measured run times, in input
 * order on as many machines: each job goes to the machine that is free first, at no cost.
 * held: a lower bound of how long a job waited after it was first sent. Jobs are sent in input order, so when a job starts, all
 * jobs before it had been sent; a job that starts after a later one was therefore held at least that long. The time of sending
 * itself is in no result line. idle: time that workers spent between two jobs, in all, and the longest.
 * Prints one line: jobs, makespan, greedy, their ratio, held, the id held longest, idle in all, the longest idle (times in ms).
 *
 *     schedule MACHINES
 */
#include "bench.h"

#include <jansson.h>

#define MACHINES_MAX 256

struct run {
    double start_ms, wall_ms;
    int worker;
};

struct runs {
    struct run *list; /* by id, from 1 */
    long count, room;
};

static void runs_add(struct runs *runs, const json_t *result, const char *line)
{
    const char *status = json_string_value(json_object_get(result, "status"));
    long id = (long)json_integer_value(json_object_get(result, "id"));
    struct run *run;
    if (!status || strcmp(status, "ok") != 0 || id < 1 || id > 10000000)
        bench_die("not an ok result: %s", line);
    if (id >= runs->room) {
        long room = id * 2;
        runs->list = realloc(runs->list, (size_t)room * sizeof *runs->list);
        if (!runs->list)
            bench_die("no memory");
        memset(runs->list + runs->room, 0, (size_t)(room - runs->room) * sizeof *runs->list);
        runs->room = room;
    }
    run = &runs->list[id];
    if (run->start_ms > 0)
        bench_die("job %ld has two results", id);
    run->start_ms = json_number_value(json_object_get(result, "start")) * 1e3; /* seconds since 1970 */
    run->wall_ms = json_number_value(json_object_get(result, "wall_ms"));
    run->worker = (int)json_integer_value(json_object_get(result, "worker"));
    if (run->start_ms <= 0 || run->worker < 0 || run->worker >= MACHINES_MAX)
        bench_die("job %ld has no start or worker: run with --meta", id);
    runs->count++;
}

static double runs_makespan_ms(const struct runs *runs)
{
    double first = runs->list[1].start_ms, last = 0;
    long id;
    for (id = 1; id <= runs->count; id++) {
        const struct run *run = &runs->list[id];
        if (run->start_ms < first)
            first = run->start_ms;
        if (run->start_ms + run->wall_ms > last)
            last = run->start_ms + run->wall_ms;
    }
    return last - first;
}

static double runs_greedy_ms(const struct runs *runs, int machines)
{
    double free_ms[MACHINES_MAX] = {0}, end = 0;
    long id;
    for (id = 1; id <= runs->count; id++) {
        int best = 0, machine;
        for (machine = 1; machine < machines; machine++)
            if (free_ms[machine] < free_ms[best])
                best = machine;
        free_ms[best] += runs->list[id].wall_ms;
        if (free_ms[best] > end)
            end = free_ms[best];
    }
    return end;
}

static double runs_held_ms(const struct runs *runs, long *held_id)
{
    double earliest = runs->list[runs->count].start_ms, held = 0;
    long id;
    *held_id = 0;
    for (id = runs->count - 1; id >= 1; id--) {
        double start = runs->list[id].start_ms;
        if (start - earliest > held) {
            held = start - earliest;
            *held_id = id;
        }
        if (start < earliest)
            earliest = start;
    }
    return held;
}

static int run_compare(const void *left, const void *right)
{
    const struct run *a = left, *b = right;
    return a->start_ms < b->start_ms ? -1 : a->start_ms > b->start_ms;
}

/* Sorts the runs by start: the last thing done with them. */
static double runs_idle_ms(struct runs *runs, double *longest_ms)
{
    double end_ms[MACHINES_MAX] = {0}, all = 0, gap;
    long i;
    *longest_ms = 0;
    qsort(runs->list + 1, (size_t)runs->count, sizeof *runs->list, run_compare);
    for (i = 1; i <= runs->count; i++) {
        const struct run *run = &runs->list[i];
        gap = end_ms[run->worker] > 0 ? run->start_ms - end_ms[run->worker] : 0;
        all += gap;
        if (gap > *longest_ms)
            *longest_ms = gap;
        end_ms[run->worker] = run->start_ms + run->wall_ms;
    }
    return all;
}

int main(int argc, char **argv)
{
    long machines = argc == 2 ? bench_count(argv[1], 1) : 0, id, held_id;
    struct runs runs = {0};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    double makespan, greedy, held, idle, longest;
    if (machines < 1 || machines > MACHINES_MAX)
        bench_die("usage: schedule MACHINES < results");
    while ((size = getline(&line, &capacity, stdin)) > 0) {
        json_error_t error;
        json_t *result = json_loadb(line, (size_t)size, 0, &error);
        runs_add(&runs, result, line);
        json_decref(result);
    }
    for (id = 1; id <= runs.count; id++)
        if (id >= runs.room || runs.list[id].start_ms <= 0)
            bench_die("job %ld has no result", id);
    if (runs.count == 0)
        bench_die("no results");
    makespan = runs_makespan_ms(&runs);
    greedy = runs_greedy_ms(&runs, (int)machines);
    held = runs_held_ms(&runs, &held_id);
    idle = runs_idle_ms(&runs, &longest);
    printf("%ld %.3f %.3f %.5f %.3f %ld %.3f %.3f\n", runs.count, makespan, greedy, makespan / greedy, held, held_id, idle,
           longest);
    free(line);
    free(runs.list);
    return 0;
}
