/* SPDX-License-Identifier: MIT
 *
 * Tests of the text plugin: counts against wc in the C locale on generated and on real files, searches against grep and
 * on lines that are long, not UTF-8 or hold NUL bytes, and the refusals.
 */
#include "support/tap.h"
#include "unit/plugins/host.h"

#include <glob.h>
#include <stdarg.h>
#include <sys/stat.h>

static bool wc_knows_others; /* wc lets bytes that are not printable ASCII begin words: coreutils from 9.5 on */

static char *file_path(const char *name)
{
    static char path[4400];
    snprintf(path, sizeof path, "%s/%s", host_directory(), name);
    return path;
}

static void file_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "we");
    CU_ASSERT_FATAL(file != NULL);
    CU_ASSERT(fwrite(bytes, 1, size, file) == size);
    CU_ASSERT(fclose(file) == 0);
}

/* Up to `count` numbers that a shell command prints. */
__attribute__((format(printf, 3, 4)))
static int shell_numbers(long long *numbers, int count, const char *format, ...)
{
    char command[9000];
    va_list list;
    va_start(list, format);
    vsnprintf(command, sizeof command, format, list);
    va_end(list);
    FILE *output = popen(command, "re");
    int got = 0;
    while (output && got < count && fscanf(output, "%lld", &numbers[got]) == 1)
        got++;
    if (output)
        pclose(output);
    return got;
}

static long long member(const json_t *value, const char *key)
{
    return json_integer_value(json_object_get(value, key));
}

static bool file_is_plain(const char *path)
{
    FILE *file = fopen(path, "re");
    int c, plain = 1;
    while (file && plain && (c = getc(file)) != EOF)
        plain = (c >= ' ' && c < 0x7f) || (c >= '\t' && c <= '\r');
    if (file)
        fclose(file);
    return plain;
}

static bool same_as_wc(const char *path)
{
    long long wc[3] = { -1, -1, -1 };
    json_t *counts = host_call_value("count", json_pack("{s:s}", "path", path));
    bool same = counts && shell_numbers(wc, 3, "LC_ALL=C wc < '%s'", path) == 3 && member(counts, "lines") == wc[0] &&
                member(counts, "bytes") == wc[2] &&
                (member(counts, "words") == wc[1] || (wc_knows_others && !file_is_plain(path)));
    if (!same)
        fprintf(stderr, "# %s: wc %lld %lld %lld, not %lld %lld %lld %s\n", path, wc[0], wc[1], wc[2], member(counts, "lines"),
                member(counts, "words"), member(counts, "bytes"), host.error);
    json_decref(counts);
    return same;
}

static void counts_of_known_texts_are_right(void)
{
    static const struct { const char *text; size_t size; const char *counts; } known[] = {
        { "", 0, "{\"bytes\":0,\"lines\":0,\"words\":0}" },
        { "\n", 1, "{\"bytes\":1,\"lines\":1,\"words\":0}" },
        { "one", 3, "{\"bytes\":3,\"lines\":0,\"words\":1}" },
        { " one\ttwo\vthree\ffour\rfive \n", 26, "{\"bytes\":26,\"lines\":1,\"words\":5}" },
        { "a\001b \001 \377", 7, "{\"bytes\":7,\"lines\":0,\"words\":1}" },
        { "\0a\0\0b\0 c", 8, "{\"bytes\":8,\"lines\":0,\"words\":2}" },
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        char args[4600];
        snprintf(args, sizeof args, "{\"path\":\"%s\"}", file_path("known"));
        file_write(file_path("known"), known[i].text, known[i].size);
        CU_ASSERT(host_returns("count", args, known[i].counts));
    }
}

static void counts_of_generated_files_are_those_of_wc(void)
{
    static const char common[] = " \n\t\r\v\f\001\200ab\177\377~!";
    static unsigned char bytes[200000];
    static const size_t sizes[] = { 1, 2, 63, 64, 65, 127, 128, 1000, 65535, 65536, 65537, 131072, 199999 };
    srand(42);
    for (size_t i = 0; i < 3 * sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i / 3];
        for (size_t at = 0; at < size; at++)
            bytes[at] = (unsigned char)(i % 3 ? common[(rand() >> 4) % (i % 3 == 1 ? 14 : 2 + (int)(i % 10))] : rand() >> 4);
        file_write(file_path("random"), bytes, size);
        CU_ASSERT(same_as_wc(file_path("random")));
    }
    for (int filler = 0; filler < 4; filler++) { /* runs that cross every boundary */
        memset(bytes, "a\001 \n"[filler], sizeof bytes);
        bytes[filler * 63] = 'b';
        file_write(file_path("runs"), bytes, sizeof bytes);
        CU_ASSERT(same_as_wc(file_path("runs")));
    }
}

