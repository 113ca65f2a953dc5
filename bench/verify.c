/* SPDX-License-Identifier: MIT
 *
 * Checks the output of benchmark 1, untimed: exactly N lines, each id from 1 to N once, every status ok, and the result
 * of job i is 2i. Reads result lines from stdin with jansson, so it shares no code with what it checks.
 *
 *     verify N
 */
#include "bench.h"

#include <jansson.h>

int main(int argc, char **argv)
{
    long count = argc == 2 ? bench_count(argv[1], 0) : -1, lines = 0;
    char *line = NULL, *seen;
    size_t capacity = 0;
    ssize_t size;
    long long sum = 0;
    if (count < 0)
        bench_die("usage: verify N < results");
    seen = calloc((size_t)count + 1, 1);
    if (!seen)
        bench_die("no memory");
    while ((size = getline(&line, &capacity, stdin)) > 0) {
        json_error_t error;
        json_t *result = json_loadb(line, (size_t)size, 0, &error);
        const char *status = json_string_value(json_object_get(result, "status"));
        long long id = json_integer_value(json_object_get(result, "id"));
        json_t *value = json_object_get(result, "result");
        lines++;
        if (!status || strcmp(status, "ok") != 0)
            bench_die("line %ld is not an ok result: %s", lines, line);
        if (id < 1 || id > count || seen[id])
            bench_die("line %ld: id %lld is out of range or came before", lines, id);
        if (!json_is_number(value) || json_number_value(value) != 2.0 * (double)id)
            bench_die("line %ld: the result of job %lld is wrong: %s", lines, id, line);
        seen[id] = 1;
        sum += 2 * id;
        json_decref(result);
    }
    if (lines != count)
        bench_die("%ld result lines for %ld jobs", lines, count);
    printf("%ld lines, all ok, sum %lld\n", lines, sum);
    free(line);
    free(seen);
    return 0;
}
