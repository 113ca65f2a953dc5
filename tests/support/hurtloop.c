/* SPDX-License-Identifier: MIT
 *
 * For LD_PRELOAD: what the kernel can refuse an event loop. HURT_CTL: from that epoll_ctl() on, counted from 1, nothing can be
 * watched any more (ENOSPC: the limit of watches is reached); with HURT_ONCE it is that one only. HURT_WAIT: from that
 * epoll_wait() on, none works. HURT_GROW: no memory for that realloc() of hayfork, by which libev takes all of its own.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

typedef int ctl_fn(int epoll_fd, int operation, int fd, struct epoll_event *event);
typedef int wait_fn(int epoll_fd, struct epoll_event *events, int most, int timeout_ms);

static int hurt_is_due(const char *name, long call)
{
    const char *text = getenv(name);
    long first = text ? strtol(text, NULL, 10) : 0;
    return first && (getenv("HURT_ONCE") ? call == first : call >= first);
}

__attribute__((visibility("default")))
int epoll_ctl(int epoll_fd, int operation, int fd, struct epoll_event *event)
{
    static long calls;
    if (hurt_is_due("HURT_CTL", ++calls)) {
        errno = ENOSPC;
        return -1;
    }
    ctl_fn *next;
    *(void **)&next = dlsym(RTLD_NEXT, "epoll_ctl");
    return next(epoll_fd, operation, fd, event);
}

__attribute__((visibility("default")))
int epoll_wait(int epoll_fd, struct epoll_event *events, int most, int timeout_ms)
{
    static long calls;
    if (hurt_is_due("HURT_WAIT", ++calls)) {
        errno = EBADF;
        return -1;
    }
    wait_fn *next;
    *(void **)&next = dlsym(RTLD_NEXT, "epoll_wait");
    return next(epoll_fd, events, most, timeout_ms);
}

__attribute__((visibility("default")))
void *realloc(void *bytes, size_t size)
{
    static void *(*next)(void *bytes, size_t size);
    static long calls;
    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "realloc");
    /* The shell script that libtool has in its place starts others. */
    if (!strcmp(program_invocation_short_name, "hayfork") && hurt_is_due("HURT_GROW", ++calls)) {
        errno = ENOMEM;
        return NULL;
    }
    return next(bytes, size);
}
