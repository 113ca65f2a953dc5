/* SPDX-License-Identifier: MIT
 *
 * --keep-order: results that came before their turn wait here as the bytes that will be written. A result's place is its number
 * in the input; at most `window` places from the next one on are given out and at most `most_bytes` wait, and when either is
 * used up no further line may be read: order_has_room() says so. What is already running goes on, and its results always find
 * their place.
 */
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli/bytes.h"

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct order_slot {
    char *bytes;                    /* NULL: this result is not here yet */
    size_t size;
};

struct order {
    struct order_slot *slots;       /* a ring; NULL: order is not kept */
    uint64_t window;                /* a power of two */
    uint64_t next;                  /* the place whose turn it is, from 1 */
    uint64_t count, bytes, most_bytes;  /* results that wait here */
    char *given;                    /* the one that was taken last */
};

/* 0 or -ENOMEM. `window` is made a power of two. order_release() is due in any case. */
int order_init(struct order *order, uint64_t window, uint64_t most_bytes);
void order_release(struct order *order);

static inline bool order_is_kept(const struct order *order)
{
    return order->slots != NULL;
}

/* Do more bytes wait than should? */
static inline bool order_is_crowded(const struct order *order)
{
    return order->slots && order->bytes > order->most_bytes;
}

/* May the line be read whose place is `place`? */
static inline bool order_has_room(const struct order *order, uint64_t place)
{
    return !order->slots || (place - order->next < order->window && !order_is_crowded(order));
}

static inline bool order_is_next(const struct order *order, uint64_t place)
{
    return order->next == place;
}

/* The result whose turn it is has been written without waiting here. */
static inline void order_pass(struct order *order)
{
    order->next++;
}

/* These bytes, which may be none at all, are the result of `place`: they are copied, or their memory is taken over. 0, -ENOMEM,
 * or -EPROTO: that place has been given before, or is out of the window: the caller is wrong. */
int order_keep(struct order *order, uint64_t place, struct bytes *bytes);
/* Take the next result if it is here. Its bytes are good until the next one is taken. */
bool order_next(struct order *order, struct hay_span *bytes);

#endif
