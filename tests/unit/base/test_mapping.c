/* SPDX-License-Identifier: MIT
 *
 * Shared mappings: zeroed, shared over fork, fenced at both ends, and hidden from children when asked. Fences are touched through
 * the kernel (a write() from there fails with EFAULT), so that no test has to crash.
 */
#include "base/fd.h"
#include "base/mapping.h"
#include "support/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_readable(const volatile char *at)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    ssize_t n = write(ends[1], (const void *)(uintptr_t)at, 1);
    bool faulted = n < 0 && errno == EFAULT;
    fd_close(&ends[0]);
    fd_close(&ends[1]);
    return !faulted;
}

static void the_size_is_rounded_up_to_pages_and_zero_filled(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t sizes[] = {1, page - 1, page, page + 1, 10 * page + 7};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct mapping mapping;
        CU_ASSERT_EQUAL_FATAL(mapping_open(&mapping, sizes[i]), 0);
        CU_ASSERT(mapping.size >= sizes[i] && mapping.size < sizes[i] + page && mapping.size % page == 0);
        unsigned char *at = mapping.at;
        size_t set = 0;
        for (size_t k = 0; k < mapping.size; k++)
            set += at[k] != 0;
        CU_ASSERT_EQUAL(set, 0);
        memset(at, 0xa5, mapping.size);
        CU_ASSERT_EQUAL(at[mapping.size - 1], 0xa5);
        mapping_close(&mapping);
        CU_ASSERT_PTR_NULL(mapping.at);
    }
}

static void both_ends_are_fenced(void)
{
    struct mapping mapping;
    CU_ASSERT_EQUAL_FATAL(mapping_open(&mapping, 5000), 0);
    const char *at = mapping.at;
    CU_ASSERT(is_readable(at));
    CU_ASSERT(is_readable(at + mapping.size - 1));
    CU_ASSERT(!is_readable(at - 1));
    CU_ASSERT(!is_readable(at + mapping.size));
    mapping_close(&mapping);
}

static void an_impossible_size_is_refused(void)
{
    struct mapping mapping = {0};
    CU_ASSERT_EQUAL(mapping_open(&mapping, 0), -EINVAL);
    CU_ASSERT_EQUAL(mapping_open(&mapping, SIZE_MAX), -EINVAL);
    CU_ASSERT_EQUAL(mapping_open(&mapping, SIZE_MAX - ((size_t)1 << 24)), -ENOMEM); /* s390x has room for half */
    CU_ASSERT_PTR_NULL(mapping.at);
}

static void closing_twice_is_fine(void)
{
    struct mapping mapping;
    CU_ASSERT_EQUAL_FATAL(mapping_open(&mapping, 1), 0);
    mapping_close(&mapping);
    mapping_close(&mapping);
    CU_ASSERT_EQUAL(mapping.size, 0);
}

static int wait_code(pid_t pid)
{
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static void a_child_shares_the_memory(void)
{
    struct mapping mapping;
    CU_ASSERT_EQUAL_FATAL(mapping_open(&mapping, 4096), 0);
    volatile int *word = mapping.at;
    *word = 7;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CHILD_CHECK(*word == 7);
        *word = 8;
        _exit(0);
    }
    CU_ASSERT_EQUAL(wait_code(pid), 0);
    CU_ASSERT_EQUAL(*word, 8);
    mapping_close(&mapping);
}

static void a_hidden_mapping_is_not_in_the_child(void)
{
    struct mapping mapping;
    CU_ASSERT_EQUAL_FATAL(mapping_open(&mapping, 3 * 4096), 0);
    CU_ASSERT_EQUAL(mapping_hide_from_children(&mapping), 0);
    char *at = mapping.at;
    *at = 'x';
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CHILD_CHECK(!is_readable(at));
        CHILD_CHECK(!is_readable(at + mapping.size - 1));
        _exit(0);
    }
    CU_ASSERT_EQUAL(wait_code(pid), 0);
    CU_ASSERT_EQUAL(*at, 'x');
    mapping_close(&mapping);
}

static void hiding_nothing_is_an_error(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct mapping mapping;
    CU_ASSERT_EQUAL_FATAL(mapping_open(&mapping, page), 0);
    struct mapping gone = mapping;
    mapping_close(&mapping);
    CU_ASSERT(mapping_hide_from_children(&gone) < 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"the_size_is_rounded_up_to_pages_and_zero_filled", the_size_is_rounded_up_to_pages_and_zero_filled},
        {"both_ends_are_fenced", both_ends_are_fenced},
        {"an_impossible_size_is_refused", an_impossible_size_is_refused},
        {"closing_twice_is_fine", closing_twice_is_fine},
        {"a_child_shares_the_memory", a_child_shares_the_memory},
        {"a_hidden_mapping_is_not_in_the_child", a_hidden_mapping_is_not_in_the_child},
        {"hiding_nothing_is_an_error", hiding_nothing_is_an_error},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"mapping", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
