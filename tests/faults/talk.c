/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUT_ROOM 65536

bool talk_start(struct talk *talk, const char *arguments, int err_fd, const char *const *environment)
{
    int in[2], out[2];
    talk->to = talk->from = -1;
    talk->sound = true;
    talk->in_room = 1u << 20;
    talk->in = malloc(talk->in_room);
    talk->out = malloc(OUT_ROOM + TALK_LINE_MAX);
    if (!talk->in || !talk->out || pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        return note("no memory or no pipe");
    struct run_io io = {in[0], out[1], err_fd};
    bool started = run_start(&talk->run, arguments, &io, environment);
    close(in[0]);
    close(out[1]);
    talk->to = in[1];
    talk->from = out[0];
    fcntl(talk->to, F_SETFL, O_NONBLOCK);
    fcntl(talk->from, F_SETFL, O_NONBLOCK);
    return started;
}

static void fill(struct talk *talk)
{
    if (talk->out_at == talk->out_size)
        talk->out_at = talk->out_size = 0;
    while (talk->out_size < OUT_ROOM) {
        size_t n = talk->next(talk, talk->given + 1, talk->out + talk->out_size);
        if (!n)
            return;
        talk->out_size += n;
        talk->given++;
    }
}

static void put(struct talk *talk)
{
    ssize_t n = write(talk->to, talk->out + talk->out_at, talk->out_size - talk->out_at);
    if (n > 0) {
        talk->out_at += (size_t)n;
        talk->bytes_written += (size_t)n;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        talk->sound = note("the command does not take its input: %s", strerror(errno));
        close(talk->to);
        talk->to = -1;
    }
}

static bool mark(struct talk *talk, size_t id)
{
    if (id / 8 >= talk->seen_size) {
        size_t size = talk->given / 4 + 4096;
        unsigned char *larger = realloc(talk->seen, size);
        if (!larger)
            return note("no memory");
        memset(larger + talk->seen_size, 0, size - talk->seen_size);
        talk->seen = larger;
        talk->seen_size = size;
    }
    bool first = !(talk->seen[id / 8] & 1u << id % 8);
    talk->seen[id / 8] |= (unsigned char)(1u << id % 8);
    return first || note("a second line for id %zu", id);
}

static void take(struct talk *talk, char *text, size_t size)
{
    struct result_line line;
    size_t id;
    text[size] = '\0';
    talk->got++;
    if (!result_parse(text, size, talk->given, &line, &id)) {
        talk->sound = false;
        return;
    }
    if (!mark(talk, id))
        talk->sound = note("it is: %.200s", text);
    if (talk->on_line)
        talk->on_line(talk, id, &line);
    json_decref(line.json);
}

static void take_lines(struct talk *talk)
{
    char *at = talk->in, *end = talk->in + talk->in_size;
    for (char *newline; (newline = memchr(at, '\n', (size_t)(end - at))); at = newline + 1)
        take(talk, at, (size_t)(newline - at));
    talk->in_size = (size_t)(end - at);
    memmove(talk->in, at, talk->in_size);
    if (talk->in_size == talk->in_room) {
        talk->sound = note("a line of more than %zu bytes", talk->in_room);
        talk->in_size = 0;
    }
}

static void get(struct talk *talk)
{
    ssize_t n = read(talk->from, talk->in + talk->in_size, talk->in_room - talk->in_size);
    if (n > 0) {
        talk->in_size += (size_t)n;
        take_lines(talk);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        close(talk->from);
        talk->from = -1;
        if (talk->in_size)
            talk->sound = note("the last line has no end: %.*s", talk->in_size < 200 ? (int)talk->in_size : 200, talk->in);
    }
}

void talk_turn(struct talk *talk, int timeout_ms)
{
    struct pollfd fds[2] = {{-1, POLLOUT, 0}, {-1, POLLIN, 0}};
    if (talk->to >= 0)
        fill(talk);
    if (talk->to >= 0 && talk->out_at < talk->out_size)
        fds[0].fd = talk->to;
    if (talk->from >= 0 && !talk->stop_reading)
        fds[1].fd = talk->from;
    if (poll(fds, 2, timeout_ms) <= 0)
        return;
    if (fds[0].revents)
        put(talk);
    if (fds[1].revents)
        get(talk);
}

void talk_close_input(struct talk *talk)
{
    int64_t since_ns = now_ns();
    while (talk->to >= 0 && talk->out_at < talk->out_size && elapsed_ms(since_ns) < patience_ms()) {
        struct pollfd fds[2] = {{talk->to, POLLOUT, 0}, {talk->from, POLLIN, 0}};
        if (poll(fds, 2, 100) > 0) {
            if (fds[0].revents)
                put(talk);
            if (fds[1].revents && talk->from >= 0)
                get(talk);
        }
    }
    if (talk->to >= 0)
        close(talk->to);
    talk->to = -1;
}

int talk_finish(struct talk *talk, int timeout_ms)
{
    int64_t since_ns = now_ns();
    talk->stop_reading = false;
    while (talk->from >= 0 && elapsed_ms(since_ns) < timeout_ms)
        talk_turn(talk, 100);
    int64_t left_ms = timeout_ms - elapsed_ms(since_ns);
    return run_wait(&talk->run, left_ms > 0 ? (int)left_ms : 0);
}

bool talk_is_conserved(const struct talk *talk)
{
    size_t seen = 0, missing = 0;
    for (size_t id = 1; id <= talk->given; id++) {
        bool there = id / 8 < talk->seen_size && talk->seen[id / 8] & 1u << id % 8;
        seen += there;
        if (!there && missing++ < 5)
            note("no line for id %zu", id);
    }
    if (seen != talk->given || talk->got != talk->given)
        return note("%zu jobs in, %zu lines out, %zu different ids", talk->given, talk->got, seen);
    return talk->sound;
}

void talk_free(struct talk *talk)
{
    if (talk->to >= 0)
        close(talk->to);
    if (talk->from >= 0)
        close(talk->from);
    free(talk->in);
    free(talk->out);
    free(talk->seen);
}
