/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: a function without code.
 */
#include <hayfork/plugin.h>

static const struct hay_function functions[] = {{"noop", "Nothing", NULL, NULL}};

static const struct hay_plugin plugin = {
    .abi = HAY_PLUGIN_ABI,
    .struct_size = sizeof plugin,
    .name = "no_run",
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
