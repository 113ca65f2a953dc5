/* SPDX-License-Identifier: MIT */
#include "results.h"

#include "harness.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_MAX 10

bool status_is_one_of(const char *status, const char *statuses)
{
    size_t length = strlen(status);
    for (const char *at = statuses; *at; at += strcspn(at, "|"), at += *at == '|')
        if (strcspn(at, "|") == length && strncmp(at, status, length) == 0)
            return true;
    return false;
}

static bool parts_are_sound(const struct result_line *line)
{
    static const char statuses[] = "ok|error|timeout|crash|cancelled|skipped|rejected";
    json_t *error = json_object_get(line->json, "error");
    if (!line->status || !status_is_one_of(line->status, statuses) || line->attempts < 1)
        return false;
    if (strcmp(line->status, "ok") == 0)
        return json_object_get(line->json, "result") && !error;
    const char *message = json_string_value(json_object_get(error, "message"));
    return message && *message && !json_object_get(line->json, "result");
}

bool result_parse(const char *text, size_t size, size_t jobs, struct result_line *line, size_t *id)
{
    json_error_t error;
    *line = (struct result_line){.text = text, .attempts = 1};
    line->json = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!line->json)
        return note("not JSON (%s): %.200s", error.text, text);
    json_t *attempts = json_object_get(line->json, "attempts");
    line->status = json_string_value(json_object_get(line->json, "status"));
    if (attempts)
        line->attempts = json_integer_value(attempts) > 1 ? (int)json_integer_value(attempts) : 0;
    json_int_t value = json_integer_value(json_object_get(line->json, "id"));
    *id = (size_t)value;
    if (value >= 1 && (size_t)value <= jobs && parts_are_sound(line))
        return true;
    json_decref(line->json);
    line->json = NULL;
    return note("not a sound result line: %.200s", text);
}

static bool take_line(struct results *results, const char *text, size_t size)
{
    struct result_line line;
    size_t id;
    results->lines++;
    if (!result_parse(text, size, results->jobs, &line, &id))
        return false;
    if (results->by_id[id].json) {
        json_decref(line.json);
        return note("a second line for id %zu: %.200s; the first: %.200s", id, text, results->by_id[id].text);
    }
    results->by_id[id] = line;
    return true;
}

bool results_read(struct results *results, int fd, size_t jobs, bool complete)
{
    size_t size = 0;
    unsigned faults = 0;
    *results = (struct results){.jobs = jobs};
    results->bytes = read_all(fd, &size);
    results->by_id = calloc(jobs + 1, sizeof *results->by_id);
    if (!results->bytes || !results->by_id)
        return note("no memory");
    for (char *at = results->bytes, *end = at + size; at < end && faults < NOTES_MAX;) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline)
            return note("the last line has no end: %.200s", at);
        *newline = '\0';
        faults += !take_line(results, at, (size_t)(newline - at));
        at = newline + 1;
    }
    for (size_t id = 1; complete && id <= jobs && faults < NOTES_MAX; id++)
        if (!results->by_id[id].json) {
            note("no line for id %zu", id);
            faults++;
        }
    if (complete && !faults && results->lines != jobs)
        return note("%zu lines for %zu jobs", results->lines, jobs);
    return faults == 0;
}

void results_free(struct results *results)
{
    for (size_t id = 0; results->by_id && id <= results->jobs; id++)
        json_decref(results->by_id[id].json);
    free(results->by_id);
    free(results->bytes);
    *results = (struct results){0};
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
        return note("not a pattern: %s", pattern);
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

bool results_expect(const struct results *results, size_t id, const char *statuses, const char *pattern, int attempts)
{
    const struct result_line *line = &results->by_id[id];
    if (!line->json)
        return false; /* has been said */
    if (!status_is_one_of(line->status, statuses))
        return note("id %zu should be %s: %.300s", id, statuses, line->text);
    if (pattern && !matches(line->text, pattern))
        return note("id %zu does not match \"%s\": %.300s", id, pattern, line->text);
    if (attempts && line->attempts != attempts)
        return note("id %zu should have %d attempts: %.300s", id, attempts, line->text);
    return true;
}

size_t results_count(const struct results *results, const char *status)
{
    size_t count = 0;
    for (size_t id = 1; id <= results->jobs; id++)
        count += results->by_id[id].json && strcmp(results->by_id[id].status, status) == 0;
    return count;
}
