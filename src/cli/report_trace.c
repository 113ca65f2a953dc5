/* SPDX-License-Identifier: MIT
 *
 * The trace is read forwards, one event a line. Its times count from a start that its first event tells. A slice counts when its
 * job has a result and no times of its own, and ended as that says: else it is of an earlier run. Where the results have no
 * numbers, all slices count or none does.
 */
#include "cli/report_trace.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "cli/members.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SLICES_DEPTH 64

struct slices_reader {
    struct data *data;
    int64_t start_ns;           /* of the run; 0: not told */
    bool results_timed;         /* some result had times of its own */
    uint64_t used;
};

struct slices_event {
    struct hay_span phase, category, args;
    int64_t begin_ns, run_ns, slot, seq, start_ns;
    struct hay_span id, status;
    bool timed;
};

/* The event on a line, without the brackets and commas around it. */
static struct hay_span slices_strip(const struct input_line *line)
{
    const char *at = line->at, *end = line->at + line->size;
    while (at < end && strchr("[, \t", *at) && *at)
        at++;
    while (end > at && strchr("], \t", end[-1]) && end[-1])
        end--;
    return (struct hay_span){ at, (size_t)(end - at) };
}

static void slices_scan_args(struct slices_event *event)
{
    struct hay_span rest = event->args, key, value;
    if (!rest.size || rest.at[0] != '{')
        return;
    while (member_next(&rest, &key, &value)) {
        if (bytes_span_is(key, "seq"))
            member_natural(value, &event->seq);
        else if (bytes_span_is(key, "start") && member_microseconds(value, &event->start_ns))
            event->start_ns = event->start_ns < INT64_MAX / 1000000 ? event->start_ns * 1000000 : 0; /* seconds there */
        else if (bytes_span_is(key, "id"))
            event->id = value;
        else if (bytes_span_is(key, "status"))
            event->status = value;
    }
}

/* False: not an event. */
static bool slices_scan(struct hay_span text, struct slices_event *event)
{
    struct hay_span key, value;
    bool begin = false, run = false;
    *event = (struct slices_event){ .slot = 0 };
    if (text.at[0] != '{' || hay_json_check(text.at, text.size, SLICES_DEPTH, NULL) != HAY_OK)
        return false;
    while (member_next(&text, &key, &value)) {
        if (bytes_span_is(key, "ph"))
            event->phase = value;
        else if (bytes_span_is(key, "cat"))
            event->category = value;
        else if (bytes_span_is(key, "args"))
            event->args = value;
        else if (bytes_span_is(key, "ts"))
            begin = member_microseconds(value, &event->begin_ns);
        else if (bytes_span_is(key, "dur"))
            run = member_microseconds(value, &event->run_ns);
        else if (bytes_span_is(key, "tid"))
            member_natural(value, &event->slot);
    }
    event->timed = begin && run;
    slices_scan_args(event);
    return event->phase.size == 3;
}

static enum hay_outcome slices_outcome(struct hay_span status)
{
    for (int i = 0; i < HAY_OUTCOME_COUNT; i++) {
        const char *name = hay_outcome_name((enum hay_outcome)i);
        if (status.size == strlen(name) + 2 && !memcmp(status.at + 1, name, status.size - 2))
            return (enum hay_outcome)i;
    }
    return HAY_OUTCOME_OK;
}

static bool slices_wanted(struct slices_reader *reader, const struct slices_event *event)
{
    if (!event->timed || event->phase.at[1] != 'X' || (event->category.size && !bytes_span_is(event->category, "\"job\"")))
        return false;
    if (event->seq <= 0 || reader->data->unnumbered)
        return !reader->results_timed;
    uint64_t seq = (uint64_t)event->seq;
    if (event->status.size && (slices_outcome(event->status) != HAY_OUTCOME_OK) != seen_has(&reader->data->seen_bad, seq))
        return false;
    return seen_has(&reader->data->seen, seq) && !seen_has(&reader->data->seen_time, seq);
}

static int slices_take(struct slices_reader *reader, const struct slices_event *event)
{
    if (event->phase.at[1] == 'M' && event->start_ns)
        reader->start_ns = event->start_ns;
    if (!slices_wanted(reader, event))
        return 0;
    struct data_slice slice = {
        .outcome = slices_outcome(event->status), .slot = event->slot, .run_ns = event->run_ns, .place = (uint64_t)event->seq,
        .begin_ns = event->begin_ns < INT64_MAX - reader->start_ns ? reader->start_ns + event->begin_ns : INT64_MAX,
    };
    slice.id_size = (uint8_t)failures_id(&event->id, slice.id, sizeof slice.id);
    reader->used++;
    if (slice.place && !reader->data->unnumbered && seen_mark(&reader->data->seen_time, slice.place) == -ENOMEM)
        return -ENOMEM;
    return data_time(reader->data, &slice);
}

/* False: out of memory. `*bad` becomes the number of a line that is no event, or where that is the last, `*torn` true. */
static bool slices_read_lines(struct slices_reader *reader, struct input *input, uint64_t *bad, bool *torn)
{
    struct input_line line;
    enum input_event got;
    while ((got = input_next(input, &line)) == INPUT_LINE || got == INPUT_AGAIN) {
        struct slices_event event;
        if (got == INPUT_AGAIN) {
            input_wait(input);
            continue;
        }
        struct hay_span text = slices_strip(&line);
        if (!text.size)
            continue;
        if (*bad)
            return true;
        if (line.too_long || !slices_scan(text, &event))
            *bad = line.file_number;
        else if (slices_take(reader, &event))
            return false;
    }
    *torn = *bad > 1;
    if (*torn)
        *bad = 0;
    return true;
}

int slices_read(struct data *data, const char *path, uint64_t *used, bool *torn)
{
    struct slices_reader reader = { .data = data, .results_timed = data->timed > 0 };
    struct input input;
    uint64_t bad = 0;
    int code = CLI_OK;
    *torn = false;
    if (input_open(&input, &path, 1, STDIN_FILENO) && !slices_read_lines(&reader, &input, &bad, torn)) {
        code = say_no_memory();
    } else if (input.failure) {
        code = input_say_failure(&input);
    } else if (bad) {
        say("%s:%" PRIu64 ": not a trace event (a trace is an array with one event a line)", path, bad);
        code = CLI_INPUT;
    }
    input_close(&input);
    *used = reader.used;
    return code;
}
