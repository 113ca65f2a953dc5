/* SPDX-License-Identifier: MIT
 *
 * The text plugin: count the lines, words and bytes of a file, and find the lines that match a pattern.
 *
 * Counts are those of GNU wc in the C locale, where a byte is a character: white space ends a word, a printable ASCII
 * byte begins or continues one, and any other byte does neither. (wc from coreutils 9.5 on lets other bytes begin words.)
 * Only regular files are read, so no job blocks on a FIFO or a terminal. Memory is bounded: 64 KiB for counting, a line
 * under 16 MiB for searching; a longer one is an error.
 */
#include <hayfork/plugin_json.h>

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#define TEXT_BLOCK 65536
#define TEXT_LINE_MAX (16 << 20)  /* a power of two times TEXT_BLOCK */
#define TEXT_PATTERN_MAX 4096   /* regcomp() recurses by the pattern's nesting */
#define TEXT_SHOWN_BYTES 1000
#define TEXT_SHOWN_LINES 10
#define TEXT_SHOWN_LINES_MAX 1000

struct text_counts {
    uint64_t lines;
    uint64_t words;
    uint64_t bytes;
    uint64_t in_word; /* 1 after a byte that a following printable byte would continue */
};

static void text_count_bytes(struct text_counts *counts, const unsigned char *bytes, size_t size)
{
    uint64_t lines = 0, words = 0, in_word = counts->in_word;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = bytes[i];
        if (c > ' ' && c < 0x7f) {
            words += !in_word;
            in_word = 1;
        } else if (c == ' ' || (c >= '\t' && c <= '\r')) {
            lines += c == '\n';
            in_word = 0;
        }
    }
    counts->lines += lines;
    counts->words += words;
    counts->in_word = in_word;
}

#if defined(__SSE2__)
/* 64 bytes at a time as bit masks; `size` is a multiple of that. `inside` are the bits after which a word goes on: the printable
 * bytes, and each run of other bytes that follows one; the addition carries through such a run. A word begins at a printable
 * byte that has no such bit before it. */
static inline __attribute__((always_inline))
void text_count_masks(struct text_counts *counts, const unsigned char *bytes, size_t size)
{
    const __m128i space = _mm_set1_epi8(' '), del = _mm_set1_epi8(0x7f), newline = _mm_set1_epi8('\n');
    const __m128i before_tab = _mm_set1_epi8('\t' - 1), after_return = _mm_set1_epi8('\r' + 1);
    uint64_t lines = 0, words = 0, in_word = counts->in_word;
    for (size_t i = 0; i < size; i += 64) {
        uint64_t print = 0, blank = 0, ends = 0;
        for (int part = 0; part < 4; part++) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(bytes + i + 16 * part));
            __m128i p = _mm_and_si128(_mm_cmpgt_epi8(v, space), _mm_cmplt_epi8(v, del));
            __m128i control = _mm_and_si128(_mm_cmpgt_epi8(v, before_tab), _mm_cmplt_epi8(v, after_return));
            __m128i b = _mm_or_si128(_mm_cmpeq_epi8(v, space), control);
            print |= (uint64_t)(unsigned)_mm_movemask_epi8(p) << 16 * part;
            blank |= (uint64_t)(unsigned)_mm_movemask_epi8(b) << 16 * part;
            ends |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, newline)) << 16 * part;
        }
        uint64_t other = ~(print | blank);
        uint64_t entered = (print << 1 | in_word) & other;
        uint64_t inside = print | (other & ~(other + entered));
        words += (unsigned)__builtin_popcountll(print & ~(inside << 1 | in_word));
        lines += (unsigned)__builtin_popcountll(ends);
        in_word = inside >> 63;
    }
    counts->lines += lines;
    counts->words += words;
    counts->in_word = in_word;
}

static void text_count_plain(struct text_counts *counts, const unsigned char *bytes, size_t size)
{
    text_count_masks(counts, bytes, size);
}

__attribute__((target("popcnt")))
static void text_count_popcnt(struct text_counts *counts, const unsigned char *bytes, size_t size)
{
    text_count_masks(counts, bytes, size);
}
#endif

static void text_count_block(struct text_counts *counts, const char *block, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)block;
    counts->bytes += size;
#if defined(__SSE2__)
    size_t whole = size & ~(size_t)63;
    if (__builtin_cpu_supports("popcnt"))
        text_count_popcnt(counts, bytes, whole);
    else
        text_count_plain(counts, bytes, whole);
    bytes += whole;
    size -= whole;
