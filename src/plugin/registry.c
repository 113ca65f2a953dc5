/* SPDX-License-Identifier: MIT
 *
 * One allocation for each entry, its strings behind it, so that what hay_pool_function() hands out stays where it is while more
 * is added. Names are found through a small hash with linear probing whose slots keep the whole hash and the name's place: a look
 * touches one slot and the name. Adding is all or nothing for each call; a plugin half added is undone by its caller with
 * registry_truncate().
 */
#include "plugin/registry.h"

#include "plugin/plugin_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct registry_slot {
    uint32_t hash;
    int32_t place; /* index + 1; 0: free */
    const char *name;
    size_t name_size;
};

void registry_init(struct registry *registry)
{
    *registry = (struct registry){0};
}

void registry_release(struct registry *registry)
{
    registry_truncate(registry, 0, 0);
    free(registry->functions);
    free(registry->plugins);
    free(registry->slots);
    registry_init(registry);
}

static uint64_t load_word(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint64_t load_half(const char *at)
{
    uint32_t half;
    memcpy(&half, at, sizeof half);
    return half;
}

/* Eight bytes at a time; the last load overlaps the one before instead of going byte by byte. The first and the last eight, most
 * names whole, go through two multiplications side by side, whose high halves are well mixed. */
static inline uint32_t hash_name(const char *name, size_t size)
{
    const uint64_t k1 = UINT64_C(0x9e3779b97f4a7c15), k2 = UINT64_C(0xd6e8feb86659fd93);
    uint64_t hash = size * k1, first, last;
    if (size >= 8) {
        for (size_t i = 8; i + 8 < size; i += 8) {
            hash = (hash ^ load_word(name + i)) * k2;
            hash ^= hash >> 32;
        }
        first = load_word(name);
        last = load_word(name + size - 8);
    } else if (size >= 4) {
        first = load_half(name);
        last = load_half(name + size - 4);
    } else {
        first = size ? (unsigned char)name[0] : 0;
        last = size ? (uint64_t)(unsigned char)name[size / 2] << 8 | (unsigned char)name[size - 1] : 0;
    }
    return (uint32_t)(((first ^ hash) * k1 + (last ^ k1) * k2) >> 32);
}

static inline bool same_name(const char *a, const char *b, size_t size)
{
    if (size < 8 || size > 16)
        return !memcmp(a, b, size);
    return load_word(a) == load_word(b) && load_word(a + size - 8) == load_word(b + size - 8);
}

int registry_find(const struct registry *registry, const char *name, size_t size)
{
    if (!registry->slots || size > HAY_FUNCTION_NAME_MAX)
        return -1;
    uint32_t hash = hash_name(name, size);
    for (uint32_t i = hash;; i++) {
        const struct registry_slot *slot = &registry->slots[i & registry->slot_mask];
        if (!slot->place)
            return -1;
        if (slot->hash == hash && slot->name_size == size && same_name(slot->name, name, size))
            return slot->place - 1;
    }
}

int registry_find_plugin(const struct registry *registry, const char *name, size_t size)
{
    for (int i = 0; i < registry->plugin_count; i++) {
        const char *other = registry->plugins[i]->shown.name;
        if (strlen(other) == size && !memcmp(other, name, size))
            return i;
    }
    return -1;
}

static void place_slot(struct registry *registry, int index)
{
    const struct registry_function *function = registry->functions[index];
    uint32_t i = function->hash;
    while (registry->slots[i & registry->slot_mask].place)
        i++;
    registry->slots[i & registry->slot_mask] =
        (struct registry_slot){function->hash, index + 1, function->shown.name, function->name_size};
}

static void place_all(struct registry *registry)
{
    memset(registry->slots, 0, (registry->slot_mask + (size_t)1) * sizeof *registry->slots);
    for (int i = 0; i < registry->function_count; i++)
        place_slot(registry, i);
}

/* Room for one more function and its slot. */
static int grow_functions(struct registry *registry)
{
    if (registry->function_count >= REGISTRY_FUNCTIONS_MAX)
        return -E2BIG;
    if (registry->function_count < registry->function_capacity)
        return 0;
    int capacity = registry->function_capacity ? registry->function_capacity * 2 : 16;
    struct registry_slot *slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    struct registry_function **functions = realloc(registry->functions, (size_t)capacity * sizeof(struct registry_function *));
    if (!functions) {
        free(slots);
        return -ENOMEM;
    }
    free(registry->slots);
    registry->functions = functions;
    registry->function_capacity = capacity;
    registry->slots = slots;
    registry->slot_mask = (uint32_t)capacity * 2 - 1;
    place_all(registry);
    return 0;
}

static int grow_plugins(struct registry *registry)
{
    if (registry->plugin_count < registry->plugin_capacity)
        return 0;
    int capacity = registry->plugin_capacity ? registry->plugin_capacity * 2 : 8;
    struct registry_plugin **plugins = realloc(registry->plugins, (size_t)capacity * sizeof(struct registry_plugin *));
    if (!plugins)
        return -ENOMEM;
    registry->plugins = plugins;
    registry->plugin_capacity = capacity;
    return 0;
}

/* Copy a span to *at as one terminated line, and move *at behind it. */
static const char *put_line(char **at, struct hay_span span)
{
    char *line = *at;
    *at += plugin_text_copy(line, SIZE_MAX, span.at, span.size, true) + 1;
    return line;
}

static const char *put_exactly(char **at, struct hay_span span)
{
    char *text = *at;
    if (span.size)
        memcpy(text, span.at, span.size);
    text[span.size] = '\0';
    *at += span.size + 1;
    return text;
}

static size_t line_size(struct hay_span span)
{
    return plugin_text_copy(NULL, 0, span.at, span.size, true) + 1;
}

/* `group` and `name` are valid names. */
static int add_function(struct registry *registry, int plugin, struct hay_span group, struct hay_span name,
                        struct hay_span summary)
{
    char full[2 * PLUGIN_NAME_MAX + 1];
    size_t size = group.size + 1 + name.size;
    memcpy(full, group.at, group.size);
    full[group.size] = '.';
    memcpy(full + group.size + 1, name.at, name.size);
    if (registry_find(registry, full, size) >= 0)
        return -EEXIST;
    int status = grow_functions(registry);
    if (status)
        return status;
    struct registry_function *function = calloc(1, sizeof *function + size + 1 + line_size(summary));
    if (!function)
        return -ENOMEM;
    char *at = function->text;
    function->shown.name = put_exactly(&at, (struct hay_span){full, size});
    function->shown.summary = put_line(&at, summary);
    function->short_name = function->shown.name + group.size + 1;
    function->name_size = size;
    function->hash = hash_name(full, size);
    function->plugin = plugin;
    registry->functions[registry->function_count] = function;
    place_slot(registry, registry->function_count);
    return registry->function_count++;
}

int registry_reserve(struct registry *registry, struct hay_span name, struct hay_span summary)
{
    const char *dot = name.size ? memchr(name.at, '.', name.size) : NULL;
    if (!dot)
        return -EINVAL;
    struct hay_span group = {name.at, (size_t)(dot - name.at)}, rest = {dot + 1, name.size - group.size - 1};
    if (!plugin_text_is_name(group.at, group.size) || !plugin_text_is_name(rest.at, rest.size))
        return -EINVAL;
    if (summary.size > REGISTRY_TEXT_MAX || name.size + 1 + line_size(summary) > REGISTRY_TEXT_MAX)
        return -E2BIG;
    return add_function(registry, -1, group, rest, summary);
}

int registry_register(struct registry *registry, const char *name, const char *summary, hay_run_fn *run, void (*data)(void))
{
    if (!name || !run)
        return -EINVAL;
    int index = registry_reserve(registry, (struct hay_span){name, strnlen(name, HAY_FUNCTION_NAME_MAX + 1)},
                                 (struct hay_span){summary, summary ? strnlen(summary, REGISTRY_TEXT_MAX + 1) : 0});
    if (index >= 0) {
        struct registry_function *function = registry->functions[index];
        function->own = (struct hay_function){function->short_name, function->shown.summary, run, data};
        function->call = &function->own;
    }
    return index;
}

int registry_open_plugin(struct registry *registry, struct hay_span name, struct hay_span version, struct hay_span summary,
                         struct hay_span path, const struct registry_hooks *hooks)
{
    if (!plugin_text_is_name(name.at, name.size))
        return -EINVAL;
    if (registry_find_plugin(registry, name.at, name.size) >= 0)
        return -EEXIST;
    if (version.size > REGISTRY_TEXT_MAX || summary.size > REGISTRY_TEXT_MAX || path.size > REGISTRY_TEXT_MAX)
        return -E2BIG;
    size_t size = name.size + 1 + line_size(version) + line_size(summary) + path.size + 1;
    if (size > REGISTRY_TEXT_MAX)
        return -E2BIG;
    int status = grow_plugins(registry);
    if (status)
        return status;
    struct registry_plugin *plugin = calloc(1, sizeof *plugin + size);
    if (!plugin)
        return -ENOMEM;
    char *at = plugin->text;
    plugin->shown.name = put_exactly(&at, name);
    plugin->shown.version = put_line(&at, version);
    plugin->shown.summary = put_line(&at, summary);
    plugin->shown.path = put_exactly(&at, path);
    plugin->shown.first_function = registry->function_count;
    plugin->text_size = size;
    if (hooks)
        plugin->hooks = *hooks;
    plugin->shown.is_configurable = plugin->hooks.configure != NULL;
    registry->plugins[registry->plugin_count] = plugin;
    return registry->plugin_count++;
}

int registry_append(struct registry *registry, struct hay_span name, struct hay_span summary, const struct hay_function *call)
{
    if (!registry->plugin_count || !plugin_text_is_name(name.at, name.size))
        return -EINVAL;
    if (summary.size > REGISTRY_TEXT_MAX)
        return -E2BIG;
    int last = registry->plugin_count - 1;
    struct registry_plugin *plugin = registry->plugins[last];
    size_t size = name.size + 1 + line_size(summary);
    if (plugin->text_size + size > REGISTRY_TEXT_MAX)
        return -E2BIG;
    struct hay_span group = {plugin->shown.name, strlen(plugin->shown.name)};
    int index = add_function(registry, last, group, name, summary);
    if (index >= 0) {
        registry->functions[index]->call = call;
        plugin->text_size += size;
        plugin->shown.function_count++;
    }
    return index;
}

void registry_truncate(struct registry *registry, int function_count, int plugin_count)
{
    if (registry->function_count > function_count) {
        for (int i = function_count; i < registry->function_count; i++)
            free(registry->functions[i]);
        registry->function_count = function_count;
        place_all(registry);
    }
    while (registry->plugin_count > plugin_count) {
        struct registry_plugin *plugin = registry->plugins[--registry->plugin_count];
        free(plugin->config);
        free(plugin);
    }
}

int registry_configure(struct registry *registry, int index, const char *json)
{
    struct registry_plugin *plugin = registry->plugins[index];
    char *config = json ? strdup(json) : NULL;
    if (json && !config)
        return -ENOMEM;
    free(plugin->config);
    plugin->config = config;
    return 0;
}

const struct hay_pool_function *registry_function(const struct registry *registry, int index)
{
    return index >= 0 && index < registry->function_count ? &registry->functions[index]->shown : NULL;
}

const struct hay_pool_plugin *registry_plugin(const struct registry *registry, int index)
{
    return index >= 0 && index < registry->plugin_count ? &registry->plugins[index]->shown : NULL;
}

bool registry_equal(const struct registry *a, const struct registry *b)
{
    if (a->function_count != b->function_count)
        return false;
    for (int i = 0; i < a->function_count; i++)
        if (strcmp(a->functions[i]->shown.name, b->functions[i]->shown.name))
            return false;
    return true;
}
