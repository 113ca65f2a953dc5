/* SPDX-License-Identifier: MIT
 *
 * checktrace [--cut] FILE For shell tests: is this a trace as viewers take it? An array of events, each with its phase, process
 * and row; every row that has slices is named; slices of a row do not overlap. With --cut the file may end anywhere, as a
 * viewer would read it. Prints how many slices, rows and instants there are; says what is wrong and exits 1.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 4096

struct row {
    double end_us;
    bool named, used;
};

static struct row rows[ROWS];
static size_t slices, instants;

static int wrong(size_t index, const char *what)
{
    fprintf(stderr, "event %zu: %s\n", index, what);
    return EXIT_FAILURE;
}

/* Thousandths of a microsecond are nanoseconds: what is nearer than half of one is equal. */
static int check_slice(const json_t *event, size_t index, struct row *row)
{
    const json_t *args = json_object_get(event, "args");
    const json_t *start = json_object_get(event, "ts"), *length = json_object_get(event, "dur");
    double start_us = json_number_value(start), length_us = json_number_value(length);
    if (!json_is_number(start) || !json_is_number(length) || length_us < 0)
        return wrong(index, "a slice without times");
    if (start_us < row->end_us - 0.0005)
        return wrong(index, "a slice begins inside of the one before it");
    if (!json_is_integer(json_object_get(args, "seq")) || !json_is_string(json_object_get(args, "status")) ||
        !json_is_integer(json_object_get(args, "attempts")) || !json_is_string(json_object_get(args, "fn")))
        return wrong(index, "a slice without its args");
    row->end_us = start_us + length_us;
    row->used = true;
    slices++;
    return EXIT_SUCCESS;
}

static int check_event(const json_t *event, size_t index)
{
    const char *phase = json_string_value(json_object_get(event, "ph"));
    const char *name = json_string_value(json_object_get(event, "name"));
    json_int_t number = json_integer_value(json_object_get(event, "tid"));
    if (!phase || !name || !json_is_integer(json_object_get(event, "pid")) || number < 0 || number >= ROWS)
        return wrong(index, "no name, phase, process or row");
    struct row *row = &rows[number];
    switch (phase[0]) {
    case 'X':
        return check_slice(event, index, row);
    case 'M':
        row->named = row->named || !strcmp(name, "thread_name");
        return EXIT_SUCCESS;
    case 'i':
        instants++;
        return json_is_number(json_object_get(event, "ts")) ? EXIT_SUCCESS : wrong(index, "an instant without a time");
    case 'C':
        return json_is_object(json_object_get(event, "args")) ? EXIT_SUCCESS : wrong(index, "a counter without values");
    default:
        return wrong(index, "an unknown phase");
    }
}

/* The text with what a reader of a cut file supplies: nothing after the last whole event, and the bracket. */
static json_t *load(const char *path, bool is_cut)
{
    json_error_t error;
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        return NULL;
    long size = ftell(file);
    char *text = size < 0 ? NULL : malloc((size_t)size + 2);
    rewind(file);
    if (!text || fread(text, 1, (size_t)size, file) != (size_t)size)
        return NULL;
    fclose(file);
    text[size] = '\0';
    char *last = is_cut ? strrchr(text, '\n') : NULL;
    if (last && last > text && last[-1] == ',')
        memcpy(last - 1, "]", 2);
    json_t *events = json_loads(text, 0, &error);
    if (!events)
        fprintf(stderr, "%s:%d: %s\n", path, error.line, error.text);
    free(text);
    return events;
}

int main(int argc, char **argv)
{
    bool is_cut = argc == 3 && !strcmp(argv[1], "--cut");
    json_t *events = argc == 2 + is_cut ? load(argv[argc - 1], is_cut) : NULL;
    size_t index, used = 0;
    json_t *event;
    int code = json_is_array(events) ? EXIT_SUCCESS : wrong(0, "not an array of events");
    json_array_foreach(events, index, event)
        code = code ? code : check_event(event, index);
    for (size_t i = 0; i < ROWS && !code; i++) {
        used += rows[i].used;
        if (rows[i].used && !rows[i].named)
            code = wrong(index, "a row without a name");
    }
    if (!code)
        printf("%zu slices, %zu rows, %zu instants\n", slices, used, instants);
    json_decref(events);
    return code;
}
