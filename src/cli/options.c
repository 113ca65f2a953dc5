/* SPDX-License-Identifier: MIT
 *
 * The option reader. Unlike getopt_long() it has no global state, leaves argv as it is, and names in its message exactly the
 * option that is wrong. Numbers are decimal digits only: no sign, no space, no octal, no locale.
 */
#include "cli/options.h"
#include "cli/say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS_DURATION_MAX_MS (INT64_C(10) * 366 * 86400 * 1000)

void options_init(struct options *options, const struct option_spec *specs, int argc, char **argv)
{
    *options = (struct options){ .argc = argc, .argv = argv, .specs = specs };
}

static int options_fault(const char *text, const char *option)
{
    say_usage("%s '%s'", text, option);
    return OPTIONS_FAULT;
}

/* The spec of a long option, given whole or by a beginning that only one has. */
static const struct option_spec *options_long(struct options *options, const char *name, size_t size, bool *ambiguous)
{
    const struct option_spec *found = NULL;
    *ambiguous = false;
    for (int i = 0; i < 2; i++) {
        for (const struct option_spec *spec = i ? options->more : options->specs; spec && spec->key; spec++) {
            if (!size || strncmp(spec->name, name, size))
                continue;
            options->is_more = i;
            if (!spec->name[size])
                return *ambiguous = false, spec;
            *ambiguous = *ambiguous || found;
            found = spec;
        }
    }
    return *ambiguous ? NULL : found;
}

static const struct option_spec *options_letter(struct options *options, int letter)
{
    for (int i = 0; i < 2; i++) {
        options->is_more = i;
        for (const struct option_spec *spec = i ? options->more : options->specs; spec && spec->key; spec++)
            if (spec->key == letter)
                return spec;
    }
    return NULL;
}

static int options_ambiguous(const struct options *options, const char *argument, size_t name_size)
{
    char text[512] = "";
    size_t size = 0;
    for (int i = 0; i < 2; i++)
        for (const struct option_spec *spec = i ? options->more : options->specs; spec && spec->key && size < sizeof text; spec++)
            if (!strncmp(spec->name, argument + 2, name_size))
                size += (size_t)snprintf(text + size, sizeof text - size, "%s--%s", size ? ", " : "", spec->name);
    say_usage("ambiguous option '%s': %s", argument, text);
    return OPTIONS_FAULT;
}

static int options_take_long(struct options *options, const char *argument)
{
    bool ambiguous;
    size_t size = strcspn(argument + 2, "=");
    const char *value = argument[2 + size] == '=' ? argument + 2 + size + 1 : NULL;
    const struct option_spec *spec = options_long(options, argument + 2, size, &ambiguous);
    if (!spec)
        return ambiguous ? options_ambiguous(options, argument, size) : options_fault("unknown option", argument);
    snprintf(options->name, sizeof options->name, "--%s", spec->name);
    if (value && !spec->has_value)
        return options_fault("no value is taken by", options->name);
    if (spec->has_value && !value) {
        if (options->at == options->argc)
            return options_fault("a value is needed after", options->name);
        value = options->argv[options->at++];
    }
    options->value = value;
    return spec->key;
}

static int options_take_short(struct options *options)
{
    const char *argument = options->argv[options->at];
    int letter = (unsigned char)argument[options->cluster++];
    const char *rest = argument + options->cluster;
    if (!*rest) {
        options->at++;
        options->cluster = 0;
    }
    const struct option_spec *spec = options_letter(options, letter);
    snprintf(options->name, sizeof options->name, "-%c", letter);
    if (!spec || letter > 127)
        return options_fault("unknown option", letter > 127 ? argument : options->name);
    options->value = NULL;
    if (!spec->has_value)
        return spec->key;
    if (*rest) {
        options->value = rest;
        options->at++;
        options->cluster = 0;
    } else {
        if (options->at == options->argc)
            return options_fault("a value is needed after", options->name);
        options->value = options->argv[options->at++];
    }
    return spec->key;
}

int options_next(struct options *options)
{
    if (options->cluster)
        return options_take_short(options);
    if (options->at == options->argc)
        return OPTIONS_END;
    const char *argument = options->argv[options->at];
    bool is_number = options->numbers && argument[0] == '-' && argument[1] >= '0' && argument[1] <= '9';
    if (options->ended || argument[0] != '-' || !argument[1] || is_number) {
        options->value = argument;
        options->at++;
        return OPTIONS_OPERAND;
    }
    if (argument[1] != '-') {
        options->cluster = 1;
        return options_take_short(options);
    }
    options->at++;
    if (!argument[2]) {
        options->ended = true;
        return options_next(options);
    }
    return options_take_long(options, argument);
}

