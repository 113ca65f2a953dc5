/* SPDX-License-Identifier: MIT
 *
 * Which process is this: told by its number and its start, also where the start could not be read the first time.
 */
#include "sync/life.h"

#include <hayfork/sync.h>

#include "unit/sync/related.h"

#include <sys/resource.h>

/* No descriptor is free until the limit is given back. */
static struct rlimit take_descriptors(void)
{
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){0, before.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &none))
        abort();
    return before;
}

static int ask_without_descriptors(void *argument)
{
    (void)argument;
    struct rlimit before = take_descriptors();
    struct life first = life_own();
    setrlimit(RLIMIT_NOFILE, &before);
    struct life second = life_own(), third = life_own();
    if (first.start || first.pid != getpid())
        return 1;
    if (!second.start || second.start != third.start)
        return 2;
    return life_is_same(first, second) && !life_is_over(first) && !life_is_over(second) ? 0 : 3;
}

static void a_start_that_could_not_be_read_is_read_later(void)
{
    CU_ASSERT_EQUAL(related_join(related_start(ask_without_descriptors, NULL)), 0);
}

static int hold_across(void *argument)
{
    struct hay_semaphore *semaphore = argument;
    struct rlimit before = take_descriptors();
    enum hay_status status = hay_semaphore_wait(semaphore, LONG_MS);
    setrlimit(RLIMIT_NOFILE, &before);
    if (status)
        return 1;
    unsigned value = 0;
    return hay_semaphore_post(semaphore) == HAY_OK && hay_semaphore_value(semaphore, &value) == HAY_OK && value == 1 ? 0 : 2;
}

/* A unit that were not found again would be counted as a new one, over the bound. */
static void what_was_taken_without_descriptors_is_given_back_with_them(void)
{
    struct hay_semaphore_options options = {.value = 1, .max = 1, .tracked = true};
    struct hay_semaphore *semaphore = hay_semaphore_new(&options, NULL);
    unsigned value = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(semaphore);
    CU_ASSERT_EQUAL(related_join(related_start(hold_across, semaphore)), 0);
    CU_ASSERT_EQUAL(hay_semaphore_value(semaphore, &value), HAY_OK);
    CU_ASSERT_EQUAL(value, 1);
    hay_semaphore_free(semaphore);
}

static int be_looked_at(void *argument)
{
    struct life *life = argument;
    *life = life_own();
    raise(SIGSTOP);
    return 0;
}

/* Stopped, dead and not yet reaped, and gone. */
static int look_without_descriptors(void *argument)
{
    struct life *life = argument;
    siginfo_t info;
    int status;
    pid_t pid = related_start(be_looked_at, life);
    waitpid(pid, &status, WUNTRACED);
    take_descriptors();
    if (life_is_over(*life))
        return 1;
    kill(pid, SIGKILL);
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    if (!life_is_over(*life))
        return 2;
    waitpid(pid, &status, 0);
    return life_is_over(*life) ? 0 : 3;
}

static void a_dead_child_is_told_without_descriptors(void)
{
    struct life *life = related_share(sizeof *life);
    CU_ASSERT_EQUAL(related_join(related_start(look_without_descriptors, life)), 0);
    munmap(life, sizeof *life);
}

static void one_number_with_two_starts_is_two_processes(void)
{
    struct life now = life_own(), before = now;
    before.start--;
    CU_ASSERT_FALSE(life_is_same(now, before));
    CU_ASSERT_FALSE(life_is_over(now));
    CU_ASSERT_TRUE(life_is_over(before));
}

static CU_TestInfo cases[] = {
    {"a start that could not be read is read later", a_start_that_could_not_be_read_is_read_later},
    {"what was taken without descriptors is given back with them", what_was_taken_without_descriptors_is_given_back_with_them},
    {"a dead child is told without descriptors", a_dead_child_is_told_without_descriptors},
    {"one number with two starts is two processes", one_number_with_two_starts_is_two_processes},
    CU_TEST_INFO_NULL,
};

int main(void)
{
    CU_SuiteInfo suites[] = {{.pName = "life", .pTests = cases}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
