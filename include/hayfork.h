/* SPDX-License-Identifier: MIT
 *
 * All of Hayfork but what needs jansson: the *_json.h headers.
 */
#ifndef HAYFORK_H
#define HAYFORK_H

#include <hayfork/error.h>
#include <hayfork/jobline.h>
#include <hayfork/pipe.h>
#include <hayfork/pool.h>
#include <hayfork/process.h>
#include <hayfork/queue.h>
#include <hayfork/shared.h>
#include <hayfork/sync.h>
#include <hayfork/version.h>
#include <hayfork/wait.h>

#endif
