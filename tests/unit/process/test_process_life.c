/* SPDX-License-Identifier: MIT
 *
 * The life of process objects: start, join, freeing, signals to one, to a hundred and to a group, and bad use.
 * Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "base/clock.h"
#include "unit/process/process_fixture.h"

#include <hayfork/pipe.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

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

static bool is_left_to_reap(pid_t pid)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* [1] [2]: by each of those who look, and then it is for good. */
static void its_end_is_told_without_a_join(void)
{
    int seven = 7;
    for (int way = 0; way < 4; way++) {
        struct hay_process *process = start(return_number, &seven, NULL);
        struct hay_handle *handle = hay_process_handle(process);
        pid_t pid = hay_process_pid(process);
        CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, LONG_MS, &error), HAY_OK);
        CU_ASSERT(is_left_to_reap(pid));
        if (way == 0)
            CU_ASSERT(!hay_process_alive(process));
        if (way == 1)
            CU_ASSERT_EQUAL(hay_process_exit(process).kind, HAY_EXIT_CODE);
        if (way == 2)
            CU_ASSERT_EQUAL(hay_active_children(NULL, 0), 0);
        if (way == 3)
            CU_ASSERT_EQUAL(hay_process_kill(process, &error), HAY_OK);
        CU_ASSERT(!is_left_to_reap(pid));
        CU_ASSERT_EQUAL(hay_process_interrupt(process, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK);
        CU_ASSERT_EQUAL(hay_process_exit(process).value, 7);
        CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, 0, &error), HAY_OK);
        CU_ASSERT_EQUAL(finish(process), 7);
    }
}

static int grandchilds_end;

/* By a plain fork, so the grandchild has all that its parent has; and it goes on when that has ended. */
static int leave_a_grandchild(void *arg)
{
    char byte;
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(LONG_MS / 1000); /* ends it when nobody asks */
        _exit(read(grandchilds_end, &byte, 1) != 1 || write(grandchilds_end, "still here", 10) != 10);
    }
    CHILD_CHECK(pid > 0 && write(grandchilds_end, "x", 1) == 1);
    sleep_for_ever(NULL);
}

/* [2] [4]: nor is it signalled, without a group. */
static void a_grandchild_that_goes_on_hides_no_end(void)
{
    int signals[] = {SIGKILL, SIGINT, SIGTERM}, ends[2];
    for (int i = 0; i < 3; i++) {
        char text[16] = "";
        CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        grandchilds_end = ends[1];
        struct hay_handle given = hay_fd_handle(ends[1], 0);
        struct hay_process *process = hay_process_new(leave_a_grandchild, NULL, NULL, &error);
        CU_ASSERT_EQUAL(hay_process_give(process, &given, &error), HAY_OK);
        CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
        CU_ASSERT_EQUAL(read(ends[0], text, 1), 1);
        if (signals[i] == SIGTERM)
            CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK)
        else
            CU_ASSERT_EQUAL(hay_process_signal(process, signals[i], &error), HAY_OK)
        CU_ASSERT_EQUAL(finish(process), -signals[i]);
        CU_ASSERT_EQUAL(send(ends[0], "?", 1, MSG_NOSIGNAL), 1);
        CU_ASSERT_EQUAL(recv(ends[0], text, sizeof text - 1, 0), 10);
        CU_ASSERT_STRING_EQUAL(text, "still here");
        CU_ASSERT_EQUAL(recv(ends[0], text, sizeof text, 0), 0);
        close(ends[0]);
    }
}

static pid_t doomed;

/* In its child, before anything else happens there. */
static void outlive_the_parent(void)
{
    kill(doomed, SIGKILL);
    while (getppid() == doomed)
        sched_yield();
}

static int say_that_it_runs(void *arg)
{
    return write(*(int *)arg, "ran", 3) != 3;
}

