/* SPDX-License-Identifier: MIT
 *
 * An event: one word, {times it was set, is set}. A waiter is done when it is set, or was set since the waiter came: a set that
 * is cleared at once releases all the same.
 */
#include "base/clock.h"
#include "base/mapping.h"
#include "sync/futex.h"

#include <hayfork/sync.h>

struct hay_event {
    _Atomic uint32_t word;
    struct mapping mapping;
};

struct hay_event *hay_event_new(struct hay_error *error)
{
    return mapping_new(sizeof(struct hay_event), offsetof(struct hay_event, mapping), "an event", error);
}

void hay_event_free(struct hay_event *event)
{
    if (!event)
        return;
    mapping_close_own(event->mapping);
}

enum hay_status hay_event_set(struct hay_event *event)
{
    if (!event)
        return HAY_EINVAL;
    uint32_t word = atomic_load(&event->word);
    do {
        if (word & 1)
            return HAY_OK;
    } while (!atomic_compare_exchange_weak(&event->word, &word, word + 3));
    futex_wake(&event->word, FUTEX_ALL);
    return HAY_OK;
}

enum hay_status hay_event_clear(struct hay_event *event)
{
    if (!event)
        return HAY_EINVAL;
    atomic_fetch_and(&event->word, ~UINT32_C(1));
    return HAY_OK;
}

bool hay_event_is_set(const struct hay_event *event)
{
    return event && (atomic_load(&event->word) & 1);
}

enum hay_status hay_event_wait(struct hay_event *event, int timeout_ms)
{
    if (!event)
        return HAY_EINVAL;
    uint32_t first = atomic_load(&event->word);
    if (first & 1)
        return HAY_OK;
    int64_t deadline_ns = clock_deadline_ns(timeout_ms);
    while (clock_now_ns() < deadline_ns) {
        futex_wait(&event->word, first, deadline_ns);
        if (atomic_load(&event->word) != first)
            return HAY_OK;
    }
    return HAY_ETIMEDOUT;
}
