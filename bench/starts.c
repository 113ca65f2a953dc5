/* SPDX-License-Identifier: MIT
 *
 * Benchmark 10: starting a child that does nothing and waiting for its end: bare fork() and waitpid(), and a process object made,
 * started, joined and freed; between them a bare fork() whose child does by hand what a process object promises; then a program,
 * against posix_spawn(). The ways take turns, a slice each; the median slice counts.
 * Prints one line a round and way: name, nanoseconds of one start. Ways: fork, clean, process, spawn, program.
 * At the end LEAK more processes are started and joined, one by one and then in waves, and two lines tell what they left behind
 * here: "fds" and a count, "memory" and KiB of resident memory.
 *
 *     starts ROUNDS STARTS LEAK PROGRAM
 */
#include "bench.h"

#include <hayfork/process.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SLICES 20
#define WAVE 50

static char *program[2];

static int do_nothing(void *argument)
{
    (void)argument;
    return 0;
}

static void by_fork(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
        bench_die("fork failed");
}

/* Default signals, no stray descriptor, standard input from /dev/null, stdio flushed, a descriptor that tells the end. */
static void by_clean(void)
{
    sigset_t all, before;
    int status;
    fflush(NULL);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        syscall(SYS_close_range, 3, ~0u, 0);
        for (int n = 1; n < NSIG; n++)
            sigaction(n, &action, NULL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        fflush(NULL);
        _exit(0);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
        bench_die("fork failed");
    close(pidfd);
}

static void by_spawn(void)
{
    int status;
    pid_t pid;
    if (posix_spawn(&pid, program[0], NULL, NULL, program, environ) || waitpid(pid, &status, 0) != pid || status)
        bench_die("cannot run %s", program[0]);
}

static struct hay_process *start(bool is_program)
{
    struct hay_error error = {0};
    struct hay_process *process = is_program ? hay_process_new_exec(program[0], program, NULL, &error) :
                                               hay_process_new(do_nothing, NULL, NULL, &error);
    if (!process || hay_process_start(process, &error))
        bench_die("%s", error.text);
    return process;
}

static void end(struct hay_process *process)
{
    struct hay_error error = {0};
    struct hay_exit how;
    if (hay_process_join(process, -1, &how, &error))
        bench_die("%s", error.text);
    if (how.kind != HAY_EXIT_CODE || how.value)
        bench_die("a child failed");
    hay_process_free(process);
}

static void by_process(void)
{
    end(start(false));
}

static void by_program(void)
{
    end(start(true));
}

static void run_round(long count)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } ways[] = {{"fork", by_fork}, {"clean", by_clean}, {"process", by_process}, {"spawn", by_spawn}, {"program", by_program}};
    enum { WAYS = sizeof ways / sizeof ways[0] };
    int64_t spent_ns[WAYS][SLICES];
    long each = count / SLICES;
    for (int turn = 0; turn < SLICES; turn++)
        for (int way = 0; way < WAYS; way++) {
            int64_t begin_ns = bench_now_ns();
            for (long i = 0; i < each; i++)
                ways[way].run();
            spent_ns[way][turn] = bench_now_ns() - begin_ns;
        }
    for (int way = 0; way < WAYS; way++)
        printf("%s %.0f\n", ways[way].name, (double)bench_median(spent_ns[way], SLICES) / (double)each);
}

static long open_fds(void)
{
    DIR *directory = opendir("/proc/self/fd");
    long count = 0;
    if (!directory)
        bench_die("/proc/self/fd: %s", strerror(errno));
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static long resident_kib(void)
{
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    char *second;
    if (size <= 0)
        bench_die("/proc/self/statm: %s", strerror(errno));
    close(fd);
    text[size] = '\0';
    second = strchr(text, ' ');
    return second ? strtol(second, NULL, 10) * (sysconf(_SC_PAGESIZE) / 1024) : 0;
}

static void run_waves(long count)
{
    struct hay_process *wave[WAVE];
    for (long i = 0; i < count; i++)
        by_process();
    for (long done = 0; done < count; done += WAVE) {
        for (int i = 0; i < WAVE; i++)
            wave[i] = start(false);
        for (int i = 0; i < WAVE; i++)
            end(wave[i]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5)
        bench_die("usage: starts ROUNDS STARTS LEAK PROGRAM");
    long rounds = bench_count(argv[1], 1), count = bench_count(argv[2], SLICES), leak = bench_count(argv[3], 1);
    program[0] = argv[4];
    run_waves(1);
    by_program();
    for (long round = 0; round < rounds; round++)
        run_round(count);
    open_fds(); /* what the first look itself touches does not count */
    resident_kib();
    long fds = open_fds(), memory_kib = resident_kib();
    run_waves(leak);
    printf("fds %ld\n", open_fds() - fds);
    printf("memory %ld\n", resident_kib() - memory_kib);
    return 0;
}
