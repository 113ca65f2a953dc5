/* SPDX-License-Identifier: MIT
 *
 * `hayfork map FUNCTION`: one job of each input line, or of each word behind ":::", whose args are a template with the line in
 * it. It is `run` in all else.
 */
#include "cli/map.h"
#include "cli/arguments.h"
#include "cli/cli.h"
#include "cli/say.h"
#include "cli/template.h"

#include <stdio.h>
#include <string.h>

#define MAP_ARGS "{\"path\":{}}"

enum {
    MAP_ARGS_OPTION = 4096,
    MAP_ID,
};

struct map {
    const char *function;       /* the first operand, unless -f came before */
    bool is_listed;             /* a ":::" has come */
    const char *text;           /* of the template */
    struct template template;
    struct bytes args;          /* of the job in hand */
    struct map_lines lines;
};

static const struct option_spec map_specs[] = {
    { MAP_ARGS_OPTION, "args", true },
    { MAP_ID, "id", true },
    { '0', "null", false },
    { 0, NULL, false },
};

bool map_read_id(struct map_lines *lines, const struct options *reader)
{
    lines->id_is_line = !strcmp(reader->value, "line");
    if (lines->id_is_line || !strcmp(reader->value, "number"))
        return true;
    say_usage("%s is line or number, not '%s'", reader->name, reader->value);
    return false;
}

bool map_make_id(struct map_lines *lines, struct run *run, struct hay_span line)
{
    if (!lines->id_is_line)
        return true;
    bytes_clear(&lines->id);
    bytes_put_text(&lines->id, "\"");
    bytes_put_json(&lines->id, line.at, line.size);
    bytes_put_text(&lines->id, "\"");
    run->job.id = bytes_span(&lines->id);
    return !lines->id.failed;
}

size_t map_bad_byte(struct hay_span line, char *reason, size_t capacity)
{
    const char *nul = line.size ? memchr(line.at, 0, line.size) : NULL;
    size_t valid = nul ? (size_t)(nul - line.at) : bytes_utf8(line.at, line.size);
    if (nul)
        snprintf(reason, capacity, "a NUL byte in the line (for lines that end with NUL there is --null)");
    else if (valid < line.size)
        snprintf(reason, capacity, "byte 0x%02x is not UTF-8, and JSON can hold nothing else", (unsigned char)line.at[valid]);
    return valid < line.size ? valid + 1 : 0;
}

static bool map_take(struct run_options *options, struct options *reader, int key)
{
    struct map *map = options->verb_state;
    switch (key) {
    case MAP_ARGS_OPTION:
        map->text = reader->value;
        return true;
    case MAP_ID:
        return map_read_id(&map->lines, reader);
    case '0':
        options->nul_ended = true;
        return true;
    default:
        if (!arguments_begin(&reader->value, 1))
            reader->ended = map->is_listed = true; /* what comes now is no option, whatever it looks like */
        if (options->function || map->function || map->is_listed)
            option_list_add(&options->files, reader->value);
        else
            map->function = reader->value;
        return true;
    }
}

int map_take_list(struct run_options *options, const char *const *words, size_t count)
{
    const char *file = arguments_only_file(words, count);
    if (file) {
        option_list_add(&options->files, file);
        return CLI_OK;
    }
    int code = arguments_to_stdin(words, count, options->nul_ended, &options->argument_files);
    options->nul_ended = options->has_arguments = true;
    return code;
}

/* The list behind the function, which stands where files do. */
static int map_take_arguments(struct run_options *options)
{
    const char *const *words = options->files.items;
    size_t count = (size_t)options->files.count, at = arguments_begin(words, count);
    if (at == count)
        return CLI_OK;
    if (at)
        return say_usage("the arguments come behind ':::' or from files, but not from both");
    if (arguments_lists(words, count) > 1)
        return say_usage("of several lists no combinations are made here, but by 'hayfork exec'");
    options->files.count = 0;
    return map_take_list(options, words, count);
}

/* The template, tried with a line. */
static int map_check(struct run_options *options)
{
    struct map *map = options->verb_state;
    struct hay_jobline_fault fault;
    if (options->function && map->function)
        return say_usage("the function is given twice: '%s' and -f %s", map->function, options->function);
    if (map->function)
        options->function = map->function;
    if (!options->function)
        return say_usage("a function is needed: PLUGIN.FUNCTION");
    if (!template_parse(&map->template, map->text, &(struct template_syntax){ .is_json = true }))
        template_expand_json(&map->template, (struct hay_span){ "x", 1 }, 1, &map->args);
    if (!map->template.pieces || map->args.failed)
        return say_no_memory();
    if (!map->template.has_place)
        return say_usage("--args '%s' has no {} for the line", map->text);
    if (hay_json_check(map->args.at, map->args.size, HAY_JOBLINE_DEPTH - 1, &fault) == HAY_OK)
        return map_take_arguments(options);
    return say_usage("--args '%s' is not JSON: with \"x\" for {}, %s at byte %zu", map->text, fault.reason, fault.column);
}

static enum run_made map_make(struct run *run, const struct input_line *line, char *reason, size_t capacity, size_t *column)
{
    struct map *map = run->options->verb_state;
    struct hay_span text = { line->at, line->size };
    *column = map_bad_byte(text, reason, capacity);
    if (*column)
        return RUN_UNFIT;
    bytes_clear(&map->args);
    template_expand_json(&map->template, text, run->read + 1, &map->args);
    run->job.args = bytes_span(&map->args);
    run->keyed = run->job.args.size;
    return !map->args.failed && map_make_id(&map->lines, run, text) ? RUN_MADE : RUN_NO_MEMORY;
}

int map_main(int argc, char **argv)
{
    static const struct run_verb verb = {
        .name = "map", .specs = map_specs, .take = map_take, .check = map_check, .make = map_make,
    };
    struct map map = { .text = MAP_ARGS };
    int code = run_verb(&verb, &map, argc, argv);
    template_release(&map.template);
    bytes_release(&map.args);
    bytes_release(&map.lines.id);
    return code;
}
