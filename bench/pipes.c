/* SPDX-License-Identifier: MIT
 *
 * Benchmark 7: messages over a pipe, against the same bytes over a bare socket pair with blocking read and write.
 * A trip is a message to a child and back. A stream is many large messages one way, and one byte back for all of them.
 * All children exist before the first round; the ways take turns, a slice each, so that what disturbs the machine meets all
 * of them, and the median slice counts. Trips are measured with parent and child on two processors and with both on one,
 * streams on two.
 * Prints one line a round and way: name, nanoseconds of one message. Ways: raw, bytes, json, each with 2 or 1 (processors)
 * behind it; raw-stream, bytes-stream (into the reader's buffer), new-stream (into new memory), json-stream.
 *
 *     pipes ROUNDS TRIPS SIZE MESSAGES MESSAGE-SIZE
 */
#include "bench.h"

#include <hayfork/pipe_json.h>
#include <hayfork/process.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define WAIT_MS 10000
#define SLICES 20

enum kind { RAW, BYTES, NEW, JSON };

/* What a child does, and how the parent reaches it. */
struct way {
    const char *name;
    enum kind kind;
    bool is_stream;     /* the child answers with one byte after `count` messages */
    size_t size;
    long count;         /* messages of one slice */
    int raw_fd;         /* RAW only */
    pid_t pid;
    struct hay_pipe *pipe, *theirs;
    struct hay_process *process;
    json_t *value;      /* JSON only */
    char *bytes;
    int64_t spent_ns[SLICES];
};

static void check(enum hay_status status, const struct hay_error *error)
{
    if (status)
        bench_die("%s: %s", hay_status_text(status), error->text);
}

static int raw_child(struct way *way, int fd)
{
    long seen = 0;
    while (bench_read(fd, way->bytes, way->size)) {
        if (!way->is_stream)
            bench_write(fd, way->bytes, way->size);
        else if (++seen % way->count == 0)
            bench_write(fd, way->bytes, 1);
    }
    return 0;
}

/* One message in, by the way's kind, and out again. False at the end. */
static bool answer(struct way *way, struct hay_error *error)
{
    enum hay_status status;
    size_t size = way->size;
    void *bytes = NULL;
    json_t *value = NULL;
    if (way->kind == JSON)
        status = hay_pipe_receive_json(way->theirs, &value, 0, -1, error);
    else if (way->kind == NEW)
        status = hay_pipe_receive(way->theirs, &bytes, &size, 0, -1, error);
    else
        status = hay_pipe_receive_into(way->theirs, way->bytes, way->size, &size, -1, error);
    if (status == HAY_EOF)
        return false;
    check(status, error);
    if (way->kind != JSON && size != way->size)
        bench_die("a message of %zu bytes came as %zu", way->size, size);
    if (!way->is_stream && way->kind == JSON)
        check(hay_pipe_send_json(way->theirs, value, -1, error), error);
    else if (!way->is_stream)
        check(hay_pipe_send(way->theirs, bytes ? bytes : way->bytes, size, -1, error), error);
    free(bytes);
    json_decref(value);
    return true;
}

static int pipe_child(void *argument)
{
    struct way *way = argument;
    struct hay_error error = {0};
    long seen = 0;
    while (answer(way, &error))
        if (way->is_stream && ++seen % way->count == 0)
            check(hay_pipe_send(way->theirs, "x", 1, -1, &error), &error);
    return 0;
}

static void start_raw(struct way *way)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        bench_die("socketpair: %s", strerror(errno));
    way->pid = fork();
    if (way->pid < 0)
        bench_die("fork: %s", strerror(errno));
    if (way->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int fd = 3; fd < 100; fd++)
            if (fd != pair[1])
                close(fd); /* the other ways' ends: a copy here would keep their children from seeing the end */
        _exit(raw_child(way, pair[1]));
    }
    close(pair[1]);
    way->raw_fd = pair[0];
}

static void start_pipe(struct way *way)
{
    struct hay_process_options options = {.daemon = true};
    struct hay_error error = {0};
    check(hay_pipe_new(&way->pipe, &way->theirs, &error), &error);
    way->process = hay_process_new(pipe_child, way, &options, &error);
    if (!way->process)
        bench_die("%s", error.text);
    check(hay_process_give(way->process, hay_pipe_handle(way->theirs), &error), &error);
    check(hay_process_start(way->process, &error), &error);
    way->pid = hay_process_pid(way->process);
}

/* A JSON text of about `size` bytes: an array of small objects. */
static json_t *make_value(size_t size)
{
    json_t *array = json_array();
    size_t used = 2;
    for (long i = 0; used < size; i++) {
        json_t *item = json_pack("{s:I,s:s,s:f}", "id", (json_int_t)(i % 1000), "name", "a worker", "load", 0.25);
        used += json_dumpb(item, NULL, 0, JSON_COMPACT) + 1;
        if (json_array_append_new(array, item))
            bench_die("no memory for a JSON value");
    }
    return array;
}