static void counts_of_real_files_are_those_of_wc(void)
{
    static const char *const patterns[] = {
        "/usr/include/*.h", "/usr/share/common-licenses/*", "/etc/*", "/bin/[a-d]*", "/proc/self/status",
    };
    unsigned compared = 0;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        glob_t found;
        struct stat info;
        if (glob(patterns[i], 0, NULL, &found))
            continue;
        for (size_t at = 0; at < found.gl_pathc && at < 60; at++) {
            const char *path = found.gl_pathv[at];
            if (stat(path, &info) || !S_ISREG(info.st_mode) || access(path, R_OK) || strchr(path, '\''))
                continue;
            if (!strncmp(path, "/proc", 5)) { /* its size is 0 for the file system; its text differs by process */
                json_t *counts = host_call_value("count", json_pack("{s:s}", "path", path));
                CU_ASSERT(member(counts, "lines") > 5 && member(counts, "bytes") > 100);
                json_decref(counts);
            } else {
                CU_ASSERT(same_as_wc(path));
            }
            compared++;
        }
        globfree(&found);
    }
    CU_ASSERT(compared > 10);
}

static void what_cannot_be_read_is_an_error_with_its_path(void)
{
    static const char *const functions[] = { "count", "grep" };
    char args[4600], *fifo = file_path("fifo");
    CU_ASSERT(mkfifo(fifo, 0600) == 0);
    snprintf(args, sizeof args, "{\"path\":\"%s\",\"pattern\":\"a\"}", fifo);
    for (int i = 0; i < 2; i++) {
        const char *name = functions[i];
        CU_ASSERT(host_refuses(name, args, "fifo: not a regular file"));
        CU_ASSERT(host_refuses(name, "{\"path\":\"/dev/zero\",\"pattern\":\"a\"}", "/dev/zero: not a regular file"));
        CU_ASSERT(host_refuses(name, "{\"path\":\"/no/such\",\"pattern\":\"a\"}",
                               "cannot read /no/such: No such file or directory"));
        CU_ASSERT(host_refuses(name, "{\"path\":\"\",\"pattern\":\"a\"}", "No such file"));
        CU_ASSERT(host_refuses(name, "{\"path\":\"/\",\"pattern\":\"a\"}", "cannot read /: Is a directory"));
        CU_ASSERT(host_refuses(name, "{\"path\":7,\"pattern\":\"a\"}", "\"path\" has to be a string"));
        CU_ASSERT(host_refuses(name, "{\"pattern\":\"a\"}", "\"path\""));
        CU_ASSERT(host_refuses(name, "[\"/etc/passwd\"]", "object"));
    }
}

static void what_may_not_be_read_is_an_error(void)
{
    char args[4600], *secret = file_path("secret");
    if (!geteuid()) {
        tap_skip("root may read everything");
        return;
    }
    file_write(secret, "a", 1);
    CU_ASSERT(chmod(secret, 0) == 0);
    snprintf(args, sizeof args, "{\"path\":\"%s\"}", secret);
    CU_ASSERT(host_refuses("count", args, "Permission denied"));
}

static void a_cancelled_job_ends(void)
{
    host.cancelled = 1;
    CU_ASSERT(host_refuses("count", "{\"path\":\"/etc/passwd\"}", "cancelled"));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\",\"pattern\":\"a\"}", "cancelled"));
    host.cancelled = 0;
}

/* grep over these bytes gives this value, keys sorted. */
static bool grep_gives(const char *text, size_t size, const char *options, const char *expected)
{
    char args[9000];
    file_write(file_path("text"), text, size);
    snprintf(args, sizeof args, "{\"path\":\"%s\",%s}", file_path("text"), options);
    return host_returns("grep", args, expected);
}
#define GREP(text, options, expected) grep_gives(text, sizeof text - 1, options, expected)

