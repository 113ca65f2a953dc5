/* SPDX-License-Identifier: MIT */
#include <hayfork/version.h>

const char *hay_version(void)
{
    return HAY_VERSION;
}
