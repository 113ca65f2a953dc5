/* SPDX-License-Identifier: MIT */
#include "base/owner.h"

#include "base/clock.h"
#include "base/forkpage.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <unistd.h>

static _Atomic(void *) owner_page;
static atomic_bool owner_has_no_page; /* once and for all: a token must not change */

__attribute__((noinline, cold))
static uint64_t owner_renew(_Atomic uint64_t *page)
{
    uint64_t pid = (uint64_t)getpid() << 32, none = 0;
    if (!page && !atomic_load(&owner_has_no_page))
        page = forkpage_get(&owner_page);
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
