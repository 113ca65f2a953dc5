/* SPDX-License-Identifier: MIT
 *
 * A plugin on the JSON adapter: what plugin_json.h promises to C99, C11 and C++ authors. Compiled by headers.sh, and by
 * installed.sh against the installed headers.
 */
#include <hayfork/plugin_json.h>

static json_t *twice(hay_task *task, json_t *args)
{
    if (!json_is_integer(args))
        return hay_fail(task, "args must be an integer");
    return json_integer(2 * json_integer_value(args));
}

static json_t *same(hay_task *task, json_t *args)
{
    (void)task;
    return json_incref(args);
}

static json_t *size(hay_task *task, json_t *args)
{
    const char *text = hay_arg_string(task, args, "text");
    return text ? json_integer((json_int_t)strlen(text)) : NULL;
}

HAY_PLUGIN(plugin_values, "1.0", "A plugin in JSON",
    HAY_JSON(twice, "Twice the integer"),
    HAY_JSON(same, "The arguments"),
    HAY_JSON(size, "The size of a text"))
