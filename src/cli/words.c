/* SPDX-License-Identifier: MIT */
#include "cli/words.h"

#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* What the pieces of all words ask for. Where places are not for lines, they become the text that they are. */
static void words_settle_places(struct words *words, bool is_for_lines)
{
    for (size_t i = 0; i < words->count; i++)
        for (size_t k = 0; k < words->templates[i].count; k++) {
            struct template_piece *piece = &words->templates[i].pieces[k];
            if (piece->kind == TEMPLATE_TEXT || piece->kind == TEMPLATE_NUMBER)
                continue;
            if (!is_for_lines)
                *piece = (struct template_piece){ .kind = TEMPLATE_TEXT, .text = piece->text };
            else if (!piece->line)
                words->places++;
            else if (piece->line > words->last_line)
                words->last_line = piece->line;
        }
}

/* One script of all words, with a space between any two. */
static bool words_join(struct words *words)
{
    static const struct template_piece space = { .kind = TEMPLATE_TEXT, .text = { " ", 1 } };
    struct template script = { .count = 0 };
    size_t most = words->count;
    for (size_t i = 0; i < words->count; i++)
        most += words->templates[i].count;
    script.pieces = calloc(most, sizeof *script.pieces);
    if (!script.pieces)
        return false;
    for (size_t i = 0; i < words->count; i++) {
        const struct template *word = &words->templates[i];
        if (i)
            script.pieces[script.count++] = space;
        for (size_t k = 0; k < word->count; k++)
            script.pieces[script.count++] = word->pieces[k];
        script.has_place = script.has_place || word->has_place;
        script.has_line = script.has_line || word->has_line;
    }
    while (words->count)
        template_release(&words->templates[--words->count]);
    words->templates[words->count++] = script;
    return true;
}

static bool words_parse_all(struct words *words, const char *const *given, size_t count, const struct words_style *style)
{
    const struct template_syntax syntax = { .place = style->place };
    const char *line = style->place ? style->place : "{}";
    bool has_place = !style->is_for_lines;
    words->is_binary = !bytes_are_utf8(hay_span_of(line)); /* what it is cut out of need not be text, though it was */
    for (size_t i = 0; i < count; i++) {
        words->is_binary = words->is_binary || !bytes_are_utf8(hay_span_of(given[i]));
        if (template_parse(&words->templates[words->count++], given[i], &syntax))
            return false;
        has_place = has_place || words->templates[i].has_place;
    }
    if (!has_place && template_parse(&words->templates[words->count++], line, &syntax))
        return false;
    return !words->shell || words_join(words);
}

bool words_parse(struct words *words, const char *const *given, size_t count, const struct words_style *style)
{
    *words = (struct words){ .templates = calloc(count + 1, sizeof *words->templates), .shell = style->shell };
    if (!words->templates || !words_parse_all(words, given, count, style))
        return false;
    words_settle_places(words, style->is_for_lines);
    return true;
}

void words_release(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        template_release(&words->templates[i]);
    free(words->templates);
    bytes_release(&words->word);
    *words = (struct words){ .templates = NULL };
}

struct words_cost words_cost(const struct words *words)
{
    struct words_cost cost = { 0, 1 };
    for (size_t i = 0; i < words->count; i++) {
        size_t text = 1 + sizeof(char *), places = 0;
        for (size_t k = 0; k < words->templates[i].count; k++) {
            const struct template_piece *piece = &words->templates[i].pieces[k];
            if (piece->kind == TEMPLATE_TEXT)
                text += piece->text.size;
            else if (piece->kind == TEMPLATE_NUMBER)
                text += PEN_NUMBER_MAX;
            else
                places++;
        }
        if (words->templates[i].has_line && !words->shell)
            cost.per_byte += text; /* it is there for each line */
        else
            cost.own += text;
        cost.per_byte += places;
    }
    return cost;
}

/* ---- from lines ---- */

/* Cut the next line off; false: there is none. At first `line` is all zero. */
static bool words_next_line(const struct words_job *job, struct hay_span *line)
{
    const char *end = job->text.at + job->text.size, *at = line->at ? line->at + line->size + 1 : job->text.at;
    if (line->at && at > end)
        return false;
    const char *nul = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    *line = (struct hay_span){ at, (size_t)((nul ? nul : end) - at) };
    return true;
}

/* The job's line of this number; at NULL when there are fewer. */
static struct hay_span words_line(const struct words_job *job, uint32_t number)
{
    struct hay_span line = { NULL, 0 };
    while (number && words_next_line(job, &line))
        number--;
    return number ? (struct hay_span){ NULL, 0 } : line;
}

/* Is the word, which is not a script, left out, being nothing but a place for a line that the job does not have? */
static bool words_is_void(const struct words *words, size_t at, const struct words_job *job)
{
    const struct template *template = &words->templates[at];
    return !words->shell && !job->is_row && template->count == 1 && template->pieces->line &&
           !words_line(job, template->pieces->line).at;
}

