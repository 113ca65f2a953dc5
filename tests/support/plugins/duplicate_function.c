/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: two functions of one name.
 */
#include "noop.h"

static const struct hay_function functions[] = {HAY_FUNCTION(noop, "Nothing"), HAY_FUNCTION(noop, "Nothing")};

static const struct hay_plugin plugin = {
    .abi = HAY_PLUGIN_ABI,
    .struct_size = sizeof plugin,
    .name = "duplicate_function",
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
