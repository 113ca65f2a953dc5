/* SPDX-License-Identifier: MIT */
#include "sync/holders.h"

#include "sync/robust.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* When the process started; 0: it cannot be read. */
static uint64_t process_start(int32_t pid)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    /* The name, field 2, may hold anything; what follows its last bracket is fields 3 and up, and the start is field 22. */
    char *at = strrchr(text, ')');
    for (int field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    return at ? strtoull(at, NULL, 10) : 0;
}

static _Atomic int32_t own_pid;
static _Atomic uint64_t own_start;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static void forget_own(void)
{
    atomic_store(&own_pid, 0);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, forget_own);
}

static void find_own(int32_t *pid, uint64_t *start)
{
    pthread_once(&own_once, watch_forks);
    *pid = (int32_t)getpid();
    if (atomic_load(&own_pid) != *pid) {
        atomic_store(&own_start, process_start(*pid));
        atomic_store(&own_pid, *pid);
    }
    *start = atomic_load(&own_start);
}

/* A zombie is dead; a process with a dead first thread is not. In doubt it is alive. */
static bool holder_is_dead(const struct holder *holder)
{
    int32_t pid = atomic_load(&holder->pid);
    uint64_t start = atomic_load(&holder->start);
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT)) /* the last two: the number is a thread's by now */
        return true;
    bool is_dead = false;
    if (fd >= 0) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        is_dead = poll(&item, 1, 0) > 0;
        close(fd);
    } else {
        is_dead = kill(pid, 0) < 0 && errno == ESRCH;
    }
    uint64_t now = is_dead || !start ? 0 : process_start(pid);
    return is_dead || (now && now != start);
}

size_t holders_size(uint32_t capacity)
{
    return sizeof(struct holders) + capacity * sizeof(struct holder);
}

int holders_init(struct holders *holders, uint32_t total, uint32_t max, uint32_t capacity)
{
    atomic_init(&holders->total, total);
    holders->max = max;
    holders->capacity = capacity;
    return robust_init(&holders->lock);
}

static int holders_lock(struct holders *holders, int64_t deadline_ns)
{
    int rc = robust_lock(&holders->lock, deadline_ns);
    if (rc != -EOWNERDEAD)
        return rc;
    uint32_t taken = 0;
    for (uint32_t i = 0; i < atomic_load(&holders->used); i++)
        taken += atomic_load(&holders->at[i].units);
    atomic_store(&holders->taken, taken);
    return 0;
}

/* The caller's place. If it has none, the first free one, or NULL. */
static struct holder *find_holder(struct holders *holders, int32_t pid, uint64_t start)
{
    struct holder *free_one = NULL;
    uint32_t used = atomic_load(&holders->used);
    for (uint32_t i = 0; i < used; i++) {
        struct holder *holder = &holders->at[i];
        if (!atomic_load(&holder->units))
            free_one = free_one ? free_one : holder;
        else if (atomic_load(&holder->pid) == pid && atomic_load(&holder->start) == start)
            return holder;
    }
    return free_one || used == holders->capacity ? free_one : &holders->at[used];
}

static int take_locked(struct holders *holders)
{
    int32_t pid;
    uint64_t start;
    if (atomic_load(&holders->taken) >= atomic_load(&holders->total))
        return -EAGAIN;
    find_own(&pid, &start);
    struct holder *holder = find_holder(holders, pid, start);
    if (!holder)
        return -ENOSPC;
    if (!atomic_load(&holder->units)) {
        uint32_t index = (uint32_t)(holder - holders->at);
        atomic_store(&holder->pid, pid);
        atomic_store(&holder->start, start);
        if (index >= atomic_load(&holders->used))
            atomic_store(&holders->used, index + 1);
    }
    atomic_fetch_add(&holder->units, 1);
    atomic_fetch_add(&holders->taken, 1);
    return 0;
}

static int give_locked(struct holders *holders)
{
    int32_t pid;
    uint64_t start;
    find_own(&pid, &start);
    struct holder *holder = find_holder(holders, pid, start);
    if (holder && atomic_load(&holder->units)) {
        atomic_fetch_sub(&holder->units, 1);
        atomic_fetch_sub(&holders->taken, 1);
        return 0;
    }
    if (atomic_load(&holders->total) >= holders->max)
        return -ERANGE;
    atomic_fetch_add(&holders->total, 1);
    return 0;
}

int holders_take(struct holders *holders, int64_t deadline_ns)
{
    int rc = holders_lock(holders, deadline_ns);
    if (rc < 0)
        return rc;
    rc = take_locked(holders);
    robust_unlock(&holders->lock);
    return rc;
}

int holders_give(struct holders *holders, int64_t deadline_ns)
{
    int rc = holders_lock(holders, deadline_ns);
    if (rc < 0)
        return rc;
    rc = give_locked(holders);
    robust_unlock(&holders->lock);
    return rc;
}

int64_t holders_reclaim(struct holders *holders, int64_t deadline_ns)
{
    int rc = holders_lock(holders, deadline_ns);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < atomic_load(&holders->used); i++) {
        struct holder *holder = &holders->at[i];
        if (atomic_load(&holder->units) && holder_is_dead(holder))
            atomic_fetch_sub(&holders->taken, atomic_exchange(&holder->units, 0));
    }
    int64_t left = (int64_t)atomic_load(&holders->total) - atomic_load(&holders->taken);
    robust_unlock(&holders->lock);
    return left;
}
