/* SPDX-License-Identifier: MIT
 *
 * What the tests of exec.run call it with, and what they ask of its results.
 */
#ifndef UNIT_PLUGINS_EXEC_CALLS_H
#define UNIT_PLUGINS_EXEC_CALLS_H

#include "unit/plugins/host.h"

#include <sys/wait.h>

#define SOON_MS 20000 /* less than any sleep in here, more than any machine needs */

static inline const char *member_text(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));
    return text ? text : "(none)";
}

/* exec.run of this shell text, which has to come to a result. */
static inline json_t *shell(const char *text)
{
    json_t *value = host_call_value("run", json_pack("{s:s}", "shell", text));
    if (!value)
        fprintf(stderr, "# %s: %s\n", text, host.error);
    return value;
}

static inline bool prints(json_t *args, const char *expected)
{
    json_t *value = host_call_value("run", args);
    bool same = value && !strcmp(member_text(value, "stdout"), expected);
    if (!same)
        fprintf(stderr, "# prints %s %s\n", value ? member_text(value, "stdout") : "nothing:", value ? "" : host.error);
    json_decref(value);
    return same;
}

static inline bool has_children(void)
{
    siginfo_t info;
    return !waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
}

static inline void on_signal(int number)
{
    (void)number;
}

#endif