static void start(struct way *way)
{
    way->bytes = bench_alloc(way->size);
    memset(way->bytes, 'x', way->size);
    if (way->kind == JSON)
        way->value = way->is_stream ? make_value(way->size) : json_stringn(way->bytes, way->size - 2);
    if (way->kind == RAW)
        start_raw(way);
    else
        start_pipe(way);
}

static void trip_raw(struct way *way)
{
    bench_write(way->raw_fd, way->bytes, way->size);
    if (!way->is_stream && !bench_read(way->raw_fd, way->bytes, way->size))
        bench_die("the other end of the socket pair is gone");
}

static void trip_pipe(struct way *way)
{
    struct hay_error error = {0};
    if (way->kind == JSON) {
        json_t *value;
        check(hay_pipe_send_json(way->pipe, way->value, WAIT_MS, &error), &error);
        if (way->is_stream)
            return;
        check(hay_pipe_receive_json(way->pipe, &value, 0, WAIT_MS, &error), &error);
        json_decref(value);
        return;
    }
    check(hay_pipe_send(way->pipe, way->bytes, way->size, WAIT_MS, &error), &error);
    if (!way->is_stream)
        check(hay_pipe_receive_into(way->pipe, way->bytes, way->size, NULL, WAIT_MS, &error), &error);
}

static int64_t slice(struct way *way)
{
    struct hay_error error = {0};
    char byte;
    int64_t begin_ns = bench_now_ns();
    for (long i = 0; i < way->count; i++)
        if (way->kind == RAW)
            trip_raw(way);
        else
            trip_pipe(way);
    if (way->is_stream && way->kind == RAW && !bench_read(way->raw_fd, &byte, 1))
        bench_die("the other end of the socket pair is gone");
    if (way->is_stream && way->kind != RAW)
        check(hay_pipe_receive_into(way->pipe, &byte, 1, NULL, WAIT_MS, &error), &error);
    return bench_now_ns() - begin_ns;
}

static void end(struct way *way)
{
    struct hay_error error = {0};
    if (way->kind == RAW) {
        close(way->raw_fd);
        waitpid(way->pid, NULL, 0);
    } else {
        struct hay_exit how;
        hay_pipe_close(way->pipe);
        check(hay_process_join(way->process, WAIT_MS, &how, &error), &error);
        if (how.kind != HAY_EXIT_CODE || how.value)
            bench_die("a child failed");
        hay_process_free(way->process);
        hay_pipe_free(way->pipe);
        hay_pipe_free(way->theirs);
    }
    json_decref(way->value);
    free(way->bytes);
}

static void run_round(struct way *ways, int count, int cpus, const cpu_set_t *allowed)
{
    bench_pin(0, bench_cpu(allowed, 0));
    for (int i = 0; i < count; i++)
        bench_pin(ways[i].pid, bench_cpu(allowed, cpus - 1));
    for (int turn = 0; turn < SLICES; turn++)
        for (int i = 0; i < count; i++)
            ways[i].spent_ns[turn] = slice(&ways[i]);
    for (int i = 0; i < count; i++) {
        double each_ns = (double)bench_median(ways[i].spent_ns, SLICES) / (double)ways[i].count;
        if (ways[i].is_stream)
            printf("%s-stream %.1f\n", ways[i].name, each_ns);
        else
            printf("%s%d %.1f\n", ways[i].name, cpus, each_ns);
    }
}

int main(int argc, char **argv)
{
    struct way trips[] = {{.name = "raw", .kind = RAW}, {.name = "bytes", .kind = BYTES}, {.name = "json", .kind = JSON}};
    struct way streams[] = {{.name = "raw", .kind = RAW}, {.name = "bytes", .kind = BYTES}, {.name = "new", .kind = NEW},
                            {.name = "json", .kind = JSON}};
    cpu_set_t allowed;
    if (argc != 6)
        bench_die("usage: pipes ROUNDS TRIPS SIZE MESSAGES MESSAGE-SIZE");
    long rounds = bench_count(argv[1], 1);
    signal(SIGPIPE, SIG_IGN);
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        bench_die("sched_getaffinity: %s", strerror(errno));
    int most_cpus = CPU_COUNT(&allowed) > 1 ? 2 : 1;
    for (size_t i = 0; i < 3; i++) {
        trips[i].count = bench_count(argv[2], SLICES) / SLICES;
        trips[i].size = (size_t)bench_count(argv[3], 2);
        start(&trips[i]);
        slice(&trips[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        streams[i].is_stream = true;
        streams[i].count = bench_count(argv[4], SLICES) / SLICES;
        streams[i].size = (size_t)bench_count(argv[5], 2);
        start(&streams[i]);
        slice(&streams[i]);
    }
    for (long round = 0; round < rounds; round++) {
        for (int cpus = most_cpus; cpus > 0; cpus--)
            run_round(trips, 3, cpus, &allowed);
        run_round(streams, 4, most_cpus, &allowed);
    }
    for (size_t i = 0; i < 3; i++)
        end(&trips[i]);
    for (size_t i = 0; i < 4; i++)
        end(&streams[i]);
    return 0;
}
