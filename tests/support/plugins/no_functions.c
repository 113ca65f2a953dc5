/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: it has no functions.
 */
#include "noop.h"

static const struct hay_function functions[] = {HAY_FUNCTION(noop, "Nothing")};

static const struct hay_plugin plugin = {
    .abi = HAY_PLUGIN_ABI,
    .struct_size = sizeof plugin,
    .name = "no_functions",
    .version = "1",
    .summary = "Broken",
    .functions = functions,
    .function_count = 0,
    .function_size = sizeof functions[0],
};

const struct hay_plugin *hay_plugin_entry(void)
{
    return &plugin;
}
