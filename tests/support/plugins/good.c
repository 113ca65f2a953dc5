/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: all is well. echo gives its arguments back, nothing returns no result.
 */
#include <hayfork/plugin.h>

static int echo(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    return task->host->result(task, args, size);
}

static int nothing(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task;
    (void)function;
    (void)args;
    (void)size;
    return 0;
}

static int start(void)
{
    return 0;
}

static void stop(void)
{
}

static int configure(const char *json)
{
    return json ? 0 : -1;
}

HAY_PLUGIN_HOOKS(good, "1.2", "Nothing wrong with it", start, stop, configure,
    HAY_FUNCTION(echo, "Its arguments"), HAY_FUNCTION(nothing, "No result"))
