/* SPDX-License-Identifier: MIT
 *
 * memcpy() for what is nearly always a few bytes: ids, args and results of small jobs. Two overlapping moves of a fixed size cost
 * less than the call.
 */
#ifndef BASE_COPY_H
#define BASE_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct copy_16 {
    uint64_t words[2];
};

static inline void copy_bytes(void *to, const void *from, size_t size)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if (size >= 16 && size <= 32) {
        struct copy_16 first, last;
        memcpy(&first, in, 16);
        memcpy(&last, in + size - 16, 16);
        memcpy(out, &first, 16);
        memcpy(out + size - 16, &last, 16);
    } else if (size >= 8 && size < 16) {
        uint64_t first, last;
        memcpy(&first, in, 8);
        memcpy(&last, in + size - 8, 8);
        memcpy(out, &first, 8);
        memcpy(out + size - 8, &last, 8);
    } else if (size >= 4 && size < 8) {
        uint32_t first, last;
        memcpy(&first, in, 4);
        memcpy(&last, in + size - 4, 4);
        memcpy(out, &first, 4);
        memcpy(out + size - 4, &last, 4);
    } else if (size && size < 4) {
        for (size_t i = 0; i < size; i++)
            out[i] = in[i];
    } else if (size) {
        memcpy(out, in, size);
    }
}

#endif
