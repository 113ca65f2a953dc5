/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static unsigned reports, failures;
static const char *command;

void report(bool ok, const char *format, ...)
{
    va_list list;
    printf("%sok %u - ", ok ? "" : "not ", ++reports);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    failures += !ok;
}

bool note(const char *format, ...)
{
    va_list list;
    fputs("# ", stdout);
    va_start(list, format);
    vprintf(format, list);
    va_end(list);
    putchar('\n');
    return false;
}

int report_end(void)
{
    printf("1..%u\n", reports);
    return failures || !reports ? EXIT_FAILURE : EXIT_SUCCESS;
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t elapsed_ms(int64_t since_ns)
{
    return (now_ns() - since_ns) / 1000000;
}

bool sanitized(void)
{
    return getenv("HAY_SANITIZED") != NULL;
}

int patience_ms(void)
{
    return sanitized() ? 120000 : 60000;
}

void nap(void)
{
    nanosleep(&(struct timespec){0, 1000000}, NULL);
}

bool harness_init(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGPIPE, SIG_IGN);
    command = getenv("HAYFORK");
    if (!command || access(command, X_OK) < 0 || !getenv("HAYFORK_PLUGIN_PATH")) {
        printf("Bail out! HAYFORK and HAYFORK_PLUGIN_PATH say where the command and its plugins are\n");
        return false;
    }
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0 || note("this process cannot become a subreaper");
}

/* Arguments and environment of the command as arrays; the strings belong to others. */
static size_t split(char *text, char **words, size_t capacity)
{
    size_t count = 0;
    char *rest;
    for (char *word = strtok_r(text, " ", &rest); word && count + 1 < capacity; word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
    return count;
}

static _Noreturn void become_command(const struct run *run, const char *arguments, const struct run_io *io,
                                     const char *const *environment, pid_t parent)
{
    char text[4096], program[4096], *words[128];
    int fds[3] = {io->in, io->out, io->err};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (int fd = 0; fd < 3; fd++) /* above 2 first: one may stand where another goes */
        fds[fd] = fcntl(fds[fd], F_DUPFD_CLOEXEC, 3);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(fds[fd], fd) < 0)
            _exit(126);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL); /* a shell that is no terminal's has what it starts with "&" ignore that */
    setenv("HAY_FAULT_RUN", run->marker, 1);
    for (; environment && *environment; environment++)
        putenv(strdup(*environment));
    snprintf(text, sizeof text, "%s", arguments);
    snprintf(program, sizeof program, "%s", command);
    words[0] = program;
    split(text, words + 1, sizeof words / sizeof words[0] - 1);
    execvp(program, words);
    _exit(127);
}

bool run_start(struct run *run, const char *arguments, const struct run_io *io, const char *const *environment)
{
    static unsigned count;
    pid_t parent = getpid();
    snprintf(run->marker, sizeof run->marker, "%d-%u", (int)parent, ++count);
    run->started_ns = now_ns();
    fflush(NULL);
    run->pid = fork();
    if (run->pid == 0)
        become_command(run, arguments, io, environment, parent);
    if (run->pid < 0)
        return note("fork: %s", strerror(errno));
    run->pidfd = open_process(run->pid);
    return run->pidfd >= 0 || note("pidfd_open: %s", strerror(errno));
}

