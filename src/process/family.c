/* SPDX-License-Identifier: MIT */
#include "process/family.h"

#include "base/clock.h"
#include "base/digits.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/guard.h"
#include "base/owner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DAEMON_GRACE_MS 1000
#define LOOK_MS 5 /* between two looks */

static struct {
    uint64_t self;          /* whose family this is: after a fork, our parent's at first */
    pid_t parent;           /* that started this one by a process object; 0: none did */
    int parent_fd;          /* -1: not opened yet */
    unsigned named;         /* how many children got a name */
    bool hooked;            /* family_end() runs at exit() */
    bool is_ending;         /* it has begun to, in the thread `ender` */
    pthread_t ender;
    char name[PROCESS_NAME_SIZE];
    struct list running;
} family;

static void reset(uint64_t self, pid_t parent, const char *name)
{
    family.self = self;
    family.parent = parent;
    family.parent_fd = -1; /* what was there is the parent's, or closed */
    family.named = 0;
    family.is_ending = false;
    memcpy(family.name, name, sizeof family.name);
    list_init(&family.running);
}

/* In a program that a process object started, the environment says so. */
static void read_environment(void)
{
    const char *pid = getenv("HAYFORK_PID"), *parent = getenv("HAYFORK_PARENT"), *name = getenv("HAYFORK_NAME");
    if (!pid || !parent || !name || strtol(pid, NULL, 10) != getpid() || strlen(name) >= sizeof family.name)
        return;
    family.parent = (pid_t)strtol(parent, NULL, 10);
    strcpy(family.name, name);
}

static void enter(void)
{
    static const char unnamed[PROCESS_NAME_SIZE] = "MainProcess";
    uint64_t self = owner_token();
    guard_enter();
    if (family.self == self)
        return;
    reset(self, 0, unnamed);
    read_environment();
}

static void leave(void)
{
    guard_leave();
}

void family_name_child(char *name)
{
    enter();
    bool is_nested = family.parent && strlen(family.name) + strlen(":") + DIGITS_DECIMAL < PROCESS_NAME_SIZE;
    char *end = is_nested ? stpcpy(stpcpy(name, family.name), ":") : stpcpy(name, "Process-");
    *digits_decimal(end, ++family.named) = '\0';
    leave();
}

/* The first running child of a kind, or NULL. */
static struct hay_process *find_running(bool daemon)
{
    struct hay_process *found = NULL;
    enter();
    for (struct list *at = family.running.next; at != &family.running && !found; at = at->next)
        if (LIST_ITEM(at, struct hay_process, sibling)->daemon == daemon)
            found = LIST_ITEM(at, struct hay_process, sibling);
    leave();
    return found;
}

/* Its own struct child may change at any time, in the thread that has it in hand. */
static struct child child_of(const struct hay_process *process)
{
    return (struct child){process->pid, process->handle.view.fd};
}

/* Only while it is unreaped, which keeps the number of its group from strangers. */
static void signal_daemons(int signal_number)
{
    struct hay_exit status;
    enter();
    for (struct list *at = family.running.next; at != &family.running; at = at->next) {
        const struct hay_process *process = LIST_ITEM(at, struct hay_process, sibling);
        struct child child = child_of(process);
        if (!process->daemon || child_peek(&child, &status) < 0)
            continue;
        if (process->own_group)
            child_signal_all(&child, signal_number);
        else
            child_signal(&child, signal_number);
    }
    leave();
}

/* Those that another thread starts from now on are not waited for: there might always be one. */
static void await_running(void)
{
    enter();
    for (struct list *at = family.running.next; at != &family.running; at = at->next)
        LIST_ITEM(at, struct hay_process, sibling)->awaited = true;
    leave();
}

/* What is in the list has its descriptor, which is readable when it has ended, also where a tracer keeps the end from us. What is
 * left of the group of one that was to end goes with it. */
static bool any_runs(bool daemon)
{
    bool found = false;
    enter();
    for (struct list *at = family.running.next; at != &family.running; at = at->next) {
        const struct hay_process *process = LIST_ITEM(at, struct hay_process, sibling);
        struct child child = child_of(process);
        struct pollfd ended = {child.pidfd, POLLIN, 0};
        if (!process->awaited || process->daemon != daemon)
            continue;
        if (poll(&ended, 1, 0) == 0)
            found = true;
        else if (process->own_group && (daemon || process->ending))
            child_signal_group(&child, SIGKILL);
    }
    leave();
    return found;
}

