/* SPDX-License-Identifier: MIT
 *
 * Workers that SIGKILL does not end, as one in a call to a dead file server: they are given up after ten seconds, for nothing
 * shall wait for them for ever. The program is linked with --wrap=child_signal and --wrap=child_signal_group, which keep the
 * master's SIGKILL from the process that is spared.
 */
#include "unit/pool/pool_fixture.h"

#include "process/child.h"

static pid_t spared;

int __real_child_signal(const struct child *child, int signal_number);
int __wrap_child_signal(const struct child *child, int signal_number);
void __real_child_signal_group(const struct child *child, int signal_number);
void __wrap_child_signal_group(const struct child *child, int signal_number);

int __wrap_child_signal(const struct child *child, int signal_number)
{
    return child->pid == spared ? 0 : __real_child_signal(child, signal_number);
}

void __wrap_child_signal_group(const struct child *child, int signal_number)
{
    if (child->pid != spared)
        __real_child_signal_group(child, signal_number);
}

/* A pool of one worker, in which a job runs that will not be stopped. */
static uint64_t hold_stuck(struct fixture *fixture, int64_t timeout_ms)
{
    fixture_start(fixture, &(struct hay_pool_options){.workers = 1, .grace_ms = 100, .crash_retries = HAY_POOL_NO_CRASH_RETRY});
    uint64_t number = submit_job(fixture, (struct hay_job){.function = "t.hold", .timeout_ms = timeout_ms});
    CU_ASSERT(begins(fixture, 1));
    spared = atomic_load(&board->pid);
    return number;
}

static bool is_told(const struct fixture *fixture)
{
    return strstr(fixture->log, "is stuck in the kernel, SIGKILL does not end it: given up") != NULL;
}

static bool is_alive(pid_t pid)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid;
}

static void another_worker_takes_its_place(void)
{
    struct fixture fixture;
    uint64_t held = hold_stuck(&fixture, 100), other = submit(&fixture, "t.echo", "1");
    CU_ASSERT(all_come(&fixture));
    CU_ASSERT(ended_as(&fixture, held, HAY_OUTCOME_TIMEOUT));
    CU_ASSERT(ended_as(&fixture, other, HAY_OUTCOME_OK));
    CU_ASSERT(entry_of(&fixture, other)->pid != spared);
    CU_ASSERT(is_told(&fixture));
    CU_ASSERT(is_alive(spared));
    /* It ends at last, and is no zombie for long. */
    kill(spared, SIGKILL);
    int64_t deadline_ns = clock_deadline_ns(LIMIT_MS);
    while (kill(spared, 0) == 0 && clock_now_ns() < deadline_ns) {
        submit(&fixture, "t.sleep", "20");
        if (!all_come(&fixture))
            break;
    }
    CU_ASSERT(kill(spared, 0) < 0);
    fixture_end(&fixture);
}

static void a_pool_ends_without_it(void)
{
    struct fixture fixture;
    uint64_t held = hold_stuck(&fixture, 0);
    CU_ASSERT_EQUAL(hay_pool_terminate(fixture.pool, 0), HAY_OK);
    CU_ASSERT_EQUAL(hay_pool_join(fixture.pool, LIMIT_MS), HAY_OK);
    CU_ASSERT(ended_as(&fixture, held, HAY_OUTCOME_CANCELLED));
    CU_ASSERT(is_told(&fixture));
    CU_ASSERT(is_alive(spared));
    hay_pool_free(fixture.pool);
    CU_ASSERT(is_alive(spared));
    kill(spared, SIGKILL);
    CU_ASSERT_EQUAL(waitpid(spared, NULL, 0), spared);
    free(fixture.book);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {TEST(another_worker_takes_its_place), TEST(a_pool_ends_without_it), CU_TEST_INFO_NULL};
    CU_SuiteInfo suites[] = {{"pool stuck", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
