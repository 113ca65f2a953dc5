/* SPDX-License-Identifier: MIT
 *
 * A large byte area straight from the kernel, so that what is given back is really given back: malloc keeps what it got for one
 * long line, and the memory of a run must not depend on its longest line ten minutes ago.
 */
#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include <stdbool.h>
#include <stddef.h>

struct pages {
    char *at;       /* NULL: none */
    size_t size;
};

/* Grow or shrink, keeping the bytes that fit; `size` is a multiple of 64 KiB. False leaves all as it was. */
bool pages_resize(struct pages *pages, size_t size);
/* Grow where so many bytes do not fit, any number, to twice the size at least: many small steps cost little. Else as above. */
bool pages_reserve(struct pages *pages, size_t size);
void pages_release(struct pages *pages);

#endif
