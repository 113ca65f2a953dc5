/* SPDX-License-Identifier: MIT
 *
 * The bytes of a queue: a ring of 8-byte units in which items lie one after the other, each a unit with its size and then its
 * bytes, wrapping where they meet the end. Only arithmetic and copying: who may do what when is the queue's business.
 *
 * Where the items begin (head) and end (tail) is a mark: one 64-bit word, so that one store takes an item in or out.
 */
#ifndef SYNC_QUEUE_RING_H
#define SYNC_QUEUE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* position: 32 bits, in units, from 0 to twice the ring's: so full and empty differ in a ring of any size.
 * number: 31 bits, the items so far. Top bit, in the tail only: closed. */
#define MARK_NUMBERS UINT32_C(0x7fffffff)
#define MARK_CLOSED (UINT64_C(1) << 63)
#define RING_UNIT sizeof(uint64_t)

struct ring {
    unsigned char *at;
    uint32_t units;
    uint32_t max_units;     /* of items, their sizes' units not counted */
    uint32_t max_items;
};

struct ring_fill {
    uint32_t items, units;  /* without the sizes' units */
};

static inline uint32_t mark_position(uint64_t mark)
{
    return (uint32_t)mark;
}

static inline uint32_t mark_number(uint64_t mark)
{
    return (uint32_t)(mark >> 32) & MARK_NUMBERS;
}

static inline uint32_t ring_units_of(size_t size)
{
    return (uint32_t)((size + RING_UNIT - 1) / RING_UNIT);
}

static inline struct ring_fill ring_fill(const struct ring *ring, uint64_t head, uint64_t tail)
{
    uint32_t from = mark_position(head), to = mark_position(tail);
    uint32_t items = (mark_number(tail) - mark_number(head)) & MARK_NUMBERS;
    uint32_t used = to >= from ? to - from : 2 * ring->units - from + to;
    return (struct ring_fill){items, used - items};
}

static inline bool ring_is_empty(uint64_t head, uint64_t tail)
{
    return mark_position(head) == mark_position(tail);
}

static inline bool ring_has_room(const struct ring *ring, struct ring_fill fill, uint32_t units)
{
    return fill.items < ring->max_items && units <= ring->max_units - fill.units;
}

/* The mark after an item of so many units at `mark`. */
static inline uint64_t ring_after(const struct ring *ring, uint64_t mark, uint32_t units)
{
    uint64_t position = (uint64_t)mark_position(mark) + 1 + units;
    uint64_t lap = 2 * (uint64_t)ring->units;
    position = position >= lap ? position - lap : position;
    return (uint64_t)((mark_number(mark) + 1) & MARK_NUMBERS) << 32 | position;
}

static inline unsigned char *ring_spot(const struct ring *ring, uint64_t mark)
{
    uint32_t position = mark_position(mark);
    return ring->at + (size_t)(position >= ring->units ? position - ring->units : position) * RING_UNIT;
}

static inline uint64_t ring_size_at(const struct ring *ring, uint64_t mark)
{
    uint64_t size;
    memcpy(&size, ring_spot(ring, mark), sizeof size);
    return size;
}

static inline void ring_write(const struct ring *ring, uint64_t mark, const void *bytes, size_t size)
{
    unsigned char *spot = ring_spot(ring, mark), *end = ring->at + (size_t)ring->units * RING_UNIT;
    uint64_t header = size;
    memcpy(spot, &header, sizeof header);
    spot = spot + RING_UNIT == end ? ring->at : spot + RING_UNIT;
    size_t first = (size_t)(end - spot) < size ? (size_t)(end - spot) : size;
    if (size)
        memcpy(spot, bytes, first);
    if (size > first)
        memcpy(ring->at, (const char *)bytes + first, size - first);
}

/* `size` as checked by the caller, not as the ring may say by now. */
static inline void ring_read(const struct ring *ring, uint64_t mark, void *bytes, size_t size)
{
    const unsigned char *spot = ring_spot(ring, mark), *end = ring->at + (size_t)ring->units * RING_UNIT;
    spot = spot + RING_UNIT == end ? ring->at : spot + RING_UNIT;
    size_t first = (size_t)(end - spot) < size ? (size_t)(end - spot) : size;
    if (size)
        memcpy(bytes, spot, first);
    if (size > first)
        memcpy((char *)bytes + first, ring->at, size - first);
}

#endif
