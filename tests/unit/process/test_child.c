/* SPDX-License-Identifier: MIT
 *
 * Children as child_start() makes them: what they find (descriptors, signals, group, standard streams, death signal), how their
 * end is
 * seen, and that nothing is left behind. Children report through their exit code; every wait has a limit.
 */
#include "base/fd.h"
#include "support/numbers.h"
#include "support/readall.h"
#include "support/tap.h"
#include "unit/process/child_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int count_fds(void)
{
    int count = 0;
    for (int fd = 0; fd < 4096; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static int return_arg(void *arg)
{
    return *(int *)arg;
}

static void the_return_value_is_the_exit_code(void)
{
    for (int code = 0; code < 256; code += 51) {
        struct child_setup setup = {return_arg, &code, -1, NULL, 0, NULL};
        CU_ASSERT_EQUAL(run_child(&setup), code);
    }
}

/* ---- what it finds ---- */

struct expected {
    int kept[2];
    int out_fd;
    pid_t parent;
};

static int check_descriptors(void *arg)
{
    const struct expected *expected = arg;
    for (int fd = 0; fd < 4096; fd++) {
        bool wanted = fd <= 2 || fd == expected->kept[0] || fd == expected->kept[1];
        CHILD_CHECK((fcntl(fd, F_GETFD) >= 0) == wanted);
    }
    return 0;
}

static void only_what_was_given_stays_open(void)
{
    int noise[40], ends[2];
    for (int i = 0; i < 40; i++)
        noise[i] = open("/dev/null", O_RDWR); /* without close-on-exec: fork does not care */
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    int high = fcntl(ends[1], F_DUPFD_CLOEXEC, 3000);
    struct expected expected = {.kept = {noise[20], high}};
    struct child_setup setup = {check_descriptors, &expected, -1, expected.kept, 2, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
    for (int i = 0; i < 40; i++)
        close(noise[i]);
    close(ends[0]);
    close(ends[1]);
    close(high);
}

static int check_signals(void *arg)
{
    (void)arg;
    sigset_t mask;
    CHILD_CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
    for (int n = 1; n < SIGRTMAX; n++) {
        struct sigaction action;
        if (sigaction(n, NULL, &action) < 0)
            continue;
        CHILD_CHECK(action.sa_handler == SIG_DFL);
        CHILD_CHECK(sigismember(&mask, n) != 1);
    }
    return 0;
}

static void on_signal(int signal_number)
{
    (void)signal_number;
}

static void dispositions_are_default_and_the_mask_is_empty(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, handle = {.sa_handler = on_signal}, old[3];
    sigset_t some, before, after;
    sigaction(SIGPIPE, &ignore, &old[0]);
    sigaction(SIGTERM, &handle, &old[1]);
    sigaction(SIGRTMIN + 2, &ignore, &old[2]);
    sigemptyset(&some);
    sigaddset(&some, SIGUSR1);
    sigaddset(&some, SIGRTMIN + 4);
    sigprocmask(SIG_BLOCK, &some, &before);
    struct child_setup setup = {check_signals, NULL, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
    sigprocmask(SIG_SETMASK, &before, &after);
    CU_ASSERT_EQUAL(sigismember(&after, SIGUSR1), 1); /* the parent's mask came through */
    CU_ASSERT_EQUAL(sigismember(&after, SIGTERM), 0);
    sigaction(SIGPIPE, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    sigaction(SIGRTMIN + 2, &old[2], NULL);
}

static int check_place(void *arg)
{
    const struct expected *expected = arg;
    int death_signal = 0;
    CHILD_CHECK(getpgrp() == getpid());
    CHILD_CHECK(getppid() == expected->parent);
    CHILD_CHECK(prctl(PR_GET_PDEATHSIG, &death_signal) == 0);
    CHILD_CHECK(death_signal == SIGKILL);
    return 0;
}

static void it_leads_its_group_and_dies_with_its_parent(void)
{
    struct expected expected = {.parent = getpid()};
    struct child_setup setup = {check_place, &expected, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
}

static int check_streams(void *arg)
{
    (void)arg;
    char byte;
    struct stat in, null;
    CHILD_CHECK(stat("/dev/null", &null) == 0);
    CHILD_CHECK(fstat(0, &in) == 0 && in.st_rdev == null.st_rdev);
    CHILD_CHECK(read(0, &byte, 1) == 0);
    printf("from stdout, ");
    fflush(stdout);
    fprintf(stderr, "from stderr");
    return 0;
}

static void standard_streams_are_null_and_the_given_pipe(void)
{
    int ends[2];
    char text[64] = "";
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    struct child_setup setup = {check_streams, NULL, ends[1], NULL, 0, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
    close(ends[1]);
    CU_ASSERT_EQUAL(read_all(ends[0], text, sizeof text - 1), 24);
    CU_ASSERT_STRING_EQUAL(text, "from stdout, from stderr");
    close(ends[0]);
}

static int check_null_out(void *arg)
{
    (void)arg;
    struct stat out, null;
    CHILD_CHECK(stat("/dev/null", &null) == 0);
    CHILD_CHECK(fstat(1, &out) == 0 && out.st_rdev == null.st_rdev);
    return 0;
}

static void without_a_pipe_stdout_goes_nowhere(void)
{
    struct child_setup setup = {check_null_out, NULL, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
}

/* In a child of its own, because it closes the standard streams. */
static void closed_standard_streams_do_no_harm(void)
{
    int ends[2];
    char text[8] = "";
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int mine = fcntl(ends[1], F_DUPFD, 100), keep;
        close(ends[0]);
        close(ends[1]);
        close(0);
        close(1);
        close(2);
        keep = dup(mine); /* takes 0, the lowest */
        struct child_setup setup = {check_descriptors, &(struct expected){.kept = {mine, mine}}, keep, &mine, 1, NULL};
        int code = run_child(&setup);
        if (write(mine, code == 0 ? "fine" : "bad", 4) < 0)
            _exit(1);
        _exit(0);
    }
    close(ends[1]);
    CU_ASSERT_EQUAL(read_all(ends[0], text, 4), 4);
    CU_ASSERT_STRING_EQUAL(text, "fine");
    waitpid(pid, NULL, 0);
    close(ends[0]);
}

/* ---- stdio ---- */

static void buffered_output_appears_once(void)
{
    int ends[2], nothing = 0;
    char text[64] = "";
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    FILE *file = fdopen(ends[1], "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs("once", file); /* still in the buffer at the fork */
    struct child_setup setup = {return_arg, &nothing, -1, &ends[1], 1, NULL};
    CU_ASSERT_EQUAL(run_child(&setup), 0);
    fclose(file);
    CU_ASSERT_EQUAL(read_all(ends[0], text, sizeof text - 1), 4);
    CU_ASSERT_STRING_EQUAL(text, "once");
    close(ends[0]);
}

/* ---- threads ---- */

static void *wait_for_eof(void *arg)
{
    char byte;
    while (read(*(int *)arg, &byte, 1) < 0 && errno == EINTR)
        ;
    return NULL;
}

static void a_threaded_process_may_not_fork(void)
{
    int ends[2], code = 0;
    pthread_t thread;
    struct child child;
    struct hay_error error = {0};
    struct child_setup setup = {return_arg, &code, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for_eof, &ends[0]), 0);
    CU_ASSERT_EQUAL(child_start(&child, &setup, &error), HAY_ETHREADS);
    CU_ASSERT_EQUAL(error.status, HAY_ETHREADS);
    CU_ASSERT(strlen(error.text) > 0);
    CU_ASSERT_EQUAL(child.pid, 0);
    CU_ASSERT_EQUAL(child.pidfd, -1);
    CU_ASSERT_EQUAL(child_start(&child, &setup, NULL), HAY_ETHREADS);
    close(ends[1]);
    pthread_join(thread, NULL);
    close(ends[0]);
    CU_ASSERT_EQUAL(run_child(&setup), code);
}

static void *return_at_once(void *arg)
{
    return arg;
}

/* The kernel takes a moment to forget a thread after its join. */
static void a_fork_is_allowed_right_after_the_last_join(void)
{
    int code = 0, refused = 0;
    struct child_setup setup = {return_arg, &code, -1, NULL, 0, NULL};
    for (int i = 0; i < 1000; i++) {
        pthread_t thread;
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, return_at_once, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(pthread_join(thread, NULL), 0);
        refused += run_child(&setup) != code;
    }
    CU_ASSERT_EQUAL(refused, 0);
}

/* ---- its end ---- */

static int wait_for_end(void *arg)
{
    (void)arg;
    pause();
    return 1;
}

static int end_later(void *arg)
{
    poll(NULL, 0, 200);
    return *(int *)arg;
}

/* As libuv makes each descriptor that it watches. */
static void a_pidfd_that_does_not_block_is_waited_for(void)
{
    int code = 3;
    struct child child;
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    struct child_setup setup = {end_later, &code, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    CU_ASSERT_EQUAL(fcntl(child.pidfd, F_SETFL, O_NONBLOCK), 0);
    CU_ASSERT_EQUAL(child_wait(&child, false, &status), 0);
    CU_ASSERT_EQUAL(child_wait(&child, true, &status), 1);
    CU_ASSERT(status.kind == HAY_EXIT_CODE && status.value == code);
    child_reap(&child, CHILD_PATIENCE_MS);
}

static void a_peek_leaves_it_unreaped(void)
{
    struct child child;
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    struct child_setup setup = {wait_for_end, NULL, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    pid_t pid = child.pid;
    CU_ASSERT(pid > 0 && child.pidfd >= 0);
    CU_ASSERT(fcntl(child.pidfd, F_GETFD) & FD_CLOEXEC);
    CU_ASSERT_EQUAL(child_peek(&child, &status), 0);
    CU_ASSERT_EQUAL(status.kind, HAY_EXIT_UNKNOWN);
    child_signal(&child, SIGUSR2);
    CU_ASSERT(ends_in_time(&child));
    for (int i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(child_peek(&child, &status), 1);
        CU_ASSERT(status.kind == HAY_EXIT_SIGNAL && status.value == SIGUSR2);
        CU_ASSERT_EQUAL(kill(pid, 0), 0); /* a zombie still has its number */
    }
    child_reap(&child, CHILD_PATIENCE_MS);
    CU_ASSERT(child.pid == 0 && child.pidfd == -1);
    CU_ASSERT(kill(pid, 0) < 0 && errno == ESRCH);
    child_reap(&child, CHILD_PATIENCE_MS); /* safe to repeat */
    child_signal(&child, SIGKILL);
    child_signal_group(&child, SIGKILL); /* of nothing: must not hit our own group */
}

static void a_stop_is_not_an_end(void)
{
    struct child child;
    siginfo_t info = {0};
    struct hay_exit status;
    struct child_setup setup = {wait_for_end, NULL, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    child_signal(&child, SIGSTOP);
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)child.pid, &info, WSTOPPED | WNOWAIT), 0);
    CU_ASSERT_EQUAL(child_peek(&child, &status), 0);
    child_signal(&child, SIGKILL);
    CU_ASSERT(ends_in_time(&child));
    CU_ASSERT_EQUAL(child_peek(&child, &status), 1);
    CU_ASSERT(status.kind == HAY_EXIT_SIGNAL && status.value == SIGKILL);
    child_reap(&child, CHILD_PATIENCE_MS);
}

static int be_traced(void *arg)
{
    (void)arg;
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGUSR1) ? 1 : 0;
}

static void a_trap_of_a_child_that_we_trace_is_not_an_end(void)
{
    struct child child;
    siginfo_t info = {0};
    struct hay_exit status;
    struct child_setup setup = {be_traced, NULL, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    CU_ASSERT_EQUAL(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
    if (info.si_code != CLD_TRAPPED) {
        tap_skip("no ptrace here");
        child_reap(&child, CHILD_PATIENCE_MS);
        return;
    }
    CU_ASSERT_EQUAL(child_peek(&child, &status), 0);
    CU_ASSERT_EQUAL(child_wait(&child, false, &status), 0);
    CU_ASSERT_EQUAL(child_peek(&child, &status), 0);
    child_signal(&child, SIGKILL);
    CU_ASSERT(ends_in_time(&child));
    CU_ASSERT_EQUAL(child_wait(&child, true, &status), 1);
    CU_ASSERT(status.kind == HAY_EXIT_SIGNAL && status.value == SIGKILL);
    child_reap(&child, CHILD_PATIENCE_MS);
}

/* For its parent a child that another process traces has not ended before that one has seen it. */
static void the_end_of_a_child_that_another_traces_is_waited_for(void)
{
    struct child child;
    struct child_setup setup = {wait_for_end, NULL, -1, NULL, 0, NULL};
    int ends[2];
    char answer = 'n';
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t traced = child.pid, tracer = fork();
    if (tracer == 0) {
        answer = ptrace(PTRACE_SEIZE, traced, NULL, NULL) ? 'n' : 'y';
        if (write(ends[1], &answer, 1) != 1 || answer == 'n')
            _exit(1);
        usleep(200000); /* and does not wait for it */
        _exit(0);
    }
    CU_ASSERT_EQUAL(read(ends[0], &answer, 1), 1);
    if (answer == 'n')
        tap_skip("no ptrace here");
    child_signal(&child, SIGKILL);
    CU_ASSERT(ends_in_time(&child));
    child_reap(&child, CHILD_PATIENCE_MS);
    CU_ASSERT(waitpid(traced, NULL, 0) < 0 && errno == ECHILD);
    CU_ASSERT_EQUAL(waitpid(tracer, NULL, 0), tracer);
    close(ends[0]);
    close(ends[1]);
}

static void other_code_that_reaps_is_seen(void)
{
    int code = 7;
    struct child child;
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    struct child_setup setup = {return_arg, &code, -1, NULL, 0, NULL};
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    CU_ASSERT_EQUAL(waitpid(-1, NULL, 0), child.pid);
    CU_ASSERT(ends_in_time(&child)); /* a pidfd tells it all the same */
    CU_ASSERT_EQUAL(child_peek(&child, &status), -ECHILD);
    CU_ASSERT_EQUAL(status.kind, HAY_EXIT_UNKNOWN);
    child_reap(&child, CHILD_PATIENCE_MS);
    CU_ASSERT_EQUAL(child.pidfd, -1);
}

/* The other one ends in another way. */
static void meet_its_heir(void)
{
    int code = 7;
    struct child child;
    struct hay_exit status = {HAY_EXIT_UNKNOWN, 0, false};
    struct child_setup setup = {return_arg, &code, -1, NULL, 0, NULL};
    siginfo_t info;
    CHILD_CHECK(child_start(&child, &setup, NULL) == HAY_OK);
    CHILD_CHECK(waitpid(-1, NULL, 0) == child.pid);
    pid_t heir = numbers_fork(child.pid, LIMIT_MS);
    if (!heir)
        _exit(3);
    CHILD_CHECK(heir == child.pid);
    CHILD_CHECK(!waitid(P_PID, (id_t)heir, &info, WEXITED | WNOWAIT));
    CHILD_CHECK(child_peek(&child, &status) == -ECHILD);
    CHILD_CHECK(child_wait(&child, true, &status) == -ECHILD && status.kind == HAY_EXIT_UNKNOWN);
    child_reap(&child, CHILD_PATIENCE_MS);
    CHILD_CHECK(waitpid(heir, NULL, 0) == heir);
}

static void another_child_under_its_number_is_not_reaped(void)
{
    numbers_try(meet_its_heir);
}

static int start_grandchild(void *arg)
{
    int fd = *(int *)arg;
    if (fork() == 0)
        for (;;)
            pause();
    (void)!write(fd, "x", 1);
    return 0;
}

static void the_group_is_killed_after_its_leader_ended(void)
{
    int ends[2];
    char byte;
    struct child child;
    struct hay_exit status;
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    struct child_setup setup = {start_grandchild, &ends[1], -1, &ends[1], 1, NULL};
    CU_ASSERT_EQUAL_FATAL(child_start(&child, &setup, NULL), HAY_OK);
    close(ends[1]);
    CU_ASSERT(ends_in_time(&child));
    CU_ASSERT_EQUAL(child_peek(&child, &status), 1);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    child_signal_group(&child, SIGKILL);
    /* The grandchild held the pipe: its end is ours to see. */
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&end, 1, LIMIT_MS), 1);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 0);
    child_reap(&child, CHILD_PATIENCE_MS);
    close(ends[0]);
}

static void a_child_ends_when_its_parent_is_killed(void)
{
    int ends[2];
    char byte;
    CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t parent = fork();
    if (parent == 0) {
        struct child child;
        struct child_setup setup = {wait_for_end, NULL, -1, &ends[1], 1, NULL};
        if (child_start(&child, &setup, NULL) || write(ends[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    CU_ASSERT_EQUAL(poll(&end, 1, LIMIT_MS), 1);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 0);
    close(ends[0]);
}

static void three_hundred_starts_leak_nothing(void)
{
    int before = count_fds(), wrong = 0;
    for (int i = 0; i < 300; i++) {
        int code = i & 127;
        struct child_setup setup = {return_arg, &code, -1, NULL, 0, NULL};
        wrong += run_child(&setup) != code;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(count_fds(), before);
    CU_ASSERT(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

int main(void)
{
    CU_TestInfo found[] = {
        {"the return value is the exit code", the_return_value_is_the_exit_code},
        {"only what was given stays open", only_what_was_given_stays_open},
        {"dispositions are default and the mask is empty", dispositions_are_default_and_the_mask_is_empty},
        {"it leads its group and dies with its parent", it_leads_its_group_and_dies_with_its_parent},
        {"standard streams are null and the given pipe", standard_streams_are_null_and_the_given_pipe},
        {"without a pipe stdout goes nowhere", without_a_pipe_stdout_goes_nowhere},
        {"closed standard streams do no harm", closed_standard_streams_do_no_harm},
        {"buffered output appears once", buffered_output_appears_once},
        {"a threaded process may not fork", a_threaded_process_may_not_fork},
        {"a fork is allowed right after the last join", a_fork_is_allowed_right_after_the_last_join},
        CU_TEST_INFO_NULL,
    };
    CU_TestInfo ends[] = {
        {"a pidfd that does not block is waited for", a_pidfd_that_does_not_block_is_waited_for},
        {"a peek leaves it unreaped", a_peek_leaves_it_unreaped},
        {"a stop is not an end", a_stop_is_not_an_end},
        {"a trap of a child that we trace is not an end", a_trap_of_a_child_that_we_trace_is_not_an_end},
        {"the end of a child that another traces is waited for", the_end_of_a_child_that_another_traces_is_waited_for},
        {"other code that reaps is seen", other_code_that_reaps_is_seen},
        {"another child under its number is not reaped", another_child_under_its_number_is_not_reaped},
        {"the group is killed after its leader ended", the_group_is_killed_after_its_leader_ended},
        {"a child ends when its parent is killed", a_child_ends_when_its_parent_is_killed},
        {"three hundred starts leak nothing", three_hundred_starts_leak_nothing},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"child start", NULL, NULL, NULL, NULL, found}, {"child end", NULL, NULL, NULL, NULL, ends},
                             CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
