/* SPDX-License-Identifier: MIT
 *
 * A plugin on the bare ABI, with hooks: what plugin.h promises to C99, C11 and C++ authors. Compiled by headers.sh, and by
 * installed.sh against the installed header.
 */
#include <hayfork/plugin.h>

#include <string.h>

static int started;

static int start(void)
{
    started = 1;
    return 0;
}

static void stop(void)
{
    started = 0;
}

static int size(hay_task *task, const struct hay_function *function, const void *args, size_t args_size)
{
    const struct hay_host *host = task->host;
    const char *text = args_size ? "1" : "0";
    (void)function;
    (void)args;
    if (HAY_HOST_HAS(host, deadline) && host->deadline(task) < 0)
        return host->fail(task, "no time at all");
    if (!started || host->cancelled(task))
        return host->fail(task, "not now");
    host->log(task, HAY_LOG_INFO, "one line");
    return host->result(task, text, strlen(text));
}

HAY_PLUGIN_HOOKS(plugin_bytes, "1.0", "A plugin in bytes", start, stop, 0, HAY_FUNCTION(size, "1 where there are arguments"))
