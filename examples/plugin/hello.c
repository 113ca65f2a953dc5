/* SPDX-License-Identifier: MIT
 *
 * The smallest plugin that is of use. Built outside of Hayfork's tree: see the Makefile beside it.
 */
#include <hayfork/plugin_json.h>

static json_t *greet(hay_task *task, json_t *args)
{
    json_t *name = json_object_get(args, "name");
    if (!json_is_string(name))
        return hay_fail(task, "args need a string \"name\"");
    return json_pack("{s:O}", "hello", name);
}

HAY_PLUGIN(hello, "1.0", "The smallest plugin",
    HAY_JSON(greet, "Greets: {\"name\"}"))
