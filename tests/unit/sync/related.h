/* SPDX-License-Identifier: MIT
 *
 * Related processes for the tests of src/sync: forked, with a function and an argument, and waited for with a limit, so that a
 * hang is a failed test.
 */
#ifndef TESTS_UNIT_SYNC_RELATED_H
#define TESTS_UNIT_SYNC_RELATED_H

#include "support/tap.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LONG_MS 30000   /* far more than anything here takes */

static inline int64_t related_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static inline void related_nap(void)
{
    nanosleep(&(struct timespec){0, 200000}, NULL);
}

/* Zeroed memory that children share. */
static inline void *related_share(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}

/* The child leaves with what `run` returns, and dies with the test. */
static inline pid_t related_start(int (*run)(void *argument), void *argument)
{
    fflush(NULL);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        _exit(run(argument));
    }
    return pid;
}

/* The exit code, -SIGNAL, or -1000 where it had to be killed after LONG_MS. */
static inline int related_join(pid_t pid)
{
    int status;
    int64_t limit_ms = related_now_ms() + LONG_MS;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (related_now_ms() > limit_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return -1000;
        }
        related_nap();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void related_kill(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static inline void related_stop(pid_t pid)
{
    int status;
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
}

/* Whether *counter reached `goal` within LONG_MS. */
static inline bool related_await(_Atomic int *counter, int goal)
{
    int64_t limit_ms = related_now_ms() + LONG_MS;
    while (atomic_load(counter) < goal) {
        if (related_now_ms() > limit_ms)
            return false;
        related_nap();
    }
    return true;
}

/* Whether the process sleeps in the kernel: so a test waits until a child is in its wait, and not for a time to pass. */
static inline bool related_await_asleep(pid_t pid)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int64_t limit_ms = related_now_ms() + LONG_MS;
    while (related_now_ms() < limit_ms) {
        FILE *file = fopen(path, "re");
        size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
        if (file)
            fclose(file);
        text[size] = '\0';
        const char *end = text;
        for (const char *c = text; *c; c++)
            end = *c == ')' ? c : end;
        if (*end && end[1] == ' ' && end[2] == 'S')
            return true;
        related_nap();
    }
    return false;
}

#endif
