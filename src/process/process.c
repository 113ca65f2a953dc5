/* SPDX-License-Identifier: MIT
 *
 * The public process object: made, given things, started, waited for, signalled, freed. The status is taken once, by its own
 * pidfd; before that the pid cannot be used again, so no signal ever reaches a stranger.
 */
#include "process/process.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/owner.h"
#include "process/family.h"
#include "process/gift.h"
#include "process/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRACED_NAP_MS 5

enum hay_status process_check(const struct hay_process *process, struct hay_error *error)
{
    if (!process)
        return error_set(error, HAY_EINVAL, "no process");
    if (process->owner != owner_token())
        return error_set(error, HAY_ESTATE, "%s belongs to another process", process->name);
    return HAY_OK;
}

static enum hay_status check_started(const struct hay_process *process, struct hay_error *error)
{
    enum hay_status status = process_check(process, error);
    if (!status && process->state == PROCESS_NEW)
        status = error_set(error, HAY_ESTATE, "%s is not started", process->name);
    return status;
}

static void free_vector(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++)
        free(strings[i]);
    free(strings);
}

static char **copy_vector(char *const *strings)
{
    size_t count = 0;
    while (strings[count])
        count++;
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++)
        if (!(copy[i] = strdup(strings[i]))) {
            free_vector(copy);
            return NULL;
        }
    return copy;
}

static void destroy(struct hay_process *process)
{
    gift_drop_all(process);
    handle_close(&process->handle);
    free(process->path);
    free(process->cwd);
    free_vector(process->argv);
    free_vector(process->env);
    free(process);
}

static struct hay_process *new_process(const struct hay_process_options *options, struct hay_error *error)
{
    static const struct hay_process_options defaults;
    if (!options)
        options = &defaults;
    if (options->name && strlen(options->name) >= PROCESS_NAME_SIZE) {
        error_set(error, HAY_EINVAL, "the name of a process is under %d bytes", PROCESS_NAME_SIZE);
        return NULL;
    }
    struct hay_process *process = malloc(sizeof *process);
    if (!process) {
        error_set(error, HAY_ENOMEM, "no memory for a process");
        return NULL;
    }
    /* Not all of it, or the compiler makes it a calloc(), which in glibc takes nothing from its cache. */
    memset(process, 0, offsetof(struct hay_process, name));
    list_init(&process->sibling);
    list_init(&process->gifts);
    process->handle.view = (struct hay_handle){HAY_HANDLE_PROCESS, -1, POLLIN, NULL};
    process->child = CHILD_NONE;
    process->owner = owner_token();
    process->creator = getpid();
    process->daemon = options->daemon;
    process->own_group = options->own_group;
    if (options->name)
        strcpy(process->name, options->name);
    else
        family_name_child(process->name);
    return process;
}

struct hay_process *hay_process_new(int (*run)(void *arg), void *arg, const struct hay_process_options *options,
                                    struct hay_error *error)
{
    if (!run) {
        error_set(error, HAY_EINVAL, "no function to run");
        return NULL;
    }
    struct hay_process *process = new_process(options, error);
    if (process) {
        process->run = run;
        process->arg = arg;
    }
    return process;
}

struct hay_process *hay_process_new_exec(const char *path, char *const *argv, const struct hay_process_options *options,
                                         struct hay_error *error)
{
    if (!path || !*path || !argv || !argv[0]) {
        error_set(error, HAY_EINVAL, "no program to run, or no argv for it");
        return NULL;
    }
    struct hay_process *process = new_process(options, error);
    if (!process)
        return NULL;
    process->path = strdup(path);
    process->argv = copy_vector(argv);
    if (options && options->env)
        process->env = copy_vector(options->env);
    if (options && options->cwd)
        process->cwd = strdup(options->cwd);
    bool has_options = !options || ((process->env || !options->env) && (process->cwd || !options->cwd));
    if (process->path && process->argv && has_options)
        return process;
    destroy(process);
    error_set(error, HAY_ENOMEM, "no memory for a process");
    return NULL;
}

/* The child's life; it ends in the exit hook of child.c. */
static int live(void *argument)
{
    struct hay_process *process = argument;
    family_be_child(process->name, process->creator);
    exit(process->run(process->arg));
}

enum hay_status hay_process_start(struct hay_process *process, struct hay_error *error)
{
    enum hay_status status = process_check(process, error);
    if (status)
        return status;
    if (process->state != PROCESS_NEW)
        return error_set(error, HAY_ESTATE, "%s was started before", process->name);
    size_t fd_count = 0;
    int *fds = process->gift_count ? malloc(2 * process->gift_count * sizeof *fds) : NULL;
    if (process->gift_count && !fds)
        return error_set(error, HAY_ENOMEM, "no memory to start a process");
    status = gift_collect(process, fds, &fd_count, error);
    if (!status) {
        unsigned flags = CHILD_KEEPS_OUTPUT;
        flags |= process->daemon ? CHILD_DIES_WITH_PARENT : 0u;
        flags |= process->own_group ? CHILD_OWN_GROUP : 0u;
        struct child_setup setup = {live, process, -1, fds, fd_count, family_end};
        status = process->path ? spawn_program(&process->child, process, &setup, flags, error) :
                                 child_fork(&process->child, &setup, flags, error);
    }
    free(fds);
    if (status)
        return status;
    process->pid = process->child.pid;
    process->state = PROCESS_RUNNING;
    handle_open(&process->handle, HAY_HANDLE_PROCESS, process->child.pidfd, NULL);
    family_add(process);
    gift_close_all(process);
    return HAY_OK;
}

