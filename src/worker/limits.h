/* SPDX-License-Identifier: MIT
 *
 * What a worker may use: rlimits and nice of this process, which what it starts inherits.
 */
#ifndef WORKER_LIMITS_H
#define WORKER_LIMITS_H

#include <hayfork/error.h>
#include <hayfork/pool.h>

/* Fields of 0 change nothing. A limit above the hard one of this process stays at that one. 0 or -errno, with `error` filled. */
int limits_apply(const struct hay_limits *limits, struct hay_error *error);

#endif
