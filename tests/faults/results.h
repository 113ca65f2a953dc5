/* SPDX-License-Identifier: MIT
 *
 * Result lines, read and judged: exactly one for each id from 1 to the number of jobs, each of them JSON.
 */
#ifndef FAULTS_RESULTS_H
#define FAULTS_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct result_line {
    json_t *json;        /* NULL: no line for this id */
    const char *text;    /* the line, terminated, without its newline */
    const char *status;
    int attempts;        /* 1 where the line has none */
};

struct results {
    char *bytes;
    struct result_line *by_id;  /* 1 to jobs */
    size_t jobs, lines;
};

/* Parse one line. False, with a note, when it is no result line for an id of 1 to `jobs`. */
bool result_parse(const char *text, size_t size, size_t jobs, struct result_line *line, size_t *id);

/* Read a whole output. False, with notes, when a line is not sound, is the second of its id or lacks its newline; with `complete`
 * also when an id has none. In any case results_free() has to be called. */
bool results_read(struct results *results, int fd, size_t jobs, bool complete);
void results_free(struct results *results);

/* Does the line of `id` have one of these statuses ("ok|crash"), match the pattern (extended; NULL: any), with so many
 * attempts (0: any)? */
bool results_expect(const struct results *results, size_t id, const char *statuses, const char *pattern, int attempts);
/* How many lines have this status. */
size_t results_count(const struct results *results, const char *status);
bool status_is_one_of(const char *status, const char *statuses);

#endif
