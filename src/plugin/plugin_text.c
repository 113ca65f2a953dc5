/* SPDX-License-Identifier: MIT
 *
 * The one place where bytes of unknown make become text: names are checked, summaries and messages are repaired.
 * Validity is RFC 3629's: no overlong forms, no surrogates, nothing above U+10FFFF. Linear time, no allocation.
 */
#include "plugin/plugin_text.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
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

/* The size of the valid multi-byte sequence at `at`, or 0. */
static size_t sequence_size(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0], low = 0x80, high = 0xbf;
    size_t size = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
    if (!size || size > left)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f;
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return size;
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
        size_t take = step = at[i] < 0x80 ? 1 : sequence_size(at + i, size - i);
        if (!step) {
            step = 1;
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
