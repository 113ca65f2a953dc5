/* SPDX-License-Identifier: MIT
 *
 * From a file to entries of the registry. The order is by cost and danger: what can be known without running the plugin's code
 * (file, ELF header, name, duplicate) comes before dlopen(), which runs its constructors; nothing in the descriptor but its first
 * two members is read before ABI and size are known to be right. RTLD_LOCAL keeps plugins out of each other, RTLD_NOW makes a
 * missing symbol an error here and not a death in the middle of a job. Nothing is ever unloaded.
 */
#include "plugin/plugin_load.h"

#include "base/error.h"
#include "plugin/plugin_elf.h"
#include "plugin/plugin_find.h"
#include "plugin/plugin_text.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdalign.h>
#include <string.h>

/* The sizes of version 1; members appended later may be absent. */
#define V1_PLUGIN_SIZE (offsetof(struct hay_plugin, configure) + sizeof(int (*)(const char *)))
#define V1_FUNCTION_SIZE (offsetof(struct hay_function, data) + sizeof(void (*)(void)))
#define FUNCTION_SIZE_MAX 4096

typedef const struct hay_plugin *entry_fn(void);

static struct hay_span span_of(const char *text)
{
    return (struct hay_span){text, text ? strnlen(text, REGISTRY_TEXT_MAX + 1) : 0};
}

/* NAME of a path that ends in /NAME.so; at NULL for any other. */
static struct hay_span name_in_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    size_t size = strlen(base);
    if (size < 4 || strcmp(base + size - 3, ".so") || !plugin_text_is_name(base, size - 3))
        return (struct hay_span){NULL, 0};
    return (struct hay_span){base, size - 3};
}

/* dlerror() begins with the path, which the message has already. */
static const char *loader_text(const char *path)
{
    const char *text = dlerror();
    size_t size = strlen(path);
    if (!text)
        return "no reason given";
    return !strncmp(text, path, size) && !strncmp(text + size, ": ", 2) ? text + size + 2 : text;
}

/* Load the object and take its descriptor, as much of it as both sides know. */
static int open_plugin(const char *path, struct hay_plugin *plugin, struct hay_error *error)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return plugin_text_refuse(error, ENOEXEC, path, "%s", loader_text(path));
    void *symbol = dlsym(handle, "hay_plugin_entry");
    if (!symbol)
        return plugin_text_refuse(error, ENOEXEC, path, "not a plugin of Hayfork: it has no hay_plugin_entry()");
    entry_fn *entry;
    memcpy(&entry, &symbol, sizeof entry);
    const struct hay_plugin *given = entry();
    if (!given)
        return plugin_text_refuse(error, ENOEXEC, path, "its hay_plugin_entry() returned NULL");
    if (given->abi != HAY_PLUGIN_ABI)
        return plugin_text_refuse(error, ENOEXEC, path, "built for plugin ABI %u, this is %u: build it again",
                                  (unsigned)given->abi, HAY_PLUGIN_ABI);
    if (given->struct_size < V1_PLUGIN_SIZE)
        return plugin_text_refuse(error, ENOEXEC, path, "its descriptor has %u bytes, ABI %u needs %zu",
                                  (unsigned)given->struct_size, HAY_PLUGIN_ABI, V1_PLUGIN_SIZE);
    *plugin = (struct hay_plugin){0};
    memcpy(plugin, given, given->struct_size < sizeof *plugin ? given->struct_size : sizeof *plugin);
    return 0;
}

static int check_plugin(const char *path, struct hay_span file_name, const struct hay_plugin *plugin, struct hay_error *error)
{
    struct hay_span name = span_of(plugin->name);
    if (!plugin->name)
        return plugin_text_refuse(error, ENOEXEC, path, "its descriptor has no name");
    if (!plugin_text_is_name(name.at, name.size))
        return plugin_text_refuse(error, ENOEXEC, path, "its name \"%.64s\" is not [a-z][a-z0-9_]*, at most %d bytes",
                                  name.at, PLUGIN_NAME_MAX);
    if (name.size != file_name.size || memcmp(name.at, file_name.at, name.size))
        return plugin_text_refuse(error, ENOEXEC, path, "it calls itself \"%s\", so its file has to be %s.so", name.at, name.at);
    if (!plugin->functions || !plugin->function_count)
        return plugin_text_refuse(error, ENOEXEC, path, "it has no functions");
    if (plugin->function_count > REGISTRY_FUNCTIONS_MAX)
        return plugin_text_refuse(error, ENOEXEC, path, "it claims %u functions, %d is the limit",
                                  (unsigned)plugin->function_count, REGISTRY_FUNCTIONS_MAX);
    if (plugin->function_size < V1_FUNCTION_SIZE || plugin->function_size > FUNCTION_SIZE_MAX ||
        plugin->function_size % alignof(struct hay_function))
        return plugin_text_refuse(error, ENOEXEC, path, "its function_size is %u, ABI %u needs %zu",
                                  (unsigned)plugin->function_size, HAY_PLUGIN_ABI, V1_FUNCTION_SIZE);
    return 0;
}

