/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: memory that runs out. The HURT_AT-th allocation fails, counted from 1, in a
 * process that was started as hayfork (not in the script that stands for it in a build), or with HURT_CHILDREN in each that such
 * a process forks; with HURT_ON all later ones fail too. HURT_COUNT: a file that gets the number of allocations at the exit.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long hurt_at, hurt_seen;
static int hurt_on, hurt_children;
static pid_t hurt_pid;

static long hurt_fails(void)
{
    if (!hurt_at || (getpid() != hurt_pid) != hurt_children)
        return 0;
    hurt_seen++;
    if (hurt_seen != hurt_at && !(hurt_on && hurt_seen > hurt_at))
        return 0;
    errno = ENOMEM;
    return 1;
}

/* Looking for the next one may ask for memory itself, and can do without. */
static void *hurt_next(const char *name)
{
    static int is_searching;
    if (is_searching)
        return NULL;
    is_searching = 1;
    void *next = dlsym(RTLD_NEXT, name);
    is_searching = 0;
    return next;
}

__attribute__((visibility("default")))
void *malloc(size_t size)
{
    static void *(*next)(size_t);
    if (!next)
        *(void **)&next = hurt_next("malloc");
    return next && !hurt_fails() ? next(size) : NULL;
}

__attribute__((visibility("default")))
void *calloc(size_t count, size_t size)
{
    static void *(*next)(size_t, size_t);
    if (!next)
        *(void **)&next = hurt_next("calloc");
    return next && !hurt_fails() ? next(count, size) : NULL;
}

__attribute__((visibility("default")))
void *realloc(void *bytes, size_t size)
{
    static void *(*next)(void *, size_t);
    if (!next)
        *(void **)&next = hurt_next("realloc");
    return next && !hurt_fails() ? next(bytes, size) : NULL;
}

__attribute__((constructor))
static void hurt_begin(void)
{
    const char *at = getenv("HURT_AT"), *name = strrchr(program_invocation_short_name, 'h');
    if (!name || strcmp(name, "hayfork"))
        return;
    hurt_pid = getpid();
    hurt_on = getenv("HURT_ON") != NULL;
    hurt_children = getenv("HURT_CHILDREN") != NULL;
    hurt_at = at ? strtol(at, NULL, 10) : 0;
}

__attribute__((destructor))
static void hurt_end(void)
{
    const char *path = getenv("HURT_COUNT");
    if (!path || getpid() != hurt_pid)
        return;
    long seen = hurt_seen;
    FILE *file = fopen(path, "w");
    if (file) {
        fprintf(file, "%ld\n", seen);
        fclose(file);
    }
}
