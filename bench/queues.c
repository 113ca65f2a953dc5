/* SPDX-License-Identifier: MIT
 *
 * Benchmark 8: items through a shared queue, from so many producer processes to so many consumer processes; and the same
 * items through a bare pipe(2), one write and one read each (the kernel keeps them whole while 4096 is a multiple of SIZE).
 * All processes are at the start line before the clock starts; it stops when the last has ended. One and one have a processor
 * each. What was put is summed up again at the other end.
 * Prints one line a round and way: name (queue or pipe), items a second.
 *
 *     queues ROUNDS ITEMS SIZE PRODUCERS CONSUMERS
 */
#include "bench.h"

#include <hayfork/queue.h>
#include <hayfork/shared.h>
#include <hayfork/sync.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WAIT_MS 600000
#define MOST 64

struct run {
    struct hay_queue *queue; /* NULL: over the pipe */
    int pipe[2];
    struct hay_barrier *line;
    struct hay_value *sum;
    int64_t items; /* of each producer */
    size_t size;
};

static int produce(const struct run *run, int64_t first)
{
    char *item = bench_alloc(run->size);
    memset(item, 'x', run->size);
    if (hay_barrier_wait(run->line, WAIT_MS, NULL))
        return 1;
    for (int64_t number = first; number < first + run->items; number++) {
        memcpy(item, &number, sizeof number);
        if (!run->queue)
            bench_write(run->pipe[1], item, run->size);
        else if (hay_queue_put(run->queue, item, run->size, WAIT_MS))
            return 1;
    }
    return 0;
}

/* 1: an item; 0: the end; -1: something broke. */
static int take(const struct run *run, char *item)
{
    size_t size = run->size;
    if (!run->queue)
        return bench_read(run->pipe[0], item, size);
    enum hay_status status = hay_queue_get(run->queue, item, run->size, &size, WAIT_MS);
    return status == HAY_EOF ? 0 : status || size != run->size ? -1 : 1;
}

static int consume(const struct run *run)
{
    char *item = bench_alloc(run->size);
    int64_t sum = 0, number;
    int more;
    if (!run->queue)
        close(run->pipe[1]);
    if (hay_barrier_wait(run->line, WAIT_MS, NULL))
        return 1;
    while ((more = take(run, item)) > 0) {
        memcpy(&number, item, sizeof number);
        sum += number;
    }
    return more < 0 || hay_value_add_i64(run->sum, sum, NULL);
}

static void join(const pid_t *pids, int count)
{
    for (int i = 0; i < count; i++) {
        int status;
        if (waitpid(pids[i], &status, 0) != pids[i] || status)
            bench_die("a producer or a consumer failed");
    }
}

/* Producers first. */
static void start(const struct run *run, pid_t *pids, int producers, int consumers, const cpu_set_t *allowed)
{
    bool is_pinned = producers == 1 && consumers == 1 && CPU_COUNT(allowed) > 1;
    for (int i = 0; i < producers + consumers; i++) {
        pids[i] = fork();
        if (pids[i] < 0)
            bench_die("fork: %s", strerror(errno));
        if (pids[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (is_pinned)
                bench_pin(0, bench_cpu(allowed, i));
            _exit(i < producers ? produce(run, i * run->items) : consume(run));
        }
    }
}

static double run_once(struct run *run, int producers, int consumers, const cpu_set_t *allowed)
{
    struct hay_barrier_options parties = {.parties = producers + consumers + 1};
    int64_t all = run->items * producers, sum = 0;
    pid_t pids[2 * MOST];
    if (!run->queue && pipe(run->pipe))
        bench_die("pipe: %s", strerror(errno));
    run->line = hay_barrier_new(&parties, NULL);
    run->sum = hay_value_new(HAY_I64, NULL);
    if (!run->line || !run->sum)
        bench_die("no memory");
    start(run, pids, producers, consumers, allowed);
    if (!run->queue) {
        close(run->pipe[0]);
        close(run->pipe[1]);
    }
    if (hay_barrier_wait(run->line, WAIT_MS, NULL))
        bench_die("not all processes came to the start line");
    int64_t begin_ns = bench_now_ns();
    join(pids, producers);
    if (run->queue)
        hay_queue_close(run->queue);
    join(pids + producers, consumers);
    int64_t spent_ns = bench_now_ns() - begin_ns;
    if (hay_value_load_i64(run->sum, &sum) || sum != all * (all - 1) / 2)
        bench_die("what came out is not what was put in");
    hay_barrier_free(run->line);
    hay_value_free(run->sum);
    return (double)all * 1e9 / (double)spent_ns;
}

int main(int argc, char **argv)
{
    cpu_set_t allowed;
    if (argc != 6)
        bench_die("usage: queues ROUNDS ITEMS SIZE PRODUCERS CONSUMERS");
    long rounds = bench_count(argv[1], 1), items = bench_count(argv[2], 1);
    long producers = bench_count(argv[4], 1), consumers = bench_count(argv[5], 1);
    if (producers > MOST || consumers > MOST)
        bench_die("at most %d producers and %d consumers", MOST, MOST);
    struct run run = {.size = (size_t)bench_count(argv[3], sizeof(int64_t)), .items = items / producers};
    signal(SIGPIPE, SIG_IGN);
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        bench_die("sched_getaffinity: %s", strerror(errno));
    for (long round = 0; round < rounds; round++) {
        struct hay_error error = {0};
        run.queue = hay_queue_new(NULL, &error);
        if (!run.queue)
            bench_die("%s", error.text);
        printf("queue %.0f\n", run_once(&run, (int)producers, (int)consumers, &allowed));
        hay_queue_free(run.queue);
        run.queue = NULL;
        printf("pipe %.0f\n", run_once(&run, (int)producers, (int)consumers, &allowed));
    }
    return 0;
}
