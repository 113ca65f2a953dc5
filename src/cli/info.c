/* SPDX-License-Identifier: MIT
 *
 * `hayfork info`: what a plugin offers, for people or as one JSON object. The plugin is loaded as for a run, in a throw-away
 * child, so this is also the quickest way to see whether it is sound.
 */
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/functions.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/say.h"

#include <hayfork/pool.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INFO_JSON 256

static const struct option_spec info_specs[] = {
    { INFO_JSON, "json", false },
    { 'h', "help", false },
    { 0, NULL, false },
};

/* All texts are UTF-8 but the path, which may hold anything. */
static void info_put_member(struct bytes *json, const char *key, const char *text)
{
    bytes_put_text(json, key);
    bytes_put_text(json, ":\"");
    for (;;) {
        size_t good = bytes_utf8(text, strlen(text));
        bytes_put_json(json, text, good);
        text += good;
        if (!*text)
            break;
        bytes_put_text(json, "\xef\xbf\xbd");
        text++;
    }
    bytes_put_text(json, "\"");
}

static int info_print_json(const struct hay_pool *pool, const struct hay_pool_plugin *plugin)
{
    struct bytes json = { .at = NULL };
    info_put_member(&json, "{\"name\"", plugin->name);
    info_put_member(&json, ",\"version\"", plugin->version);
    info_put_member(&json, ",\"summary\"", plugin->summary);
    info_put_member(&json, ",\"path\"", plugin->path);
    bytes_put_text(&json, ",\"functions\":[");
    for (int i = 0; i < plugin->function_count; i++) {
        const struct hay_pool_function *function = hay_pool_function(pool, plugin->first_function + i);
        info_put_member(&json, i ? ",{\"name\"" : "{\"name\"", function->name);
        info_put_member(&json, ",\"summary\"", function->summary);
        bytes_put_text(&json, "}");
    }
    bytes_put_text(&json, plugin->is_configurable ? "],\"configurable\":true}\n" : "],\"configurable\":false}\n");
    int code = json.failed ? say_no_memory() : CLI_OK;
    if (!code)
        fwrite(json.at, 1, json.size, stdout);
    bytes_release(&json);
    return code;
}

static void info_text(const char *text)
{
    char line[1024];
    fputs(say_escape(line, sizeof line, text, strlen(text)), stdout);
}

static void info_print(const struct hay_pool *pool, const struct hay_pool_plugin *plugin)
{
    int width = 0;
    info_text(plugin->name);
    putchar(' ');
    info_text(plugin->version);
    fputs(" - ", stdout);
    info_text(plugin->summary);
    putchar('\n');
    info_text(plugin->path);
    fputs(plugin->is_configurable ? "\n--config " : "\n\n", stdout);
    if (plugin->is_configurable)
        printf("%s=JSON hands it a configuration\n\n", plugin->name);
    for (int i = 0; i < plugin->function_count; i++) {
        int size = (int)strlen(hay_pool_function(pool, plugin->first_function + i)->name);
        width = size > width ? size : width;
    }
    for (int i = 0; i < plugin->function_count; i++) {
        const struct hay_pool_function *function = hay_pool_function(pool, plugin->first_function + i);
        printf("%-*s  ", width, function->name);
        info_text(function->summary);
        putchar('\n');
    }
}

static int info_show(const char *name, bool as_json)
{
    struct hay_error error = { .status = HAY_OK };
    struct hay_pool_options options = { .workers = 1 };
    struct hay_pool *pool = hay_pool_new(&options, &error);
    if (!pool) {
        say("%s", error.text);
        return CLI_STOPPED;
    }
    int code = functions_load_plugin(pool, name);
    const struct hay_pool_plugin *plugin = hay_pool_plugin(pool, 0);
    if (!code && as_json)
        code = info_print_json(pool, plugin);
    else if (!code)
        info_print(pool, plugin);
    code = say_stream_done(stdout, code);
    hay_pool_free(pool);
    return code;
}

int info_main(int argc, char **argv)
{
    struct options reader;
    const char *name = NULL;
    bool as_json = false;
    int key;
    options_init(&reader, info_specs, argc, argv);
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb("info");
        if (key == OPTIONS_FAULT)
            return CLI_USAGE;
        if (key == INFO_JSON)
            as_json = true;
        else if (name)
            return say_usage("one plugin at a time: '%s' is too much", reader.value);
        else
            name = reader.value;
    }
    if (!name)
        return say_usage("which plugin?");
    return info_show(name, as_json);
}
