/* SPDX-License-Identifier: MIT
 *
 * Process objects: start, join, exit statuses, signals, names, what a child begins with and what it ends with, and bad use.
 * Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "support/tap.h"

#include "base/clock.h"

#include <hayfork/pipe.h>
#include <hayfork/process.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS 20000 /* nothing takes that long */

static struct hay_error error;

static int return_number(void *arg)
{
    return *(int *)arg;
}

static _Noreturn int call_exit(void *arg)
{
    exit(*(int *)arg);
}

static _Noreturn int sleep_for_ever(void *arg)
{
    (void)arg;
    for (;;)
        pause();
}

static struct hay_process *start(int (*run)(void *), void *arg, const struct hay_process_options *options)
{
    struct hay_process *process = hay_process_new(run, arg, options, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    return process;
}

/* Join and free: the exit as Python shows it. */
static int finish(struct hay_process *process)
{
    struct hay_exit how = {HAY_EXIT_NONE, 0, false};
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    return hay_exit_code(&how);
}

static bool is_active(const struct hay_process *process)
{
    struct hay_process *children[64];
    size_t count = hay_active_children(children, 64);
    for (size_t i = 0; i < count && i < 64; i++)
        if (children[i] == process)
            return true;
    return false;
}

/* [1] */
static void a_process_lives_from_start_to_join(void)
{
    struct hay_pipe *ours, *theirs;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_process *process = hay_process_new(sleep_for_ever, NULL, NULL, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    CU_ASSERT(!hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_exit(process).kind, HAY_EXIT_NONE);
    CU_ASSERT_EQUAL(hay_process_pid(process), 0);
    CU_ASSERT_EQUAL(hay_process_fd(process), -1);
    CU_ASSERT(!is_active(process));
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT(is_active(process));
    CU_ASSERT_EQUAL(hay_process_exit(process).kind, HAY_EXIT_NONE);
    CU_ASSERT(hay_process_pid(process) > 0);
    CU_ASSERT_EQUAL(hay_process_kill(process, &error), HAY_OK);
    struct hay_exit how;
    CU_ASSERT_EQUAL(hay_process_join(process, LONG_MS, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(how.kind, HAY_EXIT_SIGNAL);
    CU_ASSERT_EQUAL(how.value, SIGKILL);
    CU_ASSERT(!hay_process_alive(process));
    CU_ASSERT(!is_active(process));
    CU_ASSERT_EQUAL(hay_process_join(process, 0, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
}

static int check_arguments(void *arg)
{
    return strcmp(arg, "as it was sent") ? 1 : 0;
}

/* [1] [10]: nothing of the caller's is kept after the start. */
static void arguments_arrive_intact_and_are_free_after_the_start(void)
{
    char *text = strdup("as it was sent");
    struct hay_process *process = start(check_arguments, text, NULL);
    memset(text, 'x', strlen(text));
    free(text);
    CU_ASSERT_EQUAL(finish(process), 0);
}

/* [2] */
static void join_with_no_time_returns_at_once_and_says_so(void)
{
    struct hay_process *process = start(sleep_for_ever, NULL, NULL);
    struct hay_exit how;
    CU_ASSERT_EQUAL(hay_process_join(process, 0, &how, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(how.kind, HAY_EXIT_NONE);
    int64_t begin_ns = clock_now_ns();
    CU_ASSERT_EQUAL(hay_process_join(process, 30, NULL, &error), HAY_ETIMEDOUT);
    CU_ASSERT(clock_now_ns() - begin_ns >= 30 * NS_PER_MS);
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGTERM);
}

static int ignore_term(void *arg)
{
    signal(SIGTERM, SIG_IGN);
    hay_pipe_send(arg, "", 0, -1, NULL);
    sleep_for_ever(NULL);
}

static void a_child_that_ignores_sigterm_is_killed_after_the_grace(void)
{
    struct hay_pipe *ours, *theirs;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_process *process = hay_process_new(ignore_term, theirs, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(theirs), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(ours, NULL, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_terminate(process, 20, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGKILL);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
}

static void interrupt_sends_sigint(void)
{
    struct hay_process *process = start(sleep_for_ever, NULL, NULL);
    CU_ASSERT_EQUAL(hay_process_interrupt(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGINT);
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

/* [5] */
static void a_running_process_is_not_freed(void)
{
    struct hay_process *process = start(sleep_for_ever, NULL, NULL);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_EBUSY);
    CU_ASSERT(hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_kill(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGKILL);
    CU_ASSERT_EQUAL(hay_process_free(NULL), HAY_OK);
}

/* [8] */
static void a_hundred_start_and_end(void)
{
    struct hay_process *many[100];
    int zero = 0;
    for (int i = 0; i < 100; i++)
        many[i] = start(return_number, &zero, NULL);
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(finish(many[i]), 0);
}

/* [8] */
static void a_signal_right_after_the_start_is_not_lost(void)
{
    struct hay_process *many[100];
    for (int i = 0; i < 100; i++) {
        many[i] = start(sleep_for_ever, NULL, NULL);
        CU_ASSERT_EQUAL(hay_process_signal(many[i], SIGTERM, &error), HAY_OK);
    }
    for (int i = 0; i < 100; i++)
        CU_ASSERT_EQUAL(finish(many[i]), -SIGTERM);
}

static int count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count - 3; /* ".", ".." and the folder itself */
}

static int report_fds(void *arg)
{
    int count = count_fds();
    return hay_pipe_send(arg, &count, sizeof count, -1, NULL);
}

/* [9] */
static void a_child_has_no_descriptor_of_its_siblings(void)
{
    struct hay_pipe *ours[5], *theirs[5];
    struct hay_process *processes[5];
    for (int i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours[i], &theirs[i], &error), HAY_OK);
        processes[i] = hay_process_new(report_fds, theirs[i], NULL, &error);
        CU_ASSERT_EQUAL(hay_process_give(processes[i], hay_pipe_handle(theirs[i]), &error), HAY_OK);
    }
    for (int i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(hay_process_start(processes[i], &error), HAY_OK);
    for (int i = 0; i < 5; i++) {
        int count = -1;
        CU_ASSERT_EQUAL(hay_pipe_receive_into(ours[i], &count, sizeof count, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(count, 4); /* 0 to 2, and the end */
        CU_ASSERT_EQUAL(finish(processes[i]), 0);
        hay_pipe_free(ours[i]);
        hay_pipe_free(theirs[i]);
    }
}

static int is_closed(void *arg)
{
    int fd = *(int *)arg;
    char byte;
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
        return 1;
    return read(0, &byte, 1) == 0 ? 0 : 2; /* standard input is empty */
}

/* [15] */
static void a_high_descriptor_is_closed_in_the_child_and_stdin_is_empty(void)
{
    int fd = fcntl(1, F_DUPFD, 700); /* not even close-on-exec */
    CU_ASSERT_FATAL(fd >= 700);
    CU_ASSERT_EQUAL(finish(start(is_closed, &fd, NULL)), 0);
    close(fd);
}

static int has_own_stdin(void *arg)
{
    (void)arg;
    return getchar() == EOF ? 0 : 1;
}

static int child_with_read_ahead(void)
{
    int ends[2];
    CHILD_CHECK(pipe(ends) == 0 && write(ends[1], "ab", 2) == 2 && dup2(ends[0], 0) == 0);
    CHILD_CHECK(getchar() == 'a'); /* and 'b' is in the buffer */
    struct hay_process *process = hay_process_new(has_own_stdin, NULL, NULL, NULL);
    struct hay_exit how;
    CHILD_CHECK(hay_process_start(process, NULL) == HAY_OK);
    CHILD_CHECK(hay_process_join(process, LONG_MS, &how, NULL) == HAY_OK && hay_exit_code(&how) == 0);
    CHILD_CHECK(hay_process_free(process) == HAY_OK);
    CHILD_CHECK(getchar() == 'b');
    return 0;
}

/* Something that changes the whole process, in a process of its own that is not one of ours. */
static int run_apart(int (*body)(void))
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit(body());
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void what_the_parent_read_ahead_of_stdin_is_not_the_childs(void)
{
    CU_ASSERT_EQUAL(run_apart(child_with_read_ahead), 0);
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

/* [12] */
static void broken_stdio_does_not_change_the_exit(void)
{
    CU_ASSERT_EQUAL(finish(start(close_stdio, NULL, NULL)), 0);
}

static _Noreturn void *hold_stdin(void *arg)
{
    flockfile(stdin);
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
    CHILD_CHECK(pthread_create(&thread, NULL, hold_stdin, &barrier) == 0);
    pthread_barrier_wait(&barrier);
    return 3;
}

static void a_child_ends_although_a_thread_of_its_reads_standard_input(void)
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

static int hook_fd = -1;

static void parents_hook(void)
{
    ssize_t n = write(hook_fd, "P", 1);
    (void)n;
}

static void childs_hook(void)
{
    ssize_t n = write(hook_fd, "C", 1);
    (void)n;
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

static struct hay_process *started_by_parent;

static int misuse(void *arg)
{
    struct hay_process *unstarted = arg;
    struct hay_error why;
    CHILD_CHECK(hay_process_start(unstarted, &why) == HAY_ESTATE);
    CHILD_CHECK(hay_process_join(started_by_parent, 0, NULL, &why) == HAY_ESTATE);
    CHILD_CHECK(hay_process_kill(started_by_parent, &why) == HAY_ESTATE);
    CHILD_CHECK(!hay_process_alive(started_by_parent));
    CHILD_CHECK(hay_process_exit(started_by_parent).kind == HAY_EXIT_NONE);
    CHILD_CHECK(hay_active_children(NULL, 0) == 0);
    CHILD_CHECK(hay_process_free(started_by_parent) == HAY_OK); /* this copy */
    return 0;
}

/* [16] */
static void a_child_cannot_start_or_join_what_is_its_parents(void)
{
    struct hay_process *unstarted = hay_process_new(sleep_for_ever, NULL, NULL, &error);
    started_by_parent = start(sleep_for_ever, NULL, NULL);
    CU_ASSERT_EQUAL(finish(start(misuse, unstarted, NULL)), 0);
    CU_ASSERT(hay_process_alive(started_by_parent));
    CU_ASSERT_EQUAL(hay_process_terminate(started_by_parent, 0, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(started_by_parent), -SIGKILL);
    CU_ASSERT_EQUAL(hay_process_free(unstarted), HAY_OK);
}

static void on_usr1(int signal_number)
{
    (void)signal_number;
}

static int check_signals(void *arg)
{
    struct sigaction action;
    sigset_t mask;
    (void)arg;
    CHILD_CHECK(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHILD_CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHILD_CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && sigisemptyset(&mask));
    CHILD_CHECK(getpgrp() != getpid());
    return 0;
}

static void signals_are_reset_in_the_child_and_kept_in_the_parent(void)
{
    sigset_t blocked, now;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGHUP);
    signal(SIGUSR1, on_usr1);
    signal(SIGUSR2, SIG_IGN);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    CU_ASSERT_EQUAL(finish(start(check_signals, NULL, NULL)), 0);
    CU_ASSERT(signal(SIGUSR1, SIG_DFL) == on_usr1);
    CU_ASSERT(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &blocked, &now);
    CU_ASSERT_EQUAL(sigismember(&now, SIGHUP), 1);
}

static int grandchild_in_group(void *arg)
{
    pid_t pid = fork();
    if (pid == 0)
        sleep_for_ever(NULL);
    CHILD_CHECK(getpgrp() == getpid());
    hay_pipe_send(arg, &pid, sizeof pid, -1, NULL);
    sleep_for_ever(NULL);
}

static void a_groups_signals_reach_all_of_it(void)
{
    struct hay_process_options options = {.own_group = true};
    struct hay_pipe *ours, *theirs;
    pid_t grandchild = 0;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&ours, &theirs, &error), HAY_OK);
    struct hay_process *process = hay_process_new(grandchild_in_group, theirs, &options, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(theirs), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(ours, &grandchild, sizeof grandchild, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK);
    /* The grandchild's copy of the end closes with it: the stream ends only when both are gone. */
    CU_ASSERT_EQUAL(hay_pipe_poll(ours, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(ours, NULL, NULL, LONG_MS, &error), HAY_EOF);
    CU_ASSERT_EQUAL(finish(process), -SIGTERM);
    hay_pipe_free(ours);
    hay_pipe_free(theirs);
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

static void *wait_on(void *arg)
{
    pthread_mutex_lock(arg);
    pthread_mutex_unlock(arg);
    return NULL;
}

static void a_process_with_threads_may_not_fork(void)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_t thread;
    int zero = 0;
    struct hay_process *process = hay_process_new(return_number, &zero, NULL, &error);
    pthread_mutex_lock(&mutex);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_on, &mutex), 0);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ETHREADS);
    CU_ASSERT_EQUAL(error.status, HAY_ETHREADS);
    CU_ASSERT(!hay_process_alive(process));
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK); /* a failed start may be tried again */
    CU_ASSERT_EQUAL(finish(process), 0);
}

static void bad_use_is_a_status(void)
{
    int zero = 0;
    struct hay_pipe *left, *right;
    struct hay_handle closed = hay_fd_handle(987, 0), stdin_handle = hay_fd_handle(0, 0), nonsense = {99, 5, 0, NULL};
    char long_name[200];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    struct hay_process_options options = {.name = long_name};
    CU_ASSERT_PTR_NULL(hay_process_new(NULL, NULL, NULL, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
    CU_ASSERT_PTR_NULL(hay_process_new(return_number, &zero, &options, NULL));
    CU_ASSERT_EQUAL(hay_process_start(NULL, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_join(NULL, -1, NULL, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_give(NULL, NULL, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_terminate(NULL, 0, NULL), HAY_EINVAL);
    CU_ASSERT(!hay_process_alive(NULL));
    CU_ASSERT_EQUAL(hay_process_pid(NULL), 0);
    CU_ASSERT_EQUAL(hay_process_fd(NULL), -1);
    CU_ASSERT_PTR_NULL(hay_process_handle(NULL));
    CU_ASSERT_STRING_EQUAL(hay_process_name(NULL), "");
    struct hay_process *process = hay_process_new(return_number, &zero, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_join(process, -1, NULL, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_kill(process, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_give(process, NULL, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_give(process, &closed, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_give(process, &stdin_handle, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_give(process, &nonsense, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_process_handle(process), &error), HAY_ESTATE);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(left), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(left), &error), HAY_ESTATE);
    hay_pipe_close(left); /* between giving and starting */
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    process = start(return_number, &zero, NULL);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(right), &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_signal(process, 0, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_signal(process, 1000, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(finish(process), 0);
    hay_pipe_free(left);
    hay_pipe_free(right);
}

static void the_bare_descriptor_of_an_object_is_not_given(void)
{
    int zero = 0;
    struct hay_pipe *left, *right;
    struct hay_process *running = start(sleep_for_ever, NULL, NULL);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    struct hay_handle bare[] = {hay_fd_handle(hay_pipe_fd(left), 0), hay_fd_handle(hay_process_fd(running), 0)};
    struct hay_process *process = hay_process_new(return_number, &zero, NULL, &error);
    for (int i = 0; i < 2; i++)
        CU_ASSERT_EQUAL(hay_process_give(process, &bare[i], &error), HAY_EINVAL);
    struct hay_handle later = hay_fd_handle(fcntl(0, F_DUPFD_CLOEXEC, 3), 0);
    CU_ASSERT_EQUAL(hay_process_give(process, &later, &error), HAY_OK);
    close(later.fd); /* and the next object gets the number */
    struct hay_pipe *more[2];
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&more[0], &more[1], &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_fd(more[0]), later.fd);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_kill(running, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(running), -SIGKILL);
    hay_pipe_free(left);
    hay_pipe_free(right);
    hay_pipe_free(more[0]);
    hay_pipe_free(more[1]);
}

/* "m" is read, and with it the descriptor behind it is in memory here. */
static int take_the_descriptor(void *arg)
{
    char text[8] = "";
    int fd = -1;
    CHILD_CHECK(hay_pipe_receive_fd(arg, &fd, LONG_MS, NULL) == HAY_OK);
    CHILD_CHECK(fd > 2 && pread(fd, text, sizeof text, 0) == 4 && memcmp(text, "file", 4) == 0);
    return 0;
}

static struct hay_pipe *not_given;

static int free_what_is_not_given(void *arg)
{
    int mine[64];
    (void)arg;
    for (int i = 0; i < 64; i++)
        mine[i] = fcntl(0, F_DUPFD_CLOEXEC, 3);
    hay_pipe_free(not_given);
    for (int i = 0; i < 64; i++)
        CHILD_CHECK(fcntl(mine[i], F_GETFD) >= 0);
    return 0;
}

static void a_descriptor_read_ahead_goes_with_its_pipe_and_with_no_other(void)
{
    for (int given = 0; given < 2; given++) {
        struct hay_pipe *left, *right;
        char text[8];
        int fd = memfd_create("passed", MFD_CLOEXEC);
        CU_ASSERT_FATAL(fd >= 0 && write(fd, "file", 4) == 4);
        CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_send(left, "m", 1, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_send_fd(left, fd, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_pipe_receive_into(right, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
        not_given = right;
        struct hay_process *process = hay_process_new(given ? take_the_descriptor : free_what_is_not_given, right, NULL, &error);
        if (given)
            CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(right), &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
        CU_ASSERT_EQUAL(finish(process), 0);
        close(fd);
        hay_pipe_free(left);
        hay_pipe_free(right);
    }
}

static void an_end_given_to_a_process_that_never_starts_is_still_ours(void)
{
    struct hay_pipe *left, *right;
    int zero = 0;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    struct hay_process *process = hay_process_new(return_number, &zero, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(left), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, 0, &error), HAY_OK);
    process = hay_process_new(return_number, &zero, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(left), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "x", 1, 0, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(finish(process), 0);
    hay_pipe_free(left);
    hay_pipe_free(right);
}

static void a_thousand_processes_leave_no_descriptor(void)
{
    int zero = 0;
    int before = count_fds();
    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(finish(start(return_number, &zero, NULL)), 0);
    CU_ASSERT_EQUAL(count_fds(), before);
    CU_ASSERT_EQUAL(hay_active_children(NULL, 0), 0);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a process lives from start to join", a_process_lives_from_start_to_join},
        {"arguments arrive intact and are free after the start", arguments_arrive_intact_and_are_free_after_the_start},
        {"join with no time returns at once and says so", join_with_no_time_returns_at_once_and_says_so},
        {"a child that ignores SIGTERM is killed after the grace", a_child_that_ignores_sigterm_is_killed_after_the_grace},
        {"interrupt sends SIGINT", interrupt_sends_sigint},
        {"exit codes arrive", exit_codes_arrive},
        {"an exit has words", an_exit_has_words},
        {"a running process is not freed", a_running_process_is_not_freed},
        {"a hundred start and end", a_hundred_start_and_end},
        {"a signal right after the start is not lost", a_signal_right_after_the_start_is_not_lost},
        {"a child has no descriptor of its siblings", a_child_has_no_descriptor_of_its_siblings},
        {"a high descriptor is closed in the child, and stdin is empty",
         a_high_descriptor_is_closed_in_the_child_and_stdin_is_empty},
        {"what the parent read ahead of stdin is not the child's", what_the_parent_read_ahead_of_stdin_is_not_the_childs},
        {"what a child prints is flushed at its end, and once", what_a_child_prints_is_flushed_at_its_end_and_once},
        {"a child ends although a thread of its reads standard input",
         a_child_ends_although_a_thread_of_its_reads_standard_input},
        {"broken stdio does not change the exit", broken_stdio_does_not_change_the_exit},
        {"exit hooks of the child run, and its parent's do not", exit_hooks_of_the_child_run_and_its_parents_do_not},
        {"a child cannot start or join what is its parent's", a_child_cannot_start_or_join_what_is_its_parents},
        {"signals are reset in the child and kept in the parent", signals_are_reset_in_the_child_and_kept_in_the_parent},
        {"a group's signals reach all of it", a_groups_signals_reach_all_of_it},
        {"a status that other code took is unknown", a_status_that_other_code_took_is_unknown},
        {"a child that is reaped before the fork returns was started",
         a_child_that_is_reaped_before_the_fork_returns_was_started},
        {"other children are never waited for", other_children_are_never_waited_for},
        {"a process with threads may not fork", a_process_with_threads_may_not_fork},
        {"bad use is a status", bad_use_is_a_status},
        {"the bare descriptor of an object is not given", the_bare_descriptor_of_an_object_is_not_given},
        {"a descriptor read ahead goes with its pipe and with no other",
         a_descriptor_read_ahead_goes_with_its_pipe_and_with_no_other},
        {"an end given to a process that never starts is still ours", an_end_given_to_a_process_that_never_starts_is_still_ours},
        {"a thousand processes leave no descriptor", a_thousand_processes_leave_no_descriptor},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
