/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const texts[] = {
    [HAY_OK] = "ok",
    [HAY_ETIMEDOUT] = "timed out",
    [HAY_EINVAL] = "invalid argument",
    [HAY_ENOMEM] = "out of memory",
    [HAY_ESYSTEM] = "system call failed",
    [HAY_ESTATE] = "not possible in this state",
    [HAY_EFULL] = "full",
    [HAY_EEMPTY] = "empty",
    [HAY_EOF] = "end of stream",
    [HAY_ETRUNCATED] = "ended in the middle of a message",
    [HAY_EPEER] = "the other end is gone",
    [HAY_EMSGSIZE] = "message too large",
    [HAY_EBUSY] = "busy",
    [HAY_EOWNERDEAD] = "the owner died",
    [HAY_EBROKEN] = "broken",
    [HAY_ERANGE] = "out of range",
    [HAY_ETHREADS] = "this process has more than one thread",
    [HAY_EPLUGIN] = "the plugin cannot be loaded",
    [HAY_EUNKNOWN] = "unknown",
    [HAY_ECANCELLED] = "cancelled",
};
_Static_assert(sizeof texts / sizeof texts[0] == HAY_STATUS_COUNT, "a text for each status");

const char *hay_status_text(enum hay_status status)
{
    return (unsigned)status < HAY_STATUS_COUNT ? texts[status] : "unknown status";
}

/* By way of a copy: the arguments may well quote the text that is there. */
__attribute__((format(printf, 2, 0)))
static void fill_text(struct hay_error *error, const char *format, va_list list)
{
    char text[sizeof error->text];
    int size = vsnprintf(text, sizeof text, format, list);
    memcpy(error->text, size < 0 ? "" : text, size < 0 ? 1 : strlen(text) + 1);
    for (char *c = error->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
}

enum hay_status error_set(struct hay_error *error, enum hay_status status, const char *format, ...)
{
    if (error) {
        va_list list;
        va_start(list, format);
        fill_text(error, format, list);
        va_end(list);
        error->status = status;
        error->sys_errno = 0;
    }
    return status;
}

enum hay_status error_system(struct hay_error *error, int errno_value, const char *format, ...)
{
    enum hay_status status = errno_value == ENOMEM ? HAY_ENOMEM : HAY_ESYSTEM;
    if (error) {
        va_list list;
        va_start(list, format);
        fill_text(error, format, list);
        va_end(list);
        size_t used = strlen(error->text);
        const char *reason = strerrordesc_np(errno_value);
        snprintf(error->text + used, sizeof error->text - used, ": %s", reason ? reason : "unknown error");
        error->status = status;
        error->sys_errno = errno_value;
    }
    return status;
}
