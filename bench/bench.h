/* SPDX-License-Identifier: MIT
 *
 * What the benchmark programs share: the clock, a way to give up, counts from the command line, a big write buffer, and
 * moving a process to one processor. Header only, so that each program stays one file. They are yardsticks and tools,
 * not part of the library: they print and exit as they like.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define BENCH_SPAN ((size_t)1 << 20) /* how much one read or write moves */

__attribute__((format(printf, 1, 2), noreturn))
static inline void bench_die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("bench: ", stderr);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    exit(1);
}

static inline int64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline long bench_count(const char *text, long least)
{
    char *end;
    long value;
    errno = 0;
    value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < least)
        bench_die("not a number of at least %ld: %s", least, text);
    return value;
}

static inline void *bench_alloc(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        bench_die("no memory for %zu bytes", size);
    return memory;
}

/* All of it, or the end of the program. */
static inline void bench_write(int fd, const void *bytes, size_t size)
{
    const char *at = (const char *)bytes;
    while (size) {
        ssize_t done = write(fd, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            bench_die("write: %s", strerror(errno));
        at += done;
        size -= (size_t)done;
    }
}

/* Exactly `size` bytes; 0 when the other end was closed first. */
static inline int bench_read(int fd, void *bytes, size_t size)
{
    char *at = (char *)bytes;
    while (size) {
        ssize_t done = read(fd, at, size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return 0;
        at += done;
        size -= (size_t)done;
    }
    return 1;
}

static inline int bench_compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

/* Of at least one; sorts them. The middle slice of many short ones is not the one that somebody else disturbed. */
static inline int64_t bench_median(int64_t *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, bench_compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The n-th processor that this program may use, or -1. */
static inline int bench_cpu(const cpu_set_t *allowed, int n)
{
    int cpu;
    for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, allowed) && n-- == 0)
            return cpu;
    return -1;
}

/* pid 0: this process. */
static inline void bench_pin(pid_t pid, int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(pid, sizeof set, &set))
        bench_die("pin process %d to processor %d: %s", (int)pid, cpu, strerror(errno));
}

#endif
