/* SPDX-License-Identifier: MIT
 *
 * The one place where bytes of unknown make become text: names are checked, summaries and messages are repaired.
 * Linear time, no allocation.
 */
#include "plugin/plugin_text.h"

#include "base/error.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SHOWN 120 /* of the 255 bytes in an error */

bool plugin_text_is_name(const char *name, size_t size)
{
    if (!size || size > PLUGIN_NAME_MAX || name[0] < 'a' || name[0] > 'z')
        return false;
    for (size_t i = 1; i < size; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') || name[i] == '_'))
            return false;
    return true;
}

static bool is_control(const unsigned char *at, size_t size)
{
    return size == 1 ? at[0] < ' ' || at[0] == 0x7f : at[0] == 0xc2 && at[1] < 0xa0;
}

size_t plugin_text_copy(char *out, size_t capacity, const char *text, size_t size, bool one_line)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t used = 0;
    for (size_t i = 0, step; i < size; i += step) {
        const void *from = at + i;
        int character = utf8_size(at + i, at + size);
        size_t take = step = (size_t)abs(character);
        if (character < 0) {
            from = "\xef\xbf\xbd";
            take = 3;
        } else if (one_line && is_control(at + i, step)) {
            from = " ";
            take = 1;
        }
        if (out) {
            if (used + take >= capacity)
                break;
            memcpy(out + used, from, take);
        }
        used += take;
    }
    if (out && capacity)
        out[used] = '\0';
    return used;
}

int plugin_text_refuse(struct hay_error *error, int errno_value, const char *path, const char *format, ...)
{
    char reason[256], text[512], clean[sizeof error->text];
    va_list list;
    va_start(list, format);
    vsnprintf(reason, sizeof reason, format, list);
    va_end(list);
    size_t size = strlen(path);
    const char *shown = size > PATH_SHOWN ? path + size - PATH_SHOWN : path;
    while (shown != path && (*shown & 0xc0) == 0x80)
        shown++;
    snprintf(text, sizeof text, "plugin %s%s: %s", shown == path ? "" : "...", shown, reason);
    plugin_text_copy(clean, sizeof clean, text, strlen(text), true);
    error_set(error, HAY_EPLUGIN, "%s", clean);
    return -errno_value;
}
