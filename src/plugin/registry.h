/* SPDX-License-Identifier: MIT
 *
 * The table of functions: "plugin.function" to an index, with what people want to know about each, and the plugins that they are
 * from. A worker's registry has the code; the master's has the same names in the same order and no code of plugins, so an index
 * means the same on both sides. Entries are never moved once added: pointers to them are good until registry_release(). It also
 * runs what plugins and the program do at the start and at the end of a worker.
 */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include "base/buffer.h"

#include <hayfork/jobline.h>
#include <hayfork/plugin.h>
#include <hayfork/pool.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REGISTRY_FUNCTIONS_MAX 4096     /* in one registry */
#define REGISTRY_HOOK_SIZE 128          /* bytes that say which hook runs */
#define REGISTRY_TEXT_MAX (64 * 1024)   /* bytes of names, summaries and path of one plugin, or of one registered function */

struct registry_hooks {
    int (*worker_start)(void);
    void (*worker_stop)(void);
    int (*configure)(const char *json);
};

struct registry_function {
    struct hay_pool_function shown;
    const char *short_name;             /* without the plugin, inside shown.name */
    const struct hay_function *call;    /* what to run; NULL where this process has not loaded the plugin */
    struct hay_function own;            /* `call` of a function of this program */
    size_t name_size;
    uint32_t hash;
    int plugin;                         /* its index, or -1: registered by the program */
    char text[];
};

struct registry_plugin {
    struct hay_pool_plugin shown;
    struct registry_hooks hooks;
    char *config;                       /* JSON for configure(); NULL: none was given */
    size_t text_size;
    bool is_started;
    char text[];
};

/* What the program runs beside the hooks of plugins: behind all their starts, and before all their stops. */
struct registry_program {
    int (*worker_start)(void *context, int worker);     /* NULL: nothing; not 0: it cannot work */
    void (*worker_stop)(void *context, int worker);     /* NULL: nothing */
    void *context;
    int worker;
    bool is_started;
};

struct registry_slot;

struct registry {
    struct registry_function **functions;
    int function_count, function_capacity;
    struct registry_plugin **plugins;
    int plugin_count, plugin_capacity;
    struct registry_slot *slots;        /* open addressing, at most half full */
    uint32_t slot_mask;
    struct registry_program program;
    char *hook;                         /* says which hook runs, in REGISTRY_HOOK_SIZE bytes; NULL: nobody wants to know */
    void (*on_started)(void *context);  /* behind each hook of a start, which `hook` still names; NULL: nothing */
    void *context;
};

void registry_init(struct registry *registry);
void registry_release(struct registry *registry);

/* Register a function of this program as "group.name". `summary` may be NULL. Returns its index, or -EINVAL (the name, no code),
 * -EEXIST, -E2BIG (too many functions, too much text), -ENOMEM. */
int registry_register(struct registry *registry, const char *name, const char *summary, hay_run_fn *run, void (*data)(void));
/* The same without code: its place in the table of a process that never runs it. */
int registry_reserve(struct registry *registry, struct hay_span name, struct hay_span summary);

/* A plugin is added by registry_open_plugin() and then one registry_append() for each function, at least one, with nothing else
 * between. Summaries and version are repaired to one line of UTF-8; the path is kept as it is. Absent texts are empty. `hooks`
 * NULL: none. open returns the plugin's index; both: -EINVAL (a name), -EEXIST, -E2BIG, -ENOMEM. registry_truncate() undoes
 * a half-added one. */
int registry_open_plugin(struct registry *registry, struct hay_span name, struct hay_span version, struct hay_span summary,
                         struct hay_span path, const struct registry_hooks *hooks);
/* Add a function to the last plugin. `call` has to outlive the registry, or is NULL. Returns its index or -errno. */
int registry_append(struct registry *registry, struct hay_span name, struct hay_span summary, const struct hay_function *call);
/* A copy of `json` is the configuration of this plugin; NULL: it has none. 0 or -ENOMEM. */
int registry_configure(struct registry *registry, int plugin, const char *json);
/* Drop all functions and plugins from these counts on. */
void registry_truncate(struct registry *registry, int function_count, int plugin_count);

/* The index of "plugin.function", or -1. O(1), a few nanoseconds. */
int registry_find(const struct registry *registry, const char *name, size_t size);
/* The index of a plugin, or -1. */
int registry_find_plugin(const struct registry *registry, const char *name, size_t size);

/* What to show; NULL out of range. */
const struct hay_pool_function *registry_function(const struct registry *registry, int index);
const struct hay_pool_plugin *registry_plugin(const struct registry *registry, int index);

/* What to run; NULL out of range, or where this process has no code for it. */
static inline const struct hay_function *registry_call(const struct registry *registry, uint32_t index)
{
    return index < (uint32_t)registry->function_count ? registry->functions[index]->call : NULL;
}

/* The same function names in the same order? */
bool registry_equal(const struct registry *a, const struct registry *b);

/* The table from function `first` on (0: all; it must not be inside a plugin) as bytes, appended to `out`. 0 or -ENOMEM. */
int registry_pack(const struct registry *registry, int first, struct buffer *out);
/* Append what was packed, without code. The bytes are hostile: anything but a whole, valid table that fits behind what is there
 * is -EPROTO and changes nothing. 0, -EPROTO or -ENOMEM. */
int registry_unpack(struct registry *registry, const void *bytes, size_t size);

/* Run each plugin's configure() and start(), in order, and then the program's. On failure those started are stopped again,
 * `error` says which would not (HAY_EPLUGIN), and the return is -ECANCELED. */
int registry_start_all(struct registry *registry, struct hay_error *error);
/* Run stop() of what was started, in reverse order, once. */
void registry_stop_all(struct registry *registry);

#endif
