/* SPDX-License-Identifier: MIT
 *
 * Exit statuses: the same death read by waitid() and by wait() gives the same status, and each has its words. Texts are cut at
 * the size given, whatever
 * that size is, and stay terminated.
 */
#include "process/exit.h"
#include "support/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool describes(struct hay_exit status, const char *wanted)
{
    char text[128];
    size_t size = hay_exit_text(&status, text, sizeof text);
    return size == strlen(wanted) && strcmp(text, wanted) == 0;
}

static void each_kind_has_its_words(void)
{
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_CODE, 0, false}, "exited with 0"));
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_CODE, 255, false}, "exited with 255"));
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_SIGNAL, SIGSEGV, false}, "killed by SIGSEGV (core not dumped)"));
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_SIGNAL, SIGABRT, true}, "killed by SIGABRT (core dumped)"));
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_UNKNOWN, 0, false},
                        "ended in an unknown way: its status was taken by other code"));
}

static void a_signal_without_a_name_is_a_number(void)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "killed by signal %d (core not dumped)", SIGRTMIN + 3);
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_SIGNAL, SIGRTMIN + 3, false}, wanted));
    CU_ASSERT(describes((struct hay_exit){HAY_EXIT_SIGNAL, 12345, false}, "killed by signal 12345 (core not dumped)"));
}

static void a_text_is_cut_and_terminated_at_every_size(void)
{
    struct hay_exit status = {HAY_EXIT_SIGNAL, SIGKILL, false};
    const char whole[] = "killed by SIGKILL (core not dumped)";
    for (size_t size = 1; size < sizeof whole + 8; size++) {
        char text[64];
        memset(text, '#', sizeof text);
        size_t length = hay_exit_text(&status, text, size);
        size_t wanted = size < sizeof whole ? size - 1 : sizeof whole - 1;
        CU_ASSERT_EQUAL(length, wanted);
        CU_ASSERT_EQUAL(text[wanted], '\0');
        CU_ASSERT_NSTRING_EQUAL(text, whole, wanted);
        CU_ASSERT_EQUAL(text[size], '#');
    }
}

static void a_text_of_no_size_has_no_length(void)
{
    char text[1] = {'#'};
    CU_ASSERT_EQUAL(hay_exit_text(&(struct hay_exit){HAY_EXIT_CODE, 3, false}, text, 0), 0);
    CU_ASSERT_EQUAL(text[0], '#');
}

static pid_t start_dying(int signal_number, int code)
{
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        if (!signal_number)
            _exit(code);
        signal(signal_number, SIG_DFL);
        raise(signal_number);
        _exit(99);
    }
    return pid;
}

static bool dies_as(int signal_number, int code, struct hay_exit wanted)
{
    siginfo_t info;
    int status;
    pid_t pid = start_dying(signal_number, code);
    if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    struct hay_exit a = exit_from_siginfo(&info), b = exit_from_wait_status(status);
    return a.kind == wanted.kind && a.value == wanted.value && b.kind == wanted.kind && b.value == wanted.value &&
           a.core_dumped == b.core_dumped;
}

static void both_ways_to_wait_tell_the_same(void)
{
    static const int signals[] = {SIGKILL, SIGTERM, SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGHUP, SIGPIPE, SIGXCPU};
    static const int codes[] = {0, 1, 23, 126, 255};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        CU_ASSERT(dies_as(signals[i], 0, (struct hay_exit){HAY_EXIT_SIGNAL, signals[i], false}));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        CU_ASSERT(dies_as(0, codes[i], (struct hay_exit){HAY_EXIT_CODE, codes[i], false}));
    CU_ASSERT(dies_as(SIGRTMIN + 1, 0, (struct hay_exit){HAY_EXIT_SIGNAL, SIGRTMIN + 1, false}));
}

static void what_is_no_end_is_unknown(void)
{
    siginfo_t info = {.si_code = CLD_STOPPED};
    CU_ASSERT_EQUAL(exit_from_siginfo(&info).kind, HAY_EXIT_UNKNOWN);
    info.si_code = 0;
    CU_ASSERT_EQUAL(exit_from_siginfo(&info).kind, HAY_EXIT_UNKNOWN);
    CU_ASSERT_EQUAL(exit_from_wait_status(0x137f).kind, HAY_EXIT_UNKNOWN); /* stopped by 0x13 */
    CU_ASSERT_EQUAL(exit_from_wait_status(0xffff).kind, HAY_EXIT_UNKNOWN); /* continued */
}

/* Made up: whether a core is dumped is the system's to say. */
static void a_core_that_was_dumped_is_told(void)
{
    siginfo_t info = {.si_code = CLD_DUMPED};
    info.si_status = SIGABRT;
    const struct hay_exit ways[] = {exit_from_siginfo(&info), exit_from_wait_status(SIGABRT | 0x80)};
    for (int i = 0; i < 2; i++)
        CU_ASSERT(ways[i].kind == HAY_EXIT_SIGNAL && ways[i].value == SIGABRT && ways[i].core_dumped);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"each kind has its words", each_kind_has_its_words},
        {"a signal without a name is a number", a_signal_without_a_name_is_a_number},
        {"a text is cut and terminated at every size", a_text_is_cut_and_terminated_at_every_size},
        {"a text of no size has no length", a_text_of_no_size_has_no_length},
        {"both ways to wait tell the same", both_ways_to_wait_tell_the_same},
        {"what is no end is unknown", what_is_no_end_is_unknown},
        {"a core that was dumped is told", a_core_that_was_dumped_is_told},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"exit", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
