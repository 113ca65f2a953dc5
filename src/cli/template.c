/* SPDX-License-Identifier: MIT
 *
 * Templates: parsing, and the parts of a line. The parts are those of GNU parallel, byte for byte, also for what is no path:
 * the extension begins at the last dot behind the last slash, and a dot at the start begins one too.
 */
#include "cli/template.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEMPLATE_DIGITS 9       /* of a line's number: a command may have a million */

/* What stands between the number of a line, or the brace, and the closing brace. */
static const struct {
    const char *text;
    enum template_kind kind;
} template_places[] = {
    { "}", TEMPLATE_LINE }, { ".}", TEMPLATE_STEM }, { "/}", TEMPLATE_BASE }, { "//}", TEMPLATE_FOLDER },
    { "/.}", TEMPLATE_BASE_STEM }, { "#}", TEMPLATE_NUMBER },
};

/* The place at `at`, a brace: its size, 0 when there is none. */
static size_t template_place(const char *at, bool numbered, struct template_piece *piece)
{
    const char *rest = at + 1;
    *piece = (struct template_piece){ .kind = TEMPLATE_TEXT };
    while (numbered && *rest >= (rest == at + 1 ? '1' : '0') && *rest <= '9' && rest <= at + TEMPLATE_DIGITS)
        piece->line = piece->line * 10 + (uint32_t)(*rest++ - '0');
    for (size_t i = 0; i < sizeof template_places / sizeof template_places[0]; i++) {
        size_t size = strlen(template_places[i].text);
        if (strncmp(rest, template_places[i].text, size) || (piece->line && template_places[i].kind == TEMPLATE_NUMBER))
            continue;
        piece->kind = template_places[i].kind;
        return (size_t)(rest - at) + size;
    }
    return 0;
}

static void template_add(struct template *template, struct template_piece piece, const char *at, size_t size)
{
    if (piece.kind == TEMPLATE_TEXT && !size)
        return;
    piece.text = (struct hay_span){ at, size };
    template->pieces[template->count++] = piece;
    template->has_place = template->has_place || piece.kind != TEMPLATE_TEXT;
    template->has_line = template->has_line || (piece.kind != TEMPLATE_TEXT && piece.kind != TEMPLATE_NUMBER && !piece.line);
}

/* "${1}" and "${#}" are a shell's. */
static bool template_is_shells(const char *text, const char *at)
{
    return at > text && at[-1] == '$' && (at[1] == '#' || (at[1] >= '1' && at[1] <= '9'));
}

/* The size of the place at `at`, or 0. */
static size_t template_look(const char *text, const char *at, const struct template_syntax *syntax, struct template_piece *piece)
{
    if (syntax->place) {
        *piece = (struct template_piece){ .kind = TEMPLATE_LINE };
        return strncmp(at, syntax->place, strlen(syntax->place)) ? 0 : strlen(syntax->place);
    }
    return *at != '{' || (!syntax->is_json && template_is_shells(text, at)) ? 0 : template_place(at, !syntax->is_json, piece);
}

int template_parse(struct template *template, const char *text, const struct template_syntax *syntax)
{
    static const struct template_piece plain = { .kind = TEMPLATE_TEXT };
    size_t places = 0;
    *template = (struct template){ .count = 0 };
    for (const char *at = text; (at = strchr(at, syntax->place ? *syntax->place : '{')); at++)
        places++;
    template->pieces = calloc(2 * places + 1, sizeof *template->pieces);
    if (!template->pieces)
        return -ENOMEM;
    const char *from = text, *at = text;
    for (bool in_string = false; *at;) {
        struct template_piece piece;
        size_t size = template_look(text, at, syntax, &piece);
        if (size) {
            piece.in_string = in_string;
            template_add(template, plain, from, (size_t)(at - from));
            template_add(template, piece, at, size);
            at += size;
            from = at;
            continue;
        }
        if (*at == '"' && syntax->is_json)
            in_string = !in_string;
        at += *at == '\\' && in_string && at[1] ? 2 : 1;
    }
    template_add(template, plain, from, (size_t)(at - from));
    return 0;
}

void template_release(struct template *template)
{
    free(template->pieces);
    *template = (struct template){ .count = 0 };
}

static struct hay_span template_base(struct hay_span line)
{
    const char *slash = line.size ? memrchr(line.at, '/', line.size) : NULL;
    if (!slash)
        return line;
    return (struct hay_span){ slash + 1, line.size - (size_t)(slash + 1 - line.at) };
}

static struct hay_span template_stem(struct hay_span line)
{
    struct hay_span base = template_base(line);
    const char *dot = base.size ? memrchr(base.at, '.', base.size) : NULL;
    if (dot)
        line.size = (size_t)(dot - line.at);
    return line;
}

/* As dirname(1). */
static struct hay_span template_folder(struct hay_span line)
{
    size_t size = line.size;
    while (size && line.at[size - 1] == '/')
        size--;
    if (!size)
        return line.size ? (struct hay_span){ "/", 1 } : (struct hay_span){ ".", 1 };
    while (size && line.at[size - 1] != '/')
        size--;
    if (!size)
        return (struct hay_span){ ".", 1 };
    while (size > 1 && line.at[size - 1] == '/')
        size--;
    return (struct hay_span){ line.at, size };
}

struct hay_span template_piece(const struct template_piece *piece, struct hay_span line, uint64_t number,
                               char scratch[PEN_NUMBER_MAX])
{
    switch (piece->kind) {
    case TEMPLATE_TEXT:
        return piece->text;
    case TEMPLATE_LINE:
        return line;
    case TEMPLATE_STEM:
        return template_stem(line);
    case TEMPLATE_BASE:
        return template_base(line);
    case TEMPLATE_FOLDER:
        return template_folder(line);
    case TEMPLATE_BASE_STEM:
        return template_stem(template_base(line));
    case TEMPLATE_NUMBER:
        break;
    }
    return (struct hay_span){ scratch, (size_t)(pen_number(scratch, number) - scratch) };
}

void template_expand_json(const struct template *template, struct hay_span line, uint64_t number, struct bytes *out)
{
    char scratch[PEN_NUMBER_MAX];
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        struct hay_span part = template_piece(piece, line, number, scratch);
        bool is_text = piece->kind == TEMPLATE_TEXT || piece->kind == TEMPLATE_NUMBER;
        bool is_quoted = !is_text && !piece->in_string;
        if (is_quoted)
            bytes_put(out, "\"", 1);
        if (is_text)
            bytes_put(out, part.at, part.size);
        else
            bytes_put_json(out, part.at, part.size);
        if (is_quoted)
            bytes_put(out, "\"", 1);
    }
}
