/* SPDX-License-Identifier: MIT
 *
 * The page under construction: bounded HTML, and the forms that numbers, durations and moments take in it. A failure
 * (no memory, page too large) sticks and is asked for once, at the end. Text of unknown origin goes through html_escape().
 */
#ifndef CLI_REPORT_HTML_H
#define CLI_REPORT_HTML_H

#include "cli/bytes.h"

#include <stddef.h>
#include <stdint.h>

#define HTML_MAX_BYTES 5000000

struct html {
    struct bytes text;
    int failure;        /* -errno */
};

/* A short text by value, to be used inside one expression. */
struct html_text {
    char at[64];
};

void html_add(struct html *html, const char *text);
__attribute__((format(printf, 2, 3)))
void html_format(struct html *html, const char *format, ...);
/* Any bytes as text of an element or of a quoted attribute: no markup, no control character, no invalid UTF-8 passes. */
void html_escape(struct html *html, const char *bytes, size_t size);
void html_release(struct html *html);

/* 1,234,567 */
struct html_text html_count(uint64_t count);
/* 1,234 jobs: with its noun, which takes an s. */
struct html_text html_counted(uint64_t count, const char *noun);
/* 950, 1.2k, 3.5M: for labels, and for rates below ten with a decimal. */
struct html_text html_short(double number);
/* 0, 12 µs, 3.4 ms, 59.1 s, 3 min 12 s, 2 h 5 min, 3 d 4 h, 12 y */
struct html_text html_duration(uint64_t ns);
/* How long a job ran, which is never nothing. */
struct html_text html_ran(uint64_t ns);
/* A share in per cent, never 0 % or 100 % when it is not quite. */
struct html_text html_percent(double part, double whole);
struct html_text html_bytes(uint64_t bytes);
/* The local time, with its offset. */
struct html_text html_moment(int64_t realtime_ns);

#endif