static _Noreturn void start_and_die(int end, bool is_daemon)
{
    struct hay_process_options options = {.daemon = is_daemon};
    struct hay_handle given = hay_fd_handle(end, 0);
    struct hay_process *process = hay_process_new(say_that_it_runs, &end, &options, NULL);
    CHILD_CHECK(process && hay_process_give(process, &given, NULL) == HAY_OK);
    CHILD_CHECK(pthread_atfork(NULL, NULL, outlive_the_parent) == 0);
    doomed = getpid();
    CHILD_CHECK(hay_process_start(process, NULL) == HAY_OK);
    sleep_for_ever(NULL);
}

/* The kernel's promise to end it with its parent comes too late then. */
static void a_daemon_whose_parent_dies_at_its_start_does_not_run(void)
{
    for (int is_daemon = 0; is_daemon < 2; is_daemon++) {
        int ends[2], status = -1;
        char text[8];
        CU_ASSERT_EQUAL_FATAL(pipe2(ends, O_CLOEXEC), 0);
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0)
            start_and_die(ends[1], is_daemon);
        close(ends[1]);
        CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
        CU_ASSERT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        CU_ASSERT_EQUAL(read(ends[0], text, sizeof text), is_daemon ? 0 : 3);
        close(ends[0]);
    }
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

static int have_a_deaf_grandchild(void *arg)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(2 * LONG_MS / 1000); /* if nobody else ends it */
        signal(SIGTERM, SIG_IGN);
        CHILD_CHECK(write(grandchilds_end, "x", 1) == 1);
    }
    sleep_for_ever(NULL);
}

static void who_is_deaf_in_a_group_ends_with_its_leader(void)
{
    struct hay_process_options options = {.own_group = true};
    int ends[2];
    char byte;
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    grandchilds_end = ends[1];
    struct hay_handle given = hay_fd_handle(ends[1], 0), rest = hay_fd_handle(ends[0], 0), *handle = &rest;
    struct hay_process *process = hay_process_new(have_a_deaf_grandchild, NULL, &options, &error);
    CU_ASSERT_EQUAL(hay_process_give(process, &given, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(read(ends[0], &byte, 1), 1);
    CU_ASSERT_EQUAL(hay_process_terminate(process, -1, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGTERM);
    CU_ASSERT_EQUAL(hay_wait(&handle, 1, NULL, LONG_MS, &error), HAY_OK);
    close(ends[0]);
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
    CU_ASSERT_EQUAL(hay_process_give(process, &nonsense, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_process_handle(process), &error), HAY_EINVAL);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(left), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(left), &error), HAY_ESTATE);
    hay_pipe_close(left); /* between giving and starting */
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    process = start(return_number, &zero, NULL);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(right), &error), HAY_ESTATE);
    struct hay_process *unstarted = hay_process_new(return_number, &zero, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_give(unstarted, hay_process_handle(process), &error), HAY_EINVAL); /* whether it runs or not */
    CU_ASSERT_EQUAL(hay_process_free(unstarted), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_signal(process, 0, &error), HAY_EINVAL);
    CU_ASSERT_EQUAL(hay_process_signal(process, 1000, &error), HAY_EINVAL);
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
        {"its end is told without a join", its_end_is_told_without_a_join},
        {"a grandchild that goes on hides no end", a_grandchild_that_goes_on_hides_no_end},
        {"a daemon whose parent dies at its start does not run", a_daemon_whose_parent_dies_at_its_start_does_not_run},
        {"join with no time returns at once and says so", join_with_no_time_returns_at_once_and_says_so},
        {"a child that ignores SIGTERM is killed after the grace", a_child_that_ignores_sigterm_is_killed_after_the_grace},
        {"interrupt sends SIGINT", interrupt_sends_sigint},
        {"a running process is not freed", a_running_process_is_not_freed},
        {"a hundred start and end", a_hundred_start_and_end},
        {"a signal right after the start is not lost", a_signal_right_after_the_start_is_not_lost},
        {"a group's signals reach all of it", a_groups_signals_reach_all_of_it},
        {"who is deaf in a group ends with its leader", who_is_deaf_in_a_group_ends_with_its_leader},
        {"a process with threads may not fork", a_process_with_threads_may_not_fork},
        {"bad use is a status", bad_use_is_a_status},
        {"a thousand processes leave no descriptor", a_thousand_processes_leave_no_descriptor},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
