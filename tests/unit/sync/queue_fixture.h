/* SPDX-License-Identifier: MIT
 *
 * Queues of numbers for the tests: made, put into and got from in one line.
 */
#ifndef TESTS_UNIT_SYNC_QUEUE_FIXTURE_H
#define TESTS_UNIT_SYNC_QUEUE_FIXTURE_H

#include "unit/sync/related.h"

#include <hayfork/queue.h>

static inline struct hay_queue *new_queue(size_t max_items, size_t max_bytes)
{
    struct hay_queue_options options = {max_items, max_bytes};
    struct hay_error error = {0};
    struct hay_queue *queue = hay_queue_new(&options, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    return queue;
}

static inline enum hay_status put_int(struct hay_queue *queue, int value, int timeout_ms)
{
    return hay_queue_put(queue, &value, sizeof value, timeout_ms);
}

/* The value, or minus the status. */
static inline int get_int(struct hay_queue *queue, int timeout_ms)
{
    int value = 0;
    size_t size;
    enum hay_status status = hay_queue_get(queue, &value, sizeof value, &size, timeout_ms);
    return status ? -(int)status : size == sizeof value ? value : -1000;
}

static inline int put_second_ten(void *arg)
{
    for (int i = 10; i < 20; i++)
        CHILD_CHECK(put_int(arg, i, -1) == HAY_OK);
    return 0;
}

#endif
