/* SPDX-License-Identifier: MIT
 *
 * The ring of places. Each result has its own memory: shared by several, a small one far ahead would hold back that of all around
 * it.
 */
#include "cli/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ORDER_COPIED ((size_t)16 << 10) /* what is larger is not copied but taken over */

int order_init(struct order *order, uint64_t window, uint64_t most_bytes)
{
    *order = (struct order){ .window = 1, .next = 1, .most_bytes = most_bytes };
    while (order->window < window)
        order->window *= 2;
    order->slots = calloc((size_t)order->window, sizeof *order->slots);
    return order->slots ? 0 : -ENOMEM;
}

void order_release(struct order *order)
{
    for (uint64_t i = 0; order->slots && i < order->window; i++)
        free(order->slots[i].bytes);
    free(order->slots);
    free(order->given);
    *order = (struct order){ .slots = NULL };
}

int order_keep(struct order *order, uint64_t place, struct bytes *bytes)
{
    struct order_slot *slot = &order->slots[place & (order->window - 1)];
    if (place - order->next >= order->window || slot->bytes)
        return -EPROTO;
    bool is_taken = bytes->size > ORDER_COPIED && bytes->capacity / 2 < bytes->size;
    slot->bytes = is_taken ? bytes->at : malloc(bytes->size + !bytes->size);
    slot->size = bytes->size;
    if (!slot->bytes)
        return -ENOMEM;
    if (is_taken)
        *bytes = (struct bytes){ .at = NULL };
    else if (bytes->size)
        memcpy(slot->bytes, bytes->at, bytes->size);
    order->count++;
    order->bytes += slot->size;
    return 0;
}

bool order_next(struct order *order, struct hay_span *bytes)
{
    struct order_slot *slot = &order->slots[order->next & (order->window - 1)];
    if (!slot->bytes)
        return false;
    free(order->given);
    order->given = slot->bytes;
    *bytes = (struct hay_span){ slot->bytes, slot->size };
    slot->bytes = NULL;
    order->next++;
    order->count--;
    order->bytes -= slot->size;
    return true;
}
