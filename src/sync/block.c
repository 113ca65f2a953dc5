/* SPDX-License-Identifier: MIT
 *
 * Blocks of shared memory: anonymous between guard pages, or named by shm_open. The handle is this process's own; a forked child
 * inherits a copy. A named block has its full size, and its memory, from the moment that it has any size at all; nobody but the
 * program removes a name.
 */
#include "base/error.h"
#include "base/fd.h"
#include "base/mapping.h"

#include <hayfork/shared.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct hay_block {
    void *data;
    size_t size;
    struct mapping mapping;     /* of an anonymous one */
};

struct hay_block *hay_block_new(size_t size, struct hay_error *error)
{
    if (!size || size > PTRDIFF_MAX) {
        error_set(error, size ? HAY_ERANGE : HAY_EINVAL, "a block cannot have %zu bytes", size);
        return NULL;
    }
    struct hay_block *block = calloc(1, sizeof *block);
    int rc = block ? mapping_open(&block->mapping, size) : -ENOMEM;
    if (rc < 0) {
        error_system(error, -rc, "cannot map a block of %zu bytes", size);
        free(block);
        return NULL;
    }
    block->data = block->mapping.at;
    block->size = size;
    return block;
}

/* As shm_open wants it, with one slash at the front. */
static enum hay_status block_path(const char *name, char path[NAME_MAX + 2], struct hay_error *error)
{
    const char *bare = name && name[0] == '/' ? name + 1 : name;
    if (!bare || !bare[0] || strchr(bare, '/') || strcmp(bare, ".") == 0 || strcmp(bare, "..") == 0 || strlen(bare) >= NAME_MAX)
        return error_set(error, HAY_EINVAL, "not a name for a block: \"%.100s\"", name ? name : "");
    path[0] = '/';
    strcpy(path + 1, bare);
    return HAY_OK;
}

static enum hay_status status_of_open(int errno_value, const char *path, struct hay_error *error)
{
    if (errno_value == EEXIST)
        return error_set(error, HAY_EBUSY, "there is a block %s already", path + 1);
    if (errno_value == ENOENT)
        return error_set(error, HAY_EUNKNOWN, "there is no block %s", path + 1);
    return error_system(error, errno_value, "block %s", path + 1);
}

static struct hay_block *map_named(int fd, size_t size, const char *path, struct hay_error *error)
{
    struct hay_block *block = calloc(1, sizeof *block);
    void *data = block ? mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    int saved = block ? errno : ENOMEM;
    if (data == MAP_FAILED) {
        error_system(error, saved, "cannot map block %s", path + 1);
        free(block);
        return NULL;
    }
    block->data = data;
    block->size = size;
    return block;
}

/* tmpfs sets the file's size only when all of the memory is there. A signal makes it begin anew, on many kernels, so that with a
 * timer running it could go on for ever: they wait. The one that tells of too large a file is told by the return. */
static int give_memory(int fd, size_t size)
{
    sigset_t all, before, pending, too_large;
    sigfillset(&all);
    sigemptyset(&too_large);
    sigaddset(&too_large, SIGXFSZ);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    sigpending(&pending);
    int rc = posix_fallocate(fd, 0, (off_t)size);
    if (rc == EFBIG && !sigismember(&pending, SIGXFSZ))
        sigtimedwait(&too_large, NULL, &(struct timespec){0});
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Of a block that could not be made: but not of what somebody else has made under that name meanwhile. */
static void take_name_back(int fd, const char *path)
{
    struct stat ours, found;
    int now = shm_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (now >= 0 && !fstat(fd, &ours) && !fstat(now, &found) && ours.st_ino == found.st_ino && ours.st_dev == found.st_dev)
        shm_unlink(path);
    fd_close(&now);
}

struct hay_block *hay_block_create(const char *name, size_t size, struct hay_error *error)
{
    char path[NAME_MAX + 2];
    struct hay_block *block = NULL;
    if (block_path(name, path, error) != HAY_OK)
        return NULL;
    if (!size || size > PTRDIFF_MAX) {
        error_set(error, size ? HAY_ERANGE : HAY_EINVAL, "a block cannot have %zu bytes", size);
        return NULL;
    }
    int fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        if (errno == ENOENT)
            error_system(error, errno, "there is no place for block %s", path + 1);
        else
            status_of_open(errno, path, error);
        return NULL;
    }
    int rc = fchmod(fd, 0600) ? errno : give_memory(fd, size); /* whatever the umask is */
    if (rc)
        error_system(error, rc == ENOSPC || rc == EFBIG ? ENOMEM : rc, "block %s of %zu bytes", path + 1, size);
    else
        block = map_named(fd, size, path, error);
    if (!block)
        take_name_back(fd, path);
    fd_close(&fd);
    return block;
}

struct hay_block *hay_block_open(const char *name, struct hay_error *error)
{
    char path[NAME_MAX + 2];
    struct stat info;
    if (block_path(name, path, error) != HAY_OK)
        return NULL;
    int fd = shm_open(path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0 || fstat(fd, &info) < 0) {
        status_of_open(errno, path, error);
        fd_close(&fd);
        return NULL;
    }
    if (info.st_size <= 0) {
        fd_close(&fd);
        error_set(error, HAY_ESTATE, "block %s is empty: its creator is at work, or died at it", path + 1);
        return NULL;
    }
    struct hay_block *block = map_named(fd, (size_t)info.st_size, path, error);
    fd_close(&fd);
    return block;
}

void hay_block_free(struct hay_block *block)
{
    if (!block)
        return;
    if (block->mapping.at)
        mapping_close(&block->mapping);
    else
        munmap(block->data, block->size);
    free(block);
}

enum hay_status hay_block_unlink(const char *name, struct hay_error *error)
{
    char path[NAME_MAX + 2];
    enum hay_status status = block_path(name, path, error);
    if (status != HAY_OK)
        return status;
    return shm_unlink(path) == 0 ? HAY_OK : status_of_open(errno, path, error);
}

void *hay_block_data(struct hay_block *block)
{
    return block ? block->data : NULL;
}

size_t hay_block_size(const struct hay_block *block)
{
    return block ? block->size : 0;
}
