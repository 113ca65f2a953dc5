/* SPDX-License-Identifier: MIT
 *
 * Tests of how a command of exec.run ends when its job or its worker does, and of what its host does with signals meanwhile.
 */
#include "support/tap.h"
#include "unit/plugins/exec_calls.h"

#include <sys/prctl.h>
#include <sys/time.h>

/* Cancelled while it ran: its result has this exit and this stdout; NULL: some. */
static bool is_cancelled(const char *text, int exit_code, const char *expected)
{
    json_t *value = shell(text);
    const json_t *code = json_object_get(value, "exit");
    const char *printed = member_text(value, "stdout");
    bool same = value && (exit_code < 0 ? json_is_null(code) : json_integer_value(code) == exit_code) &&
                (expected ? !strcmp(printed, expected) : *printed);
    json_decref(value);
    return same;
}

static void cancelled_before_it_began_it_does_not_run(void)
{
    host.cancelled = 1;
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"]}", "cancelled"));
    host.cancelled = 0;
}

static void a_command_that_missed_the_signal_gets_its_own(void)
{
    int64_t start_ms = host_now_ms();
    host.checks_before_cancel = 2; /* the first is before the start */
    CU_ASSERT(is_cancelled("exec sleep 30", -1, ""));
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    host.cancelled = 0;
    host.checks_before_cancel = 4;
    CU_ASSERT(is_cancelled("exec yes", -1, NULL));
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    host.cancelled = 0;
    CU_ASSERT(!has_children());
}

static char begun_path[4300];

/* Once the command has made that file. */
static void on_alarm(int number)
{
    struct itimerval again = { .it_value.tv_usec = 10000 };
    (void)number;
    if (unlink(begun_path)) {
        setitimer(ITIMER_REAL, &again, NULL);
        return;
    }
    host.cancelled = 1;
    kill(0, SIGTERM); /* as the host does: to the group */
}

static bool is_cancelled_between(const char *begin, const char *wait, int exit_code, const char *expected)
{
    struct itimerval soon = { .it_value.tv_usec = 10000 };
    char text[sizeof begun_path + 200];
    snprintf(text, sizeof text, "%s; : >'%s'; %s", begin, begun_path, wait);
    setitimer(ITIMER_REAL, &soon, NULL);
    bool same = is_cancelled(text, exit_code, expected);
    host.cancelled = 0;
    return same;
}

static void the_groups_signal_ends_the_command_and_the_job(void)
{
    struct sigaction alarm_action = { .sa_handler = on_alarm }, term_action = { .sa_handler = on_signal }, before[2];
    int64_t start_ms = host_now_ms();
    snprintf(begun_path, sizeof begun_path, "%s/begun", host_directory());
    setpgid(0, 0);
    sigaction(SIGALRM, &alarm_action, &before[0]);
    sigaction(SIGTERM, &term_action, &before[1]);
    CU_ASSERT(is_cancelled_between("echo begun", "sleep 30; echo done", -1, "begun\n"));
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    /* a command that handles the signal is waited for */
    CU_ASSERT(is_cancelled_between("trap 'echo bye; exit 0' TERM", "while :; do sleep 0.05; done", 0, "bye\n"));
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    sigaction(SIGALRM, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    CU_ASSERT(!has_children());
}

static void interrupting_signals_do_not_end_a_job(void)
{
    struct sigaction action = { .sa_handler = on_signal }, before;
    struct itimerval often = { .it_value.tv_usec = 2000, .it_interval.tv_usec = 2000 }, never = { .it_value.tv_usec = 0 };
    sigaction(SIGALRM, &action, &before);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 5; i++)
        CU_ASSERT(prints(json_pack("{s:s}", "shell", "sleep 0.05; echo whole"), "whole\n"));
    setitimer(ITIMER_REAL, &never, NULL);
    sigaction(SIGALRM, &before, NULL);
}

static void a_host_that_ignores_its_children_learns_how_they_end(void)
{
    struct sigaction ignored = { .sa_handler = SIG_IGN }, before, now;
    struct sigaction careless = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
    sigaction(SIGCHLD, &ignored, &before);
    CU_ASSERT(prints(json_pack("{s:s}", "shell", "echo whole"), "whole\n"));
    CU_ASSERT(host_refuses("run", "{\"shell\":\"exit 3\",\"check\":true}", "3"));
    sigaction(SIGCHLD, &careless, &now);
    CU_ASSERT_EQUAL(now.sa_handler, SIG_IGN);
    CU_ASSERT(prints(json_pack("{s:s}", "shell", "echo whole"), "whole\n"));
    sigaction(SIGCHLD, &before, &now);
    CU_ASSERT(now.sa_flags & SA_NOCLDWAIT);
}

static void a_command_dies_with_its_worker(void)
{
    int ends[2], status;
    char text[32] = "";
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    CU_ASSERT_FATAL(pipe(ends) == 0); /* the command has it as an argument to open, not as a descriptor */
    char args[300];
    snprintf(args, sizeof args, "{\"shell\":\"echo $$ > /proc/%d/fd/%d; exec sleep 30\"}", (int)getpid(), ends[1]);
    pid_t worker = fork();
    if (!worker) {
        host_call("run", args);
        _exit(1);
    }
    CU_ASSERT(read(ends[0], text, sizeof text - 1) > 0);
    pid_t command = atoi(text);
    int64_t start_ms = host_now_ms();
    CU_ASSERT(command > 0 && kill(worker, SIGKILL) == 0);
    CU_ASSERT(waitpid(worker, NULL, 0) == worker);
    CU_ASSERT(waitpid(command, &status, 0) == command);
    CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "cancelled_before_it_began_it_does_not_run", cancelled_before_it_began_it_does_not_run },
        { "a_command_that_missed_the_signal_gets_its_own", a_command_that_missed_the_signal_gets_its_own },
        { "the_groups_signal_ends_the_command_and_the_job", the_groups_signal_ends_the_command_and_the_job },
        { "interrupting_signals_do_not_end_a_job", interrupting_signals_do_not_end_a_job },
        { "a_host_that_ignores_its_children_learns_how_they_end", a_host_that_ignores_its_children_learns_how_they_end },
        { "a_command_dies_with_its_worker", a_command_dies_with_its_worker },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "exec end", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    int status = host_load("exec") ? EXIT_FAILURE : tap_run(suites);
    host_unload();
    host_remove_directory();
    return status;
}