/* Digits from *text on, which is moved behind them; false without a digit or over `most`. */
static bool options_digits(const char **text, uint64_t most, uint64_t *number)
{
    const char *at = *text;
    uint64_t value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        uint64_t digit = (uint64_t)(*at - '0');
        if (value > (most - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    bool any = at != *text;
    *text = at;
    *number = value;
    return any;
}

bool options_refuse(const struct options *options, const char *wanted)
{
    say_usage("%s needs %s, not '%s'", options->name, wanted, options->value);
    return false;
}

bool options_count(const struct options *options, uint64_t least, uint64_t most, uint64_t *count)
{
    const char *at = options->value;
    uint64_t number;
    if (options_digits(&at, most, &number) && !*at && number >= least) {
        *count = number;
        return true;
    }
    say_usage("%s needs a whole number from %llu to %llu, not '%s'", options->name, (unsigned long long)least,
              (unsigned long long)most, options->value);
    return false;
}

/* Thousandths of a unit: digits, a point, digits; what is finer than thousandths rounds up. */
static bool options_thousandths(const char **text, uint64_t most, uint64_t *number)
{
    const char *at = *text;
    uint64_t whole = 0, part = 0;
    bool any = *at >= '0' && *at <= '9', rest = false;
    if (any && !options_digits(&at, most / 1000, &whole))
        return false;
    if (*at == '.') {
        const char *point = at++;
        for (; *at >= '0' && *at <= '9'; at++) {
            if (at - point <= 3)
                part = part * 10 + (uint64_t)(*at - '0');
            else
                rest = rest || *at != '0';
        }
        any = any || at - point > 1;
        for (long digits = at - point - 1; digits < 3; digits++)
            part *= 10;
    }
    *text = at;
    *number = whole * 1000 + part + (rest ? 1 : 0);
    return any;
}

bool options_duration(const struct options *options, int64_t *duration_ms)
{
    static const struct { const char *name; uint64_t ms; } units[] = {
        { "", 1000 }, { "s", 1000 }, { "ms", 1 }, { "m", 60000 }, { "h", 3600000 },
    };
    const char *at = options->value;
    uint64_t number;
    if (options_thousandths(&at, UINT64_C(1000) * OPTIONS_DURATION_MAX_MS, &number)) {
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
            if (strcmp(at, units[i].name) || number > UINT64_C(1000) * OPTIONS_DURATION_MAX_MS / units[i].ms)
                continue;
            *duration_ms = (int64_t)((number * units[i].ms + 999) / 1000);
            return true;
        }
    }
    return options_refuse(options, "a duration such as 250ms, 5s, 2m or 1h");
}

bool options_time(const struct options *options, int64_t *duration_ms)
{
    return options_duration(options, duration_ms) && (*duration_ms || options_refuse(options, "a time above 0"));
}

bool options_size(const struct options *options, uint64_t least, uint64_t most, uint64_t *size_bytes)
{
    static const char units[] = "KMGT";
    const char *at = options->value, *unit;
    uint64_t number;
    if (options_digits(&at, most, &number)) {
        unsigned shift = 0;
        if (*at && (unit = strchr(units, *at >= 'a' ? *at - 'a' + 'A' : *at))) {
            shift = 10 * (unsigned)(unit - units + 1);
            at++;
        }
        if (!*at && number <= most >> shift && number << shift >= least) {
            *size_bytes = number << shift;
            return true;
        }
    }
    unsigned unit_of_most = most >> 40 ? 4 : most >> 30 ? 3 : 2;
    say_usage("%s needs a size such as 64K or 16M, from %llu to %llu%c, not '%s'", options->name, (unsigned long long)least,
              (unsigned long long)(most >> 10 * unit_of_most), units[unit_of_most - 1], options->value);
    return false;
}

bool option_list_init(struct option_list *list, int argc)
{
    list->count = 0;
    list->items = calloc((size_t)argc + 1, sizeof *list->items);
    return list->items != NULL;
}

void option_list_add(struct option_list *list, const char *item)
{
    list->items[list->count++] = item;
}

void option_list_release(struct option_list *list)
{
    free(list->items);
    list->items = NULL;
    list->count = 0;
}
