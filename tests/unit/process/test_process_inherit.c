/* SPDX-License-Identifier: MIT
 *
 * What a child has of its parent, and what not: descriptors, standard input, objects, signals, and the pipes that it is given.
 * Numbers in brackets are those of the behaviours in tests/README.md.
 */
#include "unit/process/process_fixture.h"

#include <hayfork/pipe.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

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

static void what_the_parent_read_ahead_of_stdin_is_not_the_childs(void)
{
    CU_ASSERT_EQUAL(run_apart(child_with_read_ahead), 0);
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
    for (int n = 1; n <= SIGRTMAX; n++)
        CHILD_CHECK(sigaction(n, NULL, &action) < 0 || action.sa_handler == SIG_DFL);
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
    signal(SIGRTMIN, on_usr1);
    signal(SIGRTMAX, SIG_IGN);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    CU_ASSERT_EQUAL(finish(start(check_signals, NULL, NULL)), 0);
    CU_ASSERT(signal(SIGUSR1, SIG_DFL) == on_usr1);
    CU_ASSERT(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
    CU_ASSERT(signal(SIGRTMIN, SIG_DFL) == on_usr1);
    CU_ASSERT(signal(SIGRTMAX, SIG_DFL) == SIG_IGN);
    sigprocmask(SIG_UNBLOCK, &blocked, &now);
    CU_ASSERT_EQUAL(sigismember(&now, SIGHUP), 1);
}

static void *wait_at(void *barrier)
{
    if (barrier)
        pthread_barrier_wait(barrier);
    return NULL;
}

/* The C library tells each thread of the new id by a signal of its own, whose handler it installs but once. */
static int change_id_beside_a_thread(void *arg)
{
    pthread_barrier_t barrier;
    pthread_t thread;
    (void)arg;
    CHILD_CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHILD_CHECK(pthread_create(&thread, NULL, wait_at, &barrier) == 0);
    CHILD_CHECK(setgid(getgid()) == 0);
    pthread_barrier_wait(&barrier);
    CHILD_CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static void a_child_changes_its_ids_in_all_its_threads(void)
{
    pthread_t thread;
    CU_ASSERT_FATAL(pthread_create(&thread, NULL, wait_at, NULL) == 0 && pthread_join(thread, NULL) == 0);
    CU_ASSERT_EQUAL(finish(start(change_id_beside_a_thread, NULL, NULL)), 0);
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

int main(void)
{
    CU_TestInfo tests[] = {
        {"a child has no descriptor of its siblings", a_child_has_no_descriptor_of_its_siblings},
        {"a high descriptor is closed in the child, and stdin is empty",
         a_high_descriptor_is_closed_in_the_child_and_stdin_is_empty},
        {"what the parent read ahead of stdin is not the child's", what_the_parent_read_ahead_of_stdin_is_not_the_childs},
        {"a child cannot start or join what is its parent's", a_child_cannot_start_or_join_what_is_its_parents},
        {"signals are reset in the child and kept in the parent", signals_are_reset_in_the_child_and_kept_in_the_parent},
        {"a child changes its ids in all its threads", a_child_changes_its_ids_in_all_its_threads},
        {"the bare descriptor of an object is not given", the_bare_descriptor_of_an_object_is_not_given},
        {"a descriptor read ahead goes with its pipe and with no other",
         a_descriptor_read_ahead_goes_with_its_pipe_and_with_no_other},
        {"an end given to a process that never starts is still ours", an_end_given_to_a_process_that_never_starts_is_still_ours},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
