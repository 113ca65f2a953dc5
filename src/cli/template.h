/* SPDX-License-Identifier: MIT
 *
 * Texts with places for an input line, written as in GNU parallel: {} the line, {.} without its extension, {/} its last part,
 * {//} its directory, {/.} its last part without extension, {#} the number of the job; where a job has several lines, {2} and
 * {2/.} of the second. Anything else in braces stays as it is. A template is cut into pieces once; each line then goes through
 * the pieces.
 */
#ifndef CLI_TEMPLATE_H
#define CLI_TEMPLATE_H

#include "cli/bytes.h"
#include "cli/pen.h"

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum template_kind {
    TEMPLATE_TEXT,
    TEMPLATE_LINE,
    TEMPLATE_STEM,
    TEMPLATE_BASE,
    TEMPLATE_FOLDER,
    TEMPLATE_BASE_STEM,
    TEMPLATE_NUMBER,
};

struct template_piece {
    enum template_kind kind;
    bool in_string;             /* the place is inside a JSON string */
    uint32_t line;              /* of the job's lines this one, from 1; 0: the one in hand */
    struct hay_span text;       /* TEMPLATE_TEXT: part of what was parsed */
};

struct template {
    struct template_piece *pieces;
    size_t count;
    bool has_place;             /* one that differs from job to job */
    bool has_line;              /* one of the line in hand, and not just {#} or {2} */
};

/* In JSON a quote begins a string and a backslash in one takes the next character along; else there are the places of the second
 * line and so on. */
struct template_syntax {
    bool is_json;
    const char *place;          /* what alone stands for the line, not empty; NULL: the braces */
};

/* 0 or -ENOMEM. `text` has to outlive the template. template_release() is due in any case. */
int template_parse(struct template *template, const char *text, const struct template_syntax *syntax);
void template_release(struct template *template);

/* What stands in a piece for this line: part of the text, part of the line, or digits in `scratch`. */
struct hay_span template_piece(const struct template_piece *piece, struct hay_span line, uint64_t number,
                               char scratch[PEN_NUMBER_MAX]);

/* All pieces for this line, where the text is JSON: a place becomes a JSON string, inside a string its characters; {#} digits.
 * The line has to be UTF-8. */
void template_expand_json(const struct template *template, struct hay_span line, uint64_t number, struct bytes *out);

#endif
