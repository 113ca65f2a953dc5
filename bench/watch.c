/* SPDX-License-Identifier: MIT
 *
 * Runs one command and prints what it cost, one line: wall, user and system seconds, the peak resident memory of that
 * process alone in KiB (0 without -m), and the share of the machine's processor time that others took meanwhile, in percent.
 * User and system time include descendants that it waited for; descendants that it left behind count as others.
 * With -m the peak is VmHWM from /proc, read every half millisecond until the process ends, the last value kept: wait4's maximum
 * would be that of the largest descendant. The program exits 1 when the command fails or takes over ten minutes.
 *
 *     watch [-m] [-i IN] [-o OUT] COMMAND [ARGUMENT]...
 */
#include "bench.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LIMIT_S 600

struct watch {
    const char *in, *out;
    int memory;
    char **command;
};

/* Processor time that the whole machine has used, and what a hypervisor took away, in seconds. */
static double machine_used_s(void)
{
    unsigned long long user = 0, nice = 0, system = 0, idle, iowait, irq = 0, softirq = 0, steal = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return 0;
    if (fscanf(file, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq, &softirq,
               &steal) < 4)
        user = nice = system = irq = softirq = steal = 0;
    fclose(file);
    return (double)(user + nice + system + irq + softirq + steal) / (double)sysconf(_SC_CLK_TCK);
}

static double seconds(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static pid_t watch_start(const struct watch *watch)
{
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int error;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, watch->in, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, watch->out, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    error = posix_spawnp(&pid, watch->command[0], &actions, NULL, watch->command, environ);
    if (error)
        bench_die("%s: %s", watch->command[0], strerror(error));
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* 0 when the process has no memory any more. */
static long watch_peak_kib(int status_fd)
{
    char text[4096];
    ssize_t size = pread(status_fd, text, sizeof text - 1, 0);
    const char *at;
    if (size <= 0)
        return 0;
    text[size] = '\0';
    at = strstr(text, "VmHWM:");
    return at ? strtol(at + 6, NULL, 10) : 0;
}

static long watch_until_end(const struct watch *watch, pid_t pid, int64_t begin_ns)
{
    char path[64];
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), status_fd = -1, ready;
    long peak_kib = 0, now_kib;
    struct timespec nap = {.tv_sec = watch->memory ? 0 : 1, .tv_nsec = watch->memory ? 500000 : 0};
    struct pollfd item = {.fd = pidfd, .events = POLLIN};
    if (pidfd < 0)
        bench_die("pidfd_open: %s", strerror(errno));
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    if (watch->memory)
        status_fd = open(path, O_RDONLY | O_CLOEXEC);
    while ((ready = ppoll(&item, 1, &nap, NULL)) == 0 || (ready < 0 && errno == EINTR)) {
        if (status_fd >= 0 && (now_kib = watch_peak_kib(status_fd)) > 0)
            peak_kib = now_kib;
        if (bench_now_ns() - begin_ns > LIMIT_S * INT64_C(1000000000)) {
            kill(pid, SIGKILL);
            bench_die("%s: killed after %d s", watch->command[0], LIMIT_S);
        }
    }
    if (status_fd >= 0)
        close(status_fd);
    close(pidfd);
    return peak_kib;
}

int main(int argc, char **argv)
{
    struct watch watch = {.in = "/dev/null", .out = "/dev/null"};
    struct rusage used;
    int64_t begin_ns;
    double wall_s, others_s;
    long peak_kib;
    pid_t pid;
    int option, status;
    while ((option = getopt(argc, argv, "+mi:o:")) != -1) {
        if (option == 'm')
            watch.memory = 1;
        else if (option == 'i')
            watch.in = optarg;
        else if (option == 'o')
            watch.out = optarg;
        else
            return 2;
    }
    if (optind >= argc)
        bench_die("usage: watch [-m] [-i IN] [-o OUT] COMMAND [ARGUMENT]...");
    watch.command = argv + optind;
    others_s = machine_used_s();
    begin_ns = bench_now_ns();
    pid = watch_start(&watch);
    peak_kib = watch_until_end(&watch, pid, begin_ns);
    if (wait4(pid, &status, 0, &used) != pid)
        bench_die("wait4: %s", strerror(errno));
    wall_s = (double)(bench_now_ns() - begin_ns) / 1e9;
    others_s = machine_used_s() - others_s - seconds(&used.ru_utime) - seconds(&used.ru_stime);
    if (WIFSIGNALED(status))
        bench_die("%s: killed by signal %d", watch.command[0], WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        bench_die("%s: exit status %d", watch.command[0], WEXITSTATUS(status));
    printf("%.6f %.6f %.6f %ld %.1f\n", wall_s, seconds(&used.ru_utime), seconds(&used.ru_stime), peak_kib,
           others_s > 0 ? 100 * others_s / wall_s / (double)sysconf(_SC_NPROCESSORS_ONLN) : 0.0);
    return 0;
}
