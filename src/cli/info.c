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
static void info_string(const char *text)
{
    putchar('"');
    for (size_t good = bytes_utf8(text, strlen(text)); *text; text++) {
        if (!good) {
            fputs("\xef\xbf\xbd", stdout);
            good = bytes_utf8(text + 1, strlen(text + 1)) + 1;
        } else if (*text == '"' || *text == '\\') {
            printf("\\%c", *text);
        } else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            printf("\\u%04x", *text);
        } else {
            putchar(*text);
        }
        good--;
    }
    putchar('"');
}

static void info_member(const char *key, const char *value)
{
    printf("\"%s\":", key);
    info_string(value);
}

static void info_print_json(const struct hay_pool *pool, const struct hay_pool_plugin *plugin)
{
    putchar('{');
    info_member("name", plugin->name);
    putchar(',');
    info_member("version", plugin->version);
    putchar(',');
    info_member("summary", plugin->summary);
    putchar(',');
    info_member("path", plugin->path);
    fputs(",\"functions\":[", stdout);
    for (int i = 0; i < plugin->function_count; i++) {
        const struct hay_pool_function *function = hay_pool_function(pool, plugin->first_function + i);
        fputs(i ? ",{" : "{", stdout);
        info_member("name", function->name);
        putchar(',');
        info_member("summary", function->summary);
        putchar('}');
    }
    printf("],\"configurable\":%s}\n", plugin->is_configurable ? "true" : "false");
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
        info_print_json(pool, plugin);
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
