/* SPDX-License-Identifier: MIT
 *
 * The progress line. All of it is ASCII, so bytes are columns but for the colour of the failures. When the terminal is narrow
 * the bar goes first, then the parts from the right. What stderr does not take at once is finished at the next tick, before
 * anything new.
 */
#include "cli/progress.h"

#include "cli/now.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PROGRESS_BAR_S 0.1
#define PROGRESS_LINE_S 1.0
#define PROGRESS_DELAY_S 0.5    /* a run that is over before has no bar */
#define PROGRESS_MEMORY_S 3.0   /* how far back the rate looks, */
#define PROGRESS_MEMORY_DONE 20 /* and at least over so many jobs */
#define PROGRESS_SLOWER_MOST 10 /* than the mean so far: no slower is the rest taken to be */
#define PROGRESS_PATIENCE_MS 200
#define PROGRESS_WIDTH 80
#define PROGRESS_WIDTH_MAX 300
#define PROGRESS_BAR_LEAST 12
#define PROGRESS_BAR_MOST 40

bool progress_mode_of(const char *word, enum progress_mode *mode)
{
    static const char words[][8] = { "auto", "bar", "lines", "json", "none" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], word))
            continue;
        *mode = (enum progress_mode)i;
        return true;
    }
    return false;
}

static bool progress_is_dumb(void)
{
    const char *terminal = getenv("TERM");
    return !terminal || !*terminal || !strcmp(terminal, "dumb");
}

enum progress_mode progress_mode_for(enum progress_mode mode, bool results_on_terminal)
{
    if (mode != PROGRESS_AUTO)
        return mode;
    return isatty(STDERR_FILENO) && !progress_is_dumb() && !results_on_terminal ? PROGRESS_BAR : PROGRESS_NONE;
}

/* The columns of the terminal, one kept free so that no line wraps. */
static size_t progress_width(void)
{
    struct winsize size;
    long width = 0;
    if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &size))
        width = size.ws_col;
    const char *columns = width ? NULL : getenv("COLUMNS");
    if (columns)
        width = strtol(columns, NULL, 10);
    if (width < 1)
        width = PROGRESS_WIDTH;
    return (size_t)(width > PROGRESS_WIDTH_MAX ? PROGRESS_WIDTH_MAX : width) - 1;
}

static void progress_write(struct progress *progress)
{
    while (progress->start < progress->end) {
        ssize_t n = stream_write(&progress->stream, progress->bytes + progress->start, progress->end - progress->start);
        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            progress->mode = PROGRESS_NONE;
            ev_timer_stop(progress->loop, &progress->tick);
            break;
        }
        progress->start += (size_t)n;
    }
    progress->start = progress->end = 0;
}

static void progress_put(struct progress *progress, const char *bytes, size_t size)
{
    if (size > sizeof progress->bytes - progress->end)
        return;
    memcpy(progress->bytes + progress->end, bytes, size);
    progress->end += size;
}

/* ---- what it says ---- */

static const char *progress_time(char *out, size_t capacity, double seconds)
{
    uint64_t whole = seconds < 1e9 ? (uint64_t)(seconds + 0.5) : UINT64_C(1000000000);
    unsigned minutes = (unsigned)(whole / 60 % 60), rest = (unsigned)(whole % 60);
    if (whole >= 3600)
        snprintf(out, capacity, "%" PRIu64 ":%02u:%02u", whole / 3600, minutes, rest);
    else
        snprintf(out, capacity, "%u:%02u", minutes, rest);
    return out;
}

static const char *progress_rate(char *out, size_t capacity, double rate)
{
    if (rate < 100)
        snprintf(out, capacity, "%.1f/s", rate);
    else if (rate < 1e5)
        snprintf(out, capacity, "%.0f/s", rate);
    else
        snprintf(out, capacity, "%.2fM/s", rate / 1e6);
    return out;
}

/* While one long job holds the rest, the rate goes towards 0, and what is left would take for ever. */
static double progress_eta(const struct progress *progress, const struct progress_figures *figures, double elapsed_s)
{
    double least = elapsed_s > 0 ? (double)figures->done / elapsed_s / PROGRESS_SLOWER_MOST : 0;
    double rate = progress->rate > least ? progress->rate : least;
    if (figures->left <= 0)
        return figures->left;
    return rate > 0 ? figures->left / rate : -1;
}

/* A part, behind a comma, while it fits. */
__attribute__((format(printf, 5, 6)))
static size_t progress_part(char *out, size_t capacity, size_t size, size_t width, const char *format, ...)
{
    char part[64];
    va_list list;
    va_start(list, format);
    int length = vsnprintf(part, sizeof part, format, list);
    va_end(list);
    size_t comma = size ? 2 : 0;
    if (length < 0 || (size_t)length >= sizeof part || size + comma + (size_t)length > width ||
        size + comma + (size_t)length >= capacity)
        return size;
    memcpy(out + size, ", ", comma);
    memcpy(out + size + comma, part, (size_t)length + 1);
    return size + comma + (size_t)length;
}

