/* SPDX-License-Identifier: MIT
 *
 * Loading, configuring and looking up. Only what the operator names is loaded: -p, or the plugin part of a function on the
 * command line.
 */
#include "cli/functions.h"
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/reaper.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool functions_has_plugin(const struct hay_pool *pool, const char *name, size_t size)
{
    const struct hay_pool_plugin *plugin;
    for (int i = 0; (plugin = hay_pool_plugin(pool, i)); i++)
        if (bytes_span_is((struct hay_span){ name, size }, plugin->name))
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

int functions_load_plugin(struct hay_pool *pool, const char *plugin)
{
    struct hay_error error = { .status = HAY_OK };
    struct reaper reaper;
    reaper_init(&reaper);
    enum hay_status status = hay_pool_load(pool, plugin, &error);
    reaper_clear(&reaper);
    reaper_finish(&reaper);
    if (status == HAY_OK)
        return CLI_OK;
    say("%s", error.text);
    /* No process or descriptor for the check of it: that is no fault of the plugin. */
    return status == HAY_ENOMEM || status == HAY_ESYSTEM ? CLI_STOPPED : CLI_PLUGIN;
}

/* The JSON of --config PLUGIN=JSON or PLUGIN=@FILE as one terminated line. */
static int functions_read_config(const char *value, struct bytes *json)
{
    if (*value == '@') {
        int fd = open(value + 1, O_RDONLY | O_CLOEXEC);
        int failure = fd < 0 ? -errno : bytes_read(json, fd, CLI_LINE_MAX);
        if (fd >= 0)
            close(fd);
        if (failure) {
            say("cannot read %s: %s", value + 1, strerror(-failure));
            return CLI_INPUT;
        }
    } else {
        bytes_put_text(json, value);
    }
    bytes_join_lines(json);
    if (json->size && memchr(json->at, '\0', json->size))
        return say_usage("--config: %s holds a NUL byte", value + 1);
    bytes_put(json, "", 1);
    return json->failed ? say_no_memory() : CLI_OK;
}

static int functions_configure(struct hay_pool *pool, const char *config)
{
    char plugin[HAY_FUNCTION_NAME_MAX + 1];
    struct bytes json = { .at = NULL };
    struct hay_error error = { .status = HAY_OK };
    const char *equals = strchr(config, '=');
    if (!equals || equals == config || equals - config > HAY_FUNCTION_NAME_MAX)
        return say_usage("--config needs PLUGIN=JSON or PLUGIN=@FILE, not '%s'", config);
    snprintf(plugin, sizeof plugin, "%.*s", (int)(equals - config), config);
    int code = functions_read_config(equals + 1, &json);
    if (code == CLI_OK && hay_pool_configure(pool, plugin, json.at, &error) != HAY_OK)
        code = say_usage("--config: %s", error.text);
    bytes_release(&json);
    return code;
}

static int functions_load_plugins(struct hay_pool *pool, const struct option_list *plugins)
{
    for (int i = 0; i < plugins->count; i++) {
        bool repeated = false;
        for (int k = 0; k < i; k++)
            repeated = repeated || !strcmp(plugins->items[k], plugins->items[i]);
        int code = repeated ? CLI_OK : functions_load_plugin(pool, plugins->items[i]);
        if (code)
            return code;
    }
    return CLI_OK;
}

static int functions_find(struct hay_pool *pool, const char *function, int *index)
{
    char text[2 * HAY_FUNCTION_NAME_MAX + 64];
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

int functions_load(struct hay_pool *pool, const struct option_list *plugins, const struct option_list *configs,
                   const char *function, int *index)
{
    *index = -1;
    int code = functions_load_plugins(pool, plugins);
    if (!code && function)
        code = functions_find(pool, function, index);
    for (int i = 0; !code && i < configs->count; i++)
        code = functions_configure(pool, configs->items[i]);
    return code;
}