static void wait_apart(bool daemon, int64_t deadline_ns)
{
    while (any_runs(daemon) && clock_left_ms(deadline_ns))
        poll(NULL, 0, LOOK_MS);
}

/* Where there are other threads each object may be in the hands of one, which waits for it, or frees it, at this very moment. So
 * they are left alone, and none of the processes is reaped. */
static void end_apart(int64_t deadline_ns)
{
    await_running();
    wait_apart(true, deadline_ns);
    signal_daemons(SIGKILL);
    wait_apart(true, clock_deadline_ns(PROCESS_KILL_MS));
    wait_apart(false, TIME_NEVER);
}

void family_end(void)
{
    struct hay_process *process;
    /* In a child that other code forked, the hook is inherited but the family is not its own. */
    if (family.self != owner_token())
        return;
    enter();
    family.is_ending = true;
    family.ender = pthread_self();
    bool has_children = !list_empty(&family.running);
    leave();
    if (!has_children)
        return;
    handle_end_streams();
    signal_daemons(SIGTERM);
    signal_daemons(SIGCONT);
    int64_t deadline_ns = clock_deadline_ns(DAEMON_GRACE_MS);
    if (!__libc_single_threaded) {
        end_apart(deadline_ns);
        return;
    }
    while ((process = find_running(true))) {
        process->ending = true;
        if (hay_process_join(process, clock_left_ms(deadline_ns), NULL, NULL) == HAY_OK)
            continue;
        if (hay_process_terminate(process, 0, NULL))
            family_remove(process); /* stuck in the kernel */
    }
    while ((process = find_running(false)))
        if (hay_process_join(process, -1, NULL, NULL))
            family_remove(process);
}

void family_add(struct hay_process *process)
{
    enter();
    list_push_tail(&family.running, &process->sibling);
    /* A later hook of the program's may start another child. Other threads may, for ever, and nobody waits for those. */
    if (!family.hooked || (family.is_ending && pthread_equal(family.ender, pthread_self())))
        family.hooked = atexit(family_end) == 0;
    leave();
}

void family_remove(struct hay_process *process)
{
    enter();
    list_remove(&process->sibling);
    leave();
}

void family_be_child(const char *name, pid_t parent)
{
    reset(owner_token(), parent, name);
    family.hooked = true; /* by the start */
}

void family_be_worker(int index, pid_t pool)
{
    char name[PROCESS_NAME_SIZE] = "PoolWorker-";
    *digits_decimal(name + strlen(name), (uint64_t)index + 1) = '\0';
    reset(owner_token(), pool, name);
    family.hooked = false; /* what the pool's process has registered does not run here */
}

size_t hay_active_children(struct hay_process **children, size_t capacity)
{
    struct list *next;
    size_t count = 0;
    enter();
    struct list *first = family.running.next;
    leave();
    for (struct list *at = first; at != &family.running; at = next) {
        struct hay_process *process = LIST_ITEM(at, struct hay_process, sibling);
        next = at->next;
        if (!hay_process_alive(process))
            continue;
        if (children && count < capacity)
            children[count] = process;
        count++;
    }
    return count;
}

const char *hay_current_name(void)
{
    enter();
    leave();
    return family.name;
}

/* A parent that is gone already is a descriptor that is readable for ever; one that cannot be seen, one that never is. */
static int open_parent(void)
{
    int fd = (int)syscall(SYS_pidfd_open, family.parent, 0);
    if (fd < 0 && errno != ESRCH && errno != EINVAL)
        return -errno;
    if (fd < 0 || getppid() != family.parent) { /* else it lived after the call, so the number was its own */
        fd_close(&fd);
        fd = eventfd(child_is_orphan(family.parent), EFD_CLOEXEC);
    }
    if (fd < 0)
        return -errno;
    fd_raise(&fd);
    return fd;
}

int hay_parent_fd(struct hay_error *error)
{
    int fd = -1;
    enter();
    if (!family.parent)
        error_set(error, HAY_ESTATE, "this process was not started by a process object");
    else if (family.parent_fd >= 0 || (family.parent_fd = open_parent()) >= 0)
        fd = family.parent_fd;
    else
        error_system(error, -family.parent_fd, "pidfd_open");
    leave();
    return fd;
}

bool hay_parent_alive(void)
{
    enter();
    pid_t parent = family.parent;
    leave();
    return parent && !child_is_orphan(parent);
}