/* In a script the place of one line has all of them, as words. */
static void words_put_quoted(struct words *words, const struct template_piece *piece, const struct words_job *job)
{
    char scratch[PEN_NUMBER_MAX];
    struct hay_span line = { NULL, 0 };
    if (piece->line) {
        struct hay_span one = words_line(job, piece->line), part = template_piece(piece, one, job->number, scratch);
        if (one.at || job->is_row)
            bytes_put_quoted(&words->word, part.at, one.at ? part.size : 0);
        return;
    }
    for (const char *space = ""; words_next_line(job, &line); space = " ") {
        struct hay_span part = template_piece(piece, line, job->number, scratch);
        bytes_put_text(&words->word, space);
        bytes_put_quoted(&words->word, part.at, part.size);
        if (piece->kind == TEMPLATE_NUMBER)
            break;
    }
}

/* One word as a JSON string; `line` is its line, where it has but one. */
static void words_put_word(struct words *words, const struct template *template, const struct words_job *job,
                           struct hay_span line, bool is_binary, struct bytes *args)
{
    char scratch[PEN_NUMBER_MAX];
    struct bytes *word = &words->word;
    bytes_clear(word);
    for (size_t i = 0; i < template->count; i++) {
        const struct template_piece *piece = &template->pieces[i];
        if (words->shell && piece->kind != TEMPLATE_TEXT) {
            words_put_quoted(words, piece, job);
            continue;
        }
        struct hay_span from = piece->line ? words_line(job, piece->line) : line;
        struct hay_span part = template_piece(piece, from, job->number, scratch);
        if (from.at)
            bytes_put(word, part.at, part.size);
    }
    bytes_put_text(args, "\"");
    if (is_binary)
        bytes_put_base64(args, word->at, word->size);
    else
        bytes_put_json(args, word->at, word->size);
    bytes_put_text(args, "\"");
    args->failed = args->failed || word->failed;
}

struct hay_span words_split(struct hay_span line, const char *separator, struct bytes *columns)
{
    size_t size = strlen(separator);
    const char *end = line.at + line.size, *at = line.at, *found;
    bytes_clear(columns);
    while (at < end && (found = memmem(at, (size_t)(end - at), separator, size))) {
        bytes_put(columns, at, (size_t)(found - at));
        bytes_put(columns, "", 1);
        at = found + size;
    }
    bytes_put(columns, at, (size_t)(end - at));
    return bytes_span(columns);
}

void words_put(struct words *words, const struct words_job *job, struct bytes *args)
{
    bool is_binary = words->is_binary || job->is_binary;
    const char *comma = "";
    bytes_put_text(args, words->shell ? "{\"shell\":" : "{\"argv\":[");
    for (size_t i = 0; i < words->count; i++) {
        struct hay_span line = { NULL, 0 };
        while (!words_is_void(words, i, job) && words_next_line(job, &line)) {
            bytes_put_text(args, comma);
            words_put_word(words, &words->templates[i], job, line, is_binary, args);
            comma = ",";
            if (words->shell || !words->templates[i].has_line)
                break; /* else the word is there for each line */
        }
    }
    bytes_put_text(args, words->shell ? "" : "]");
    bytes_put_text(args, is_binary ? ",\"argv_encoding\":\"base64\"" : "");
}

/* ---- and back ---- */

/* Would a shell take this for more than the name of a command, were it not quoted? */
static bool words_means_more(const struct bytes *word)
{
    static const char *const reserved[] = { "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until",
                                            "for", "in", "time", "function", "select", "coproc" };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (bytes_span_is(bytes_span(word), reserved[i]))
            return true;
    return word->size && memchr(word->at, '=', word->size);
}

/* As a word of a command for a shell; the first one is its name. */
static void words_show_word(const struct bytes *word, bool is_first, struct bytes *text)
{
    size_t begin = text->size;
    bytes_put_quoted(text, word->at, word->size);
    if (!is_first || text->failed || text->size - begin != word->size || !words_means_more(word))
        return;
    text->size = begin;
    bytes_put_text(text, "'");
    bytes_put(text, word->at, word->size);
    bytes_put_text(text, "'");
}

/* The string behind the opening quote, as it was before words_put_word() encoded it. */
static void words_get_word(struct bytes *word, const char *at, size_t size, bool is_binary)
{
    bytes_clear(word);
    if (!bytes_reserve(word, size))
        return;
    ssize_t plain = is_binary ? bytes_from_base64(word->at, at, size) : (ssize_t)hay_json_unescape(at, size, word->at, size);
    word->size = plain > 0 ? (size_t)plain : 0;
}

void words_show(struct words *words, struct hay_span args, struct bytes *text)
{
    struct bytes *word = &words->word;
    if (!args.at)
        return;
    const char *end = args.at + args.size;
    const char *begin = args.at + (words->shell ? strlen("{\"shell\":") : strlen("{\"argv\":["));
    bool is_binary = memmem(args.at, args.size, "\"argv_encoding\":", 16);
    for (const char *at = begin; at < end && *at == '"';) {
        const char *past = bytes_string_end(at + 1, end);
        words_get_word(word, at + 1, (size_t)(past - at - 1), is_binary);
        if (at > begin)
            bytes_put(text, " ", 1);
        if (words->shell)
            bytes_put(text, word->at, word->size);
        else
            words_show_word(word, at == begin, text);
        at = past + 1 < end && past[1] == ',' && !words->shell ? past + 2 : end;
    }
    text->failed = text->failed || word->failed;
}
