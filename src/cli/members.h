/* SPDX-License-Identifier: MIT
 *
 * The members of a JSON object that hay_json_check() found valid: a walk without a tree.
 */
#ifndef CLI_MEMBERS_H
#define CLI_MEMBERS_H

#include <hayfork/jobline.h>

#include <stdbool.h>

/* The next member of the object in `rest`, which begins with its brace at first and shrinks from call to call. `key` is the
 * inside of its string, still escaped. */
bool member_next(struct hay_span *rest, struct hay_span *key, struct hay_span *value);
/* A number of microseconds, as nanoseconds; negative ones are 0, too large ones the largest. False: it is not a number. */
bool member_microseconds(struct hay_span value, int64_t *ns);
/* A whole number from 0. */
bool member_natural(struct hay_span value, int64_t *number);

#endif
