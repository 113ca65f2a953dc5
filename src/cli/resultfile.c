/* SPDX-License-Identifier: MIT
 *
 * Bytes come by pread() in chunks of 1 MiB, so the descriptor's position is left alone and a file that is being written can be
 * read; each line is looked at where it was read. The buffer grows for a line that does not fit.
 */
#include "cli/resultfile.h"
#include "cli/bytes.h"
#include "cli/cli.h"
#include "cli/say.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RESULTFILE_CHUNK ((size_t)1 << 20)
/* The largest result, its id, and escapes of a message: no line of ours is longer. */
#define RESULTFILE_LINE_MAX ((size_t)2 << 30)

int resultfile_open(struct resultfile *file, int fd)
{
    *file = (struct resultfile){ .fd = fd };
    return pages_resize(&file->buffer, RESULTFILE_CHUNK) ? 0 : -ENOMEM;
}

void resultfile_close(struct resultfile *file)
{
    pages_release(&file->buffer);
}

/* More bytes behind `end`: their count, 0 at the end of the file, or -errno. */
static ssize_t resultfile_fill(struct resultfile *file)
{
    size_t kept = file->end - file->start;
    if (file->start) {
        memmove(file->buffer.at, file->buffer.at + file->start, kept);
        file->start = 0;
        file->end = kept;
    }
    if (kept == file->buffer.size) {
        if (kept >= RESULTFILE_LINE_MAX)
            return -EFBIG;
        if (!pages_resize(&file->buffer, kept * 2))
            return -ENOMEM;
    }
    ssize_t n;
    do
        n = pread(file->fd, file->buffer.at + kept, file->buffer.size - kept, (off_t)(file->next + kept));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    file->end += (size_t)n;
    return n;
}

/* Do the bytes at `*at` go on with this word, as far as there are any? */
static bool resultfile_goes_on(const char **at, const char *end, const char *word)
{
    size_t size = strlen(word), left = (size_t)(end - *at);
    bool same = !memcmp(*at, word, left < size ? left : size);
    *at += left < size ? left : size;
    return same;
}

/* Is it the beginning of a line that hay_result_write() makes? Where a power cut left bytes unwritten all from there on are
 * zero. */
bool resultfile_is_torn(const char *bytes, size_t size)
{
    size_t kept = strnlen(bytes, size);
    const char *at = bytes, *end = bytes + kept;
    if (kept < size && memcmp(end, end + 1, size - kept - 1))
        return false;
    if (resultfile_goes_on(&at, end, "{\"status\":\"rejected\",\"line\":"))
        return true;
    at = bytes;
    if (!resultfile_goes_on(&at, end, "{\"id\":"))
        return false;
    if (at < end && *at == '"') {
        at = bytes_string_end(at + 1, end);
        at += at < end;
    } else {
        while (at < end && strchr("-0123456789", *at))
            at++;
    }
    return resultfile_goes_on(&at, end, ",\"status\":\"");
}

static enum resultfile_event resultfile_fail(struct resultfile *file, int failure)
{
    file->failure = failure;
    return RESULTFILE_FAILED;
}

static enum resultfile_event resultfile_foreign(struct resultfile *file, const char *why)
{
    snprintf(file->why.reason, sizeof file->why.reason, "%s", why);
    return RESULTFILE_FOREIGN;
}

/* What is left has no newline, or there is nothing left. */
static enum resultfile_event resultfile_last(struct resultfile *file)
{
    file->at = file->next;
    file->bytes = file->buffer.at + file->start;
    file->size = file->end - file->start;
    if (!file->size)
        return RESULTFILE_END;
    file->number++;
    if (resultfile_is_torn(file->bytes, file->size))
        return RESULTFILE_TORN;
    return resultfile_foreign(file, "not a result line");
}

enum resultfile_event resultfile_next(struct resultfile *file, struct hay_resultline *result)
{
    size_t searched = file->start;
    char *newline;
    while (!(newline = file->end > searched ? memchr(file->buffer.at + searched, '\n', file->end - searched) : NULL)) {
        searched = file->end - file->start; /* the rest moves to the front */
        if (searched >= RESULTFILE_CHUNK && !resultfile_is_torn(file->buffer.at + file->start, searched))
            return resultfile_last(file);
        ssize_t n = resultfile_fill(file);
        if (n < 0)
            return resultfile_fail(file, (int)n);
        if (!n)
            return resultfile_last(file);
    }
    file->at = file->next;
    file->bytes = file->buffer.at + file->start;
    file->size = (size_t)(newline - file->bytes);
    file->number++;
    file->start += file->size + 1;
    file->next += file->size + 1;
    if (hay_resultline_scan(file->bytes, file->size, result, &file->why) != HAY_OK)
        return RESULTFILE_FOREIGN;
    if (!result->has_seq)
        return resultfile_foreign(file, "it has no \"seq\"");
    bool is_place = result->seq && result->seq <= RESULTFILE_SEQ_MAX;
    return is_place ? RESULTFILE_LINE : resultfile_foreign(file, "its \"seq\" is no place in an input");
}

int resultfile_refuse(const char *path, uint64_t number, const char *why)
{
    say("'%s' is not the results of a run with -o: line %" PRIu64 ": %s", path, number, why);
    return CLI_INPUT;
}

int resultfile_unread(const char *path, int failure)
{
    say("cannot read '%s': %s", path, strerror(-failure));
    return failure == -ENOMEM ? CLI_STOPPED : CLI_INPUT;
}
