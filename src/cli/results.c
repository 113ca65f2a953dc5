/* SPDX-License-Identifier: MIT
 *
 * `hayfork results`: what a file of results comes to, one line for each job in the order of the input: the newest, where a job
 * has several. Two passes: the first notes where each job's newest line begins, 8 bytes a job; the second reads the lines in
 * order, which is nearly that of the file. The file may be one that a run is writing just now; it is not changed. With --plain,
 * what commands printed comes out instead, as exec would have printed it.
 */
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/pages.h"
#include "cli/members.h"
#include "cli/resultfile.h"
#include "cli/say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A window on the file: it grows while lines are found in it, and begins anew where they are not. */
#define RESULTS_WINDOW_LEAST ((size_t)4 << 10)
#define RESULTS_WINDOW_MOST ((size_t)256 << 10)
#define RESULTS_REGION_SHIFT 16 /* so many places, as a power of two, are passed over at once where none has a line */

enum { RESULTS_PLAIN = 256 };

static const struct option_spec results_specs[] = {
    { 'h', "help", false },
    { RESULTS_PLAIN, "plain", false },
    { 0, NULL, false },
};

struct results {
    const char *path;
    int fd;
    bool plain;
    struct bytes text;      /* of a command's output */
    struct pages offsets;   /* by seq: where the line begins, plus 1; 0: none */
    struct pages regions;   /* a byte for each region of places: has it a line? */
    uint64_t last;
    struct pages window;    /* bytes [from, from + size) of the file */
    uint64_t from;
    size_t size, wanted;
};

static bool results_note(struct results *results, uint64_t seq, uint64_t at)
{
    size_t region = (size_t)(seq >> RESULTS_REGION_SHIFT);
    if (!pages_reserve(&results->offsets, (size_t)(seq + 1) * sizeof at) || !pages_reserve(&results->regions, region + 1))
        return false;
    ((uint64_t *)(void *)results->offsets.at)[seq] = at + 1;
    results->regions.at[region] = true;
    if (results->last < seq)
        results->last = seq;
    return true;
}

/* CLI_OK, or an exit code when the fault has been said. */
static int results_index(struct results *results, struct resultfile *file)
{
    struct hay_resultline line;
    enum resultfile_event event;
    while ((event = resultfile_next(file, &line)) == RESULTFILE_LINE)
        if (!results_note(results, line.seq, file->at))
            return resultfile_unread(results->path, -ENOMEM);
    if (event == RESULTFILE_FAILED)
        return resultfile_unread(results->path, file->failure);
    if (event == RESULTFILE_FOREIGN)
        return resultfile_refuse(results->path, file->number, file->why.reason);
    if (event == RESULTFILE_TORN)
        say("'%s' ends in the middle of a line, which is left out", results->path);
    return CLI_OK;
}

