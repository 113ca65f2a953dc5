/* SPDX-License-Identifier: MIT
 *
 * From what the operator wrote (`-p text`, `-p ./text.so`) to the file of the plugin. Runs no code of it: the master may
 * call this.
 */
#ifndef PLUGIN_PLUGIN_FIND_H
#define PLUGIN_PLUGIN_FIND_H

#include <hayfork/error.h>

#include <stddef.h>

/* Without a slash `name` is a plugin's name, and NAME.so is looked for in each directory of HAYFORK_PLUGIN_PATH (colons between,
 * empty entries skipped, all ignored when the program is set-user-ID) and then in the installed plugin directory; the first
 * that is there counts. With a slash it is the file itself. Writes an absolute path (symbolic links are kept) of at most `size`
 * bytes with its end mark.
 * Refused: what is not a regular file, and a file that everybody may write to. The owner does not matter.
 * Returns 0, or -errno with `error` filled (HAY_EPLUGIN). */
int plugin_find(const char *name, char *path, size_t size, struct hay_error *error);

#endif
