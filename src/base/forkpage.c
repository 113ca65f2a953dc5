/* SPDX-License-Identifier: MIT */
#include "base/forkpage.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

void *forkpage_get(_Atomic(void *) *page)
{
    void *there = atomic_load_explicit(page, memory_order_acquire);
    if (there)
        return there;
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *fresh = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (fresh == MAP_FAILED)
        return NULL;
    if (madvise(fresh, size, MADV_WIPEONFORK) == 0 && atomic_compare_exchange_strong(page, &there, fresh))
        return fresh;
    munmap(fresh, size);
    return there; /* another thread was first, or it cannot be had */
}
