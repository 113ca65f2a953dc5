/* SPDX-License-Identifier: MIT
 *
 * The calling process is remembered in a page that the kernel empties at each fork. Without such a page (before Linux 4.14) it
 * is asked for every time.
 */
#include "sync/life.h"

#include "base/forkpage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct own_page {
    _Atomic uint64_t start;
    _Atomic int32_t pid;    /* written last */
};

static _Atomic(void *) own_page;

/* 0: it cannot be read, errno says why. */
static uint64_t read_start(int32_t pid)
{
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    errno = 0;
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

struct life life_own(void)
{
    struct own_page *page = atomic_load_explicit(&own_page, memory_order_acquire);
    int32_t pid = page ? atomic_load_explicit(&page->pid, memory_order_acquire) : 0;
    if (pid)
        return (struct life){atomic_load_explicit(&page->start, memory_order_relaxed), pid};
    struct life own = {0, (int32_t)getpid()};
    own.start = read_start(own.pid);
    if (!own.start && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return own; /* it may be read the next time */
    if (!page)
        page = forkpage_get(&own_page);
    if (page) {
        atomic_store(&page->start, own.start);
        atomic_store(&page->pid, own.pid);
    }
    return own;
}

bool life_is_over(struct life life)
{
    int fd = (int)syscall(SYS_pidfd_open, life.pid, 0);
    if (fd < 0 && (errno == ESRCH || errno == EINVAL || errno == ENOENT)) /* the last two: the number is a thread's by now */
        return true;
    bool is_over = false;
    if (fd >= 0) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        is_over = poll(&item, 1, 0) > 0;
        close(fd);
    } else {
        /* No descriptor is free. A zombie of ours can still be told from the living; another's is taken for alive. */
        siginfo_t info = {.si_pid = 0};
        is_over = (kill(life.pid, 0) < 0 && errno == ESRCH) ||
                  (waitid(P_PID, (id_t)life.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid);
    }
    uint64_t now = is_over || !life.start ? 0 : read_start(life.pid);
    return is_over || (now && now != life.start);
}
