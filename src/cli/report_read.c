/* SPDX-License-Identifier: MIT
 *
 * The results are read from the last line to the first; of bad lines the first is named, so reading goes on to the beginning
 * of the file before it is refused. When long idle stretches were found, the axis of time leaves them out and the file is
 * read once more.
 */
#include "cli/report_read.h"
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/report_trace.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define SOURCE_ROUNDS 12

const char *source_name(const char *path)
{
    return strcmp(path, "-") ? path : "standard input";
}

static int source_refuse(const struct report_source *source, off_t offset, const struct hay_jobline_fault *fault)
{
    uint64_t number = lines_number(&source->lines, offset);
    say("%s:%" PRIu64 ":%zu: not a result line: %s", source_name(source->results), number, fault->column, fault->reason);
    return CLI_INPUT;
}

static int source_fail(const struct report_source *source, int failure)
{
    const char *reason = failure == -EFBIG ? "a line is longer than 1 GiB" : failure == -ESTALE ? "it was cut while it was read" :
                         strerror(-failure);
    say("cannot read %s: %s", source_name(source->results), reason);
    return failure == -ENOMEM ? CLI_STOPPED : CLI_INPUT;
}

/* A file that is not ours mostly shows it in its first line, and then need not be read to its beginning. */
static bool source_looks_ours(const struct report_source *source, struct hay_jobline_fault *fault)
{
    char head[65536];
    struct hay_resultline result;
    ssize_t size = lines_head(&source->lines, head, sizeof head);
    const char *newline = size > 0 ? memchr(head, '\n', (size_t)size) : NULL;
    size_t begin = size >= 3 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;
    if (!newline)
        return true;
    size_t length = (size_t)(newline - head);
    if (length > begin && head[length - 1] == '\r')
        length--;
    const char *at = head + begin;
    return bytes_is_blank(at, length - begin) || hay_resultline_scan(at, length - begin, &result, fault) == HAY_OK;
}

static int source_read_results(struct report_source *source, struct data *data)
{
    struct lines_line line = { .at = NULL };
    struct hay_resultline result;
    struct hay_jobline_fault fault, first_fault = { .column = 0 };
    off_t first_bad = -1;
    int got;
    source->line_count = 0;
    lines_rewind(&source->lines);
    while ((got = lines_previous(&source->lines, &line)) > 0) {
        if (bytes_is_blank(line.at, line.size))
            continue;
        source->line_count++;
        if (hay_resultline_scan(line.at, line.size, &result, &fault) == HAY_OK) {
            if ((got = first_bad < 0 ? data_result(data, &result) : 0))
                break;
        } else if (line.torn && (line.at[0] == '{' || (line.at[0] == '\0' && line.offset))) {
            source->torn = true; /* zeros are what a power cut left unwritten */
            source->line_count--;
        } else {
            first_bad = line.offset;
            first_fault = fault;
        }
    }
    if (got < 0)
        return source_fail(source, got);
    return first_bad >= 0 ? source_refuse(source, first_bad, &first_fault) : CLI_OK;
}

static int source_open(struct report_source *source)
{
    struct hay_jobline_fault fault;
    int failure = lines_open(&source->lines, strcmp(source->results, "-") ? source->results : NULL);
    if (failure)
        return source_fail(source, failure);
    source->bytes = (uint64_t)source->lines.size;
    return source_looks_ours(source, &fault) ? CLI_OK : source_refuse(source, 0, &fault);
}

/* A trace that is no file can be read but once. */
static int source_rounds(const struct report_source *source)
{
    struct stat status;
    bool once = source->trace && (stat(source->trace, &status) || !S_ISREG(status.st_mode));
    return once ? 1 : SOURCE_ROUNDS;
}

int source_read(struct report_source *source, struct data *data)
{
    int code = source_open(source), rounds = source_rounds(source);
    for (int round = 1; !code; round++) {
        data_clear(data);
        code = source_read_results(source, data);
        if (!code && source->trace)
            code = slices_read(data, source->trace, &source->slices, &source->trace_torn);
        if (round >= rounds || !axis_cut(&data->axis))
            break;
    }
    return code;
}

void source_close(struct report_source *source)
{
    lines_close(&source->lines);
}