static void grep_numbers_the_matching_lines(void)
{
    CU_ASSERT(GREP("one\ntwo\nthree\n", "\"pattern\":\"^t\"",
                   "{\"count\":2,\"matches\":[{\"line\":2,\"text\":\"two\"},{\"line\":3,\"text\":\"three\"}]}"));
    CU_ASSERT(GREP("one\ntwo\nthree", "\"pattern\":\"e\"",
                   "{\"count\":2,\"matches\":[{\"line\":1,\"text\":\"one\"},{\"line\":3,\"text\":\"three\"}]}"));
    CU_ASSERT(GREP("One\n", "\"pattern\":\"one\"", "{\"count\":0,\"matches\":[]}"));
    CU_ASSERT(GREP("One\n", "\"pattern\":\"one\",\"icase\":true", "{\"count\":1,\"matches\":[{\"line\":1,\"text\":\"One\"}]}"));
    CU_ASSERT(GREP("", "\"pattern\":\"\"", "{\"count\":0,\"matches\":[]}"));
    CU_ASSERT(GREP("\n\nx", "\"pattern\":\"\",\"max\":1", "{\"count\":3,\"matches\":[{\"line\":1,\"text\":\"\"}]}"));
    CU_ASSERT(GREP("a\na\n", "\"pattern\":\"a\",\"max\":0", "{\"count\":2,\"matches\":[]}"));
    CU_ASSERT(GREP("a\nb\n", "\"pattern\":\"a\\nb\"", "{\"count\":0,\"matches\":[]}"));
    CU_ASSERT(GREP("aXb\r\n", "\"pattern\":\"b.$\"", "{\"count\":1,\"matches\":[{\"line\":1,\"text\":\"aXb\\r\"}]}"));
}

static void grep_makes_valid_text_of_any_line(void)
{
    CU_ASSERT(GREP("a\0b\n", "\"pattern\":\"b$\"", "{\"count\":1,\"matches\":[{\"line\":1,\"text\":\"a\\u0000b\"}]}"));
    CU_ASSERT(GREP("x\0y\n", "\"pattern\":\"y\"", "{\"count\":1,\"matches\":[{\"line\":1,\"text\":\"x\\u0000y\"}]}"));
    CU_ASSERT(GREP("k\377\303(\xe2\x82\xf0\x9f\x98\x80\xed\xa0\x80\n", "\"pattern\":\"^k\"",
                   "{\"count\":1,\"matches\":[{\"line\":1,\"text\":\"k\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xf0\x9f\x98\x80"
                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}]}"));
}

static void grep_cuts_a_shown_line_between_characters(void)
{
    char line[3999];
    memset(line, 'a', 999);
    for (size_t i = 999; i + 2 <= sizeof line; i += 2)
        memcpy(line + i, "\xc3\xa9", 2);
    file_write(file_path("text"), line, sizeof line);
    json_t *found = host_call_value("grep", json_pack("{s:s,s:s}", "path", file_path("text"), "pattern", "a"));
    const json_t *match = json_array_get(json_object_get(found, "matches"), 0);
    CU_ASSERT_EQUAL(json_string_length(json_object_get(match, "text")), 999);
    json_decref(found);
}

static void grep_searches_all_of_a_long_line(void)
{
    size_t size = 5 * 1048576;
    char *text = malloc(size);
    CU_ASSERT_FATAL(text != NULL);
    for (int literal = 0; literal < 2; literal++) {
        memset(text, 'a', size);
        memcpy(text + 100, "head", 4);
        memcpy(text + 3 * 1048576, "tail", 4);
        text[4 * 1048576] = '\n';
        memcpy(text + size - 4, "tail", 4);
        file_write(file_path("text"), text, size);
        const char *patterns[2][2] = { { "hea[d]", "tai[l]" }, { "head", "tail" } };
        for (int i = 0; i < 2; i++) {
            json_t *args = json_pack("{s:s,s:s}", "path", file_path("text"), "pattern", patterns[literal][i]);
            json_t *found = host_call_value("grep", args);
            const json_t *match = json_array_get(json_object_get(found, "matches"), 0);
            CU_ASSERT_EQUAL(member(found, "count"), i + 1);
            CU_ASSERT_EQUAL(member(match, "line"), 1);
            CU_ASSERT_EQUAL(json_string_length(json_object_get(match, "text")), 1000);
            json_decref(found);
        }
    }
    free(text);
}