/* Why registry_open_plugin() or registry_append() refused. */
static int explain(int status, const char *path, struct hay_error *error)
{
    if (status == -ENOMEM) {
        error_system(error, ENOMEM, "plugin %.120s", path);
        return -ENOMEM;
    }
    if (status == -E2BIG)
        return plugin_text_refuse(error, E2BIG, path, "too large: at most %d functions in all, and %d bytes of text in a plugin",
                                  REGISTRY_FUNCTIONS_MAX, REGISTRY_TEXT_MAX);
    return plugin_text_refuse(error, -status, path, "refused: %s", strerrordesc_np(-status));
}

static int add_one(struct registry *registry, const char *path, int first, int i, const struct hay_function *function,
                   struct hay_error *error)
{
    struct hay_span name = span_of(function->name);
    if (!function->name)
        return plugin_text_refuse(error, ENOEXEC, path, "its function %d has no name", i);
    if (!plugin_text_is_name(name.at, name.size))
        return plugin_text_refuse(error, ENOEXEC, path, "the name of its function %d, \"%.64s\", is not [a-z][a-z0-9_]*", i,
                                  name.at);
    if (!function->run)
        return plugin_text_refuse(error, ENOEXEC, path, "its function %s has no code", name.at);
    int status = registry_append(registry, name, span_of(function->summary), function);
    if (status >= 0)
        return 0;
    if (status != -EEXIST)
        return explain(status, path, error);
    for (int at = first; at < registry->function_count; at++)
        if (!strcmp(registry->functions[at]->short_name, name.at))
            return plugin_text_refuse(error, EEXIST, path, "it has two functions named %s", name.at);
    return plugin_text_refuse(error, EEXIST, path, "the program has registered its own function %s already", name.at);
}

static int add_plugin(struct registry *registry, const char *path, const struct hay_plugin *plugin, struct hay_error *error)
{
    const struct registry_hooks hooks = {plugin->worker_start, plugin->worker_stop, plugin->configure};
    int functions = registry->function_count, plugins = registry->plugin_count;
    int status = registry_open_plugin(registry, span_of(plugin->name), span_of(plugin->version), span_of(plugin->summary),
                                      (struct hay_span){path, strlen(path)}, &hooks);
    if (status < 0)
        return explain(status, path, error);
    status = 0;
    for (uint32_t i = 0; !status && i < plugin->function_count; i++) {
        /* By the plugin's own stride; the pointer is kept, so the function finds its own later members behind it. */
        const void *at = (const char *)plugin->functions + (size_t)i * plugin->function_size;
        status = add_one(registry, path, functions, (int)i, at, error);
    }
    if (status)
        registry_truncate(registry, functions, plugins);
    return status;
}

int plugin_load(const char *name_or_path, struct registry *registry, struct hay_error *error)
{
    char path[PATH_MAX];
    int status = plugin_find(name_or_path, path, sizeof path, error);
    if (!status)
        status = plugin_elf_check(path, error);
    if (status)
        return status;
    struct hay_span name = name_in_path(path);
    if (!name.at)
        return plugin_text_refuse(error, EINVAL, path, "not called NAME.so, NAME being [a-z][a-z0-9_]*, at most %d bytes",
                                  PLUGIN_NAME_MAX);
    int other = registry_find_plugin(registry, name.at, name.size);
    if (other >= 0)
        return plugin_text_refuse(error, EEXIST, path, "a plugin %.*s is loaded already", (int)name.size, name.at);
    struct hay_plugin plugin;
    status = open_plugin(path, &plugin, error);
    if (!status)
        status = check_plugin(path, name, &plugin, error);
    if (!status)
        status = add_plugin(registry, path, &plugin, error);
    return status;
}

static int take_over(const struct registry_function *function, struct registry *registry, struct hay_error *error)
{
    const char *name = function->shown.name;
    const struct hay_function *call = function->call;
    int index = call ? registry_register(registry, name, function->shown.summary, call->run, call->data) : -EINVAL;
    if (index >= 0)
        return 0;
    if (index == -ENOMEM)
        error_system(error, ENOMEM, "function %s", name);
    else
        error_set(error, HAY_EPLUGIN, "function %s cannot be registered: %s", name, strerrordesc_np(-index));
    return index;
}

static int load_again(const struct registry_plugin *plugin, struct registry *registry, struct hay_error *error)
{
    int status = plugin_load(plugin->shown.path, registry, error);
    if (status || !registry_configure(registry, registry->plugin_count - 1, plugin->config))
        return status;
    error_system(error, ENOMEM, "plugin %.120s", plugin->shown.path);
    return -ENOMEM;
}

int plugin_load_all(const struct registry *table, struct registry *registry, struct hay_error *error)
{
    for (int i = 0; i < table->function_count;) {
        const struct registry_function *function = table->functions[i];
        int status;
        if (function->plugin < 0) {
            status = take_over(function, registry, error);
            i++;
        } else {
            const struct registry_plugin *plugin = table->plugins[function->plugin];
            status = load_again(plugin, registry, error);
            i += plugin->shown.function_count;
            if (!status && registry->function_count != i)
                status = plugin_text_refuse(error, ESTALE, plugin->shown.path,
                                            "it has other functions now than when it was checked");
        }
        if (status)
            return status;
    }
    if (!registry_equal(table, registry))
        return error_set(error, HAY_EPLUGIN, "a plugin has other functions now than when it was checked"), -ESTALE;
    return 0;
}
