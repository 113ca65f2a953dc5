/* SPDX-License-Identifier: MIT
 *
 * The growing buffer and its encodings. Encoding counts first and then writes, so that it grows once for each call.
 */
#include "cli/bytes.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES_LEAST 256
#define BYTES_USUAL ((size_t)64 << 10)
#define BYTES_READ ((size_t)32 << 10)
#define BYTES_TAIL 4096

static const char bytes_base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void bytes_clear(struct bytes *bytes)
{
    if (bytes->capacity > BYTES_USUAL)
        bytes_release(bytes);
    bytes->size = 0;
    bytes->failed = false;
}

void bytes_release(struct bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct bytes){ .at = NULL };
}

bool bytes_reserve(struct bytes *bytes, size_t size)
{
    if (size <= bytes->capacity - bytes->size)
        return !bytes->failed;
    size_t wanted = bytes->size + size, capacity = bytes->capacity ? bytes->capacity * 2 : BYTES_LEAST;
    if (capacity < wanted)
        capacity = wanted;
    char *larger = wanted >= size ? realloc(bytes->at, capacity) : NULL;
    if (!larger)
        return bytes->failed = true, false;
    bytes->at = larger;
    bytes->capacity = capacity;
    return !bytes->failed;
}

void bytes_put(struct bytes *bytes, const char *at, size_t size)
{
    if (!size || !bytes_reserve(bytes, size))
        return;
    memcpy(bytes->at + bytes->size, at, size);
    bytes->size += size;
}

void bytes_put_text(struct bytes *bytes, const char *text)
{
    bytes_put(bytes, text, strlen(text));
}

/* A call has failed. Is it to be made again? Where it would have waited, that is done here. */
static bool bytes_wait(int fd, short events)
{
    struct pollfd wait = { .fd = fd, .events = events };
    return errno == EINTR || (errno == EAGAIN && (poll(&wait, 1, -1) >= 0 || errno == EINTR));
}

ssize_t bytes_wait_read(int fd, char *at, size_t size)
{
    ssize_t n;
    do
        n = read(fd, at, size);
    while (n < 0 && bytes_wait(fd, POLLIN));
    return n < 0 ? -errno : n;
}

int bytes_wait_write(int fd, const char *at, size_t size)
{
    while (size) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && !bytes_wait(fd, POLLOUT))
            return -errno;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

int bytes_read(struct bytes *bytes, int fd, size_t most)
{
    ssize_t n;
    do {
        if (!bytes_reserve(bytes, BYTES_READ))
            return -ENOMEM;
        n = bytes_wait_read(fd, bytes->at + bytes->size, BYTES_READ);
        if (n < 0)
            return (int)n;
        bytes->size += (size_t)n;
        if (bytes->size > most)
            return -EFBIG;
    } while (n);
    return 0;
}

off_t bytes_last_line(int fd, off_t size)
{
    char tail[BYTES_TAIL];
    while (size > 0) {
        off_t from = size > BYTES_TAIL ? size - BYTES_TAIL : 0;
        ssize_t n = pread(fd, tail, (size_t)(size - from), from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        const char *newline = memrchr(tail, '\n', (size_t)n);
        if (newline)
            return from + (newline + 1 - tail);
        size = from;
    }
    return 0;
}

void bytes_join_lines(struct bytes *bytes)
{
    char *text = bytes->at;
    bool in_string = false;
    while (bytes->size && memchr(" \t\r\n", text[bytes->size - 1], 4))
        bytes->size--;
    for (size_t i = 0; i < bytes->size; i++) {
        if (text[i] == '"')
            in_string = !in_string;
        else if (text[i] == '\\' && in_string)
            i++;
        else if ((text[i] == '\n' || text[i] == '\r') && !in_string)
            text[i] = ' ';
    }
}

/* How many bytes from the start stand for themselves in a JSON string. */
static size_t bytes_plain(const char *at, size_t size)
{
    size_t i = 0;
    while (i < size && (unsigned char)at[i] >= 0x20 && at[i] != '"' && at[i] != '\\')
        i++;
    return i;
}

void bytes_put_json(struct bytes *bytes, const char *at, size_t size)
{
    static const char hex[] = "0123456789abcdef", letters[] = "btn?fr"; /* of bytes 8 to 13 */
    for (size_t i = 0; i < size; i++) {
        size_t plain = bytes_plain(at + i, size - i);
        bytes_put(bytes, at + i, plain);
        i += plain;
        if (i == size)
            return;
        unsigned char byte = (unsigned char)at[i];
        char escape[6] = { '\\', (char)byte, '0', '0', hex[byte >> 4 & 15], hex[byte & 15] };
        bool is_short = byte >= 0x20 || (byte >= 8 && byte <= 13 && byte != 11);
        if (byte < 0x20)
            escape[1] = is_short ? letters[byte - 8] : 'u';
        bytes_put(bytes, escape, is_short ? 2 : 6);
    }
}

void bytes_put_base64(struct bytes *bytes, const char *at, size_t size)
{
    if (size > SIZE_MAX / 2 || !bytes_reserve(bytes, (size + 2) / 3 * 4)) {
        bytes->failed = true;
        return;
    }
    char *out = bytes->at + bytes->size;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t group = (uint32_t)(unsigned char)at[i] << 16;
        group |= left > 1 ? (uint32_t)(unsigned char)at[i + 1] << 8 : 0;
        group |= left > 2 ? (uint32_t)(unsigned char)at[i + 2] : 0;
        *out++ = bytes_base64[group >> 18];
        *out++ = bytes_base64[group >> 12 & 63];
        *out++ = left > 1 ? bytes_base64[group >> 6 & 63] : '=';
        *out++ = left > 2 ? bytes_base64[group & 63] : '=';
    }
    bytes->size = (size_t)(out - bytes->at);
}