static void grep_refuses_a_longer_one(void)
{
    size_t size = (16 << 20) - 1;
    char *text = malloc(size + 1);
    CU_ASSERT_FATAL(text != NULL);
    memset(text, 'a', size + 1);
    file_write(file_path("text"), text, size);
    json_t *found = host_call_value("grep", json_pack("{s:s,s:s,s:i}", "path", file_path("text"), "pattern", "b|a$", "max", 0));
    CU_ASSERT_EQUAL(member(found, "count"), 1);
    json_decref(found);
    file_write(file_path("text"), text, size + 1);
    char args[8192];
    snprintf(args, sizeof args, "{\"path\":\"%s\",\"pattern\":\"b\"}", file_path("text"));
    CU_ASSERT(host_refuses("grep", args, "has a line of 16 MiB or more"));
    free(text);
}

static void grep_finds_what_grep_finds(void)
{
    static const char *const patterns[] = { "define", "^#[ ]*include <[a-z]+\\.h>", "int|char", "(a|b)+c", "\\*/$", "" };
    const char *path = "/usr/include/stdio.h";
    CU_ASSERT_EQUAL_FATAL(access(path, R_OK), 0);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        const char *pattern = patterns[i];
        long long numbers[11];
        json_t *found = host_call_value("grep", json_pack("{s:s,s:s,s:i}", "path", path, "pattern", pattern, "max", 10));
        CU_ASSERT(shell_numbers(numbers, 1, "LC_ALL=C grep -c -aE -e '%s' %s", pattern, path) == 1);
        CU_ASSERT_EQUAL(numbers[0], member(found, "count"));
        int shown = shell_numbers(numbers, 11, "LC_ALL=C grep -n -aE -e '%s' %s | cut -d: -f1 | head -n 10", pattern, path);
        CU_ASSERT_EQUAL(shown, (int)json_array_size(json_object_get(found, "matches")));
        for (int at = 0; at < shown; at++)
            CU_ASSERT_EQUAL(numbers[at], member(json_array_get(json_object_get(found, "matches"), (size_t)at), "line"));
        json_decref(found);
    }
}

static void grep_refuses_bad_args(void)
{
    char args[5000], *at = args + sprintf(args, "{\"path\":\"/etc/passwd\",\"pattern\":\"");
    memset(at, '(', 4097);
    strcpy(at + 4097, "\"}");
    CU_ASSERT(host_refuses("grep", args, "longer than 4096"));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\"}", "\"pattern\""));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\",\"pattern\":\"a(\"}", "bad \"pattern\": Unmatched"));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\",\"pattern\":\"a\",\"max\":1001}", "\"max\""));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\",\"pattern\":\"a\",\"max\":-1}", "\"max\""));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\",\"pattern\":\"a\",\"max\":\"9\"}", "\"max\""));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/etc/passwd\",\"pattern\":\"a\",\"icase\":1}", "\"icase\""));
    CU_ASSERT(host_refuses("grep", "{\"path\":\"/no/such\",\"pattern\":\"[a]\"}", "/no/such"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "counts_of_known_texts_are_right", counts_of_known_texts_are_right },
        { "counts_of_generated_files_are_those_of_wc", counts_of_generated_files_are_those_of_wc },
        { "counts_of_real_files_are_those_of_wc", counts_of_real_files_are_those_of_wc },
        { "what_cannot_be_read_is_an_error_with_its_path", what_cannot_be_read_is_an_error_with_its_path },
        { "what_may_not_be_read_is_an_error", what_may_not_be_read_is_an_error },
        { "a_cancelled_job_ends", a_cancelled_job_ends },
        { "grep_numbers_the_matching_lines", grep_numbers_the_matching_lines },
        { "grep_makes_valid_text_of_any_line", grep_makes_valid_text_of_any_line },
        { "grep_cuts_a_shown_line_between_characters", grep_cuts_a_shown_line_between_characters },
        { "grep_searches_all_of_a_long_line", grep_searches_all_of_a_long_line },
        { "grep_refuses_a_longer_one", grep_refuses_a_longer_one },
        { "grep_finds_what_grep_finds", grep_finds_what_grep_finds },
        { "grep_refuses_bad_args", grep_refuses_bad_args },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "text", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    long long words = 0;
    wc_knows_others = shell_numbers(&words, 1, "printf '\\001' | LC_ALL=C wc -w") == 1 && words == 1;
    int status = host_load("text") ? EXIT_FAILURE : tap_run(suites);
    host_unload();
    host_remove_directory();
    return status;
}
