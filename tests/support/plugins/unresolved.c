/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: it needs a symbol that nobody has.
 */
#include <hayfork/plugin.h>

int symbol_that_nobody_has(void);

static int noop(hay_task *task, const struct hay_function *function, const void *args, size_t size)
{
    (void)task;
    (void)function;
    (void)args;
    (void)size;
    return symbol_that_nobody_has();
}

HAY_PLUGIN(unresolved, "1", "Broken", HAY_FUNCTION(noop, "Nothing"))
