/* SPDX-License-Identifier: MIT
 *
 * The yardstick of benchmark 1: what a careful C programmer writes without a pool. One process reads job lines, parses
 * each with jansson, adds, builds the result object, and dumps it with jansson straight into a big output buffer.
 * Input is read in large pieces and lines are parsed where they lie; nothing is copied or looked up twice.
 *
 *     serial IN OUT
 */
#include "bench.h"

#include <fcntl.h>
#include <jansson.h>

#define LINE_SIZE_MAX ((size_t)1 << 16) /* of a job line and of a result line */

static struct {
    int fd;
    size_t used;
    char bytes[BENCH_SPAN];
} out;

static void serial_flush(void)
{
    bench_write(out.fd, out.bytes, out.used);
    out.used = 0;
}

static json_t *serial_add(const json_t *args)
{
    const json_t *a = json_object_get(args, "a"), *b = json_object_get(args, "b");
    if (json_is_integer(a) && json_is_integer(b))
        return json_integer(json_integer_value(a) + json_integer_value(b));
    if (json_is_number(a) && json_is_number(b))
        return json_real(json_number_value(a) + json_number_value(b));
    return NULL;
}

static void serial_line(const char *line, size_t size)
{
    json_error_t error;
    json_t *job = json_loadb(line, size, 0, &error), *result = json_object(), *sum;
    const char *fn = json_string_value(json_object_get(job, "fn"));
    size_t length;
    if (!job || !result)
        bench_die("a line is not JSON: %s", error.text);
    sum = fn && strcmp(fn, "demo.add") == 0 ? serial_add(json_object_get(job, "args")) : NULL;
    if (!sum)
        bench_die("a line is not a job of demo.add");
    if (json_object_set_nocheck(result, "id", json_object_get(job, "id")) ||
        json_object_set_new_nocheck(result, "status", json_string_nocheck("ok")) ||
        json_object_set_new_nocheck(result, "result", sum))
        bench_die("no memory");
    if (sizeof out.bytes - out.used < LINE_SIZE_MAX)
        serial_flush();
    length = json_dumpb(result, out.bytes + out.used, LINE_SIZE_MAX - 1, JSON_COMPACT);
    if (length == 0 || length >= LINE_SIZE_MAX)
        bench_die("a result is too long");
    out.used += length;
    out.bytes[out.used++] = '\n';
    json_decref(result);
    json_decref(job);
}

static void serial_run(int in)
{
    char *bytes = bench_alloc(BENCH_SPAN);
    size_t filled = 0;
    for (;;) {
        ssize_t got = read(in, bytes + filled, BENCH_SPAN - filled);
        char *at = bytes, *end;
        if (got < 0)
            bench_die("read: %s", strerror(errno));
        filled += (size_t)got;
        while ((end = memchr(at, '\n', filled - (size_t)(at - bytes)))) {
            serial_line(at, (size_t)(end - at));
            at = end + 1;
        }
        filled -= (size_t)(at - bytes);
        if (got == 0 || filled == BENCH_SPAN)
            break;
        memmove(bytes, at, filled);
    }
    if (filled)
        bench_die("the last line has no end, or a line is over %zu bytes", BENCH_SPAN);
    free(bytes);
}

int main(int argc, char **argv)
{
    int in;
    if (argc != 3)
        bench_die("usage: serial IN OUT");
    in = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (in < 0)
        bench_die("%s: %s", argv[1], strerror(errno));
    out.fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out.fd < 0)
        bench_die("%s: %s", argv[2], strerror(errno));
    serial_run(in);
    serial_flush();
    if (close(out.fd))
        bench_die("%s: %s", argv[2], strerror(errno));
    close(in);
    return 0;
}
