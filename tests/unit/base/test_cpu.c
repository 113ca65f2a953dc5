/* SPDX-License-Identifier: MIT
 *
 * How many processors may be used: affinity, the cgroup's quota and HAYFORK_CPU_COUNT each only lower the count, and nonsense
 * counts for nothing.
 */
#include "base/fd.h"
#include "support/tap.h"

#include <hayfork/pool.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_HERE 77
#define GROUPS "/sys/fs/cgroup/groups" /* what the child sees in /proc/self/cgroup */

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

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool wrote = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return wrote;
}

/* A mount namespace in which this process is in the group /a/b, with no quota anywhere. */
static bool enter_groups(void)
{
    static const char *const folders[] = {"/a", "/a/b", "/cpu", "/cpu/a", "/cpu/a/b"};
    char map[64];
    unsigned user = geteuid(), group = getegid();
    if (unshare(user ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS))
        return false;
    if (user) { /* or it makes no files there */
        snprintf(map, sizeof map, "0 %u 1", user);
        if (!write_text("/proc/self/uid_map", map) || !write_text("/proc/self/setgroups", "deny"))
            return false;
        snprintf(map, sizeof map, "0 %u 1", group);
        if (!write_text("/proc/self/gid_map", map))
            return false;
    }
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", "/sys/fs/cgroup", "tmpfs", 0, NULL))
        return false;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        char path[64];
        snprintf(path, sizeof path, "/sys/fs/cgroup%s", folders[i]);
        if (mkdir(path, 0755))
            return false;
    }
    return write_text(GROUPS, "") && mount(GROUPS, "/proc/self/cgroup", NULL, MS_BIND, NULL) == 0;
}

static int count_in_groups(void)
{
    static const char *const levels[] = {"/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/a/cpu.max", "/sys/fs/cgroup/a/b/cpu.max"};
    static const char quota_v1[] = "/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us";
    if (!enter_groups())
        return NOT_HERE;
    CHILD_CHECK(write_text(GROUPS, "0::/a/b\n"));
    int all = hay_cpu_count();
    if (all < 2)
        return NOT_HERE;
    for (int i = 0; i < 3; i++) {
        CHILD_CHECK(write_text(levels[i], "50000 100000\n") && hay_cpu_count() == 1);
        CHILD_CHECK(write_text(levels[i], "100000 100000\n") && hay_cpu_count() == 1);
        CHILD_CHECK(write_text(levels[i], "100001 100000\n") && hay_cpu_count() == 2); /* a part of one is one */
        CHILD_CHECK(write_text(levels[i], "99999900000 100000\n") && hay_cpu_count() == all);
        CHILD_CHECK(write_text(levels[i], "max 100000\n") && hay_cpu_count() == all);
        CHILD_CHECK(write_text(levels[i], "nonsense") && hay_cpu_count() == all);
    }
    CHILD_CHECK(write_text(levels[0], "150000 100000\n") && write_text(levels[1], "20000 100000\n"));
    CHILD_CHECK(hay_cpu_count() == 1); /* the least of them */
    CHILD_CHECK(write_text(GROUPS, "4:cpuset:/\n3:cpu,cpuacct:/a/b\n1:name=systemd:/a\n"));
    CHILD_CHECK(hay_cpu_count() == all);
    CHILD_CHECK(write_text("/sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000\n"));
    CHILD_CHECK(write_text(quota_v1, "-1\n") && hay_cpu_count() == all);
    CHILD_CHECK(write_text(quota_v1, "100000\n") && hay_cpu_count() == 1);
    CHILD_CHECK(write_text(quota_v1, "100001\n") && hay_cpu_count() == 2);
    return 0;
}

static void the_quota_of_the_cgroup_lowers_the_count(void)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(count_in_groups());
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_HERE)
        tap_skip("one processor only, or no mount namespace");
    else
        CU_ASSERT_EQUAL(status, 0);
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

#define STACK_BYTES ((size_t)256 << 10)

static void *count_there(void *arg)
{
    hay_cpu_count();
    return arg;
}

/* As the smallest stack of a thread has, with what threads need themselves. */
static void it_takes_no_more_than_sixteen_kib_of_a_stack(void)
{
    pthread_t thread;
    pthread_attr_t attributes;
    size_t untouched = 0;
    if (getenv("HAY_SANITIZED")) {
        tap_skip("a sanitizer takes more");
        return;
    }
    unsigned char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(stack, MAP_FAILED);
    memset(stack, 0xa5, STACK_BYTES);
    pthread_attr_init(&attributes);
    CU_ASSERT_EQUAL_FATAL(pthread_attr_setstack(&attributes, stack, STACK_BYTES), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, &attributes, count_there, NULL), 0);
    pthread_join(thread, NULL);
    while (untouched < STACK_BYTES && stack[untouched] == 0xa5)
        untouched++;
    CU_ASSERT(STACK_BYTES - untouched <= 16384);
    pthread_attr_destroy(&attributes);
    munmap(stack, STACK_BYTES);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"there_is_at_least_one_and_no_more_than_the_machine_has", there_is_at_least_one_and_no_more_than_the_machine_has},
        {"the_variable_lowers_the_count", the_variable_lowers_the_count},
        {"the_variable_never_raises_the_count", the_variable_never_raises_the_count},
        {"nonsense_in_the_variable_counts_for_nothing", nonsense_in_the_variable_counts_for_nothing},
        {"affinity_lowers_the_count", affinity_lowers_the_count},
        {"the_quota_of_the_cgroup_lowers_the_count", the_quota_of_the_cgroup_lowers_the_count},
        {"counting_leaves_no_descriptor_open", counting_leaves_no_descriptor_open},
        {"it_takes_no_more_than_sixteen_kib_of_a_stack", it_takes_no_more_than_sixteen_kib_of_a_stack},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"cpu", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
