/* SPDX-License-Identifier: MIT
 *
 * Making and freeing a queue: its bounds, its memory and its descriptor. The ring has room for max_bytes and, beside them,
 * for the sizes of max_items, so that both bounds hold exactly and an item of max_bytes always fits into an empty queue.
 */
#include "base/clock.h"
#include "base/error.h"
#include "sync/robust.h"
#include "sync/sharedqueue.h"

#include <hayfork/cpu.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define DEFAULT_BYTES ((size_t)1 << 20)
#define DEFAULT_ITEM_BYTES 256
#define DEFAULT_BYTES_MAX ((size_t)64 << 20)
#define BYTES_LIMIT ((uint64_t)8 << 30)
#define ITEMS_LIMIT ((size_t)1 << 30)
#define SPIN_NS (5 * NS_PER_US)

static enum hay_status settle_bounds(struct hay_queue_options *bounds, struct hay_error *error)
{
    if (!bounds->max_items && !bounds->max_bytes)
        return error_set(error, HAY_EINVAL, "a queue of size 0 can hold nothing: set max_items or max_bytes");
    if (bounds->max_items > ITEMS_LIMIT)
        return error_set(error, HAY_EINVAL, "a queue's max_items is at most %zu, not %zu", ITEMS_LIMIT, bounds->max_items);
    if (bounds->max_bytes > BYTES_LIMIT)
        return error_set(error, HAY_EINVAL, "a queue's max_bytes is at most 8 GiB, not %zu", bounds->max_bytes);
    if (!bounds->max_bytes) {
        uint64_t wanted = (uint64_t)bounds->max_items * DEFAULT_ITEM_BYTES;
        wanted = wanted < DEFAULT_BYTES_MAX ? wanted : DEFAULT_BYTES_MAX;
        bounds->max_bytes = wanted < DEFAULT_BYTES ? DEFAULT_BYTES : (size_t)wanted;
    }
    /* So many of the smallest items that are not empty, and one more. */
    if (!bounds->max_items)
        bounds->max_items = ring_units_of(bounds->max_bytes) + (size_t)1 < ITEMS_LIMIT
            ? ring_units_of(bounds->max_bytes) + (size_t)1 : ITEMS_LIMIT;
    return HAY_OK;
}

/* For how long a waiter looks before it sleeps: not at all where there is no other processor. They are counted once, which takes
 * half as long as all the rest of a queue. */
static int64_t spin_ns(void)
{
    static atomic_int counted;
    int count = atomic_load_explicit(&counted, memory_order_relaxed);
    if (!count) {
        count = hay_cpu_count();
        atomic_store_explicit(&counted, count, memory_order_relaxed);
    }
    return count > 1 ? SPIN_NS : 0;
}

static int map_shared(struct shared_queue **made, const struct hay_queue_options *bounds)
{
    struct mapping mapping;
    struct ring ring = {.max_units = ring_units_of(bounds->max_bytes), .max_items = (uint32_t)bounds->max_items};
    ring.units = ring.max_units + ring.max_items;
    uint64_t size = sizeof(struct shared_queue) + ring.units * (uint64_t)RING_UNIT;
    int rc = size > SIZE_MAX ? -ENOMEM : mapping_open(&mapping, (size_t)size);
    if (rc < 0)
        return rc;
    struct shared_queue *shared = mapping.at;
    ring.at = (unsigned char *)(shared + 1);
    shared->mapping = mapping;
    shared->ring = ring;
    shared->max_bytes = bounds->max_bytes;
    shared->spin_ns = spin_ns();
    rc = robust_init(&shared->put.lock);
    if (!rc)
        rc = robust_init(&shared->get.lock);
    if (rc < 0)
        mapping_close(&mapping);
    else
        *made = shared;
    return rc;
}

struct hay_queue *hay_queue_new(const struct hay_queue_options *options, struct hay_error *error)
{
    struct hay_queue_options bounds = {.max_bytes = DEFAULT_BYTES};
    if (options)
        bounds = *options;
    if (settle_bounds(&bounds, error))
        return NULL;
    struct hay_queue *queue = calloc(1, sizeof *queue);
    if (!queue) {
        error_set(error, HAY_ENOMEM, "no memory for a queue");
        return NULL;
    }
    int rc = map_shared(&queue->shared, &bounds);
    if (rc < 0) {
        error_system(error, -rc, "cannot map a queue of %zu items and %zu bytes", bounds.max_items, bounds.max_bytes);
        free(queue);
        return NULL;
    }
    rc = poll_open(queue);
    if (rc < 0) {
        error_system(error, -rc, "cannot make a queue's descriptor");
        mapping_close_own(queue->shared->mapping);
        free(queue);
        return NULL;
    }
    return queue;
}

void hay_queue_free(struct hay_queue *queue)
{
    if (!queue)
        return;
    tasks_let_go(queue);
    poll_close(queue);
    mapping_close_own(queue->shared->mapping);
    free(queue);
}
