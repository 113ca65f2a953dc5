/* SPDX-License-Identifier: MIT */
#include "process/gift.h"

#include "base/error.h"
#include "base/fd.h"
#include "base/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* What is to be given, as the parent has it: checked when it is given, and again when it goes. */
static enum hay_status check_gift(const struct hay_handle *view, const struct handle *handle, struct hay_error *error)
{
    if (view->kind == HAY_HANDLE_FD) {
        if (view->fd < 3 || fcntl(view->fd, F_GETFD) < 0)
            return error_set(error, HAY_EINVAL, "descriptor %d cannot be given: %s", view->fd,
                             view->fd >= 0 && view->fd < 3 ? "0 to 2 are the child's own" : "it is not open");
        if (handle_has_fd(view->fd))
            return error_set(error, HAY_EINVAL, "descriptor %d belongs to an object: only that may be given", view->fd);
        return HAY_OK;
    }
    if (view->kind != HAY_HANDLE_PIPE)
        return error_set(error, HAY_EINVAL, "only ends of pipes and descriptors can be given");
    return handle && handle->owner == owner_token() ? HAY_OK :
        error_set(error, HAY_ESTATE, "what is given is closed, or is not this process's");
}

enum hay_status hay_process_give(struct hay_process *process, const struct hay_handle *handle, struct hay_error *error)
{
    enum hay_status status = process_check(process, error);
    if (status)
        return status;
    if (!handle)
        return error_set(error, HAY_EINVAL, "nothing to give");
    if (process->state != PROCESS_NEW)
        return error_set(error, HAY_ESTATE, "%s is started already: it can be given nothing more", process->name);
    struct handle *object = handle->kind == HAY_HANDLE_FD ? NULL : handle_find(handle);
    status = check_gift(handle, object, error);
    if (status)
        return status;
    if (object ? object->given != NULL : handle_is_promised(handle->fd))
        return error_set(error, HAY_ESTATE, "it is given to a process already");
    struct gift *gift = malloc(sizeof *gift);
    if (!gift)
        return error_set(error, HAY_ENOMEM, "no memory to give something to a process");
    *gift = (struct gift){.view = object ? handle : &gift->plain.view, .fd = handle->fd, .label = object ? object->label : "fd"};
    if (!object)
        handle_promise(&gift->plain, gift->fd);
    (object ? object : &gift->plain)->given = gift;
    list_push_tail(&process->gifts, &gift->node);
    process->gift_count++;
    return HAY_OK;
}

/* The number may be another file's, or an object's, by now, and the memory another pipe's. */
static bool is_still_there(const struct gift *gift, const struct handle *handle)
{
    return handle && handle->given == gift && handle_is_same(handle, gift->fd) &&
           (handle != &gift->plain || !handle_has_fd(gift->fd));
}

enum hay_status gift_collect(const struct hay_process *process, int *fds, size_t *count, struct hay_error *error)
{
    size_t n = 0;
    for (struct list *at = process->gifts.next; at != &process->gifts; at = at->next) {
        const struct gift *gift = LIST_ITEM(at, struct gift, node);
        const struct handle *handle = handle_find(gift->view);
        if (!is_still_there(gift, handle))
            return error_set(error, HAY_ESTATE, "something that was given to %s is closed", process->name);
        if (process->path && handle && handle->is_whole && !handle->is_whole(handle))
            return error_set(error, HAY_EBUSY, "a pipe given to %s holds messages in memory, which no program can get",
                             process->name);
        fds[n++] = gift->fd;
        if (handle && handle->held && *handle->held >= 0)
            fds[n++] = *handle->held;
    }
    *count = n;
    return HAY_OK;
}

void gift_close_all(struct hay_process *process)
{
    struct list *node;
    while ((node = list_pop_head(&process->gifts))) {
        struct gift *gift = LIST_ITEM(node, struct gift, node);
        struct handle *handle = handle_find(gift->view);
        if (handle && handle->held)
            fd_close(handle->held);
        if (handle)
            handle_close(handle);
        free(gift);
    }
    process->gift_count = 0;
}

void gift_drop_all(struct hay_process *process)
{
    struct list *node;
    while ((node = list_pop_head(&process->gifts))) {
        struct gift *gift = LIST_ITEM(node, struct gift, node);
        struct handle *handle = handle_find(gift->view);
        if (gift->view == &gift->plain.view)
            handle_unpromise(&gift->plain);
        else if (handle && handle->given == gift)
            handle->given = NULL;
        free(gift);
    }
    process->gift_count = 0;
}

int hay_process_given_fd(int index, struct hay_error *error)
{
    char label[16];
    int fd = handle_given(index, label, sizeof label);
    if (fd == -EBUSY) {
        error_set(error, HAY_ESTATE, "what was given as number %d is taken or closed already", index);
        return -1;
    }
    if (fd < 0 || strcmp(label, "fd") != 0) {
        if (fd >= 0)
            handle_give_back(fd);
        error_set(error, HAY_EUNKNOWN, "this program was given no descriptor as number %d", index);
        return -1;
    }
    return fd;
}
