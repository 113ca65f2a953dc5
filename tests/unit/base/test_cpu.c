/* SPDX-License-Identifier: MIT
 *
 * How many processors may be used: affinity and HAYFORK_CPU_COUNT each only lower the count, and nonsense counts for nothing.
 */
#include "base/fd.h"
#include "support/tap.h"

#include <hayfork/pool.h>

#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_with(const char *text)
{
    if (text)
        setenv("HAYFORK_CPU_COUNT", text, 1);
    else
        unsetenv("HAYFORK_CPU_COUNT");
    int count = hay_cpu_count();
    unsetenv("HAYFORK_CPU_COUNT");
    return count;
}

static void there_is_at_least_one_and_no_more_than_the_machine_has(void)
{
    long configured = sysconf(_SC_NPROCESSORS_CONF);
    CU_ASSERT(count_with(NULL) >= 1);
    CU_ASSERT(count_with(NULL) <= configured);
    CU_ASSERT_EQUAL(count_with(NULL), count_with(NULL));
}

static void the_variable_lowers_the_count(void)
{
    CU_ASSERT_EQUAL(count_with("1"), 1);
    if (count_with(NULL) >= 2)
        CU_ASSERT_EQUAL(count_with("2"), 2);
}

static void the_variable_never_raises_the_count(void)
{
    int all = count_with(NULL);
    CU_ASSERT_EQUAL(count_with("1000000"), all);
    CU_ASSERT_EQUAL(count_with("99999999999999999999999999"), all);
}

static void nonsense_in_the_variable_counts_for_nothing(void)
{
    static const char *const nonsense[] = {"", "0", "-1", "x", "1x", "1.5", "1 ", "0x1", "one"};
    int all = count_with(NULL);
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++)
        CU_ASSERT_EQUAL(count_with(nonsense[i]), all);
}

static int run_on_one_processor(const char *text)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0)
        return -1;
    int cpu = 0;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set))
        cpu++;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    if (sched_setaffinity(0, sizeof set, &set) < 0)
        return -1;
    return count_with(text);
}

static int child_count(const char *text)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(run_on_one_processor(text) & 0xff);
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void affinity_lowers_the_count(void)
{
    CU_ASSERT_EQUAL(child_count(NULL), 1);
    CU_ASSERT_EQUAL(child_count("2"), 1);
}

static void counting_leaves_no_descriptor_open(void)
{
    int before = dup(0);
    fd_close(&before);
    for (int i = 0; i < 100; i++)
        hay_cpu_count();
    int first = dup(0), second = dup(0);
    CU_ASSERT(first >= 0 && second >= 0 && first < 50 && second < 50);
    fd_close(&first);
    fd_close(&second);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"there_is_at_least_one_and_no_more_than_the_machine_has", there_is_at_least_one_and_no_more_than_the_machine_has},
        {"the_variable_lowers_the_count", the_variable_lowers_the_count},
        {"the_variable_never_raises_the_count", the_variable_never_raises_the_count},
        {"nonsense_in_the_variable_counts_for_nothing", nonsense_in_the_variable_counts_for_nothing},
        {"affinity_lowers_the_count", affinity_lowers_the_count},
        {"counting_leaves_no_descriptor_open", counting_leaves_no_descriptor_open},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"cpu", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
