/* SPDX-License-Identifier: MIT
 *
 * A token is one process's alone, however its children were made.
 */
#include "base/owner.h"
#include "support/tap.h"

#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static bool ends_well(pid_t pid)
{
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void a_process_keeps_its_token(void)
{
    uint64_t token = owner_token();
    CU_ASSERT(token != 0);
    CU_ASSERT_EQUAL(owner_token(), token);
}

static void children_and_theirs_have_others(void)
{
    uint64_t token = owner_token();
    pid_t pid = fork();
    if (pid == 0) {
        uint64_t own = owner_token();
        CHILD_CHECK(own != 0 && own != token && own == owner_token());
        pid_t second = fork();
        if (second == 0) {
            CHILD_CHECK(owner_token() != token && owner_token() != own);
            _exit(0);
        }
        CHILD_CHECK(ends_well(second));
        CHILD_CHECK(own == owner_token());
        _exit(0);
    }
    CU_ASSERT(ends_well(pid));
    CU_ASSERT_EQUAL(owner_token(), token);
}

static void also_without_the_c_library_knowing(void)
{
    uint64_t token = owner_token();
    struct clone_args args = {.exit_signal = SIGCHLD}; /* those of clone() differ between machines */
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
    if (pid == 0) {
        CHILD_CHECK(owner_token() != token);
        _exit(0);
    }
    CU_ASSERT(ends_well(pid));
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a process keeps its token", a_process_keeps_its_token},
        {"children and theirs have others", children_and_theirs_have_others},
        {"also without the C library knowing", also_without_the_c_library_knowing},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"owner", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
