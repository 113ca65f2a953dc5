/* SPDX-License-Identifier: MIT
 *
 * The ceiling of benchmark 5: P processes, each in a bare loop of posix_spawn, read the output to its end, wait. Nothing
 * else could be faster at running N commands one by one and keeping what they print; with no STREAMS, at running them.
 *
 *     spawn PROCESSES N STREAMS COMMAND [ARGUMENT]...
 *
 * STREAMS 0 captures nothing, 1 stdout, 2 also stderr, as exec.run does.
 */
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

/* Reads until every stream has ended. */
static void spawn_capture(const int *fds, int streams)
{
    struct pollfd items[2];
    char bytes[4096];
    int open_streams = streams, i;
    for (i = 0; i < streams; i++) {
        items[i].fd = fds[i];
        items[i].events = POLLIN;
    }
    while (open_streams) {
        if (streams > 1 && poll(items, (nfds_t)streams, -1) < 0 && errno != EINTR)
            bench_die("poll: %s", strerror(errno));
        for (i = 0; i < streams; i++) {
            if (items[i].fd < 0 || (streams > 1 && !items[i].revents))
                continue;
            if (read(items[i].fd, bytes, sizeof bytes) <= 0) {
                close(items[i].fd);
                items[i].fd = -1;
                open_streams--;
            }
        }
    }
}

static void spawn_one(char **command, int streams)
{
    posix_spawn_file_actions_t actions;
    int pipes[2][2], reads[2], i, status;
    pid_t pid;
    posix_spawn_file_actions_init(&actions);
    for (i = 0; i < streams; i++) {
        if (pipe2(pipes[i], O_CLOEXEC))
            bench_die("pipe: %s", strerror(errno));
        posix_spawn_file_actions_adddup2(&actions, pipes[i][1], i + 1);
        reads[i] = pipes[i][0];
    }
    if ((errno = posix_spawn(&pid, command[0], &actions, NULL, command, environ)))
        bench_die("%s: %s", command[0], strerror(errno));
    posix_spawn_file_actions_destroy(&actions);
    for (i = 0; i < streams; i++)
        close(pipes[i][1]);
    spawn_capture(reads, streams);
    if (waitpid(pid, &status, 0) != pid || status)
        bench_die("%s failed", command[0]);
}

static void spawn_loop(char **command, long count, int streams)
{
    while (count--)
        spawn_one(command, streams);
}

int main(int argc, char **argv)
{
    long processes, count, i;
    int streams, status, failed = 0;
    if (argc < 5)
        bench_die("usage: spawn PROCESSES N STREAMS COMMAND [ARGUMENT]...");
    processes = bench_count(argv[1], 1);
    count = bench_count(argv[2], 0);
    streams = (int)bench_count(argv[3], 0);
    if (streams > 2)
        bench_die("STREAMS is at most 2");
    for (i = 0; i < processes; i++) {
        pid_t pid = fork();
        if (pid < 0)
            bench_die("fork: %s", strerror(errno));
        if (pid == 0) {
            spawn_loop(argv + 4, count / processes + (i < count % processes), streams);
            _exit(0);
        }
    }
    for (i = 0; i < processes; i++)
        if (wait(&status) < 0 || status)
            failed = 1;
    return failed;
}
