/* SPDX-License-Identifier: MIT
 *
 * Benchmark 2: one job through a warm pool and back, against a raw ping-pong of the same size over the same kind of
 * socket pair with blocking read and write. Both children exist before the first round; rounds are interleaved, and each
 * way is measured with parent and child on two processors and with both on one.
 * Prints one line a round and way: name, nanoseconds of one trip. Ways: raw, pool (results as bytes), checked (as JSON);
 * each with 2 (processors) or 1 behind it.
 *
 *     roundtrip ROUNDS TRIPS SIZE
 */
#include "bench.h"

#include <hayfork/pool.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WAIT_MS 10000

struct raw {
    int fd;
    pid_t pid;
};

struct pooled {
    struct hay_pool *pool;
    long results;
    size_t size; /* each result has to have this size */
};

static struct raw raw_start(size_t size)
{
    char *bytes = bench_alloc(size);
    struct raw raw;
    int pair[2];
    memset(bytes, 'x', size);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        bench_die("socketpair: %s", strerror(errno));
    raw.fd = pair[0];
    raw.pid = fork();
    if (raw.pid < 0)
        bench_die("fork: %s", strerror(errno));
    if (raw.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(pair[0]);
        while (bench_read(pair[1], bytes, size))
            bench_write(pair[1], bytes, size);
        _exit(0);
    }
    close(pair[1]);
    free(bytes);
    return raw;
}

static int64_t raw_trips(const struct raw *raw, char *bytes, size_t size, long trips)
{
    int64_t begin_ns = bench_now_ns();
    long i;
    for (i = 0; i < trips; i++) {
        bench_write(raw->fd, bytes, size);
        if (!bench_read(raw->fd, bytes, size))
            bench_die("the other end of the socket pair is gone");
    }
    return bench_now_ns() - begin_ns;
}

static int echo(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    return task->host->result(task, args, size) ? task->host->fail(task, "no room") : 0;
}

static void pooled_take(void *context, const struct hay_result *result)
{
    struct pooled *pooled = context;
    if (result->outcome != HAY_OUTCOME_OK || result->value.size != pooled->size)
        bench_die("a job came back as %s: %.*s", hay_outcome_name(result->outcome), (int)result->message.size,
                  result->message.at ? result->message.at : "");
    pooled->results++;
}

static void pooled_start(struct pooled *pooled, bool raw_results, size_t size)
{
    struct hay_pool_options options = {.workers = 1, .raw_results = raw_results, .context = pooled, .on_result = pooled_take};
    struct hay_error error = {0};
    pooled->size = size;
    pooled->pool = hay_pool_new(&options, &error);
    if (!pooled->pool || hay_pool_register(pooled->pool, "bench.echo", "its args", echo, NULL, &error) ||
        hay_pool_start(pooled->pool, &error))
        bench_die("%s", error.text);
}

static int64_t pooled_trips(struct pooled *pooled, const char *bytes, long trips)
{
    struct hay_job job = {.index = hay_pool_find(pooled->pool, "bench.echo", 10), .args = {bytes, pooled->size}};
    struct hay_error error = {0};
    int64_t begin_ns = bench_now_ns();
    long i, before;
    for (i = 0; i < trips; i++) {
        before = pooled->results;
        if (hay_pool_submit(pooled->pool, &job, WAIT_MS, NULL, &error))
            bench_die("submit: %s", error.text);
        while (pooled->results == before)
            if (hay_pool_turn(pooled->pool, WAIT_MS))
                bench_die("no result in %d ms", WAIT_MS);
    }
    return bench_now_ns() - begin_ns;
}

static void pooled_end(struct pooled *pooled)
{
    hay_pool_close(pooled->pool);
    if (hay_pool_join(pooled->pool, WAIT_MS))
        bench_die("the pool did not end in %d ms", WAIT_MS);
    hay_pool_free(pooled->pool);
}

static void print_trip(const char *name, int cpus, int64_t all_ns, long trips)
{
    printf("%s%d %.1f\n", name, cpus, (double)all_ns / (double)trips);
}

int main(int argc, char **argv)
{
    long rounds = argc == 4 ? bench_count(argv[1], 1) : 0, trips = argc == 4 ? bench_count(argv[2], 1) : 0, round;
    size_t size = argc == 4 ? (size_t)bench_count(argv[3], 2) : 2;
    struct pooled plain = {0}, checked = {0};
    struct raw raw;
    cpu_set_t allowed;
    char *bytes;
    int cpus;
    if (!rounds)
        bench_die("usage: roundtrip ROUNDS TRIPS SIZE");
    signal(SIGPIPE, SIG_IGN);
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        bench_die("sched_getaffinity: %s", strerror(errno));
    bytes = bench_alloc(size); /* a JSON string */
    memset(bytes, 'x', size);
    bytes[0] = bytes[size - 1] = '"';
    raw = raw_start(size);
    pooled_start(&plain, true, size);
    pooled_start(&checked, false, size);
    pooled_trips(&plain, bytes, 100);
    pooled_trips(&checked, bytes, 100);
    raw_trips(&raw, bytes, size, 100);
    for (round = 0; round < rounds; round++) {
        for (cpus = CPU_COUNT(&allowed) > 1 ? 2 : 1; cpus > 0; cpus--) {
            int child_cpu = bench_cpu(&allowed, cpus - 1);
            bench_pin(0, bench_cpu(&allowed, 0));
            bench_pin(raw.pid, child_cpu);
            bench_pin(hay_pool_worker_pid(plain.pool, 0), child_cpu);
            bench_pin(hay_pool_worker_pid(checked.pool, 0), child_cpu);
            print_trip("raw", cpus, raw_trips(&raw, bytes, size, trips), trips);
            print_trip("pool", cpus, pooled_trips(&plain, bytes, trips), trips);
            print_trip("checked", cpus, pooled_trips(&checked, bytes, trips), trips);
        }
    }
    pooled_end(&plain);
    pooled_end(&checked);
    close(raw.fd);
    waitpid(raw.pid, NULL, 0);
    free(bytes);
    return 0;
}
