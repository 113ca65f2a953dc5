/* SPDX-License-Identifier: MIT
 *
 * Tests of exec.run's "spool": which output goes to a file, what is in it, and that none is left where no result tells of it.
 */
#include "support/tap.h"
#include "unit/plugins/host.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char place[4300];

/* The file of this suffix: its size, or -1. */
static long file_size(const char *suffix)
{
    char path[4400];
    struct stat status;
    snprintf(path, sizeof path, "%s%s", place, suffix);
    return lstat(path, &status) || !S_ISREG(status.st_mode) ? -1 : (long)status.st_size;
}

static bool file_is(const char *suffix, char byte, size_t size)
{
    char path[4400];
    bool same = true;
    size_t count = 0;
    snprintf(path, sizeof path, "%s%s", place, suffix);
    FILE *file = fopen(path, "r");
    for (int got; file && (got = getc(file)) != EOF; count++)
        same = same && got == byte;
    if (file)
        fclose(file);
    return file && same && count == size;
}

static void forget_files(void)
{
    static const char *const suffixes[2] = { ".out", ".err" };
    char path[4400];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s", place, suffixes[i]);
        unlink(path);
    }
}

/* exec.run of a script with the place for files and some more args: its value, or NULL. */
static json_t *spool(const char *script, json_t *more)
{
    json_t *args = json_pack("{s:s,s:s,s:i}", "shell", script, "spool", place, "max_output", 10000000);
    json_object_update(args, more);
    json_decref(more);
    return host_call_value("run", args);
}

static void short_output_stays_in_the_result(void)
{
    json_t *value = spool("head -c 65536 /dev/zero | tr '\\0' x; echo why >&2", json_object());
    CU_ASSERT_EQUAL(json_string_length(json_object_get(value, "stdout")), 65536);
    CU_ASSERT_EQUAL(json_string_length(json_object_get(value, "stderr")), 4);
    CU_ASSERT(file_size(".out") < 0 && file_size(".err") < 0);
    json_decref(value);
}

static void long_output_is_in_a_file(void)
{
    json_t *value = spool("head -c 65537 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2", json_object());
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "stdout")), 65537);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "stderr")), 3000000);
    CU_ASSERT(file_is(".out", 'x', 65537));
    CU_ASSERT(file_is(".err", 'y', 3000000));
    json_decref(value);
    /* base64 is for what is in the result */
    value = spool("head -c 70000 /dev/zero | tr '\\0' z; printf abc >&2", json_pack("{s:s}", "encoding", "base64"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "stdout")), 70000);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(value, "stderr")), "YWJj");
    CU_ASSERT(file_is(".out", 'z', 70000));
    json_decref(value);
    forget_files();
}

static void it_is_cut_at_the_limit(void)
{
    json_t *value = spool("head -c 5000000 /dev/zero | tr '\\0' x", json_pack("{s:i}", "max_output", 100001));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "stdout")), 100001);
    CU_ASSERT(json_is_true(json_object_get(value, "truncated")));
    CU_ASSERT(file_is(".out", 'x', 100001));
    json_decref(value);
    forget_files();
}

static void an_error_leaves_no_file(void)
{
    json_t *value = spool("head -c 90000 /dev/zero | tr '\\0' x; head -c 90000 /dev/zero >&2; echo >&2; echo why >&2; exit 3",
                          json_pack("{s:b}", "check", 1));
    CU_ASSERT(value == NULL);
    CU_ASSERT_STRING_EQUAL(host.error, "exit 3: why");
    CU_ASSERT(file_size(".out") < 0 && file_size(".err") < 0);
    json_decref(value);
}

/* Whatever has the name is left as it is, but for the name. */
static void a_file_that_was_there_is_not_written_to(void)
{
    char path[4400], other[4400], text[8] = "";
    snprintf(path, sizeof path, "%s.out", place);
    snprintf(other, sizeof other, "%s.other", place);
    int fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CU_ASSERT(fd >= 0 && write(fd, "mine", 4) == 4 && symlink(other, path) == 0);
    json_t *value = spool("head -c 70000 /dev/zero | tr '\\0' x", json_object());
    CU_ASSERT(file_is(".out", 'x', 70000));
    CU_ASSERT(pread(fd, text, sizeof text, 0) == 4 && !strcmp(text, "mine"));
    json_decref(value);
    close(fd);
    unlink(other);
    forget_files();
}

