/* SPDX-License-Identifier: MIT
 *
 * The ring of places and the chunks behind it. Bytes are appended to a chunk of 64 KiB, which counts the results that still lie
 * in it and is used again once there are none, so the usual line costs no allocation. Results lie in a chunk in the order in
 * which they came: one may hold back the memory of those around it, but all of these are within a window of it.
 */
#include "cli/order.h"

#include <errno.h>
#include <stdlib.h>

#define ORDER_CHUNK ((size_t)64 << 10)
#define ORDER_SPARES 64

struct order_chunk {
    struct order_chunk *next;   /* of the spare ones */
    size_t size, used;
    size_t live;                /* results in it, and 1 while it is the current one */
    char bytes[];
};

int order_init(struct order *order, uint64_t window, uint64_t most_bytes)
{
    *order = (struct order){ .window = 1, .next = 1, .most_bytes = most_bytes };
    while (order->window < window)
        order->window *= 2;
    order->slots = calloc((size_t)order->window, sizeof *order->slots);
    return order->slots ? 0 : -ENOMEM;
}

static void order_unuse(struct order *order, struct order_chunk *chunk)
{
    if (!chunk || --chunk->live)
        return;
    if (chunk->size != ORDER_CHUNK || order->spares == ORDER_SPARES) {
        free(chunk);
        return;
    }
    chunk->used = 0;
    chunk->next = order->spare;
    order->spare = chunk;
    order->spares++;
}

void order_release(struct order *order)
{
    for (uint64_t i = 0; order->slots && i < order->window; i++)
        order_unuse(order, order->slots[i].chunk);
    order_unuse(order, order->given);
    order_unuse(order, order->current);
    while (order->spare) {
        struct order_chunk *chunk = order->spare;
        order->spare = chunk->next;
        free(chunk);
    }
    free(order->slots);
    *order = (struct order){ .slots = NULL };
}

/* An empty chunk of at least this size, in use as the current one. */
static struct order_chunk *order_chunk(struct order *order, size_t size)
{
    struct order_chunk *chunk = size <= ORDER_CHUNK ? order->spare : NULL;
    if (chunk) {
        order->spare = chunk->next;
        order->spares--;
    } else {
        size = size < ORDER_CHUNK ? ORDER_CHUNK : size;
        chunk = size < UINT32_MAX ? malloc(sizeof *chunk + size) : NULL;
        if (!chunk)
            return NULL;
        chunk->size = size;
        chunk->used = 0;
    }
    chunk->live = 1;
    return chunk;
}

char *order_room(struct order *order, size_t least, size_t *room)
{
    struct order_chunk *chunk = order->current;
    if (!chunk || chunk->size - chunk->used < least || chunk->size == chunk->used) {
        chunk = order_chunk(order, least);
        if (!chunk)
            return NULL;
        order_unuse(order, order->current);
        order->current = chunk;
    }
    *room = chunk->size - chunk->used;
    return chunk->bytes + chunk->used;
}

bool order_keep(struct order *order, uint64_t place, size_t size)
{
    struct order_slot *slot = &order->slots[place & (order->window - 1)];
    struct order_chunk *chunk = order->current;
    if (place - order->next >= order->window || slot->chunk || !chunk)
        return false;
    *slot = (struct order_slot){ chunk, (uint32_t)chunk->used, (uint32_t)size };
    chunk->used += size;
    chunk->live++;
    order->count++;
    order->bytes += size;
    return true;
}

bool order_next(struct order *order, struct hay_span *bytes)
{
    if (!order->count)
        return false;
    struct order_slot *slot = &order->slots[order->next & (order->window - 1)];
    if (!slot->chunk)
        return false;
    order_unuse(order, order->given);
    order->given = slot->chunk;
    *bytes = (struct hay_span){ slot->chunk->bytes + slot->offset, slot->size };
    slot->chunk = NULL;
    order->next++;
    order->count--;
    order->bytes -= slot->size;
    return true;
}
