/* SPDX-License-Identifier: MIT
 *
 * Bytes that grow: what is put is appended, as it is or encoded for JSON, for base64 or for a shell. A failure to grow stays in
 * `failed` and what is put afterwards is lost, so that a whole text is made first and asked once. All zero is an empty one.
 */
#ifndef CLI_BYTES_H
#define CLI_BYTES_H

#include <hayfork/jobline.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

struct bytes {
    char *at;
    size_t size, capacity;
    bool failed;        /* out of memory */
};

static inline struct hay_span bytes_span(const struct bytes *bytes)
{
    return (struct hay_span){ bytes->at, bytes->size };
}

static inline bool bytes_span_is(struct hay_span span, const char *text)
{
    return span.size == strlen(text) && !memcmp(span.at, text, span.size);
}

/* Empty it for the next text. The memory is kept unless it is large. */
void bytes_clear(struct bytes *bytes);
void bytes_release(struct bytes *bytes);
/* Room for `size` more bytes at `at + size`; false: out of memory. */
bool bytes_reserve(struct bytes *bytes, size_t size);

void bytes_put(struct bytes *bytes, const char *at, size_t size);
void bytes_put_text(struct bytes *bytes, const char *text);
/* read() that waits, also where `fd` is set not to: bytes, 0 at the end, or -errno. */
ssize_t bytes_wait_read(int fd, char *at, size_t size);
/* The same of write(), until all is written. 0 or -errno. */
int bytes_wait_write(int fd, const char *at, size_t size);
/* All that `fd` has to give, until it ends. 0, -errno, or -EFBIG when these are more than `most` bytes then. */
int bytes_read(struct bytes *bytes, int fd, size_t most);
/* Where the last whole line among the first `size` bytes of a file ends, or -errno. */
off_t bytes_last_line(int fd, off_t size);
/* JSON that is spread over lines becomes one line, without white space at its end: line breaks between tokens become spaces.
 * Those inside a string stay, to be refused. */
void bytes_join_lines(struct bytes *bytes);
/* The inside of a JSON string; the bytes have to be UTF-8. */
void bytes_put_json(struct bytes *bytes, const char *at, size_t size);
void bytes_put_base64(struct bytes *bytes, const char *at, size_t size);
/* One word for a POSIX shell: bare where nothing in it is special, else in single quotes. */
void bytes_put_quoted(struct bytes *bytes, const char *at, size_t size);

/* The bytes that this base64 text stands for: their count, written to `out`, which may be the text itself; -1: no base64. */
ssize_t bytes_from_base64(char *out, const char *text, size_t size);
/* Is a line without its end nothing but white space? */
bool bytes_is_blank(const char *at, size_t size);
/* Where the JSON string ends whose inside begins at `at`: at its closing quote, or at `end`. */
const char *bytes_string_end(const char *at, const char *end);
/* The size of the UTF-8 character at `at`, of which `left` bytes are there; 0: none is. */
size_t bytes_character(const unsigned char *at, size_t left);
/* How many bytes from the start are UTF-8: `size` when all are. */
size_t bytes_utf8(const char *at, size_t size);
static inline bool bytes_are_utf8(struct hay_span bytes)
{
    return bytes_utf8(bytes.at, bytes.size) == bytes.size;
}

#endif
