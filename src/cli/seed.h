/* SPDX-License-Identifier: MIT
 *
 * A seed for hashes of what others have written, so that no input can be made whose entries all meet.
 */
#ifndef CLI_SEED_H
#define CLI_SEED_H

#include <stdint.h>
#include <sys/random.h>

/* Where the kernel has no random bytes yet, it is no more than an address. */
static inline uint64_t seed_new(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = (uint64_t)(uintptr_t)&seed;
    return seed;
}

#endif