#endif
    text_count_bytes(counts, bytes, size);
}

/* Open a regular file; the descriptor, or -1 after fail(). `size` is what the file system says: 0 in /proc, whatever is in it. */
static int text_open(hay_task *task, const char *path, uint64_t *size)
{
    struct stat info;
    int fd;
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && errno == EINTR && !task->host->cancelled(task));
    int error = fd < 0 || fstat(fd, &info) ? errno : S_ISDIR(info.st_mode) ? EISDIR : 0;
    if (!error && S_ISREG(info.st_mode)) {
        *size = info.st_size > 0 ? (uint64_t)info.st_size : 0;
        return fd;
    }
    hay_fail(task, "cannot read %.800s: %s", path, error ? strerror(error) : "not a regular file");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* As read(), but not ended by a signal unless the job is cancelled: then -ECANCELED, else -errno. */
static ssize_t text_read(hay_task *task, int fd, char *bytes, size_t size)
{
    for (;;) {
        if (task->host->cancelled(task))
            return -ECANCELED;
        ssize_t got = read(fd, bytes, size);
        if (got >= 0)
            return got;
        if (errno != EINTR)
            return -errno;
    }
}

static json_t *text_read_failed(hay_task *task, const char *path, ssize_t status)
{
    if (status == -ECANCELED)
        return hay_fail(task, "cancelled");
    return hay_fail(task, "cannot read %.800s: %s", path, strerror((int)-status));
}

static json_t *count(hay_task *task, json_t *args)
{
    char block[TEXT_BLOCK];
    struct text_counts counts = { 0 };
    uint64_t size;
    ssize_t got;
    const char *path = hay_arg_string(task, args, "path");
    int fd = path ? text_open(task, path, &size) : -1;
    if (fd < 0)
        return NULL;
    /* Having read what the file system promised saves the last read, the one that says end of file. */
    do {
        got = text_read(task, fd, block, sizeof block);
        if (got > 0)
            text_count_block(&counts, block, (size_t)got);
    } while (got > 0 && counts.bytes != size);
    close(fd);
    if (got < 0)
        return text_read_failed(task, path, got);
    return json_pack("{s:I,s:I,s:I}", "lines", (json_int_t)counts.lines, "words", (json_int_t)counts.words, "bytes",
                     (json_int_t)counts.bytes);
}

struct text_grep {
    regex_t regex;
    bool literal;           /* no special character: found by memmem(), `regex` is not set */
    const char *pattern;
    size_t pattern_size;
    size_t max;             /* lines to show */
    json_t *matches;
    json_int_t count;
    uint64_t line;          /* lines before the position; kept only while lines are shown */
    bool failed;            /* out of memory */
};

/* A line as a JSON string of at most TEXT_SHOWN_BYTES, cut between characters. */
static json_t *text_shown(const char *line, size_t size)
{
    char shown[TEXT_SHOWN_BYTES];
    return json_stringn_nocheck(shown, hay_text_clean(shown, sizeof shown, line, size));
}

static void grep_match(struct text_grep *grep, const char *line, size_t size)
{
    grep->count++;
    if (json_array_size(grep->matches) >= grep->max)
        return;
    json_t *match = json_pack("{s:I,s:o}", "line", (json_int_t)grep->line + 1, "text", text_shown(line, size));
    if (json_array_append_new(grep->matches, match))
        grep->failed = true;
}

/* Search whole lines, each but perhaps the last with its newline. */
static void grep_lines(struct text_grep *grep, const char *at, size_t size)
{
    const char *end = at + size;
    while (at < end) {
        const char *line = at;
        if (grep->literal) {
            const char *hit = memmem(at, (size_t)(end - at), grep->pattern, grep->pattern_size);
            const char *before = hit ? memrchr(at, '\n', (size_t)(hit - at)) : NULL;
            line = !hit ? end : before ? before + 1 : at;
        }
        if (line > at && json_array_size(grep->matches) < grep->max) {
            struct text_counts counts = { 0 };
            text_count_block(&counts, at, (size_t)(line - at));
            grep->line += counts.lines;
        }
        if (line == end)
            return;
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((newline ? newline : end) - line);
        regmatch_t range = { .rm_so = 0, .rm_eo = (regoff_t)length };
        if (grep->literal || !regexec(&grep->regex, line, 1, &range, REG_STARTEND))
            grep_match(grep, line, length);
        grep->line++;
        at = line + length + 1;
    }
}

