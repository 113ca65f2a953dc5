/* SPDX-License-Identifier: MIT */
#include "base/handle.h"

#include "base/fd.h"
#include "base/guard.h"
#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct list open_handles = {&open_handles, &open_handles};

void handle_open(struct handle *handle, enum hay_handle_kind kind, int fd, int (*ready)(struct hay_handle *, int))
{
    handle->view = (struct hay_handle){kind, fd, POLLIN, ready};
    handle->owner = owner_token();
    handle->given = NULL;
    guard_enter();
    list_push_tail(&open_handles, &handle->node);
    guard_leave();
}

void handle_close(struct handle *handle)
{
    guard_enter();
    if (handle->node.next)
        list_remove(&handle->node);
    guard_leave();
    handle->given = NULL;
    fd_close(&handle->view.fd);
}

struct handle *handle_find(const struct hay_handle *view)
{
    struct handle *found = NULL;
    guard_enter();
    for (struct list *at = open_handles.next; at != &open_handles && !found; at = at->next) {
        struct handle *handle = LIST_ITEM(at, struct handle, node);
        if (&handle->view == view)
            found = handle;
    }
    guard_leave();
    return found;
}

/* The kind of the open object that has it; HAY_HANDLE_FD: none. */
static enum hay_handle_kind kind_of(int fd)
{
    enum hay_handle_kind kind = HAY_HANDLE_FD;
    guard_enter();
    for (struct list *at = open_handles.next; at != &open_handles && kind == HAY_HANDLE_FD; at = at->next) {
        const struct handle *handle = LIST_ITEM(at, struct handle, node);
        if (handle->view.fd == fd)
            kind = handle->view.kind;
    }
    guard_leave();
    return kind;
}

bool handle_has_fd(int fd)
{
    return kind_of(fd) != HAY_HANDLE_FD;
}

bool handle_has_pipe(int fd)
{
    return kind_of(fd) == HAY_HANDLE_PIPE;
}

void handle_promise(struct handle *handle, int fd)
{
    struct stat file = {.st_ino = 0};
    fstat(fd, &file);
    *handle = (struct handle){.device = file.st_dev, .inode = file.st_ino};
    handle_open(handle, HAY_HANDLE_FD, fd, NULL);
}

void handle_unpromise(struct handle *handle)
{
    handle->view.fd = -1;
    handle_close(handle);
}

bool handle_is_same(const struct handle *handle, int fd)
{
    struct stat file;
    return handle->view.fd == fd &&
           (handle->view.kind != HAY_HANDLE_FD ||
            (fstat(fd, &file) == 0 && file.st_dev == handle->device && file.st_ino == handle->inode));
}

bool handle_is_promised(int fd)
{
    bool found = false;
    guard_enter();
    for (struct list *at = open_handles.next; at != &open_handles && !found; at = at->next) {
        const struct handle *handle = LIST_ITEM(at, struct handle, node);
        found = handle->view.kind == HAY_HANDLE_FD && handle_is_same(handle, fd);
    }
    guard_leave();
    return found;
}

size_t handle_common_fds(int *fds, size_t capacity)
{
    size_t count = 0;
    guard_enter();
    for (struct list *at = open_handles.next; at != &open_handles; at = at->next) {
        const struct handle *handle = LIST_ITEM(at, struct handle, node);
        if (!handle->common || handle->view.fd < 0)
            continue;
        if (count < capacity)
            fds[count] = handle->view.fd;
        count++;
    }
    guard_leave();
    return count;
}

void handle_forget_all_but(const int *keep, size_t count)
{
    uint64_t self = owner_token();
    struct list *next;
    for (struct list *at = open_handles.next; at != &open_handles; at = next) {
        struct handle *handle = LIST_ITEM(at, struct handle, node);
        bool kept = false;
        next = at->next;
        for (size_t i = 0; i < count && !kept; i++)
            kept = keep[i] == handle->view.fd;
        handle->given = NULL;
        if (kept && handle->view.kind != HAY_HANDLE_FD) {
            handle->owner = self;
        } else {
            handle->view.fd = -1;
            if (handle->held)
                *handle->held = -1;
            list_remove(at);
        }
    }
}

void handle_end_streams(void)
{
    uint64_t self = owner_token();
    guard_enter();
    for (struct list *at = open_handles.next; at != &open_handles; at = at->next) {
        const struct handle *handle = LIST_ITEM(at, struct handle, node);
        /* Not closed: in another thread the number may be in use this very moment. */
        if (handle->view.kind == HAY_HANDLE_PIPE && handle->owner == self)
            shutdown(handle->view.fd, SHUT_RDWR);
    }
    guard_leave();
}

/* "3:pipe,4:fd": the item numbered `index`. */
static int find_given(const char *text, int index, char *label, size_t size)
{
    for (; index > 0; index--) {
        text = strchr(text, ',');
        if (!text)
            return -ENOENT;
        text++;
    }
    char *end;
    long fd = strtol(text, &end, 10);
    if (end == text || *end != ':' || fd < 3 || fd > INT_MAX)
        return -ENOENT;
    size_t length = strcspn(end + 1, ",");
    if (length >= size)
        return -ENOENT;
    memcpy(label, end + 1, length);
    label[length] = '\0';
    return (int)fd;
}

int handle_given(int index, char *label, size_t size)
{
    const char *pid = getenv("HAYFORK_PID"), *text = getenv("HAYFORK_FDS");
    if (index < 0 || !pid || !text || strtol(pid, NULL, 10) != getpid())
        return -ENOENT;
    int fd = find_given(text, index, label, size);
    if (fd < 0)
        return fd;
    /* It came without close-on-exec; the flag is the mark of having been taken. */
    int flags = fcntl(fd, F_GETFD);
    if (flags < 0 || (flags & FD_CLOEXEC) || fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0)
        return -EBUSY;
    return fd;
}

void handle_give_back(int fd)
{
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0)
        fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}