static void what_cannot_be_kept_is_an_error(void)
{
    struct rlimit before, limit;
    json_t *value = spool("head -c 70000 /dev/zero", json_pack("{s:s}", "spool", "/no/such/folder/1"));
    CU_ASSERT(value == NULL);
    CU_ASSERT_STRING_EQUAL(host.error, "cannot keep what it printed in /no/such/folder/1.out: No such file or directory");
    /* the limit that would be a signal */
    getrlimit(RLIMIT_FSIZE, &before);
    limit = (struct rlimit){ .rlim_cur = 200000, .rlim_max = before.rlim_max };
    CU_ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    value = spool("head -c 200000 /dev/zero", json_object());
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "stdout")), 200000);
    json_decref(value);
    value = spool("head -c 200001 /dev/zero; head -c 1000000 /dev/zero", json_object());
    setrlimit(RLIMIT_FSIZE, &before);
    CU_ASSERT(value == NULL);
    CU_ASSERT(strstr(host.error, ".out: File too large") != NULL);
    CU_ASSERT(file_size(".out") < 0);
    forget_files();
}

/* Of two files one alone is no result either. */
static void one_that_cannot_be_kept_takes_the_other_along(void)
{
    char path[4400];
    snprintf(path, sizeof path, "%s.err", place);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    json_t *value = spool("head -c 70000 /dev/zero; head -c 70000 /dev/zero >&2", json_object());
    CU_ASSERT(value == NULL);
    CU_ASSERT(strstr(host.error, ".err: File exists") != NULL);
    CU_ASSERT(file_size(".out") < 0);
    rmdir(path);
    forget_files();
}

/* What an attempt before has left is not taken for this one's. */
static void short_output_of_a_second_attempt_has_no_file(void)
{
    json_t *value = spool("head -c 70000 /dev/zero", json_object());
    CU_ASSERT_EQUAL(file_size(".out"), 70000);
    json_decref(value);
    host.attempts_before = 1;
    value = spool("echo short", json_object());
    host.attempts_before = 0;
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(value, "stdout")), "short\n");
    CU_ASSERT(file_size(".out") < 0);
    json_decref(value);
    forget_files();
}

static void it_takes_no_memory(void)
{
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    json_t *value = spool("head -c 100000000 /dev/zero", json_pack("{s:I}", "max_output", (json_int_t)1 << 40));
    getrusage(RUSAGE_SELF, &after);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "stdout")), 100000000);
    CU_ASSERT(after.ru_maxrss - before.ru_maxrss < 16384);
    json_decref(value);
    forget_files();
}

static void bad_wishes_are_refused(void)
{
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"],\"spool\":1}", "\"spool\" has to be a string"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"],\"spool\":\"\"}", "\"spool\" has to be the start of the names"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"],\"spool\":\"/x\",\"max_output\":1099511627777}",
                           "from 0 to 1099511627776"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"],\"max_output\":268435457}", "from 0 to 268435456"));
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "short_output_stays_in_the_result", short_output_stays_in_the_result },
        { "long_output_is_in_a_file", long_output_is_in_a_file },
        { "it_is_cut_at_the_limit", it_is_cut_at_the_limit },
        { "an_error_leaves_no_file", an_error_leaves_no_file },
        { "a_file_that_was_there_is_not_written_to", a_file_that_was_there_is_not_written_to },
        { "what_cannot_be_kept_is_an_error", what_cannot_be_kept_is_an_error },
        { "one_that_cannot_be_kept_takes_the_other_along", one_that_cannot_be_kept_takes_the_other_along },
        { "short_output_of_a_second_attempt_has_no_file", short_output_of_a_second_attempt_has_no_file },
        { "it_takes_no_memory", it_takes_no_memory },
        { "bad_wishes_are_refused", bad_wishes_are_refused },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "spool", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    int status = host_load("exec") ? EXIT_FAILURE : 0;
    snprintf(place, sizeof place, "%s/7", host_directory());
    if (!status)
        status = tap_run(suites);
    host_unload();
    host_remove_directory();
    return status;
}
