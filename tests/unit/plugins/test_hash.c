/* SPDX-License-Identifier: MIT
 *
 * Tests of the hash plugin: published digests, sha256sum on files of many sizes, and the refusals.
 */
#include "support/tap.h"
#include "unit/plugins/host.h"

#include <sys/stat.h>

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC_SHA256 "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char path[4400];

static void published_digests_are_right(void)
{
    CU_ASSERT(host_returns("text", "{\"text\":\"\"}", "{\"algorithm\":\"sha256\",\"bytes\":0,\"digest\":\"" EMPTY_SHA256 "\"}"));
    CU_ASSERT(host_returns("text", "{\"text\":\"abc\"}", "{\"algorithm\":\"sha256\",\"bytes\":3,\"digest\":\"" ABC_SHA256 "\"}"));
    CU_ASSERT(host_returns("text", "{\"text\":\"abc\",\"algorithm\":\"sha1\"}",
                           "{\"algorithm\":\"sha1\",\"bytes\":3,\"digest\":\"a9993e364706816aba3e25717850c26c9cd0d89d\"}"));
    CU_ASSERT(host_returns("text", "{\"text\":\"\\u00e9\",\"algorithm\":\"sha224\"}",
                           "{\"algorithm\":\"sha224\",\"bytes\":2,"
                           "\"digest\":\"33dd9448e5538d16ddc6df32dd7f16240cac6cb5238c1c22cb33ae66\"}"));
}

static void file_make(size_t size)
{
    FILE *file = fopen(path, "we");
    CU_ASSERT_FATAL(file != NULL);
    for (size_t i = 0; i < size; i++)
        putc((int)(i * 2654435761u >> 13) & 255, file);
    CU_ASSERT(fclose(file) == 0);
}

static void digests_of_files_are_those_of_sha256sum(void)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 4096, 65535, 65536, 65537, 1000003 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char command[4600], digest[65] = "";
        file_make(sizes[i]);
        snprintf(command, sizeof command, "sha256sum < '%s'", path);
        FILE *output = popen(command, "re");
        CU_ASSERT_FATAL(output != NULL);
        CU_ASSERT(fscanf(output, "%64s", digest) == 1);
        pclose(output);
        json_t *value = host_call_value("file", json_pack("{s:s}", "path", path));
        CU_ASSERT_FATAL(value != NULL);
        CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(value, "digest")), digest);
        CU_ASSERT_EQUAL((size_t)json_integer_value(json_object_get(value, "bytes")), sizes[i]);
        json_decref(value);
    }
}

static void bad_args_are_refused(void)
{
    CU_ASSERT(host_refuses("text", "{\"text\":\"a\",\"algorithm\":\"sha257\"}", "unknown \"algorithm\": sha257"));
    CU_ASSERT(host_refuses("text", "{\"text\":\"a\",\"algorithm\":\"\"}", "unknown \"algorithm\""));
    CU_ASSERT(host_refuses("text", "{\"text\":\"a\",\"algorithm\":256}", "\"algorithm\" has to be a string"));
    CU_ASSERT(host_refuses("text", "{\"text\":\"a\",\"algorithm\":\"shake128\"}", "shake128"));
    CU_ASSERT(host_refuses("text", "{}", "\"text\""));
    CU_ASSERT(host_refuses("text", "{\"text\":null}", "\"text\" has to be a string"));
    CU_ASSERT(host_refuses("file", "\"/etc/passwd\"", "object"));
    CU_ASSERT(host_refuses("file", "{\"path\":\"/no/such\"}", "cannot read /no/such: No such file or directory"));
    CU_ASSERT(host_refuses("file", "{\"path\":\"/\"}", "Is a directory"));
    CU_ASSERT(host_refuses("file", "{\"path\":\"/dev/zero\"}", "not a regular file"));
    CU_ASSERT(host_refuses("file", "{\"path\":\"/etc/passwd\",\"algorithm\":\"nothing\"}", "unknown"));
}

static void a_fifo_does_not_block(void)
{
    char args[4500];
    unlink(path);
    CU_ASSERT_FATAL(mkfifo(path, 0600) == 0);
    snprintf(args, sizeof args, "{\"path\":\"%s\"}", path);
    CU_ASSERT(host_refuses("file", args, "not a regular file"));
    unlink(path);
}

static void a_cancelled_job_ends(void)
{
    char args[4500];
    file_make(200000);
    snprintf(args, sizeof args, "{\"path\":\"%s\"}", path);
    host.checks_before_cancel = 2;
    CU_ASSERT(host_refuses("file", args, "cancelled"));
    host.cancelled = 0;
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "published_digests_are_right", published_digests_are_right },
        { "digests_of_files_are_those_of_sha256sum", digests_of_files_are_those_of_sha256sum },
        { "bad_args_are_refused", bad_args_are_refused },
        { "a_fifo_does_not_block", a_fifo_does_not_block },
        { "a_cancelled_job_ends", a_cancelled_job_ends },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "hash", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    snprintf(path, sizeof path, "%s/file", host_directory());
    int status = host_load("hash") ? EXIT_FAILURE : tap_run(suites);
    host_unload();
    host_remove_directory();
    return status;
}
