/* SPDX-License-Identifier: MIT */
#include "base/owner.h"

#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic(_Atomic uint64_t *) owner_page;
static atomic_bool owner_has_no_page; /* once and for all: a token must not change */

static _Atomic uint64_t *owner_map(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    _Atomic uint64_t *none = NULL, *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    if (madvise(page, size, MADV_WIPEONFORK) == 0 && atomic_compare_exchange_strong(&owner_page, &none, page))
        return page;
    munmap(page, size);
    return none; /* another thread was first, or it cannot be had */
}

__attribute__((noinline, cold))
static uint64_t owner_renew(_Atomic uint64_t *page)
{
    uint64_t pid = (uint64_t)getpid() << 32, none = 0;
    if (!page && !atomic_load(&owner_has_no_page))
        page = owner_map();
    if (!page) {
        atomic_store(&owner_has_no_page, true);
        return pid | 1;
    }
    uint64_t token = pid | ((uint64_t)clock_now_ns() & UINT32_MAX) | 1; /* numbers of processes come again */
    return atomic_compare_exchange_strong(page, &none, token) ? token : none;
}

uint64_t owner_token(void)
{
    _Atomic uint64_t *page = atomic_load_explicit(&owner_page, memory_order_acquire);
    uint64_t token = page ? atomic_load_explicit(page, memory_order_relaxed) : 0;
    return token ? token : owner_renew(page);
}
