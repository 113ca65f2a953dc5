/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: built for another ABI.
 */
#include "noop.h"

static const struct hay_function functions[] = {HAY_FUNCTION(noop, "Nothing")};

static const struct hay_plugin plugin = {
    .abi = HAY_PLUGIN_ABI + 1,
    .struct_size = sizeof plugin,
    .name = "wrong_abi",
    .version = "1",
    .summary = "Broken",
    .functions = functions,
    .function_count = sizeof functions / sizeof functions[0],
    .function_size = sizeof functions[0],
};

const struct hay_plugin *hay_plugin_entry(void)
{
    return &plugin;
}