/* Fill the window with what stands at `at`: `wanted` bytes, fewer at the end of the file. 0 or -errno. */
static int results_fill(struct results *results, uint64_t at, size_t wanted)
{
    if (!pages_reserve(&results->window, wanted))
        return -ENOMEM;
    results->from = at;
    results->size = 0;
    while (results->size < wanted) {
        ssize_t n = pread(results->fd, results->window.at + results->size, wanted - results->size, (off_t)(at + results->size));
        if (!n)
            break;
        if (n < 0 && errno != EINTR)
            return -errno;
        results->size += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* The characters of a JSON string. 0 or -errno. */
static int results_put_text(struct results *results, struct hay_span string, FILE *stream)
{
    if (string.size < 2 || string.at[0] != '"')
        return 0;
    bytes_clear(&results->text);
    if (!bytes_reserve(&results->text, string.size))
        return -ENOMEM;
    size_t size = hay_json_unescape(string.at + 1, string.size - 2, results->text.at, string.size);
    fwrite(results->text.at, 1, size, stream);
    return 0;
}

/* What the command of this result printed, if it is one of exec.run: first to standard output, then to standard error. */
static int results_put_plain(struct results *results, const char *line, size_t size)
{
    struct hay_resultline result;
    struct hay_span rest, key, value, errors = { NULL, 0 };
    int failure = 0;
    if (hay_resultline_scan(line, size, &result, NULL) != HAY_OK)
        return -ESTALE;
    if (!result.value.at || result.value.at[0] != '{')
        return 0;
    for (rest = result.value; !failure && member_next(&rest, &key, &value);) {
        if (bytes_span_is(key, "stdout"))
            failure = results_put_text(results, value, stdout);
        else if (bytes_span_is(key, "stderr"))
            errors = value;
    }
    if (failure || errors.size <= 2)
        return failure;
    fflush(stdout);
    return results_put_text(results, errors, stderr);
}

/* Print the line that begins at `at`. 0 or -errno. */
static int results_print(struct results *results, uint64_t at)
{
    bool near = at >= results->from && at < results->from + results->size + results->wanted;
    const char *line = NULL, *newline = NULL;
    if (at >= results->from && at < results->from + results->size) {
        line = results->window.at + (at - results->from);
        newline = memchr(line, '\n', results->size - (size_t)(at - results->from));
    }
    if (!newline)
        results->wanted = !near                                     ? RESULTS_WINDOW_LEAST
                          : results->wanted < RESULTS_WINDOW_MOST ? results->wanted * 2
                                                                  : RESULTS_WINDOW_MOST;
    for (size_t wanted = results->wanted; !newline; wanted *= 2) {
        int failure = results_fill(results, at, wanted);
        if (failure)
            return failure;
        line = results->window.at;
        newline = memchr(line, '\n', results->size);
        if (!newline && results->size < wanted)
            return -ESTALE; /* it was there a moment ago */
    }
    if (results->plain)
        return results_put_plain(results, line, (size_t)(newline - line));
    fwrite(line, 1, (size_t)(newline - line) + 1, stdout);
    return 0;
}

static int results_run(struct results *results)
{
    struct resultfile file;
    struct stat status;
    results->fd = open(results->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (results->fd < 0 || fstat(results->fd, &status))
        return resultfile_unread(results->path, -errno);
    if (S_ISDIR(status.st_mode))
        return resultfile_unread(results->path, -EISDIR);
    if (!S_ISREG(status.st_mode)) {
        say("'%s' is not a regular file, and it has to be read twice", results->path);
        return CLI_INPUT;
    }
    int failure = resultfile_open(&file, results->fd);
    int code = failure ? resultfile_unread(results->path, failure) : results_index(results, &file);
    resultfile_close(&file);
    const uint64_t *offsets = (const uint64_t *)(const void *)results->offsets.at;
    for (uint64_t seq = 1; !code && seq <= results->last && !ferror(stdout); seq++) {
        if (!results->regions.at[seq >> RESULTS_REGION_SHIFT])
            seq |= (UINT64_C(1) << RESULTS_REGION_SHIFT) - 1;
        else
            failure = offsets[seq] ? results_print(results, offsets[seq] - 1) : 0;
        if (failure)
            code = resultfile_unread(results->path, failure);
    }
    return say_stream_done(stdout, code);
}

int results_main(int argc, char **argv)
{
    struct results results = { .fd = -1, .wanted = RESULTS_WINDOW_LEAST };
    struct options reader;
    int key;
    options_init(&reader, results_specs, argc, argv);
    while ((key = options_next(&reader)) != OPTIONS_END) {
        if (key == 'h')
            return help_verb("results");
        if (key == OPTIONS_FAULT)
            return CLI_USAGE;
        if (key == RESULTS_PLAIN) {
            results.plain = true;
            continue;
        }
        if (results.path)
            return say_usage("one file at a time: '%s' is too much", reader.value);
        results.path = reader.value;
    }
    if (!results.path)
        return say_usage("which file? The one of hayfork run -o FILE");
    int code = results_run(&results);
    pages_release(&results.offsets);
    pages_release(&results.regions);
    pages_release(&results.window);
    bytes_release(&results.text);
    if (results.fd >= 0)
        close(results.fd);
    return code;
}
