/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: its entry has nothing to give.
 */
#include <hayfork/plugin.h>

const struct hay_plugin *hay_plugin_entry(void)
{
    return NULL;
}
