/* SPDX-License-Identifier: MIT
 *
 * Loading and looking up. Only what the operator names is loaded: -p, or the plugin part of a function on the command line.
 */
#include "cli/functions.h"
#include "cli/cli.h"
#include "cli/say.h"

#include <stdio.h>
#include <string.h>

static bool functions_has_plugin(const struct hay_pool *pool, const char *name, size_t size)
{
    const struct hay_pool_plugin *plugin;
    for (int i = 0; (plugin = hay_pool_plugin(pool, i)); i++)
        if (strlen(plugin->name) == size && !memcmp(plugin->name, name, size))
            return true;
    return false;
}

void functions_explain(const struct hay_pool *pool, const char *name, size_t size, char *text, size_t capacity)
{
    const char *dot = memchr(name, '.', size);
    size_t plugin_size = dot ? (size_t)(dot - name) : 0;
    if (!plugin_size || plugin_size + 1 == size)
        snprintf(text, capacity, "unknown function \"%.*s\": a function is named plugin.function", (int)size, name);
    else if (functions_has_plugin(pool, name, plugin_size))
        snprintf(text, capacity, "unknown function \"%.*s\"", (int)size, name);
    else
        snprintf(text, capacity, "plugin \"%.*s\" is not loaded (-p %.*s)", (int)plugin_size, name, (int)plugin_size, name);
}

static int functions_load_plugin(struct hay_pool *pool, const char *plugin)
{
    struct hay_error error = { .status = HAY_OK };
    if (hay_pool_load(pool, plugin, &error) == HAY_OK)
        return CLI_OK;
    say("%s", error.text);
    return CLI_PLUGIN;
}

int functions_load(struct hay_pool *pool, const struct option_list *plugins, const char *function, int *index)
{
    char text[2 * HAY_FUNCTION_NAME_MAX + 64];
    *index = -1;
    for (int i = 0; i < plugins->count; i++) {
        bool repeated = false;
        for (int k = 0; k < i; k++)
            repeated = repeated || !strcmp(plugins->items[k], plugins->items[i]);
        int code = repeated ? CLI_OK : functions_load_plugin(pool, plugins->items[i]);
        if (code)
            return code;
    }
    if (!function)
        return CLI_OK;
    size_t size = strlen(function);
    const char *dot = strchr(function, '.');
    if (!dot || dot == function || !dot[1] || size > HAY_FUNCTION_NAME_MAX || memchr(function, '/', size))
        return say_usage("a function is named PLUGIN.FUNCTION, not '%s'", function);
    if (!functions_has_plugin(pool, function, (size_t)(dot - function))) {
        char plugin[HAY_FUNCTION_NAME_MAX + 1];
        snprintf(plugin, sizeof plugin, "%.*s", (int)(dot - function), function);
        int code = functions_load_plugin(pool, plugin);
        if (code)
            return code;
    }
    *index = hay_pool_find(pool, function, size);
    if (*index >= 0)
        return CLI_OK;
    functions_explain(pool, function, size, text, sizeof text);
    return say_usage("%s", text);
}
