/* SPDX-License-Identifier: MIT
 *
 * Anonymous shared memory between PROT_NONE pages, so that running off either end faults at once.
 */
#ifndef BASE_MAPPING_H
#define BASE_MAPPING_H

#include <hayfork/error.h>

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
/* For an object of `size` bytes that keeps its mapping in itself, at this place: the object, all else of it zero; or NULL, and
 * `error` says that `what` cannot be mapped. */
void *mapping_new(size_t size, size_t place, const char *what, struct hay_error *error);
/* Of such an object: all of it goes. */
static inline void mapping_close_own(struct mapping mapping)
{
    mapping_close(&mapping);
}

#endif
