/* SPDX-License-Identifier: MIT
 *
 * Blocks: anonymous and named, what open finds, what close and unlink leave, a creator that dies, and bad use.
 */
#include <hayfork/shared.h>

#include "unit/sync/related.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define MIB ((size_t)1 << 20)

static char name[64];

static int set_up(void)
{
    snprintf(name, sizeof name, "hayfork-test-%d", (int)getpid());
    return 0;
}

static int tear_down(void)
{
    hay_block_unlink(name, NULL);
    return 0;
}

static int write_to_block(void *argument)
{
    char *data = hay_block_data(argument);
    data[0] = 'a';
    data[hay_block_size(argument) - 1] = 'z';
    return 0;
}

static void parent_sees_what_a_child_writes_to_an_anonymous_block(void)
{
    const size_t sizes[] = {1, 100, 4096, 10 * MIB + 1};
    for (int i = 0; i < 4; i++) {
        struct hay_block *block = hay_block_new(sizes[i], NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(block);
        CU_ASSERT_EQUAL(hay_block_size(block), sizes[i]);
        const char *data = hay_block_data(block);
        CU_ASSERT_TRUE(data[0] == 0 && data[sizes[i] / 2] == 0 && data[sizes[i] - 1] == 0);
        CU_ASSERT_EQUAL(related_join(related_start(write_to_block, block)), 0);
        CU_ASSERT_EQUAL(data[sizes[i] - 1], 'z');
        hay_block_free(block);
    }
}

static int open_and_write(void *argument)
{
    (void)argument;
    struct hay_block *block = hay_block_open(name, NULL);
    CHILD_CHECK(block && hay_block_size(block) == 5000);
    strcpy(hay_block_data(block), "from a child");
    hay_block_free(block);
    return 0;
}

static void a_named_block_is_found_by_name_and_outlives_its_handles(void)
{
    struct hay_error error;
    struct hay_block *block = hay_block_create(name, 5000, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_EQUAL(related_join(related_start(open_and_write, NULL)), 0);
    CU_ASSERT_STRING_EQUAL(hay_block_data(block), "from a child");
    hay_block_free(block);
    char slashed[80];
    snprintf(slashed, sizeof slashed, "/%s", name);
    block = hay_block_open(slashed, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    CU_ASSERT_STRING_EQUAL(hay_block_data(block), "from a child");
    CU_ASSERT_PTR_NULL(hay_block_create(name, 5000, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EBUSY);
    CU_ASSERT_EQUAL(hay_block_unlink(name, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(hay_block_data(block), "from a child");
    hay_block_free(block);
    CU_ASSERT_PTR_NULL(hay_block_open(name, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EUNKNOWN);
    CU_ASSERT_EQUAL(hay_block_unlink(name, &error), HAY_EUNKNOWN);
    CU_ASSERT_NOT_EQUAL(error.text[0], '\0');
}

static int create_and_die(void *argument)
{
    struct hay_block *block = hay_block_create(name, 3 * MIB, NULL);
    CHILD_CHECK(block);
    strcpy(hay_block_data(block), "last words");
    kill(getpid(), *(int *)argument);
    return 1;
}

static void a_block_outlives_its_creator_until_it_is_unlinked(void)
{
    int signals[] = {SIGKILL, SIGTERM};
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(related_join(related_start(create_and_die, &signals[i])), -signals[i]);
        struct hay_block *block = hay_block_open(name, NULL);
        CU_ASSERT_PTR_NOT_NULL_FATAL(block);
        CU_ASSERT_EQUAL(hay_block_size(block), 3 * MIB);
        CU_ASSERT_STRING_EQUAL(hay_block_data(block), "last words");
        hay_block_free(block);
        CU_ASSERT_EQUAL(hay_block_unlink(name, NULL), HAY_OK);
    }
}

static void a_block_that_its_creator_left_unfinished_is_a_status(void)
{
    struct hay_error error;
    char path[80];
    snprintf(path, sizeof path, "/%s", name);
    int fd = shm_open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    close(fd);
    CU_ASSERT_PTR_NULL(hay_block_open(name, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_block_unlink(name, NULL), HAY_OK);
}

static void a_named_block_is_its_users_whatever_the_umask(void)
{
    char path[80];
    struct stat info = {0};
    mode_t before = umask(0777);
    struct hay_block *block = hay_block_create(name, MIB, NULL);
    umask(before);
    CU_ASSERT_PTR_NOT_NULL_FATAL(block);
    snprintf(path, sizeof path, "/%s", name);
    int fd = shm_open(path, O_RDWR | O_CLOEXEC, 0);
    CU_ASSERT(fd >= 0 && fstat(fd, &info) == 0);
    CU_ASSERT_EQUAL(info.st_mode & 0777, 0600);
    close(fd);
    hay_block_free(block);
    CU_ASSERT_EQUAL(hay_block_unlink(name, NULL), HAY_OK);
}

static void a_block_larger_than_the_machine_is_a_status_and_leaves_no_name(void)
{
    struct hay_error error;
    CU_ASSERT_PTR_NULL(hay_block_create(name, (size_t)PTRDIFF_MAX, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ENOMEM);
    CU_ASSERT_PTR_NULL(hay_block_open(name, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EUNKNOWN);
    CU_ASSERT_PTR_NULL(hay_block_create(name, SIZE_MAX, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ERANGE);
    CU_ASSERT_PTR_NULL(hay_block_new(SIZE_MAX, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ERANGE);
    CU_ASSERT_PTR_NULL(hay_block_new((size_t)PTRDIFF_MAX / 2, &error));
    CU_ASSERT_EQUAL(error.status, HAY_ENOMEM);
}

static int create_over_the_limit_of_files(void *argument)
{
    struct hay_error error;
    struct rlimit limit = {MIB, MIB};
    CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHILD_CHECK(!hay_block_create(argument, 4 * MIB, &error));
    CHILD_CHECK(error.status == HAY_ENOMEM);
    return 0;
}

static void a_block_over_the_limit_of_files_is_a_status_and_no_signal(void)
{
    struct hay_error error;
    CU_ASSERT_EQUAL(related_join(related_start(create_over_the_limit_of_files, name)), 0);
    CU_ASSERT_PTR_NULL(hay_block_open(name, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EUNKNOWN);
}

static void blocks_leave_no_descriptor_open(void)
{
    int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(before);
    struct hay_block *block = hay_block_create(name, 10, NULL), *again = hay_block_open(name, NULL);
    CU_ASSERT_PTR_NOT_NULL(again);
    CU_ASSERT_PTR_NULL(hay_block_create(name, 10, NULL));
    int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(after);
    CU_ASSERT_EQUAL(after, before);
    hay_block_free(block);
    hay_block_free(again);
    CU_ASSERT_EQUAL(hay_block_unlink(name, NULL), HAY_OK);
}

static void bad_use_is_a_status(void)
{
    struct hay_error error;
    char large[300];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    const char *const bad[] = {NULL, "", "/", "a/b", "//a", ".", "..", "/..", large};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        error.status = HAY_OK;
        CU_ASSERT_PTR_NULL(hay_block_create(bad[i], 10, &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
        error.status = HAY_OK;
        CU_ASSERT_PTR_NULL(hay_block_open(bad[i], &error));
        CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
        CU_ASSERT_EQUAL(hay_block_unlink(bad[i], NULL), HAY_EINVAL);
    }
    CU_ASSERT_PTR_NULL(hay_block_new(0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_block_create(name, 0, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_block_data(NULL));
    CU_ASSERT_EQUAL(hay_block_size(NULL), 0);
    hay_block_free(NULL);
}

static CU_TestInfo cases[] = {
    {"the parent sees what a child writes to an anonymous block", parent_sees_what_a_child_writes_to_an_anonymous_block},
    {"a named block is found by name, and outlives its handles", a_named_block_is_found_by_name_and_outlives_its_handles},
    {"a block outlives its creator, until it is unlinked", a_block_outlives_its_creator_until_it_is_unlinked},
    {"a block that its creator left unfinished is a status", a_block_that_its_creator_left_unfinished_is_a_status},
    {"a named block is its user's, whatever the umask", a_named_block_is_its_users_whatever_the_umask},
    {"a block larger than the machine is a status, and leaves no name",
        a_block_larger_than_the_machine_is_a_status_and_leaves_no_name},
    {"a block over the limit of files is a status, and no signal", a_block_over_the_limit_of_files_is_a_status_and_no_signal},
    {"blocks leave no descriptor open", blocks_leave_no_descriptor_open},
    {"bad use is a status", bad_use_is_a_status},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {
        {.pName = "block", .pInitFunc = set_up, .pCleanupFunc = tear_down, .pTests = cases},
        CU_SUITE_INFO_NULL,
    };
    return tap_run(suites);
}
