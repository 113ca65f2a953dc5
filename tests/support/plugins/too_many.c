/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: it claims more functions than anybody has.
 */
#include "noop.h"

static const struct hay_function functions[] = {HAY_FUNCTION(noop, "Nothing")};

static const struct hay_plugin plugin = {
    .abi = HAY_PLUGIN_ABI,
    .struct_size = sizeof plugin,
    .name = "too_many",
    .version = "1",
    .summary = "Broken",
    .functions = functions,
    .function_count = UINT32_MAX,
    .function_size = sizeof functions[0],
};

const struct hay_plugin *hay_plugin_entry(void)
{
    return &plugin;
}
