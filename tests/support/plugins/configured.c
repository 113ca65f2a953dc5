/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: it gives back the configuration that it got, and when; it refuses the configuration false.
 */
#include <hayfork/plugin.h>

#include <stdio.h>
#include <string.h>

static char config[4096];
static int is_started;

static int configure(const char *json)
{
    if (strcmp(json, "false") == 0) {
        fputs("this will not do\n", stderr);
        return 3;
    }
    snprintf(config, sizeof config, "%s", is_started ? "\"late\"" : json);
    return 0;
}

static int start(void)
{
    is_started = 1;
    return 0;
}

static int show(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    (void)args;
    (void)size;
    return task->host->result(task, config, strlen(config));
}

static int fail(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    (void)args;
    (void)size;
    return task->host->fail(task, "no luck");
}

HAY_PLUGIN_HOOKS(configured, "1", "Its configuration", start, 0, configure,
    HAY_FUNCTION(show, "The configuration"), HAY_FUNCTION(fail, "An error"))
