/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: a function without a name.
 */
#include "noop.h"

static const struct hay_function functions[] = {{NULL, "Nothing", noop, NULL}};

static const struct hay_plugin plugin = {
    .abi = HAY_PLUGIN_ABI,
    .struct_size = sizeof plugin,
    .name = "unnamed_function",
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