static size_t progress_text(const struct progress *progress, const struct progress_figures *figures, double elapsed_s,
                            size_t width, char *out, size_t capacity)
{
    char text[32];
    double eta = progress_eta(progress, figures, elapsed_s);
    size_t size = 0;
    *out = '\0';
    if (figures->fraction >= 0)
        size = progress_part(out, capacity, size, width, "%d%%", (int)(figures->fraction * 100));
    size = progress_part(out, capacity, size, width, "%" PRIu64 " done", figures->done);
    if (figures->failed)
        size = progress_part(out, capacity, size, width, "%" PRIu64 " failed", figures->failed);
    size = progress_part(out, capacity, size, width, "%" PRIu64 " running", figures->running);
    size = progress_part(out, capacity, size, width, "%s", progress_rate(text, sizeof text, progress->rate));
    if (eta >= 0)
        return progress_part(out, capacity, size, width, "eta %s", progress_time(text, sizeof text, eta));
    return progress_part(out, capacity, size, width, "%s", progress_time(text, sizeof text, elapsed_s));
}

size_t progress_draw(const struct progress *progress, const struct progress_figures *figures, double elapsed_s, size_t width,
                     char *out, size_t capacity)
{
    char text[PROGRESS_WIDTH_MAX];
    size_t text_size = progress_text(progress, figures, elapsed_s, width, text, sizeof text), bar = 0;
    if (width > text_size + 1)
        bar = width - text_size - 1;
    if (bar > PROGRESS_BAR_MOST)
        bar = PROGRESS_BAR_MOST;
    if (figures->fraction < 0 || bar < PROGRESS_BAR_LEAST || bar + text_size + 2 > capacity) {
        snprintf(out, capacity, "%s", text);
        return text_size;
    }
    size_t inside = bar - 2, full = (size_t)(figures->fraction * (double)inside);
    memset(out, ' ', bar + 1);
    out[0] = '[';
    memset(out + 1, '=', full > inside ? inside : full);
    if (full < inside)
        out[1 + full] = '>';
    out[bar - 1] = ']';
    memcpy(out + bar + 1, text, text_size + 1);
    return bar + 1 + text_size;
}

/* ---- how it gets there ---- */

static void progress_end_line(struct progress *progress)
{
    if (progress->in_line)
        progress_put(progress, "\n", 1);
    progress->in_line = false;
}

static void progress_put_bar(struct progress *progress, const struct progress_figures *figures, double elapsed_s)
{
    char line[PROGRESS_WIDTH_MAX + 1];
    size_t width = progress_width(), columns = progress_draw(progress, figures, elapsed_s, width, line, sizeof line);
    char *failed = progress->colour && figures->failed ? strstr(line, " failed") : NULL, *from = failed;
    progress_end_line(progress);
    size_t begin = progress->end;
    progress_put(progress, "\r", 1);
    if (failed) {
        while (from > line && from[-1] >= '0' && from[-1] <= '9')
            from--;
        failed += strlen(" failed");
        progress_put(progress, line, (size_t)(from - line));
        progress_put(progress, "\033[31m", 5);
        progress_put(progress, from, (size_t)(failed - from));
        progress_put(progress, "\033[m", 3);
        progress_put(progress, failed, strlen(failed));
    } else {
        progress_put(progress, line, columns);
    }
    if (!progress->plain)
        progress_put(progress, "\033[K", 3);
    for (size_t i = columns; progress->plain && i < progress->columns && i < width; i++)
        progress_put(progress, " ", 1);
    progress->columns = columns ? columns : 1;
    progress->frame_size = progress->end - begin;
    memcpy(progress->frame, progress->bytes + begin, progress->frame_size);
}

static void progress_put_line(struct progress *progress, const struct progress_figures *figures, double elapsed_s)
{
    char text[PROGRESS_WIDTH_MAX];
    size_t size = progress_text(progress, figures, elapsed_s, PROGRESS_WIDTH_MAX - 1, text, sizeof text);
    progress_put(progress, "hayfork ", strlen("hayfork "));
    progress_put(progress, progress->verb, strlen(progress->verb));
    progress_put(progress, ": ", 2);
    progress_put(progress, text, size);
    progress_put(progress, "\n", 1);
}

/* A number with one decimal, or null when it is negative, or is too large to mean anything. Not by %f: with --inline a plugin may
 * have set a locale without decimal points. */
static void progress_put_member(struct progress *progress, const char *name, double value)
{
    char text[64];
    bool is_told = value >= 0 && value <= 1e15;
    uint64_t tenths = is_told ? (uint64_t)(value * 10 + 0.5) : 0;
    int size = is_told ? snprintf(text, sizeof text, ",\"%s\":%" PRIu64 ".%u", name, tenths / 10, (unsigned)(tenths % 10))
                       : snprintf(text, sizeof text, ",\"%s\":null", name);
    if (size > 0 && (size_t)size < sizeof text)
        progress_put(progress, text, (size_t)size);
}

