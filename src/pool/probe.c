/* SPDX-License-Identifier: MIT */
#include "pool/probe.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "plugin/plugin_find.h"
#include "plugin/plugin_load.h"
#include "process/child.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX (4u * 1024 * 1024)

/* What the child writes: this, then `size` bytes of table or text. */
struct answer_head {
    uint32_t size;
    uint32_t status; /* enum hay_status */
};

struct probe {
    const char *name;           /* as the operator wrote it */
    char path[PATH_MAX];        /* the file: found here, because workers will load what this says, not what the child says */
    struct registry *registry;
    int fd;
};

static int run_probe(void *arg)
{
    struct probe *probe = arg;
    struct hay_error error;
    struct buffer table;
    int first = probe->registry->function_count;
    buffer_init(&table);
    struct answer_head head = {.status = HAY_OK};
    if (plugin_load(probe->path, probe->registry, &error)) {
        head.status = (uint32_t)error.status;
        buffer_append(&table, error.text, strlen(error.text));
    } else if (registry_pack(probe->registry, first, &table)) {
        head.status = HAY_ENOMEM;
    }
    head.size = (uint32_t)buffer_size(&table);
    if (fd_write_all(probe->fd, &head, sizeof head) || fd_write_all(probe->fd, buffer_at(&table), head.size))
        return 1;
    buffer_release(&table);
    return 0;
}

enum answer { ANSWER_WHOLE, ANSWER_NONE, ANSWER_LATE, ANSWER_BAD, ANSWER_NO_MEMORY };

static bool is_whole(const struct buffer *bytes, struct answer_head *head)
{
    if (buffer_size(bytes) < sizeof *head)
        return false;
    memcpy(head, buffer_at(bytes), sizeof *head);
    return head->size <= ANSWER_MAX && buffer_size(bytes) >= sizeof *head + head->size;
}

/* Until the answer is whole, the child has ended with all of it read, or the time is up. EOF is not waited for: something that
 * the plugin started may hold the pipe. */
static enum answer read_answer(int fd, const struct child *child, struct buffer *bytes, struct answer_head *head)
{
    int64_t deadline_ns = clock_deadline_ns(PROBE_LIMIT_MS);
    for (bool has_ended = false;;) {
        struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = child->pidfd, .events = POLLIN}};
        int n = poll(ready, has_ended ? 1 : 2, has_ended ? 0 : clock_left_ms(deadline_ns));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ANSWER_NO_MEMORY; /* poll() has no other reason */
        if (n == 0)
            return has_ended ? ANSWER_NONE : ANSWER_LATE;
        has_ended |= ready[1].revents != 0;
        if (!ready[0].revents)
            continue;
        unsigned char *at = buffer_reserve(bytes, 65536);
        if (!at)
            return ANSWER_NO_MEMORY;
        ssize_t got = read(fd, at, 65536);
        if (got > 0)
            buffer_commit(bytes, (size_t)got);
        if (is_whole(bytes, head))
            return ANSWER_WHOLE;
        if (has_ended && (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)))
            return ANSWER_NONE;
        if (got == 0 && !has_ended) {
            /* It closed the pipe and lives: what it says no longer matters, how it ends may. */
            while ((n = poll(&ready[1], 1, clock_left_ms(deadline_ns))) < 0 && errno == EINTR)
                ;
            return n > 0 ? ANSWER_NONE : ANSWER_LATE;
        }
        if (buffer_size(bytes) > sizeof *head + ANSWER_MAX)
            return ANSWER_BAD;
    }
}

/* The table has to be one plugin, of the file that was asked for. */
static enum hay_status take_table(const struct probe *probe, const void *bytes, size_t size, struct hay_error *error)
{
    struct registry *registry = probe->registry;
    int functions = registry->function_count, plugins = registry->plugin_count;
    int status = registry_unpack(registry, bytes, size);
    if (status == -ENOMEM)
        return error_set(error, HAY_ENOMEM, "plugin %.80s: out of memory", probe->name);
    if (!status && registry->plugin_count == plugins + 1 && strcmp(registry_plugin(registry, plugins)->path, probe->path) == 0)
        return HAY_OK;
    registry_truncate(registry, functions, plugins);
    return error_set(error, HAY_EPLUGIN, "plugin %.80s: it wrote nonsense over its own description", probe->name);
}

static enum hay_status judge(const struct probe *probe, enum answer answer, const struct answer_head *head,
                             const struct buffer *bytes, struct hay_exit ended, struct hay_error *error)
{
    char how[96];
    bool is_bare = ended.kind == HAY_EXIT_CODE && ended.value == CHILD_EXIT_NOT_SET_UP;
    const unsigned char *body = buffer_at(bytes) + sizeof *head;
    switch (answer) {
    case ANSWER_WHOLE:
        if (head->status == HAY_ENOMEM)
            return error_set(error, HAY_ENOMEM, "plugin %.80s: out of memory", probe->name);
        if (head->status != HAY_OK)
            return error_set(error, HAY_EPLUGIN, "%.*s", (int)head->size, (const char *)body);
        return take_table(probe, body, head->size, error);
    case ANSWER_NO_MEMORY:
        return error_set(error, HAY_ENOMEM, "plugin %.80s: out of memory", probe->name);
    case ANSWER_LATE:
        return error_set(error, HAY_EPLUGIN, "plugin %.80s: it was not loaded after %d s", probe->name, PROBE_LIMIT_MS / 1000);
    case ANSWER_BAD:
        return error_set(error, HAY_EPLUGIN, "plugin %.80s: it wrote nonsense over its own description", probe->name);
    default:
        hay_exit_text(&ended, how, sizeof how);
        return error_set(error, HAY_EPLUGIN, "plugin %.80s: the process that loaded it was lost: %s%s", probe->name, how,
                         is_bare ? " (its descriptors could not be set up; is there a /dev/null?)" : "");
    }
}

/* SIGKILL works at once on anything that is not stuck in the kernel. */
static struct hay_exit end_child(struct child *child, bool is_over)
{
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
    int64_t deadline_ns = clock_deadline_ns(PROBE_LIMIT_MS);
    if (!is_over)
        child_signal(child, SIGKILL);
    while (poll(&ended, 1, clock_left_ms(deadline_ns)) < 0 && errno == EINTR)
        ;
    if (child_peek(child, &status) == 1)
        child_signal_group(child, SIGKILL);
    child_reap(child, CHILD_PATIENCE_MS);
    return status;
}

enum hay_status probe_plugin(const char *name, struct registry *registry, struct hay_error *error)
{
    int ends[2];
    struct child child;
    struct hay_error local;
    struct probe probe = {.name = name, .registry = registry};
    error = error ? error : &local;
    if (plugin_find(name, probe.path, sizeof probe.path, error))
        return error->status;
    int failure = fd_open_pipe(ends);
    if (failure)
        return error_system(error, -failure, "pipe2");
    probe.fd = ends[1];
    struct child_setup setup = {.run = run_probe, .arg = &probe, .out_fd = -1, .keep = &ends[1], .keep_count = 1};
    enum hay_status status = child_start(&child, &setup, error);
    fd_close(&ends[1]);
    if (!status) {
        struct buffer bytes;
        struct answer_head head = {0};
        buffer_init(&bytes);
        enum answer answer = read_answer(ends[0], &child, &bytes, &head);
        struct hay_exit ended = end_child(&child, answer == ANSWER_NONE);
        status = judge(&probe, answer, &head, &bytes, ended, error);
        buffer_release(&bytes);
    }
    fd_close(&ends[0]);
    return status;
}
