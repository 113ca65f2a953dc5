/* SPDX-License-Identifier: MIT
 *
 * A run that is fed and read through pipes while the test does something to it: one poll loop, never blocking, with every line
 * checked as it comes.
 */
#ifndef FAULTS_TALK_H
#define FAULTS_TALK_H

#include "harness.h"
#include "results.h"

#define TALK_LINE_MAX 4096

struct talk {
    struct run run;
    int to, from;           /* our ends; -1: closed */
    /* Write job number `id`, from 1, into `line`: its length with the newline, 0 when there is none now. */
    size_t (*next)(struct talk *talk, size_t id, char line[TALK_LINE_MAX]);
    /* One sound line. NULL: count only. */
    void (*on_line)(struct talk *talk, size_t id, const struct result_line *line);
    void *context;
    size_t given, got;      /* jobs written or begun, lines read */
    bool sound;             /* false once anything was wrong with a line */
    bool stop_reading;
    unsigned char *seen;    /* a bit for each id */
    size_t seen_size;
    char *out, *in;
    size_t out_size, out_at, in_size, in_room;
    size_t bytes_written;
};

/* `next`, `on_line` and `context` are set by the caller. */
bool talk_start(struct talk *talk, const char *arguments, int err_fd, const char *const *environment);
/* Write what goes, read what is there, waiting up to `timeout_ms` for either. */
void talk_turn(struct talk *talk, int timeout_ms);
/* No more jobs. */
void talk_close_input(struct talk *talk);
/* After talk_close_input(): read to the end and wait for the command. Its exit code, -1 after a hang. */
int talk_finish(struct talk *talk, int timeout_ms);
/* One line for each job that was given, no more and no less. */
bool talk_is_conserved(const struct talk *talk);
void talk_free(struct talk *talk);

#endif