static void progress_put_json(struct progress *progress, const struct progress_figures *figures, double elapsed_s)
{
    char text[160];
    int size = snprintf(text, sizeof text, "{\"done\":%" PRIu64 ",\"ok\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"running\":%" PRIu64,
                        figures->done, figures->done - figures->failed, figures->failed, figures->running);
    if (size > 0 && (size_t)size < sizeof text)
        progress_put(progress, text, (size_t)size);
    progress_put_member(progress, "elapsed", elapsed_s);
    progress_put_member(progress, "rate", progress->rate);
    progress_put_member(progress, "percent", figures->fraction < 0 ? -1 : figures->fraction * 100);
    progress_put_member(progress, "eta", progress_eta(progress, figures, elapsed_s));
    progress_put(progress, "}\n", 2);
}

/* On the steady clock: libev's own time is the one that may be set. */
static double progress_now_s(void)
{
    return (double)now_ns() / 1e9;
}

static void progress_measure(struct progress *progress, const struct progress_figures *figures, double now_s)
{
    double passed_s = now_s - progress->last_s;
    if (passed_s <= 0)
        return;
    double rate = (double)(figures->done - progress->last_done) / passed_s, elapsed_s = now_s - progress->begin_s;
    double memory_s = figures->done ? elapsed_s / (double)figures->done * PROGRESS_MEMORY_DONE : elapsed_s;
    if (memory_s < PROGRESS_MEMORY_S)
        memory_s = PROGRESS_MEMORY_S;
    if (memory_s > elapsed_s)
        memory_s = elapsed_s;
    double weight = passed_s < memory_s ? passed_s / memory_s : 1;
    progress->rate += (rate - progress->rate) * weight;
    progress->last_s = now_s;
    progress->last_done = figures->done;
}

static void progress_tell(struct progress *progress)
{
    struct progress_figures figures;
    progress_write(progress);
    if (progress->mode == PROGRESS_NONE || progress->end || !progress->look(progress->context, &figures))
        return;
    double now_s = progress_now_s(), elapsed_s = now_s - progress->begin_s;
    progress_measure(progress, &figures, now_s);
    if (progress->mode == PROGRESS_BAR)
        progress_put_bar(progress, &figures, elapsed_s);
    else if (progress->mode == PROGRESS_LINES)
        progress_put_line(progress, &figures, elapsed_s);
    else
        progress_put_json(progress, &figures, elapsed_s);
    progress_write(progress);
}

static void progress_on_tick(struct ev_loop *loop, struct ev_timer *watcher, int events)
{
    (void)loop;
    (void)events;
    progress_tell(watcher->data);
}

void progress_start(struct progress *progress, struct ev_loop *loop, const char *verb, enum progress_mode mode,
                    bool (*look)(void *context, struct progress_figures *figures), void *context)
{
    const char *no_colour = getenv("NO_COLOR");
    *progress = (struct progress){
        .mode = PROGRESS_NONE, .verb = verb, .stream.fd = -1, .loop = loop, .look = look, .context = context,
    };
    if (mode == PROGRESS_NONE || mode == PROGRESS_AUTO || stream_inherit(&progress->stream, STDERR_FILENO, true))
        return;
    progress->mode = mode;
    progress->plain = progress_is_dumb();
    progress->colour = !progress->plain && !(no_colour && *no_colour);
    ev_now_update(loop);
    progress->begin_s = progress->last_s = progress_now_s();
    if (mode == PROGRESS_BAR)
        ev_timer_init(&progress->tick, progress_on_tick, PROGRESS_DELAY_S, PROGRESS_BAR_S);
    else
        ev_timer_init(&progress->tick, progress_on_tick, PROGRESS_LINE_S, PROGRESS_LINE_S);
    progress->tick.data = progress;
    ev_timer_start(loop, &progress->tick);
}

/* Give stderr a moment for what it did not take at once. */
static void progress_settle(struct progress *progress)
{
    struct pollfd wait = { .fd = progress->stream.fd, .events = POLLOUT };
    progress_write(progress);
    while (progress->end && poll(&wait, 1, PROGRESS_PATIENCE_MS) > 0)
        progress_write(progress);
    progress->start = progress->end = 0;
}

void progress_hide(struct progress *progress, bool in_line)
{
    progress->in_line = in_line;
    if (!progress->columns)
        return;
    size_t columns = progress->hidden = progress->columns;
    progress->columns = 0;
    progress_settle(progress);
    progress_put(progress, "\r", 1);
    for (size_t i = 0; progress->plain && i < columns; i++)
        progress_put(progress, " ", 1);
    progress_put(progress, progress->plain ? "\r" : "\033[K", progress->plain ? 1 : 3);
    progress_settle(progress);
}

void progress_show(struct progress *progress)
{
    if (progress->columns || !progress->hidden || progress->end)
        return;
    progress->columns = progress->hidden;
    progress_end_line(progress);
    progress_put(progress, progress->frame, progress->frame_size);
    progress_write(progress);
}

void progress_finish(struct progress *progress)
{
    if (!progress->loop)
        return;
    ev_timer_stop(progress->loop, &progress->tick);
    progress_hide(progress, false);
    if (progress->mode == PROGRESS_LINES || progress->mode == PROGRESS_JSON) {
        progress_tell(progress);
        progress_settle(progress);
    }
    stream_close(&progress->stream);
    *progress = (struct progress){ .stream.fd = -1, .mode = PROGRESS_NONE };
}
