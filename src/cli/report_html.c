/* SPDX-License-Identifier: MIT
 *
 * The buffer of the page and its number forms. Escaping decodes UTF-8 and trusts nobody: what is not a character that
 * can be shown (controls, marks that turn the direction of the line, overlong forms, surrogates) becomes U+FFFD.
 */
#include "cli/report_html.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void html_put(struct html *html, const char *bytes, size_t size)
{
    if (html->failure)
        return;
    if (html->text.size + size > HTML_MAX_BYTES) {
        html->failure = -EFBIG;
        return;
    }
    bytes_put(&html->text, bytes, size);
    if (html->text.failed)
        html->failure = -ENOMEM;
}

void html_add(struct html *html, const char *text)
{
    html_put(html, text, strlen(text));
}

void html_format(struct html *html, const char *format, ...)
{
    char line[2048];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (size < 0 || (size_t)size >= sizeof line)
        html->failure = html->failure ? html->failure : -EOVERFLOW;
    else
        html_put(html, line, (size_t)size);
}

/* The character at `at` and its size; 0 for what is no valid UTF-8, of size 1. */
static uint32_t html_character(const unsigned char *at, size_t left, size_t *size)
{
    size_t length = bytes_character(at, left);
    uint32_t character = length < 2 ? at[0] : at[0] & (0xffu >> (length + 1));
    for (size_t i = 1; i < length; i++)
        character = character << 6 | (at[i] & 0x3f);
    *size = length ? length : 1;
    return length ? character : 0;
}

static bool html_shown(uint32_t character)
{
    if (character < 0x20)
        return character == '\n' || character == '\t';
    if (character >= 0x7f && character < 0xa0)
        return false;
    if (character == 0x61c || character == 0x200e || character == 0x200f || (character >= 0x2028 && character <= 0x202e))
        return false;
    return !(character >= 0x2066 && character <= 0x2069) && character != 0xfeff && (character & 0xfffe) != 0xfffe;
}

void html_escape(struct html *html, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0, step; i < size; i += step) {
        uint32_t character = html_character(at + i, size - i, &step);
        if (!html_shown(character))
            html_add(html, "\xef\xbf\xbd");
        else if (character == '<')
            html_add(html, "&lt;");
        else if (character == '>')
            html_add(html, "&gt;");
        else if (character == '&')
            html_add(html, "&amp;");
        else if (character == '"')
            html_add(html, "&quot;");
        else if (character == '\'')
            html_add(html, "&#39;");
        else
            html_put(html, bytes + i, step);
    }
}

void html_release(struct html *html)
{
    bytes_release(&html->text);
}

struct html_text html_count(uint64_t count)
{
    struct html_text text;
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, count), size = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            text.at[size++] = ',';
        text.at[size++] = digits[i];
    }
    text.at[size] = '\0';
    return text;
}

struct html_text html_counted(uint64_t count, const char *noun)
{
    struct html_text text, number = html_count(count);
    snprintf(text.at, sizeof text.at, "%.30s %.30s%s", number.at, noun, count == 1 ? "" : "s");
    return text;
}

struct html_text html_short(double number)
{
    static const char units[][2] = { "", "k", "M", "G", "T", "P", "E" };
    struct html_text text;
    size_t unit = 0;
    while (number >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        number /= 1000;
        unit++;
    }
    int digits = number >= 99.95 || fabs(number - round(number)) < 1e-6 ? 0 : number >= 0.995 || number <= 0 ? 1 : 2;
    snprintf(text.at, sizeof text.at, "%.*f%s", digits, number, units[unit]);
    return text;
}

struct html_text html_duration(uint64_t ns)
{
    static const struct { uint64_t big_s, small_s; const char *big, *small; } pairs[] = {
        { UINT64_C(365) * 86400, 86400, "y", "d" }, { 86400, 3600, "d", "h" }, { 3600, 60, "h", "min" }, { 60, 1, "min", "s" },
    };
    struct html_text text;
    uint64_t seconds = ns / 1000000000 + (ns % 1000000000 >= 500000000);
    for (size_t i = 0; seconds >= 60 && i < sizeof pairs / sizeof pairs[0]; i++) {
        uint64_t rounded = (seconds + pairs[i].small_s / 2) / pairs[i].small_s * pairs[i].small_s;
        if (rounded < pairs[i].big_s)
            continue;
        uint64_t small = rounded % pairs[i].big_s / pairs[i].small_s;
        if (small)
            snprintf(text.at, sizeof text.at, "%" PRIu64 " %s %" PRIu64 " %s", rounded / pairs[i].big_s, pairs[i].big, small,
                     pairs[i].small);
        else
            snprintf(text.at, sizeof text.at, "%" PRIu64 " %s", rounded / pairs[i].big_s, pairs[i].big);
        return text;
    }
    double number = (double)ns / (ns >= 999500000 ? 1e9 : ns >= 999500 ? 1e6 : 1e3);
    const char *unit = ns >= 999500000 ? "s" : ns >= 999500 ? "ms" : "µs";
    if (!ns)
        snprintf(text.at, sizeof text.at, "0");
    else
        snprintf(text.at, sizeof text.at, "%.3g %s", number, unit);
    return text;
}

struct html_text html_ran(uint64_t ns)
{
    struct html_text text = { "&lt;1 µs" };
    return ns ? html_duration(ns) : text;
}

struct html_text html_percent(double part, double whole)
{
    struct html_text text;
    double share = whole > 0 ? 100 * part / whole : 0;
    if (share > 0 && share < 0.1)
        snprintf(text.at, sizeof text.at, "&lt;0.1 %%");
    else if (share < 100 && share > 99.9)
        snprintf(text.at, sizeof text.at, "&gt;99.9 %%");
    else
        snprintf(text.at, sizeof text.at, "%.*f %%", (share > 0 && share < 10) || (share > 90 && share < 100) ? 1 : 0, share);
    return text;
}

struct html_text html_bytes(uint64_t bytes)
{
    static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB" };
    struct html_text text;
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 999.5 && unit + 1 < sizeof units / sizeof units[0]) {
        number /= 1000;
        unit++;
    }
    snprintf(text.at, sizeof text.at, "%.*f %s", unit && number < 9.95 ? 1 : 0, number, units[unit]);
    return text;
}

struct html_text html_moment(int64_t realtime_ns)
{
    struct html_text text;
    struct tm tm;
    time_t seconds = (time_t)(realtime_ns / 1000000000);
    if (!localtime_r(&seconds, &tm) || !strftime(text.at, sizeof text.at, "%Y-%m-%d %H:%M:%S %z", &tm))
        snprintf(text.at, sizeof text.at, "at an unknown time");
    return text;
}
