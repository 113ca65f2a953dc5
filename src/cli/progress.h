/* SPDX-License-Identifier: MIT
 *
 * How far a run is, on stderr: a line that is drawn over itself on a terminal, or a line of text or JSON each second. Driven by
 * a timer that asks for the figures; a job costs nothing. Never waits for stderr. Whoever else writes to the terminal calls
 * progress_hide() first; the next tick draws the line again.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/stream.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROGRESS_FRAME 640

enum progress_mode {
    PROGRESS_AUTO,      /* a bar when stderr is a terminal that can draw one */
    PROGRESS_BAR,
    PROGRESS_LINES,
    PROGRESS_JSON,
    PROGRESS_NONE,
};

struct progress_figures {
    uint64_t done, failed;  /* results; `failed` of them are not ok */
    uint64_t running;
    double fraction;        /* of all the work, negative: unknown */
    double left;            /* jobs still to be done, negative: unknown */
};

struct progress {
    enum progress_mode mode;
    const char *verb;           /* what lines begin with, behind the command's name */
    struct stream stream;
    struct ev_loop *loop;
    struct ev_timer tick;
    void *context;
    bool (*look)(void *context, struct progress_figures *figures);
    bool plain, colour;         /* no escape sequences; colours */
    bool in_line;               /* the bar would be drawn over the end of what others have written */
    size_t columns, hidden;     /* of what is drawn now, 0: nothing; of what progress_hide() took off */
    double begin_s, last_s, rate;
    uint64_t last_done;
    size_t start, end;          /* unwritten bytes */
    size_t frame_size;          /* of the bar as it was drawn last */
    char bytes[PROGRESS_FRAME], frame[PROGRESS_FRAME];
};

/* The mode of a word on the command line; false: there is none such. */
bool progress_mode_of(const char *word, enum progress_mode *mode);
/* AUTO becomes BAR or NONE. */
enum progress_mode progress_mode_for(enum progress_mode mode, bool results_on_terminal);

/* `look` fills the figures; false: not now, as something else is in the middle of a line. Nothing happens with PROGRESS_NONE. */
void progress_start(struct progress *progress, struct ev_loop *loop, const char *verb, enum progress_mode mode,
                    bool (*look)(void *context, struct progress_figures *figures), void *context);
/* Take the bar off the terminal, for something that may end in the middle of a line; and draw it again as it was, below that. */
void progress_hide(struct progress *progress, bool in_line);
void progress_show(struct progress *progress);
/* The bar goes, of the other modes a last line comes. May be called without a start, and twice. */
void progress_finish(struct progress *progress);

/* One line of the bar, `width` columns at most, with its terminator in `capacity` bytes. Returns its columns. */
size_t progress_draw(const struct progress *progress, const struct progress_figures *figures, double elapsed_s, size_t width,
                     char *out, size_t capacity);

#endif
