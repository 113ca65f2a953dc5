/* SPDX-License-Identifier: MIT
 *
 * How many slots there are. They are made one by one and never moved or freed before the master; one that is in use no longer
 * only loses its ring. Shrinking marks the slots from the wanted number on as surplus: they get no more jobs, give back what
 * they did not begin, and their workers are stopped when they are idle. The call for the pool is in master.h.
 */
#ifndef MASTER_RESIZE_H
#define MASTER_RESIZE_H

struct master;

/* Make slots until there are so many in use. 0 or -ENOMEM with none more in use. */
int resize_reserve(struct master *master, int slots);
/* Surplus slots at the end whose workers are gone are not in use any more. Not from callbacks. */
void resize_trim(struct master *master);

#endif
