/* SPDX-License-Identifier: MIT */
#include "base/mapping.h"

#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int mapping_open(struct mapping *mapping, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (!size || size > SIZE_MAX - 3 * page)
        return -EINVAL;
    size = (size + page - 1) / page * page;
    char *base = mmap(NULL, size + 2 * page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    if (mprotect(base + page, size, PROT_READ | PROT_WRITE) < 0) {
        int saved = errno;
        munmap(base, size + 2 * page);
        return -saved;
    }
    *mapping = (struct mapping){base + page, size};
    return 0;
}

void *mapping_new(size_t size, size_t place, const char *what, struct hay_error *error)
{
    struct mapping mapping = {NULL, 0};
    int status = mapping_open(&mapping, size);
    if (status) {
        error_system(error, -status, "cannot map %s", what);
        return NULL;
    }
    memcpy((char *)mapping.at + place, &mapping, sizeof mapping);
    return mapping.at;
}

int mapping_hide_from_children(const struct mapping *mapping)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return madvise((char *)mapping->at - page, mapping->size + 2 * page, MADV_DONTFORK) < 0 ? -errno : 0;
}

void mapping_close(struct mapping *mapping)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (mapping->at)
        munmap((char *)mapping->at - page, mapping->size + 2 * page);
    *mapping = (struct mapping){0};
}
