/* SPDX-License-Identifier: MIT
 *
 * What of the parent's does not reach a child of child_start(): its exit hooks, what it read ahead, its signal handlers.
 */
#include "support/tap.h"
#include "unit/process/child_fixture.h"
#include "unit/process/exit_hooks.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

static int call_exit(void *arg)
{
    dup2(hook_fd, 1);
    printf("flushed");
    atexit(childs_hook);
    exit(*(int *)arg);
}

static void an_exit_runs_hooks_of_the_child_and_none_of_its_parents(void)
{
    char text[16] = "";
    int ends[2], code = 3;
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    hook_fd = ends[1];
    CU_ASSERT_EQUAL(atexit(parents_hook), 0);
    struct child_setup setup = {call_exit, &code, -1, &hook_fd, 1, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 3);
    hook_fd = -1; /* which is closed for the hook of this program */
    close(ends[1]);
    CU_ASSERT_EQUAL(read(ends[0], text, sizeof text - 1), 8);
    CU_ASSERT_STRING_EQUAL(text, "Cflushed");
    close(ends[0]);
}

static int has_own_stdin(void *arg)
{
    (void)arg;
    return getchar() == EOF ? 0 : 1;
}

static int read_ahead(void *arg)
{
    int ends[2];
    struct child_setup setup = {has_own_stdin, arg, -1, NULL, 0, NULL};
    CHILD_CHECK(pipe(ends) == 0 && write(ends[1], "ab", 2) == 2 && dup2(ends[0], 0) == 0);
    CHILD_CHECK(getchar() == 'a'); /* and 'b' is in the buffer */
    CHILD_CHECK(run_child(&setup) == 0);
    CHILD_CHECK(getchar() == 'b');
    return 0;
}

static void what_the_parent_read_ahead_of_stdin_is_not_the_childs(void)
{
    struct child_setup setup = {read_ahead, NULL, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
}

static pid_t *heard_by; /* shared; where on_urgent() ran last */
static bool is_urgent;

static void on_urgent(int signal_number)
{
    (void)signal_number;
    *heard_by = getpid();
}

static void signal_in_the_fork(void)
{
    if (is_urgent)
        raise(SIGURG);
}

static int return_three(void *arg)
{
    (void)arg;
    return 3;
}

/* It is the parent's, and works on what the child has as a copy of it, or shares. */
static void no_handler_of_the_parent_runs_in_the_child(void)
{
    struct sigaction handle = {.sa_handler = on_urgent}, old;
    struct child_setup setup = {return_three, NULL, -1, NULL, 0, NULL};
    heard_by = mmap(NULL, sizeof *heard_by, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(heard_by, MAP_FAILED);
    CU_ASSERT_EQUAL(pthread_atfork(NULL, NULL, signal_in_the_fork), 0);
    sigaction(SIGURG, &handle, &old);
    is_urgent = true;
    CU_ASSERT_EQUAL(run_child(&setup), 3);
    is_urgent = false;
    CU_ASSERT_EQUAL(*heard_by, 0);
    sigaction(SIGURG, &old, NULL);
    munmap(heard_by, sizeof *heard_by);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"an exit runs hooks of the child, and none of its parent's", an_exit_runs_hooks_of_the_child_and_none_of_its_parents},
        {"what the parent read ahead of stdin is not the child's", what_the_parent_read_ahead_of_stdin_is_not_the_childs},
        {"no handler of the parent runs in the child", no_handler_of_the_parent_runs_in_the_child},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"child inherits", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
