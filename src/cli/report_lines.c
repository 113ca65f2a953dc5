/* SPDX-License-Identifier: MIT
 *
 * Reading backwards in blocks with pread: no mapping, because a file that is cut while it is mapped kills its reader. A line
 * that began in an earlier block moves up to make room for it; blocks grow with the line, so that a huge one costs linear time.
 */
#include "cli/report_lines.h"
#include "cli/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES_BLOCK ((size_t)1 << 20)
#define LINES_MAX (((size_t)1 << 30) + LINES_BLOCK) /* the largest --max-result and its envelope */

static int lines_copy(int from, int to)
{
    char bytes[65536];
    for (;;) {
        ssize_t n = bytes_wait_read(from, bytes, sizeof bytes);
        if (n <= 0)
            return (int)n;
        int failure = bytes_wait_write(to, bytes, (size_t)n);
        if (failure)
            return failure;
    }
}

static int lines_spool(struct lines *lines)
{
    const char *folder = getenv("TMPDIR");
    if (!folder || folder[0] != '/')
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        char name[4096];
        if (snprintf(name, sizeof name, "%s/hayfork-report-XXXXXX", folder) >= (int)sizeof name)
            return -ENAMETOOLONG;
        fd = mkostemp(name, O_CLOEXEC);
        if (fd < 0)
            return -errno;
        unlink(name);
    }
    int failure = lines_copy(lines->fd, fd);
    close(lines->fd);
    lines->fd = fd;
    return failure;
}

int lines_open(struct lines *lines, const char *path)
{
    struct stat status;
    *lines = (struct lines){ .fd = path ? open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC) : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) };
    if (lines->fd < 0 || fstat(lines->fd, &status))
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    if (!S_ISREG(status.st_mode)) {
        int failure = lines_spool(lines);
        if (failure)
            return failure;
        if (fstat(lines->fd, &status))
            return -errno;
    }
    lines->size = status.st_size;
    lines->capacity = 2 * LINES_BLOCK;
    lines->buffer = malloc(lines->capacity);
    lines_rewind(lines);
    return lines->buffer ? 0 : -ENOMEM;
}

void lines_rewind(struct lines *lines)
{
    lines->at = lines->size;
    lines->end = 0;
    lines->last = true;
    lines->ended = !lines->size;
}

static int lines_read(const struct lines *lines, char *bytes, size_t size, off_t offset)
{
    while (size) {
        ssize_t n = pread(lines->fd, bytes, size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -ESTALE;
        bytes += n;
        offset += n;
        size -= (size_t)n;
    }
    return 0;
}

/* One more block before the bytes that are there. */
static int lines_extend(struct lines *lines, size_t *added)
{
    size_t block = lines->end > LINES_BLOCK ? lines->end : LINES_BLOCK;
    if ((off_t)block > lines->at)
        block = (size_t)lines->at;
    if (lines->end > LINES_MAX)
        return -EFBIG;
    if (lines->end + block > lines->capacity) {
        char *buffer = realloc(lines->buffer, lines->end + block);
        if (!buffer)
            return -ENOMEM;
        lines->buffer = buffer;
        lines->capacity = lines->end + block;
    }
    memmove(lines->buffer + block, lines->buffer, lines->end);
    int failure = lines_read(lines, lines->buffer, block, lines->at - (off_t)block);
    lines->at -= (off_t)block;
    lines->end += block;
    *added = block;
    return failure;
}

static void lines_hand_out(struct lines *lines, size_t begin, struct lines_line *line)
{
    line->at = lines->buffer + begin;
    line->size = lines->end - begin;
    line->offset = lines->at + (off_t)begin;
    if (!line->offset && line->size >= 3 && !memcmp(line->at, "\xef\xbb\xbf", 3)) {
        line->at += 3;
        line->size -= 3;
    }
    if (line->size && line->at[line->size - 1] == '\r')
        line->size--;
    lines->end = begin ? begin - 1 : 0;
    lines->ended = !begin;
}

int lines_previous(struct lines *lines, struct lines_line *line)
{
    if (lines->ended)
        return 0;
    line->torn = false;
    size_t fresh = lines->end;
    if (lines->last) {
        int failure = lines_extend(lines, &fresh);
        if (failure)
            return failure;
        lines->last = false;
        line->torn = lines->buffer[lines->end - 1] != '\n';
        fresh = lines->end -= line->torn ? 0 : 1;
    }
    for (;;) {
        const char *newline = fresh ? memrchr(lines->buffer, '\n', fresh) : NULL;
        if (newline || !lines->at) {
            lines_hand_out(lines, newline ? (size_t)(newline - lines->buffer) + 1 : 0, line);
            return 1;
        }
        int failure = lines_extend(lines, &fresh);
        if (failure)
            return failure;
    }
}

ssize_t lines_head(const struct lines *lines, char *bytes, size_t size)
{
    if ((off_t)size > lines->size)
        size = (size_t)lines->size;
    int failure = lines_read(lines, bytes, size, 0);
    return failure ? failure : (ssize_t)size;
}

uint64_t lines_number(const struct lines *lines, off_t offset)
{
    uint64_t number = 1;
    char bytes[65536];
    for (off_t at = 0; at < offset;) {
        size_t size = offset - at < (off_t)sizeof bytes ? (size_t)(offset - at) : sizeof bytes;
        if (lines_read(lines, bytes, size, at))
            return 0;
        for (const char *newline = bytes; (newline = memchr(newline, '\n', size - (size_t)(newline - bytes))); newline++)
            number++;
        at += (off_t)size;
    }
    return number;
}

void lines_close(struct lines *lines)
{
    if (lines->fd >= 0)
        close(lines->fd);
    free(lines->buffer);
    lines->fd = -1;
    lines->buffer = NULL;
}
