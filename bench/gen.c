/* SPDX-License-Identifier: MIT
 *
 * Writes the inputs of the benchmarks to stdout, the same bytes each time.
 *
 *     gen add N                 N jobs of demo.add; job i adds i and i
 *     gen spin N [AT MS]        N jobs of demo.spin, log-uniform from 10 us to 100 ms, shuffled; job AT spins MS ms instead
 *     gen run N COMMAND         N jobs of exec.run of COMMAND
 *     gen echo N KIND BYTES     N jobs of demo.echo with the value below
 *     gen value KIND BYTES      one JSON value of BYTES bytes: KIND `objects` is an array of records, `string` one string
 */
#include "bench.h"

#include <math.h>

static uint64_t gen_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u; /* splitmix64 */
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void gen_add(long count)
{
    long i;
    for (i = 1; i <= count; i++)
        printf("{\"id\":%ld,\"fn\":\"demo.add\",\"args\":{\"a\":%ld,\"b\":%ld}}\n", i, i, i);
}

/* The lengths are the N quantiles of the distribution, so the sum does not depend on the seed; only the order does. */
static void gen_spin(long count, long long_at, long long_ms)
{
    long *us = bench_alloc((size_t)count * sizeof *us);
    uint64_t state = 20;
    long i;
    for (i = 0; i < count; i++)
        us[i] = lround(10.0 * pow(10000.0, ((double)i + 0.5) / (double)count));
    for (i = count - 1; i > 0; i--) {
        long other = (long)(gen_random(&state) % (uint64_t)(i + 1));
        long keep = us[i];
        us[i] = us[other];
        us[other] = keep;
    }
    for (i = 1; i <= count; i++)
        printf("{\"id\":%ld,\"fn\":\"demo.spin\",\"args\":{\"us\":%ld}}\n", i, i == long_at ? long_ms * 1000 : us[i - 1]);
    free(us);
}

static void gen_run(long count, const char *command)
{
    long i;
    for (i = 1; i <= count; i++)
        printf("{\"id\":%ld,\"fn\":\"exec.run\",\"args\":{\"argv\":[\"%s\"]}}\n", i, command);
}

/* Text of exactly `size` bytes, fit for the inside of a JSON string: words, and an escaped line end now and then. */
static void gen_text(char *to, size_t size, uint64_t *state)
{
    static const char *const words[] = {"the", "pool", "runs", "every", "job", "once",
                                        "and", "answers", "each", "line", "caf\xc3\xa9"};
    size_t at = 0, column = 0;
    while (at < size) {
        const char *word = words[gen_random(state) % (sizeof words / sizeof words[0])];
        size_t length = strlen(word);
        if (column > 72) {
            word = "\\n";
            length = 2;
            column = 0;
        }
        if (size - at < length + 1) {
            memset(to + at, '.', size - at);
            return;
        }
        memcpy(to + at, word, length);
        at += length;
        column += length + 1;
        to[at++] = ' ';
    }
}

static size_t gen_record(char *to, size_t capacity, long i, uint64_t *state)
{
    char note[65];
    uint64_t dice = gen_random(state);
    gen_text(note, 64, state);
    note[64] = '\0';
    return (size_t)snprintf(to, capacity,
                            "{\"id\":%ld,\"name\":\"user %llu\",\"email\":\"user%llu@example.org\",\"score\":%.4f,"
                            "\"visits\":%llu,\"active\":%s,\"tags\":[\"red\",\"green\",\"blue\"],"
                            "\"position\":{\"x\":%d,\"y\":%d},\"note\":\"%s\"},",
                            i, (unsigned long long)(dice % 100000), (unsigned long long)(dice % 100000),
                            (double)(dice % 10000000) / 1e4, (unsigned long long)(dice >> 40), dice & 1 ? "true" : "false",
                            (int)(dice % 1920), (int)(dice % 1080), note);
}

static char *gen_value(const char *kind, size_t size)
{
    char *value = bench_alloc(size + 1024);
    uint64_t state = 7;
    size_t at = 0;
    long i;
    if (size < 1024)
        bench_die("a value has at least 1024 bytes");
    if (strcmp(kind, "string") == 0) {
        gen_text(value + 1, size - 2, &state);
        value[0] = '"';
    } else if (strcmp(kind, "objects") == 0) {
        value[at++] = '[';
        for (i = 1; size - at > 700; i++)
            at += gen_record(value + at, 512, i, &state);
        value[at++] = '"'; /* the last element takes up what is left */
        gen_text(value + at, size - at - 2, &state);
        value[size - 2] = '"';
    } else {
        bench_die("no such kind of value: %s", kind);
    }
    value[size - 1] = kind[0] == 's' ? '"' : ']';
    return value;
}

static void gen_echo(long count, const char *kind, size_t size)
{
    char *value = gen_value(kind, size);
    long i;
    for (i = 1; i <= count; i++) {
        printf("{\"id\":%ld,\"fn\":\"demo.echo\",\"args\":", i);
        fwrite(value, 1, size, stdout);
        fputs("}\n", stdout);
    }
    free(value);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOFBF, BENCH_SPAN);
    if (strcmp(mode, "add") == 0 && argc == 3) {
        gen_add(bench_count(argv[2], 0));
    } else if (strcmp(mode, "spin") == 0 && (argc == 3 || argc == 5)) {
        gen_spin(bench_count(argv[2], 1), argc == 5 ? bench_count(argv[3], 1) : 0, argc == 5 ? bench_count(argv[4], 0) : 0);
    } else if (strcmp(mode, "run") == 0 && argc == 4) {
        gen_run(bench_count(argv[2], 0), argv[3]);
    } else if (strcmp(mode, "echo") == 0 && argc == 5) {
        gen_echo(bench_count(argv[2], 0), argv[3], (size_t)bench_count(argv[4], 1));
    } else if (strcmp(mode, "value") == 0 && argc == 4) {
        size_t size = (size_t)bench_count(argv[3], 1);
        char *value = gen_value(argv[2], size);
        fwrite(value, 1, size, stdout);
        free(value);
    } else {
        bench_die("usage: gen add N | spin N [AT MS] | run N COMMAND | echo N KIND BYTES | value KIND BYTES");
    }
    if (fflush(stdout) || ferror(stdout))
        bench_die("write: %s", strerror(errno));
    return 0;
}
