/* SPDX-License-Identifier: MIT
 *
 * Messages for people. Each is made whole in one bounded buffer and written in pieces that a pipe takes whole. Nothing here
 * fails: a message that cannot be written has nobody to be told to.
 */
#include "cli/say.h"
#include "cli/cli.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define SAY_SIZE 8192 /* an error's message has 4 KiB */
#define SAY_PATIENCE_MS 1000

static const char *say_name;

static struct {
    void (*hide)(void *context, bool in_line);
    void *context;
} say_drawn;

void say_curtain(void (*hide)(void *context, bool in_line), void *context)
{
    say_drawn.hide = hide;
    say_drawn.context = context;
}

void say_make_way(bool in_line)
{
    if (say_drawn.hide)
        say_drawn.hide(say_drawn.context, in_line);
}

void say_verb(const char *verb)
{
    say_name = verb;
}

/* How many bytes at `text` are one control character: C0 and DEL, or C1 as UTF-8. */
static size_t say_control(const unsigned char *text, size_t size)
{
    if (text[0] < 0x20 || text[0] == 0x7f)
        return 1;
    return text[0] == 0xc2 && size > 1 && text[1] >= 0x80 && text[1] < 0xa0 ? 2 : 0;
}

char *say_escape(char *out, size_t capacity, const char *text, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t length = 0;
    for (size_t i = 0; i < size;) {
        char piece[9];
        size_t control = say_control(bytes + i, size - i), piece_size = control ? control : 1;
        if (control == 1 && (bytes[i] == '\n' || bytes[i] == '\t' || bytes[i] == '\r'))
            piece_size = (size_t)snprintf(piece, sizeof piece, "\\%c", bytes[i] == '\n' ? 'n' : bytes[i] == '\t' ? 't' : 'r');
        else if (control == 2)
            piece_size = (size_t)snprintf(piece, sizeof piece, "\\x%02x\\x%02x", bytes[i], bytes[i + 1]);
        else if (control == 1)
            piece_size = (size_t)snprintf(piece, sizeof piece, "\\x%02x", bytes[i]);
        else
            piece[0] = text[i];
        if (length + piece_size + sizeof "…" > capacity) {
            while (length && ((unsigned char)out[length - 1] & 0xc0) == 0x80)
                length--;
            if (length && (unsigned char)out[length - 1] >= 0xc0)
                length--;
            memcpy(out + length, "…", sizeof "…" - 1);
            length += sizeof "…" - 1;
            break;
        }
        memcpy(out + length, piece, piece_size);
        length += piece_size;
        i += control ? control : 1;
    }
    out[length] = '\0';
    return out;
}

void say_text(const char *text, size_t size)
{
    say_make_way(false);
    while (size) {
        struct pollfd wait = { .fd = STDERR_FILENO, .events = POLLOUT };
        int ready = poll(&wait, 1, SAY_PATIENCE_MS);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return;
        ssize_t n = write(STDERR_FILENO, text, size < PIPE_BUF ? size : PIPE_BUF);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return;
        text += n;
        size -= (size_t)n;
    }
}

__attribute__((format(printf, 1, 0)))
static void say_list(const char *format, va_list list)
{
    char text[SAY_SIZE], line[SAY_SIZE]; /* no longer: what vsnprintf() cuts is cut by say_escape(), at a character */
    int head = snprintf(line, sizeof line, "hayfork%s%s: ", say_name ? " " : "", say_name ? say_name : "");
    int size = vsnprintf(text, sizeof text, format, list);
    if (head < 0 || size < 0)
        return;
    if ((size_t)size >= sizeof text)
        size = sizeof text - 1;
    say_escape(line + head, sizeof line - (size_t)head - 1, text, (size_t)size);
    size_t length = strlen(line);
    line[length] = '\n';
    say_text(line, length + 1);
}

void say(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(format, list);
    va_end(list);
}

int say_usage(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say_list(format, list);
    va_end(list);
    char line[128];
    int size = snprintf(line, sizeof line, "Try 'hayfork help%s%s'.\n", say_name ? " " : "", say_name ? say_name : "");
    if (size > 0 && (size_t)size < sizeof line)
        say_text(line, (size_t)size);
    return CLI_USAGE;
}

int say_no_memory(void)
{
    say("out of memory");
    return CLI_STOPPED;
}

void say_unwritable(const char *path, int failure)
{
    say("cannot write '%s': %s", path, failure == -ENXIO ? "nobody reads this pipe" : strerror(-failure));
}

void say_written_no_further(const char *path, int failure)
{
    say("cannot write '%s': %s; it is written no further", path, strerror(-failure));
}

int say_stream_done(FILE *stream, int code)
{
    if (!ferror(stream) && !fflush(stream))
        return code;
    say("cannot write to standard output: %s", strerror(errno));
    return CLI_OUTPUT;
}