/* Feed the file to grep_lines(), whole lines at a time. 0 or -errno; -EMSGSIZE: a line is too long. The buffer grows to
 * TEXT_LINE_MAX where a line needs it. */
static ssize_t grep_file(hay_task *task, struct text_grep *grep, int fd)
{
    size_t capacity = TEXT_BLOCK, have = 0;
    char *block = malloc(capacity + 1); /* and a NUL: regexec() has the length, but what checks memory around it looks for one */
    ssize_t got = -ENOMEM;
    if (block)
        block[capacity] = '\0';
    while (block && !grep->failed && (got = text_read(task, fd, block + have, capacity - have)) > 0) {
        char *end = block + have + got, *last = memrchr(block + have, '\n', (size_t)got), *rest = last ? last + 1 : block;
        grep_lines(grep, block, (size_t)(rest - block));
        have = (size_t)(end - rest);
        memmove(block, rest, have);
        if (have == TEXT_LINE_MAX) {
            got = -EMSGSIZE;
            break;
        }
        if (have == capacity) {
            char *larger = realloc(block, capacity * 2 + 1);
            grep->failed = !larger;
            block = larger ? larger : block;
            capacity = larger ? capacity * 2 : capacity;
            block[capacity] = '\0';
        }
    }
    if (got == 0)
        grep_lines(grep, block, have);
    free(block);
    return grep->failed ? -ENOMEM : got;
}

/* Read the args and make ready; 0, or -1 after fail(). */
static int grep_open(hay_task *task, json_t *args, struct text_grep *grep)
{
    json_t *max = json_object_get(args, "max"), *icase = json_object_get(args, "icase");
    json_int_t limit = max ? json_integer_value(max) : TEXT_SHOWN_LINES;
    char reason[256];
    grep->pattern = hay_arg_string(task, args, "pattern");
    if (!grep->pattern)
        return -1;
    grep->pattern_size = strlen(grep->pattern);
    if (grep->pattern_size > TEXT_PATTERN_MAX)
        return hay_fail(task, "\"pattern\" is longer than %d bytes", TEXT_PATTERN_MAX), -1;
    if ((max && !json_is_integer(max)) || limit < 0 || limit > TEXT_SHOWN_LINES_MAX)
        return hay_fail(task, "\"max\" has to be an integer from 0 to %d", TEXT_SHOWN_LINES_MAX), -1;
    if (icase && !json_is_boolean(icase))
        return hay_fail(task, "\"icase\" has to be true or false"), -1;
    grep->max = (size_t)limit;
    grep->literal = !json_is_true(icase) && !strpbrk(grep->pattern, "\\^$.[]|()*+?{}\n");
    if (!grep->literal) {
        int status = regcomp(&grep->regex, grep->pattern, REG_EXTENDED | REG_NOSUB | (json_is_true(icase) ? REG_ICASE : 0));
        if (status) {
            regerror(status, &grep->regex, reason, sizeof reason);
            return hay_fail(task, "bad \"pattern\": %s", reason), -1;
        }
    }
    grep->matches = json_array();
    if (grep->matches)
        return 0;
    if (!grep->literal)
        regfree(&grep->regex);
    return hay_fail(task, "out of memory"), -1;
}

static json_t *grep(hay_task *task, json_t *args)
{
    struct text_grep grep = { .count = 0 };
    uint64_t size;
    json_t *result = NULL;
    const char *path = hay_arg_string(task, args, "path");
    if (!path || grep_open(task, args, &grep))
        return NULL;
    int fd = text_open(task, path, &size);
    if (fd >= 0) {
        ssize_t status = grep_file(task, &grep, fd);
        close(fd);
        if (status == -EMSGSIZE)
            hay_fail(task, "%.800s has a line of %d MiB or more", path, TEXT_LINE_MAX >> 20);
        else if (status < 0)
            text_read_failed(task, path, status);
        else
            result = json_pack("{s:I,s:O}", "count", grep.count, "matches", grep.matches);
    }
    json_decref(grep.matches);
    if (!grep.literal)
        regfree(&grep.regex);
    return result;
}

HAY_PLUGIN(text, "1.0", "Count and search text files",
    HAY_JSON(count, "Lines, words and bytes of a file, as wc counts in the C locale: {\"path\"}"),
    HAY_JSON(grep, "Lines that match a POSIX extended regular expression: {\"path\",\"pattern\",\"max\",\"icase\"}"))
