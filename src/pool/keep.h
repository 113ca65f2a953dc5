/* SPDX-License-Identifier: MIT
 *
 * Keeping a result longer than the callback that brought it: its four spans move into memory of the keeper's. What is kept has
 * a NUL after each span, which does not count. Allocates nothing.
 */
#ifndef POOL_KEEP_H
#define POOL_KEEP_H

#include <hayfork/jobline.h>

/* Bytes that keep_move() fills. Never 0. */
size_t keep_size(const struct hay_result *result);
/* Copy what the spans point to into `bytes`, and let them point there. */
void keep_move(struct hay_result *result, char *bytes);
/* There was no memory for them: no spans but a message, and what was ok is an error. */
void keep_lose(struct hay_result *result);

#endif
