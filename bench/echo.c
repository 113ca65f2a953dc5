/* SPDX-License-Identifier: MIT
 *
 * The yardsticks of benchmark 6, each prints its seconds on stdout.
 *
 *     echo json FILE N       parse the value in FILE with jansson and dump it again into a buffer, N times, in this process
 *     echo socket SIZE N     send N messages of SIZE bytes through a socket pair to another process, which answers with one
 *                            byte at the end: the bandwidth of what the pool's pipe is made of
 */
#include "bench.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

static double echo_json(const char *path, long count)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    char *value, *copy;
    int64_t begin_ns;
    size_t size, room;
    long i;
    if (fd < 0 || fstat(fd, &info))
        bench_die("%s: %s", path, strerror(errno));
    size = (size_t)info.st_size;
    value = bench_alloc(size);
    room = size * 4; /* jansson writes reals with 17 digits */
    copy = bench_alloc(room);
    if (!bench_read(fd, value, size))
        bench_die("%s: cannot be read", path);
    close(fd);
    begin_ns = bench_now_ns();
    for (i = 0; i < count; i++) {
        json_error_t error;
        json_t *json = json_loadb(value, size, JSON_DECODE_ANY, &error);
        size_t length = json_dumpb(json, copy, room, JSON_COMPACT | JSON_ENCODE_ANY);
        if (!json || length == 0 || length > room)
            bench_die("%s: jansson cannot parse or dump it", path);
        json_decref(json);
    }
    free(value);
    free(copy);
    return (double)(bench_now_ns() - begin_ns) / 1e9;
}

static void echo_drain(int fd, char *bytes, size_t size, long count)
{
    long i;
    for (i = 0; i < count; i++)
        if (!bench_read(fd, bytes, size))
            _exit(1);
    bench_write(fd, "", 1);
    _exit(0);
}

static double echo_socket(size_t size, long count)
{
    char *bytes = bench_alloc(size), answer;
    int pair[2], status;
    int64_t begin_ns;
    pid_t pid;
    long i;
    memset(bytes, 'x', size);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) || (pid = fork()) < 0)
        bench_die("socketpair, fork: %s", strerror(errno));
    if (pid == 0) {
        close(pair[0]);
        echo_drain(pair[1], bytes, size, count);
    }
    close(pair[1]);
    begin_ns = bench_now_ns();
    for (i = 0; i < count; i++)
        bench_write(pair[0], bytes, size);
    if (!bench_read(pair[0], &answer, 1))
        bench_die("the reader is gone");
    begin_ns = bench_now_ns() - begin_ns;
    if (waitpid(pid, &status, 0) != pid || status)
        bench_die("the reader failed");
    close(pair[0]);
    free(bytes);
    return (double)begin_ns / 1e9;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "json") == 0)
        printf("%.6f\n", echo_json(argv[2], bench_count(argv[3], 1)));
    else if (argc == 4 && strcmp(argv[1], "socket") == 0)
        printf("%.6f\n", echo_socket((size_t)bench_count(argv[2], 1), bench_count(argv[3], 1)));
    else
        bench_die("usage: echo json FILE N | echo socket SIZE N");
    return 0;
}
