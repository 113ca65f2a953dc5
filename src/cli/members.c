/* SPDX-License-Identifier: MIT
 *
 * The walk leans on the check that went before: strings end, brackets match, and only white space, commas and colons stand
 * between.
 */
#include "cli/members.h"
#include "cli/bytes.h"

#include <stdlib.h>
#include <string.h>

/* Behind the string that begins at `at`. */
static const char *member_string_end(const char *at, const char *end)
{
    return bytes_string_end(at + 1, end) + 1;
}

static const char *member_value_end(const char *at, const char *end)
{
    int depth = 0;
    while (at < end) {
        if (*at == '"') {
            at = member_string_end(at, end);
        } else if (!depth && strchr(",}] \t\r", *at)) {
            return at;
        } else {
            depth += *at == '{' || *at == '[' ? 1 : *at == '}' || *at == ']' ? -1 : 0;
            at++;
        }
        if (!depth && (at[-1] == '"' || at[-1] == '}' || at[-1] == ']'))
            return at;
    }
    return at;
}

static const char *member_skip(const char *at, const char *end, const char *what)
{
    while (at < end && *at && strchr(what, *at))
        at++;
    return at;
}

bool member_next(struct hay_span *rest, struct hay_span *key, struct hay_span *value)
{
    const char *end = rest->at + rest->size, *at = member_skip(rest->at, end, "{, \t\r");
    if (at == end || *at != '"')
        return false;
    const char *past = member_string_end(at, end);
    *key = (struct hay_span){ at + 1, (size_t)(past - at) - 2 };
    at = member_skip(past, end, ": \t\r");
    past = member_value_end(at, end);
    *value = (struct hay_span){ at, (size_t)(past - at) };
    *rest = (struct hay_span){ past, (size_t)(end - past) };
    return true;
}

bool member_natural(struct hay_span value, int64_t *number)
{
    int64_t sum = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.at[i] < '0' || value.at[i] > '9' || sum > (INT64_MAX - 9) / 10)
            return false;
        sum = sum * 10 + (value.at[i] - '0');
    }
    *number = sum;
    return value.size > 0;
}

bool member_microseconds(struct hay_span value, int64_t *ns)
{
    char text[64], *end;
    if (!value.size || value.size >= sizeof text || strchr("\"{[tfn", value.at[0]))
        return false;
    memcpy(text, value.at, value.size);
    text[value.size] = '\0';
    const char *point = strchr(text, '.');
    struct hay_span whole = { text, point ? (size_t)(point - text) : value.size };
    if (member_natural(whole, ns) && *ns <= INT64_MAX / 1000 - 1 && !strpbrk(text, "eE")) {
        int64_t part = 0;
        for (int i = 1; i <= 3; i++)
            part = part * 10 + (point && *point && point[1] ? *++point - '0' : 0);
        *ns = *ns * 1000 + part;
        return true;
    }
    double number = strtod(text, &end) * 1000;
    *ns = number <= 0 ? 0 : number >= 9.2e18 ? INT64_MAX : (int64_t)number;
    return true;
}