int run_wait(struct run *run, int timeout_ms)
{
    struct pollfd ended = {run->pidfd, POLLIN, 0};
    int status, n;
    do {
        n = poll(&ended, 1, timeout_ms);
    } while (n < 0 && errno == EINTR);
    if (n == 0)
        kill(run->pid, SIGKILL);
    while (waitpid(run->pid, &status, 0) < 0 && errno == EINTR)
        ;
    close(run->pidfd);
    run->pidfd = -1;
    if (n == 0) {
        note("the command did not end within %d ms and was killed", timeout_ms);
        return -1;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Does /proc/PID/environ hold our marker? A process that has changed its user or is gone does not. */
static bool has_marker(pid_t pid, const char *marker)
{
    char path[64], wanted[80], *bytes;
    size_t size;
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bytes = read_all(fd, &size);
    close(fd);
    size_t length = (size_t)snprintf(wanted, sizeof wanted, "HAY_FAULT_RUN=%s", marker) + 1;
    bool found = bytes && memmem(bytes, size, wanted, length);
    free(bytes);
    return found;
}

size_t run_processes(const struct run *run, pid_t *pids, size_t capacity)
{
    size_t count = 0;
    DIR *dir = opendir("/proc");
    if (!dir)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        pid_t pid = atoi(entry->d_name);
        if (pid <= 0 || pid == getpid() || !has_marker(pid, run->marker))
            continue;
        char state = process_state(pid, NULL);
        if (state && state != 'Z' && state != 'X' && count < capacity)
            pids[count++] = pid;
    }
    closedir(dir);
    return count;
}

static void describe(pid_t pid, const char *what)
{
    char path[64], name[64] = "?";
    pid_t parent = 0;
    char state = process_state(pid, &parent);
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    if (file && fgets(name, sizeof name, file))
        name[strcspn(name, "\n")] = '\0';
    if (file)
        fclose(file);
    note("%s: process %d (%s), state %c, parent %d", what, (int)pid, name, state ? state : '?', (int)parent);
}

/* Take away all that was left to us. */
static void sweep(const struct run *run)
{
    pid_t pids[256];
    int64_t since_ns = now_ns();
    do {
        size_t count = run_processes(run, pids, 256);
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
        count = process_children(getpid(), pids, 256);
        for (size_t i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        nap();
    } while ((waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) && elapsed_ms(since_ns) < 10000);
}

bool run_left_nothing(const struct run *run)
{
    pid_t pids[256];
    size_t count = process_children(getpid(), pids, 256);
    bool clean = count == 0;
    for (size_t i = 0; i < count && i < 10; i++)
        describe(pids[i], process_state(pids[i], NULL) == 'Z' ? "a zombie was left" : "an orphan was left");
    count = run_processes(run, pids, 256);
    for (size_t i = 0; i < count && i < 10; i++)
        describe(pids[i], "still there");
    if (!clean || count)
        sweep(run);
    return clean && !count;
}

int64_t run_await_gone(const struct run *run, int timeout_ms)
{
    pid_t pids[256];
    int64_t since_ns = now_ns();
    for (;;) {
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        /* One that is just ending has no environment any more, and is still our child. */
        size_t count = run_processes(run, pids, 256);
        if (!count)
            count = process_children(getpid(), pids, 256);
        int64_t took_ms = elapsed_ms(since_ns);
        if (!count)
            return took_ms;
        if (took_ms > timeout_ms) {
            for (size_t i = 0; i < count && i < 10; i++)
                describe(pids[i], "still there");
            sweep(run);
            return -1;
        }
        nap();
    }
}

size_t process_children(pid_t pid, pid_t *pids, size_t capacity)
{
    char path[64];
    size_t count = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    for (int child; count < capacity && fscanf(file, "%d", &child) == 1;)
        pids[count++] = child;
    fclose(file);
    return count;
}

char process_state(pid_t pid, pid_t *parent)
{
    char path[64], line[512], state = '\0';
    int above = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return '\0';
    if (fgets(line, sizeof line, file)) {
        const char *after_name = strrchr(line, ')');
        if (after_name && sscanf(after_name + 1, " %c %d", &state, &above) != 2)
            state = '\0';
    }
    fclose(file);
    if (parent)
        *parent = above;
    return state;
}

bool process_is_named(pid_t pid, const char *name)
{
    char path[64], is[64] = "";
    snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    FILE *file = fopen(path, "re");
    bool same = file && fgets(is, sizeof is, file) && strncmp(is, name, strlen(name)) == 0 && is[strlen(name)] == '\n';
    if (file)
        fclose(file);
    return same;
}

int process_fds(pid_t pid)
{
    char path[64];
    int count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    if (!dir)
        return -1;
    for (struct dirent *entry; (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

long process_rss_kib(pid_t pid)
{
    char path[64], line[256];
    long kib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return -1;
    while (kib < 0 && fgets(line, sizeof line, file))
        if (sscanf(line, "VmRSS: %ld kB", &kib) != 1)
            kib = -1;
    fclose(file);
    return kib;
}

int open_process(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int signal_process(int pidfd, int number)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

FILE *scratch_open(void)
{
    int fd = memfd_create("scratch", MFD_CLOEXEC);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
    if (!file) {
        printf("Bail out! no scratch file: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
    return file;
}

int scratch_rewind(FILE *scratch)
{
    fflush(scratch);
    lseek(fileno(scratch), 0, SEEK_SET);
    return fileno(scratch);
}

char *read_all(int fd, size_t *size)
{
    size_t room = 65536;
    char *bytes = malloc(room + 1);
    *size = 0;
    lseek(fd, 0, SEEK_SET);
    while (bytes) {
        ssize_t n = read(fd, bytes + *size, room - *size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        *size += (size_t)n;
        if (*size == room) {
            char *larger = realloc(bytes, room * 2 + 1);
            if (!larger) {
                free(bytes);
                return NULL;
            }
            bytes = larger;
            room *= 2;
        }
    }
    if (bytes)
        bytes[*size] = '\0';
    return bytes;
}

bool stderr_is_clean(int fd, bool show)
{
    static const char *const alarms[] = {"Sanitizer", "runtime error:", "Assertion", "assertion", "no symbol", "free():", NULL};
    size_t size;
    bool clean = true;
    char *text = read_all(fd, &size);
    for (size_t i = 0; text && alarms[i]; i++)
        if (memmem(text, size, alarms[i], strlen(alarms[i])))
            clean = note("stderr speaks of \"%s\"", alarms[i]);
    if (text && (show || !clean)) {
        char *rest, *tail = size > 3000 ? text + size - 3000 : text;
        unsigned lines = 0;
        for (char *line = strtok_r(tail, "\n", &rest); line && lines < 40; line = strtok_r(NULL, "\n", &rest), lines++)
            note("stderr: %.200s", line);
    }
    free(text);
    return clean;
}
