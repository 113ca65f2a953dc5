/* SPDX-License-Identifier: MIT
 *
 * SIGKILL at every single instruction of put, get and task_done: the victim is stepped by ptrace, a step further each time,
 * and killed there. After each kill the item is either in or out, and whole, and the queue works. Where a call is very long
 * (sanitizers), instructions are left out evenly. Skipped where no process can be stepped.
 */
#include "support/tracer.h"
#include "sync/sharedqueue.h"
#include "unit/sync/kill.h"

#include <poll.h>
#include <string.h>

#define MOST_KILLS (800 / KILL_FACTOR)
#define TEXT "stepped"

static struct hay_queue *queue;
static _Atomic int *returned;   /* shared: 1 + what the call returned */

static int step_put(void)
{
    return (int)hay_queue_put(queue, TEXT, sizeof TEXT, 0);
}

static int step_get(void)
{
    char text[sizeof TEXT];
    return (int)hay_queue_get(queue, text, sizeof text, NULL, 0);
}

static int step_get_and_finish(void)
{
    return step_get() || hay_queue_task_done(queue);
}

/* The second one finds it empty, and what was readable for the first is not any more. */
static int step_get_and_look(void)
{
    return step_get() || step_get() != HAY_EEMPTY;
}

/* A child stopped before its first step. */
static pid_t start_stopped(int (*call)(void))
{
    int status = 0;
    atomic_store(returned, 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(1);
        life_own(); /* reads /proc once in each process: 1,900 instructions, none of which touches the queue */
        raise(SIGSTOP);
        atomic_store(returned, 1 + call());
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
        return -1;
    return pid;
}

/* Steps it `count` times, or until the call has returned, and kills it. Returns how many steps it made, -1: something went
 * wrong. */
static int step_and_kill(pid_t pid, int count)
{
    int status = 0, made = 0;
    for (; made < count && !atomic_load(returned); made++)
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            return -1;
    related_kill(pid);
    return atomic_load(returned) > 1 ? -1 : made;
}

static bool is_readable(void)
{
    struct pollfd item = {.fd = queue->handle.view.fd, .events = POLLIN};
    return poll(&item, 1, 0) == 1;
}

/* The queue works, and what is in it is whole. Returns how many items were in. */
static int drain(void)
{
    char text[16];
    size_t size;
    int count = 0;
    while (hay_queue_get(queue, text, sizeof text, &size, 0) == HAY_OK) {
        CU_ASSERT(size == sizeof TEXT && strcmp(text, TEXT) == 0);
        CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
        count++;
    }
    return count;
}

static void kill_everywhere(int (*call)(void), int items_before, bool is_polled)
{
    struct hay_queue_options options = {.max_items = 2};
    if (!tracer_can_step())
        return;
    queue = hay_queue_new(&options, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(queue);
    returned = related_share(sizeof *returned);
    if (is_polled)
        CU_ASSERT(hay_queue_fd(queue) >= 0);
    /* Once here: what the dynamic linker and the C library do at a first time only is not to be stepped through. */
    CU_ASSERT_EQUAL(step_put(), HAY_OK);
    CU_ASSERT_EQUAL(drain(), 1);
    int total = 1 << 24, stride = 1, kills = 0, outcomes[3] = {0}, lost = 0;
    for (int steps = total; steps >= 0;) {
        for (int i = 0; i < items_before; i++)
            CU_ASSERT_EQUAL(step_put(), HAY_OK);
        pid_t pid = start_stopped(call);
        CU_ASSERT_FATAL(pid > 0);
        int made = step_and_kill(pid, steps);
        CU_ASSERT_FATAL(made >= 0);
        CU_ASSERT(!is_polled || !hay_queue_length(queue) || is_readable());
        int lost_now = (int)hay_queue_lost(queue), left = drain();
        CU_ASSERT_FATAL(left >= 0 && left <= 1 && lost_now <= 1);
        CU_ASSERT(lost_now == 0 || (items_before == 1 && left == 0));
        for (int i = 0; i < lost_now; i++)
            CU_ASSERT_EQUAL(hay_queue_task_done(queue), HAY_OK);
        CU_ASSERT_EQUAL(hay_queue_join(queue, 0), HAY_OK);
        CU_ASSERT_EQUAL(step_put(), HAY_OK);
        CU_ASSERT(!is_polled || is_readable());
        CU_ASSERT_EQUAL(drain(), 1);
        outcomes[left]++;
        lost += lost_now;
        kills++;
        if (steps == total) { /* the first goes to the end, to be measured */
            steps = total = made;
            stride = total / MOST_KILLS + 1;
        }
        steps -= stride;
    }
    printf("# %d instructions, %d kills: %d left the item in, %d out, %d lost a task\n", total, kills, outcomes[1],
        outcomes[0], lost);
    CU_ASSERT(outcomes[0] && outcomes[1]);
    munmap(returned, sizeof *returned);
    hay_queue_free(queue);
}

static void a_kill_at_any_instruction_of_put_leaves_the_item_in_or_out(void)
{
    kill_everywhere(step_put, 0, false);
}

static void the_same_with_somebody_polling(void)
{
    kill_everywhere(step_put, 0, true);
}

static void a_kill_at_any_instruction_of_get_leaves_the_item_in_or_out(void)
{
    kill_everywhere(step_get, 1, false);
}

static void a_kill_at_any_instruction_of_a_look_at_nothing_leaves_a_poller_what_wakes_it(void)
{
    kill_everywhere(step_get_and_look, 1, true);
}

static void a_kill_at_any_instruction_of_task_done_leaves_the_task_done_or_lost(void)
{
    kill_everywhere(step_get_and_finish, 1, false);
}

int main(void)
{
#define TEST(name) {#name, name}
    CU_TestInfo tests[] = {
        TEST(a_kill_at_any_instruction_of_put_leaves_the_item_in_or_out),
        TEST(the_same_with_somebody_polling),
        TEST(a_kill_at_any_instruction_of_get_leaves_the_item_in_or_out),
        TEST(a_kill_at_any_instruction_of_a_look_at_nothing_leaves_a_poller_what_wakes_it),
        TEST(a_kill_at_any_instruction_of_task_done_leaves_the_task_done_or_lost),
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"queue step", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