void bytes_put_quoted(struct bytes *bytes, const char *at, size_t size)
{
    bool bare = size > 0;
    for (size_t i = 0; i < size && bare; i++)
        bare = (at[i] >= 'a' && at[i] <= 'z') || (at[i] >= 'A' && at[i] <= 'Z') || (at[i] >= '0' && at[i] <= '9') ||
               (at[i] && strchr("_-+=:,./@%", at[i]));
    if (bare) {
        bytes_put(bytes, at, size);
        return;
    }
    bytes_put(bytes, "'", 1);
    while (size) {
        const char *quote = memchr(at, '\'', size);
        size_t part = quote ? (size_t)(quote - at) : size;
        bytes_put(bytes, at, part);
        if (quote)
            bytes_put(bytes, "'\\''", 4);
        at += part + (quote ? 1 : 0);
        size -= part + (quote ? 1 : 0);
    }
    bytes_put(bytes, "'", 1);
}

/* The values of the digits, 64 for what is none. */
static const unsigned char *bytes_digits(void)
{
    static unsigned char digits[256];
    if (!digits['B']) {
        memset(digits, 64, sizeof digits);
        for (unsigned i = 0; i < 64; i++)
            digits[(unsigned char)bytes_base64[i]] = (unsigned char)i;
    }
    return digits;
}

/* Four digits to three bytes, all read before any is written. A number over 63: one is none. */
static inline unsigned bytes_from_group(char *out, const unsigned char *at, const unsigned char *digits)
{
    unsigned a = digits[at[0]], b = digits[at[1]], c = digits[at[2]], d = digits[at[3]];
    out[0] = (char)(a << 2 | b >> 4);
    out[1] = (char)(b << 4 | c >> 2);
    out[2] = (char)(c << 6 | d);
    return a | b | c | d;
}

ssize_t bytes_from_base64(char *out, const char *text, size_t size)
{
    const unsigned char *digits = bytes_digits(), *at = (const unsigned char *)text;
    const char *begin = out;
    size_t padding = size && text[size - 1] == '=' ? size > 1 && text[size - 2] == '=' ? 2 : 1 : 0;
    unsigned bad = 0;
    if (size % 4)
        return -1;
    for (const unsigned char *end = at + size - (padding ? 4 : 0); at < end; at += 4, out += 3)
        bad |= bytes_from_group(out, at, digits);
    if (padding) {
        unsigned char last[4] = { at[0], at[1], 'A', 'A' };
        if (padding == 1)
            last[2] = at[2];
        bad |= bytes_from_group(out, last, digits);
        out += 3 - padding;
    }
    return bad & 64 ? -1 : out - begin;
}

bool bytes_is_blank(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != ' ' && at[i] != '\t' && at[i] != '\r')
            return false;
    return true;
}

const char *bytes_string_end(const char *at, const char *end)
{
    while (at < end && *at != '"')
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    return at;
}

size_t bytes_character(const unsigned char *at, size_t left)
{
    unsigned char lead = at[0];
    size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (!size || size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f) || (lead == 0xf0 && at[1] < 0x90) ||
        (lead == 0xf4 && at[1] > 0x8f))
        return 0;
    return size;
}

size_t bytes_utf8(const char *at, size_t size)
{
    size_t i = 0, step = 1;
    while (i < size && step) {
        step = bytes_character((const unsigned char *)at + i, size - i);
        i += step;
    }
    return i;
}
