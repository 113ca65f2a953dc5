/* SPDX-License-Identifier: MIT
 *
 * The one function of the broken plugins, which say what is wrong with them in their own descriptor.
 */
#ifndef TESTS_SUPPORT_PLUGINS_NOOP_H
#define TESTS_SUPPORT_PLUGINS_NOOP_H

#include <hayfork/plugin.h>

static inline int noop(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)function;
    (void)args;
    (void)size;
    return task->host->result(task, "null", 4);
}

#endif
