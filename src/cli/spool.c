/* SPDX-License-Identifier: MIT */
#include "cli/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SPOOL_NAME "/hayfork.XXXXXX"

/* The path is for workers too, wherever they are, and in JSON. */
static int spool_make(struct spool *spool)
{
    const char *parent = getenv("TMPDIR");
    char *found = realpath(parent && *parent ? parent : "/tmp", NULL);
    if (!found)
        return -errno;
    bytes_put_text(&spool->path, found);
    free(found);
    bytes_put(&spool->path, SPOOL_NAME, sizeof SPOOL_NAME);
    if (spool->path.failed)
        return -ENOMEM;
    spool->path.size--;
    if (bytes_utf8(spool->path.at, spool->path.size) != spool->path.size)
        return -EILSEQ;
    return mkdtemp(spool->path.at) ? 0 : -errno;
}

void spool_open(struct spool *spool, uint64_t most_bytes)
{
    spool->most_bytes = most_bytes;
    spool->failure = spool_make(spool);
    if (!spool->failure) {
        spool->folder = open(spool->path.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (spool->folder >= 0)
            return;
        spool->failure = -errno;
        rmdir(spool->path.at);
    }
    bytes_release(&spool->path);
}

static void spool_name(char name[32], uint64_t number, int stream)
{
    snprintf(name, 32, "%" PRIu64 ".%s", number, stream ? "err" : "out");
}

/* It is whatever a worker has made. */
static void spool_remove(const struct spool *spool, const char *name)
{
    if (unlinkat(spool->folder, name, 0) && errno == EISDIR)
        unlinkat(spool->folder, name, AT_REMOVEDIR);
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
    spool_remove(spool, name);
}

void spool_close(struct spool *spool)
{
    DIR *entries = spool->folder < 0 ? NULL : fdopendir(spool->folder);
    for (struct dirent *entry; entries && (entry = readdir(entries));)
        spool_remove(spool, entry->d_name);
    if (entries)
        closedir(entries);
    else if (spool->folder >= 0)
        close(spool->folder);
    if (spool->folder >= 0)
        rmdir(spool->path.at);
    bytes_release(&spool->path);
    *spool = (struct spool){ .folder = -1 };
}
