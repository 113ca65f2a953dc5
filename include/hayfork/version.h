/* SPDX-License-Identifier: MIT
 *
 * Which Hayfork this is: the macros tell what a program is compiled against, hay_version() what it runs with.
 */
#ifndef HAYFORK_VERSION_H
#define HAYFORK_VERSION_H

#include <hayfork/error.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAY_VERSION_MAJOR 0
#define HAY_VERSION_MINOR 1
#define HAY_VERSION_PATCH 0
#define HAY_VERSION "0.1.0"

/* For #if: HAY_VERSION_NUMBER >= HAY_VERSION_OF(0, 2, 0). */
#define HAY_VERSION_OF(major, minor, patch) ((major) * 1000000 + (minor) * 1000 + (patch))
#define HAY_VERSION_NUMBER HAY_VERSION_OF(HAY_VERSION_MAJOR, HAY_VERSION_MINOR, HAY_VERSION_PATCH)

/* The library's version, as HAY_VERSION; static, never NULL. Does not block. */
HAY_API const char *hay_version(void);

#ifdef __cplusplus
}
#endif
#endif
