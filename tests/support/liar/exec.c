/* SPDX-License-Identifier: MIT
 *
 * An exec plugin that lies: the first word of its command is the result that it gives, the second a script that is run before, to
 * which SPOOL is what the job was told to begin the names of its files with.
 */
#include <hayfork/plugin_json.h>

#include <stdlib.h>
#include <string.h>

static int run(hay_task *task, const struct hay_function *function, const void *bytes, size_t size)
{
    json_t *args = hay_json_args(task, bytes, size), *argv = json_object_get(args, "argv");
    const char *result = json_string_value(json_array_get(argv, 0)), *script = json_string_value(json_array_get(argv, 1));
    const char *spool = json_string_value(json_object_get(args, "spool"));
    int status = -1;
    (void)function;
    if (!result || !script || setenv("SPOOL", spool ? spool : "", 1) || system(script))
        hay_fail(task, "no lie");
    else
        status = hay_json_put(result, strlen(result), task);
    json_decref(args);
    return status;
}

HAY_PLUGIN(exec, "1", "Lies", HAY_FUNCTION(run, "Give any result"))
