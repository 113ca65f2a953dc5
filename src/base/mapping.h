/* SPDX-License-Identifier: MIT
 *
 * Anonymous shared memory between PROT_NONE pages, so that running off either end faults at once.
 */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include <stddef.h>

struct mapping {
    void *at;     /* NULL: none */
    size_t size;  /* mapping_open() rounds it up to pages; the others take any in the last one */
};

/* Zero-filled. 0 or -errno. */
int mapping_open(struct mapping *mapping, size_t size);
/* Children forked after this do not have it. 0 or -errno. */
int mapping_hide_from_children(const struct mapping *mapping);
void mapping_close(struct mapping *mapping);
/* For an object that keeps its mapping in the memory that goes. */
static inline void mapping_close_own(struct mapping mapping)
{
    mapping_close(&mapping);
}

#endif
