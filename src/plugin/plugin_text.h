/* SPDX-License-Identifier: MIT
 *
 * Text that plugins give and text about plugins: whatever bytes come in, valid and bounded UTF-8 goes out.
 */
#ifndef PLUGIN_PLUGIN_TEXT_H
#define PLUGIN_PLUGIN_TEXT_H

#include <hayfork/error.h>

#include <stdbool.h>
#include <stddef.h>

/* The longest name of a plugin or, without its plugin, of a function. */
#define PLUGIN_NAME_MAX 64

/* [a-z][a-z0-9_]*, at most PLUGIN_NAME_MAX bytes. */
bool plugin_text_is_name(const char *name, size_t size);

/* Copy `size` bytes as valid UTF-8: what is no character becomes U+FFFD, and with `one_line` each control character a space.
 * Writes at most `capacity` bytes, the end mark included (always there), and cuts between characters. Returns the size without
 * it. With `out` NULL it only measures: the size without a cut. */
size_t plugin_text_copy(char *out, size_t capacity, const char *text, size_t size, bool one_line);

/* Fill `error` with HAY_EPLUGIN and "plugin PATH: REASON", where a long PATH loses its front and not the reason its end.
 * Returns -errno_value. */
__attribute__((format(printf, 4, 5)))
int plugin_text_refuse(struct hay_error *error, int errno_value, const char *path, const char *format, ...);

#endif
