/* SPDX-License-Identifier: MIT */
#include "cli/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_NAME "hayfork-output.XXXXXX"
#define SPOOL_TRIES 100

/* It is whatever a worker has made. */
static void spool_remove(int folder, const char *name)
{
    if (unlinkat(folder, name, 0) && errno == EISDIR)
        unlinkat(folder, name, AT_REMOVEDIR);
}

static bool spool_is_output(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits && (!strcmp(name + digits, ".out") || !strcmp(name + digits, ".err"));
}

/* Remove what jobs have made, and close the folder. */
static void spool_empty(int folder)
{
    DIR *entries = fdopendir(folder);
    if (!entries) {
        close(folder);
        return;
    }
    for (struct dirent *entry; (entry = readdir(entries));)
        if (spool_is_output(entry->d_name))
            spool_remove(folder, entry->d_name);
    closedir(entries);
}

/* Take a folder whose run was killed: a run that lives has it locked. -1: it is not such a one. */
static int spool_claim(int parent, const char *name)
{
    struct stat status;
    if (strncmp(name, SPOOL_NAME, sizeof SPOOL_NAME - sizeof "XXXXXX") || strlen(name) != sizeof SPOOL_NAME - 1)
        return -1;
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder < 0)
        return -1;
    if (!fstat(folder, &status) && status.st_uid == geteuid() && (status.st_mode & 0777) == 0700 &&
        !flock(folder, LOCK_EX | LOCK_NB))
        return folder;
    close(folder);
    return -1;
}

/* Nobody else removes what a killed run has left. */
static void spool_sweep(const char *parent)
{
    int folder;
    DIR *entries = opendir(parent);
    if (!entries)
        return;
    for (struct dirent *entry; (entry = readdir(entries));)
        if ((folder = spool_claim(dirfd(entries), entry->d_name)) >= 0) {
            spool_empty(folder);
            unlinkat(dirfd(entries), entry->d_name, AT_REMOVEDIR);
        }
    closedir(entries);
}

/* A new folder, ours by its lock, or -errno. Where folders cannot be locked, nobody sweeps. */
static int spool_make(char *path)
{
    struct stat open_one, named;
    for (int i = 0; i < SPOOL_TRIES; i++) {
        memcpy(path + strlen(path) - strlen("XXXXXX"), "XXXXXX", strlen("XXXXXX"));
        if (!mkdtemp(path))
            return -errno;
        int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int failure = folder < 0 ? -errno : 0;
        bool is_swept = !failure && flock(folder, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK;
        if (!failure && !is_swept && !fstat(folder, &open_one) && !stat(path, &named) && open_one.st_ino == named.st_ino)
            return folder;
        if (!failure)
            close(folder);
        rmdir(path);
        if (failure && failure != -ENOENT)
            return failure;
    }
    return -EAGAIN;
}

/* The path is for workers too, wherever they are, and in JSON. */
static int spool_place(struct spool *spool)
{
    const char *parent = getenv("TMPDIR");
    char *found = realpath(parent && *parent ? parent : "/tmp", NULL);
    if (!found)
        return -errno;
    spool_sweep(found);
    bytes_put_text(&spool->path, found);
    free(found);
    bytes_put(&spool->path, "/" SPOOL_NAME, sizeof "/" SPOOL_NAME);
    if (spool->path.failed)
        return -ENOMEM;
    spool->path.size--;
    if (!bytes_are_utf8(bytes_span(&spool->path)))
        return -EILSEQ;
    return spool_make(spool->path.at);
}

void spool_open(struct spool *spool, uint64_t most_bytes)
{
    spool->most_bytes = most_bytes;
    spool->folder = spool_place(spool);
    if (spool->folder >= 0)
        return;
    spool->failure = spool->folder;
    spool->folder = -1;
    bytes_release(&spool->path);
}

static void spool_name(char name[32], uint64_t number, int stream)
{
    snprintf(name, 32, "%" PRIu64 ".%s", number, stream ? "err" : "out");
}

static bool spool_is(const struct stat *status, uint64_t size_bytes)
{
    return S_ISREG(status->st_mode) && (uint64_t)status->st_size == size_bytes;
}

bool spool_has(const struct spool *spool, uint64_t number, int stream, uint64_t size_bytes)
{
    char name[32];
    struct stat status;
    spool_name(name, number, stream);
    return spool->folder >= 0 && size_bytes <= spool->most_bytes &&
           !fstatat(spool->folder, name, &status, AT_SYMLINK_NOFOLLOW) && spool_is(&status, size_bytes);
}

int spool_take(struct spool *spool, uint64_t number, int stream, uint64_t size_bytes)
{
    char name[32];
    struct stat status;
    spool_name(name, number, stream);
    spool->waiting_bytes -= size_bytes;
    int fd = openat(spool->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &status) || !spool_is(&status, size_bytes)) {
        close(fd);
        return -EIO;
    }
    unlinkat(spool->folder, name, 0);
    return fd;
}

void spool_drop(struct spool *spool, uint64_t number, int stream)
{
    char name[32];
    if (spool->folder < 0)
        return;
    spool_name(name, number, stream);
    spool_remove(spool->folder, name);
}

void spool_close(struct spool *spool)
{
    if (spool->folder >= 0) {
        spool_empty(spool->folder);
        rmdir(spool->path.at);
    }
    bytes_release(&spool->path);
    *spool = (struct spool){ .folder = -1 };
}
