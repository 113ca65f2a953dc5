/* SPDX-License-Identifier: MIT
 *
 * What plugins and the program do at the start and at the end of a worker, or of an inline pool. Each stop runs at most once, and
 * only where its start went well.
 */
#include "plugin/registry.h"

#include "base/error.h"
#include "plugin/plugin_text.h"

#include <errno.h>
#include <stdio.h>

/* Before each hook, for it may end the process. */
static void enter_hook(const struct registry *registry, const char *hook, const char *of, const char *name)
{
    if (registry->hook)
        snprintf(registry->hook, REGISTRY_HOOK_SIZE, "%s() of %s%s", hook, of, name);
}

static void leave_hook(const struct registry *registry)
{
    if (registry->hook)
        registry->hook[0] = '\0';
}

static void leave_start(const struct registry *registry)
{
    if (registry->on_started)
        registry->on_started(registry->context);
    leave_hook(registry);
}

static int start_one(const struct registry *registry, const struct registry_plugin *plugin, struct hay_error *error)
{
    int code = 0;
    const char *hook = "configure";
    if (plugin->hooks.configure) {
        enter_hook(registry, hook, "plugin ", plugin->shown.name);
        code = plugin->hooks.configure(plugin->config ? plugin->config : "null");
        leave_start(registry);
    }
    if (!code && plugin->hooks.worker_start) {
        enter_hook(registry, hook = "start", "plugin ", plugin->shown.name);
        code = plugin->hooks.worker_start();
        leave_start(registry);
    }
    return code ? plugin_text_refuse(error, ECANCELED, plugin->shown.path, "its %s() refused with %d", hook, code) : 0;
}

static int start_program(struct registry *registry, struct hay_error *error)
{
    struct registry_program *program = &registry->program;
    int code = 0;
    if (program->worker_start) {
        enter_hook(registry, "worker_start", "the program", "");
        code = program->worker_start(program->context, program->worker);
        leave_start(registry);
    }
    program->is_started = !code;
    return code ? error_set(error, HAY_EPLUGIN, "the program's worker_start() refused with %d", code), -ECANCELED : 0;
}

static void stop_program(struct registry *registry)
{
    struct registry_program *program = &registry->program;
    bool stop = program->is_started && program->worker_stop;
    program->is_started = false;
    if (!stop)
        return;
    enter_hook(registry, "worker_stop", "the program", "");
    program->worker_stop(program->context, program->worker);
    leave_hook(registry);
}

int registry_start_all(struct registry *registry, struct hay_error *error)
{
    int status = 0;
    for (int i = 0; !status && i < registry->plugin_count; i++) {
        status = start_one(registry, registry->plugins[i], error);
        registry->plugins[i]->is_started = !status;
    }
    if (!status)
        status = start_program(registry, error);
    if (status)
        registry_stop_all(registry);
    return status;
}

void registry_stop_all(struct registry *registry)
{
    stop_program(registry);
    for (int i = registry->plugin_count; i-- > 0;) {
        struct registry_plugin *plugin = registry->plugins[i];
        bool stop = plugin->is_started && plugin->hooks.worker_stop;
        plugin->is_started = false;
        if (!stop)
            continue;
        enter_hook(registry, "stop", "plugin ", plugin->shown.name);
        plugin->hooks.worker_stop();
        leave_hook(registry);
    }
}
