/* SPDX-License-Identifier: MIT
 *
 * How a child ends: its exit code and the words for it, what it flushes and which hooks run, and a status that somebody else
 * took. Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "support/tracer.h"
#include "unit/process/exit_hooks.h"
#include "unit/process/process_fixture.h"

#include <hayfork/pipe.h>

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>

static _Noreturn int call_exit(void *arg)
{
    exit(*(int *)arg);
}

/* [3] */
static void exit_codes_arrive(void)
{
    int codes[] = {0, 1, 8, 255};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        CU_ASSERT_EQUAL(finish(start(return_number, &codes[i], NULL)), codes[i]);
        CU_ASSERT_EQUAL(finish(start(call_exit, &codes[i], NULL)), codes[i]);
    }
    int wide = 256 + 3;
    CU_ASSERT_EQUAL(finish(start(return_number, &wide, NULL)), 3);
}

static void an_exit_has_words(void)
{
    char text[64];
    struct hay_exit how = {HAY_EXIT_CODE, 3, false};
    CU_ASSERT_EQUAL(hay_exit_text(&how, text, sizeof text), strlen("exited with 3"));
    CU_ASSERT_STRING_EQUAL(text, "exited with 3");
    how = (struct hay_exit){HAY_EXIT_SIGNAL, SIGSEGV, false};
    hay_exit_text(&how, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "killed by SIGSEGV (core not dumped)");
    how = (struct hay_exit){HAY_EXIT_NONE, 0, false};
    CU_ASSERT_EQUAL(hay_exit_text(&how, text, 4), 3);
    CU_ASSERT_STRING_EQUAL(text, "has");
    CU_ASSERT_EQUAL(hay_exit_code(&how), INT_MIN);
    CU_ASSERT_EQUAL(hay_exit_code(NULL), INT_MIN);
    CU_ASSERT_EQUAL(hay_exit_text(&how, NULL, 0), 0);
}

static int output_fd = -1;

static int print_unflushed(void *arg)
{
    (void)arg;
    dup2(output_fd, 1);
    dup2(output_fd, 2);
    printf("out ");
    fprintf(stderr, "err ");
    return 0;
}

/* [12] */
static void what_a_child_prints_is_flushed_at_its_end_and_once(void)
{
    char text[64] = "";
    output_fd = memfd_create("output", MFD_CLOEXEC);
    CU_ASSERT_FATAL(output_fd >= 3);
    struct hay_handle handle = hay_fd_handle(dup(output_fd), 0);
    struct hay_process *process = hay_process_new(print_unflushed, NULL, NULL, &error);
    int kept = output_fd;
    output_fd = handle.fd;
    CU_ASSERT_EQUAL(hay_process_give(process, &handle, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT(fcntl(handle.fd, F_GETFD) < 0); /* given is given */
    CU_ASSERT_EQUAL(finish(process), 0);
    ssize_t n = pread(kept, text, sizeof text - 1, 0);
    CU_ASSERT_EQUAL(n, 8);
    CU_ASSERT_STRING_EQUAL(text, "err out ");
    close(kept);
}

static int close_stdio(void *arg)
{
    (void)arg;
    printf("lost");
    close(1);
    close(2);
    return 0;
}

static void interrupt_nothing(int number)
{
    (void)number;
}

enum { FLUSHED = 300000 };

/* Starts a child with a lot in the buffer of stdout, which nobody reads yet, among signals. */
static int start_among_signals(int out)
{
    struct sigaction action = {.sa_handler = interrupt_nothing};
    struct itimerval often = {{0, 1000}, {0, 1000}};
    static char buffer[2 * FLUSHED];
    int number = 0;
    CHILD_CHECK(dup2(out, STDOUT_FILENO) == STDOUT_FILENO && setvbuf(stdout, buffer, _IOFBF, sizeof buffer) == 0);
    for (int i = 0; i < FLUSHED; i++)
        putchar('x');
    CHILD_CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &often, NULL) == 0);
    return finish(start(return_number, &number, NULL));
}