static void settle(struct hay_process *process, struct hay_exit status)
{
    process->how = status;
    process->state = PROCESS_ENDED;
    process->child.pid = 0;
    family_remove(process);
}

/* Has it ended? Then take the status. `block`: wait for that. */
static bool look(struct hay_process *process, bool block)
{
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    if (process->state != PROCESS_RUNNING)
        return process->state == PROCESS_ENDED;
    if (process->ending && process->own_group) {
        /* The unreaped leader keeps the group's number from others. */
        int r = child_peek(&process->child, &status);
        if (r == 0)
            return false;
        if (r == 1)
            child_signal_group(&process->child, SIGKILL);
    }
    if (child_wait(&process->child, block, &status) == 0)
        return false;
    settle(process, status);
    return true;
}

/* Its descriptor tells that it ended. */
static enum hay_status sleep_until_ended(const struct hay_process *process, int64_t deadline_ns, struct hay_error *error)
{
    struct pollfd ended = {process->handle.view.fd, POLLIN, 0};
    for (;;) {
        int n = poll(&ended, 1, clock_left_ms(deadline_ns));
        if (n > 0)
            return HAY_OK;
        if (n < 0 && errno != EINTR)
            return error_system(error, errno, "poll");
        if (clock_left_ms(deadline_ns) == 0)
            return error_set(error, HAY_ETIMEDOUT, "%s still runs", process->name);
    }
}

/* It has ended, and a tracer of it may keep that from us for a while. */
static bool look_until(struct hay_process *process, int64_t deadline_ns)
{
    while (!look(process, false)) {
        if (clock_left_ms(deadline_ns) == 0)
            return false;
        poll(NULL, 0, TRACED_NAP_MS);
    }
    return true;
}

enum hay_status hay_process_join(struct hay_process *process, int timeout_ms, struct hay_exit *how, struct hay_error *error)
{
    enum hay_status status = check_started(process, error);
    if (how)
        *how = (struct hay_exit){HAY_EXIT_NONE, 0, false};
    if (status)
        return status;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    /* A group's leader is not waited for blindly: its group may have to be killed first. */
    bool is_blind = timeout_ms < 0 && !process->own_group;
    if (process->state == PROCESS_RUNNING && timeout_ms && !is_blind)
        status = sleep_until_ended(process, deadline_ns, error);
    if (status)
        return status;
    if (is_blind ? !look(process, true) : !look_until(process, deadline_ns))
        return error_set(error, HAY_ETIMEDOUT, "%s still runs", process->name);
    if (how)
        *how = process->how;
    return HAY_OK;
}

struct hay_exit hay_process_exit(struct hay_process *process)
{
    if (check_started(process, NULL) || !look(process, false))
        return (struct hay_exit){HAY_EXIT_NONE, 0, false};
    return process->how;
}

bool hay_process_alive(struct hay_process *process)
{
    return check_started(process, NULL) == HAY_OK && !look(process, false);
}

enum hay_status hay_process_signal(struct hay_process *process, int signal_number, struct hay_error *error)
{
    enum hay_status status = check_started(process, error);
    if (status)
        return status;
    if (signal_number < 1 || signal_number > SIGRTMAX)
        return error_set(error, HAY_EINVAL, "there is no signal %d", signal_number);
    if (look(process, false))
        return HAY_OK;
    int rc = process->own_group ? child_signal_all(&process->child, signal_number) : child_signal(&process->child, signal_number);
    return rc ? error_system(error, -rc, "signal %d to %s", signal_number, process->name) : HAY_OK;
}

enum hay_status hay_process_interrupt(struct hay_process *process, struct hay_error *error)
{
    return hay_process_signal(process, SIGINT, error);
}

enum hay_status hay_process_kill(struct hay_process *process, struct hay_error *error)
{
    enum hay_status status = hay_process_signal(process, SIGKILL, error);
    if (!status)
        process->ending = true;
    return status;
}

enum hay_status hay_process_terminate(struct hay_process *process, int grace_ms, struct hay_error *error)
{
    struct hay_error late = {0};
    enum hay_status status = check_started(process, error);
    if (status)
        return status;
    process->ending = true;
    if (grace_ms) {
        status = hay_process_signal(process, SIGTERM, error);
        if (!status)
            status = hay_process_signal(process, SIGCONT, error);
        if (!status)
            status = hay_process_join(process, grace_ms, NULL, &late);
        if (status != HAY_ETIMEDOUT) {
            if (late.status && error)
                *error = late;
            return status;
        }
    }
    status = hay_process_kill(process, error);
    return status ? status : hay_process_join(process, PROCESS_KILL_MS, NULL, error);
}

struct hay_handle *hay_process_handle(struct hay_process *process)
{
    return process ? &process->handle.view : NULL;
}

int hay_process_fd(const struct hay_process *process)
{
    return process ? process->handle.view.fd : -1;
}

pid_t hay_process_pid(const struct hay_process *process)
{
    return process ? process->pid : 0;
}

const char *hay_process_name(const struct hay_process *process)
{
    return process ? process->name : "";
}

enum hay_status hay_process_free(struct hay_process *process)
{
    if (!process)
        return HAY_OK;
    if (process->owner == owner_token() && process->state == PROCESS_RUNNING && !look(process, false))
        return HAY_EBUSY;
    destroy(process);
    return HAY_OK;
}