static void signals_cost_nothing_of_what_is_flushed_before_a_start(void)
{
    static char bytes[65536];
    int out[2];
    ssize_t n, total = 0;
    CU_ASSERT_EQUAL_FATAL(pipe2(out, O_CLOEXEC), 0);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(start_among_signals(out[1]));
    close(out[1]);
    /* Until the pipe is full, and then some: the writer waits, and is interrupted now and then. */
    for (int queued = 0, looks = 0; looks < 20 + LONG_MS && (queued < 65536 || looks < 20); looks++) {
        CU_ASSERT_EQUAL_FATAL(ioctl(out[0], FIONREAD, &queued), 0);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    while ((n = read(out[0], bytes, sizeof bytes)) > 0)
        total += n;
    int status = -1;
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT_EQUAL(total, FLUSHED);
    close(out[0]);
}

/* [12] */
static void broken_stdio_does_not_change_the_exit(void)
{
    CU_ASSERT_EQUAL(finish(start(close_stdio, NULL, NULL)), 0);
}

static _Noreturn void *hold_streams(void *arg)
{
    FILE *other = fopen("/dev/null", "r");
    flockfile(stdin);
    if (other)
        flockfile(other);
    pthread_barrier_wait(arg);
    for (;;)
        pause();
}

static int end_beside_a_reader(void *arg)
{
    pthread_barrier_t barrier;
    pthread_t thread;
    alarm(LONG_MS / 1000); /* ends it when it hangs */
    print_unflushed(arg);
    CHILD_CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHILD_CHECK(pthread_create(&thread, NULL, hold_streams, &barrier) == 0);
    pthread_barrier_wait(&barrier);
    return 3;
}

static void a_child_ends_although_a_thread_of_its_reads_from_stdio(void)
{
    char text[64] = "";
    struct hay_exit how;
    output_fd = memfd_create("output", MFD_CLOEXEC);
    CU_ASSERT_FATAL(output_fd >= 3);
    int kept = dup(output_fd);
    struct hay_handle handle = hay_fd_handle(output_fd, 0);
    struct hay_process *process = hay_process_new(end_beside_a_reader, NULL, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, &handle, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(process, -1, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_exit_code(&how), 3);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    CU_ASSERT_EQUAL(pread(kept, text, sizeof text - 1, 0), 8);
    CU_ASSERT_STRING_EQUAL(text, "err out ");
    close(kept);
}

static int register_hook(void *arg)
{
    atexit(childs_hook);
    if (arg)
        exit(0);
    return 0;
}

static int child_with_hooks(void)
{
    struct hay_process *process;
    int ends[2], *by_exit[] = {NULL, ends};
    char got[8] = "";
    CHILD_CHECK(pipe2(ends, O_CLOEXEC) == 0);
    atexit(parents_hook);
    for (int i = 0; i < 2; i++) {
        hook_fd = dup(ends[1]);
        struct hay_handle handle = hay_fd_handle(hook_fd, 0);
        process = hay_process_new(register_hook, by_exit[i], NULL, NULL);
        CHILD_CHECK(hay_process_give(process, &handle, NULL) == HAY_OK && hay_process_start(process, NULL) == HAY_OK);
        CHILD_CHECK(hay_process_join(process, LONG_MS, NULL, NULL) == HAY_OK && hay_process_free(process) == HAY_OK);
    }
    CHILD_CHECK(read(ends[0], got, sizeof got) == 2 && strcmp(got, "CC") == 0);
    return 0;
}

/* [14] */
static void exit_hooks_of_the_child_run_and_its_parents_do_not(void)
{
    CU_ASSERT_EQUAL(run_apart(child_with_hooks), 0);
}

static int steal(void *arg)
{
    (void)arg;
    return 7;
}

static void a_status_that_other_code_took_is_unknown(void)
{
    struct hay_process *process = start(steal, NULL, NULL);
    int status;
    CU_ASSERT_EQUAL(waitpid(hay_process_pid(process), &status, 0), hay_process_pid(process));
    struct hay_exit how;
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(how.kind, HAY_EXIT_UNKNOWN);
    CU_ASSERT_EQUAL(hay_process_signal(process, SIGTERM, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
}

static int sleep_on(void *arg)
{
    sleep_for_ever(arg);
}

/* By a program that closes all that it does not know. */
static void a_child_whose_descriptor_was_closed_is_known_by_its_number(void)
{
    struct hay_exit how;
    struct hay_process *process = start(sleep_on, NULL, NULL);
    close(hay_process_fd(process));
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_EBUSY);
    CU_ASSERT_EQUAL(hay_process_kill(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT(how.kind == HAY_EXIT_SIGNAL && how.value == SIGKILL);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
}

/* As a fork handler: the child has ended, and with SIGCHLD ignored it is off the process table, before the fork returns. */
static void wait_for_its_end(void)
{
    siginfo_t info;
    waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
}

static void reap_all(int signal_number)
{
    (void)signal_number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

static int child_with_quick_child(void)
{
    struct hay_process_options grouped = {.own_group = true};
    struct hay_exit how;
    CHILD_CHECK(pthread_atfork(NULL, wait_for_its_end, NULL) == 0);
    for (int i = 0; i < 4; i++) {
        signal(SIGCHLD, i & 1 ? reap_all : SIG_IGN);
        struct hay_process *process = hay_process_new(steal, NULL, i & 2 ? &grouped : NULL, NULL);
        CHILD_CHECK(hay_process_start(process, NULL) == HAY_OK);
        struct hay_handle *handle = hay_process_handle(process);
        CHILD_CHECK(hay_wait(&handle, 1, NULL, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(hay_process_signal(process, SIGTERM, NULL) == HAY_OK);
        CHILD_CHECK(hay_process_terminate(process, LONG_MS, NULL) == HAY_OK);
        CHILD_CHECK(hay_process_join(process, LONG_MS, &how, NULL) == HAY_OK && how.kind == HAY_EXIT_UNKNOWN);
        CHILD_CHECK(hay_process_free(process) == HAY_OK);
    }
    return 0;
}

static void a_child_that_is_reaped_before_the_fork_returns_was_started(void)
{
    CU_ASSERT_EQUAL(run_apart(child_with_quick_child), 0);
}

/* As a job-control program may. */
static int leave_the_group(void *arg)
{
    struct hay_pipe *pipe = arg;
    CHILD_CHECK(setpgid(0, getpgid(getppid())) == 0 && hay_pipe_send(pipe, "x", 1, LONG_MS, NULL) == HAY_OK);
    for (;;)
        pause();
    return 0;
}

static void a_child_that_left_its_own_group_is_still_signalled(void)
{
    struct hay_process_options grouped = {.own_group = true};
    for (int i = 0; i < 2; i++) {
        struct hay_pipe *ours, *theirs;
        struct hay_exit how;
        CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
        struct hay_process *process = hay_process_new(leave_the_group, theirs, &grouped, &error);
        CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(theirs), &error), HAY_OK);
        CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_next(ours, NULL, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(i ? hay_process_terminate(process, LONG_MS, &error) : hay_process_kill(process, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_exit_code(&how), i ? -SIGTERM : -SIGKILL);
        CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
        hay_pipe_free(ours);
        hay_pipe_free(theirs);
    }
}

/* For its parent a child that another process traces ends when that one has seen it. */
static void a_join_keeps_its_time_although_the_child_is_traced(void)
{
    for (int i = 0; i < 2; i++) {
        struct hay_process_options grouped = {.own_group = i == 1};
        struct hay_exit how;
        struct hay_process *process = hay_process_new(sleep_for_ever, NULL, &grouped, &error);
        CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
        pid_t tracer = tracer_start(hay_process_pid(process));
        CU_ASSERT_EQUAL(hay_process_kill(process, &error), HAY_OK);
        if (tracer > 0)
            CU_ASSERT_EQUAL(hay_process_join(process, 200, &how, &error), HAY_ETIMEDOUT);
        tracer_end(tracer);
        CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_exit_code(&how), -SIGKILL);
        CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    }
}

static void other_children_are_never_waited_for(void)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(5);
    int zero = 0;
    CU_ASSERT_EQUAL(finish(start(return_number, &zero, NULL)), 0);
    hay_active_children(NULL, 0);
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 5);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"exit codes arrive", exit_codes_arrive},
        {"an exit has words", an_exit_has_words},
        {"what a child prints is flushed at its end, and once", what_a_child_prints_is_flushed_at_its_end_and_once},
        {"signals cost nothing of what is flushed before a start", signals_cost_nothing_of_what_is_flushed_before_a_start},
        {"a child ends although a thread of its reads from stdio",
         a_child_ends_although_a_thread_of_its_reads_from_stdio},
        {"broken stdio does not change the exit", broken_stdio_does_not_change_the_exit},
        {"exit hooks of the child run, and its parent's do not", exit_hooks_of_the_child_run_and_its_parents_do_not},
        {"a status that other code took is unknown", a_status_that_other_code_took_is_unknown},
        {"a child whose descriptor was closed is known by its number",
         a_child_whose_descriptor_was_closed_is_known_by_its_number},
        {"a child that is reaped before the fork returns was started",
         a_child_that_is_reaped_before_the_fork_returns_was_started},
        {"a child that left its own group is still signalled", a_child_that_left_its_own_group_is_still_signalled},
        {"a join keeps its time although the child is traced", a_join_keeps_its_time_although_the_child_is_traced},
        {"other children are never waited for", other_children_are_never_waited_for},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
