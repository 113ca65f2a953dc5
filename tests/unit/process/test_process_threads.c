/* SPDX-License-Identifier: MIT
 *
 * exit() in a program in which other threads use process objects: it takes none of theirs, ends the daemons, and waits for the
 * children that there are. And fork() there.
 */
#include "unit/process/process_fixture.h"

#include <hayfork/pipe.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

static bool lingers;
static struct hay_exit *seen; /* shared with the children */
static pid_t left;            /* a child whose end is wanted at exit() */
static struct rlimit files;

/* Registered before the first child is started, so it runs after the hook that ends children. */
static void look_late(void)
{
    siginfo_t end = {0};
    if (lingers)
        nanosleep(&(struct timespec){0, 20000000}, NULL); /* for other threads to say what they saw */
    if (left)
        setrlimit(RLIMIT_NOFILE, &files); /* a sanitizer may want some */
    if (left && !waitid(P_PID, (id_t)left, &end, WEXITED | WNOHANG | WNOWAIT) && end.si_pid)
        *seen = (struct hay_exit){end.si_code == CLD_KILLED ? HAY_EXIT_SIGNAL : HAY_EXIT_CODE, end.si_status, false};
}

static void *join_it(void *process)
{
    struct hay_exit how;
    if (hay_process_join(process, -1, &how, NULL) == HAY_OK)
        *seen = how;
    return NULL;
}

/* Its only user is one thread while another one is at the end of the program. */
static void exit_takes_no_process_from_a_thread(void)
{
    char shell[] = "sh", option[] = "-c", script[] = "sleep 0.02; exit 5", *argv[] = {shell, option, script, NULL};
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(seen, MAP_FAILED);
    for (int i = 0; i < 30; i++) {
        int status = -1;
        *seen = (struct hay_exit){HAY_EXIT_NONE, 0, false};
        fflush(NULL);
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t thread;
            lingers = true;
            struct hay_process *process = hay_process_new_exec("/bin/sh", argv, NULL, NULL);
            if (hay_process_start(process, NULL) || pthread_create(&thread, NULL, join_it, process))
                _exit(1);
            exit(0);
        }
        CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
        CU_ASSERT_EQUAL(status, 0);
        CU_ASSERT(seen->kind == HAY_EXIT_NONE || (seen->kind == HAY_EXIT_CODE && seen->value == 5));
    }
    munmap(seen, sizeof *seen);
}

/* Out of its group, it is reached by its own number alone. */
static int stubborn_elsewhere(void *arg)
{
    setpgid(0, getpgid(getppid()));
    signal(SIGTERM, SIG_IGN);
    hay_pipe_send(arg, "here", 4, LONG_MS, NULL);
    sleep_for_ever(NULL);
}

static atomic_bool leaving;
static atomic_size_t *active;

static void *count_children(void *arg)
{
    while (!atomic_load(&leaving))
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    nanosleep(&(struct timespec){0, 100000000}, NULL); /* exit() waits for the daemon by then */
    atomic_store(active, hay_active_children(NULL, 0));
    return arg;
}

static _Noreturn void exit_beside_a_thread(void)
{
    struct hay_process_options grouped = {.daemon = true, .own_group = true};
    struct hay_pipe *ours, *theirs;
    pthread_t thread;
    char text[8];
    if (hay_pipe_new(&ours, &theirs, NULL))
        _exit(1);
    struct hay_process *process = hay_process_new(stubborn_elsewhere, theirs, &grouped, NULL);
    if (hay_process_give(process, hay_pipe_handle(theirs), NULL) || hay_process_start(process, NULL) ||
        hay_pipe_receive_into(ours, text, sizeof text, NULL, LONG_MS, NULL) ||
        pthread_create(&thread, NULL, count_children, NULL))
        _exit(1);
    left = hay_process_pid(process);
    getrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, files.rlim_max}); /* from now on there is none to be had */
    atomic_store(&leaving, true);
    exit(0);
}

static void exit_beside_a_thread_ends_daemons_and_needs_no_descriptor(void)
{
    int status = -1;
    char *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_PTR_NOT_EQUAL_FATAL(shared, MAP_FAILED);
    seen = (struct hay_exit *)(void *)shared;
    active = (atomic_size_t *)(void *)(shared + 64);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        exit_beside_a_thread();
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
    CU_ASSERT(seen->kind == HAY_EXIT_SIGNAL && seen->value == SIGKILL);
    CU_ASSERT_EQUAL(atomic_load(active), 1);
    munmap(shared, 4096);
}

static void *start_for_ever(void *arg)
{
    char program[] = "sleep", time[] = "0.02", *argv[] = {program, time, NULL};
    for (;;) {
        struct hay_process *process = hay_process_new_exec("/bin/sleep", argv, NULL, NULL);
        if (hay_process_start(process, NULL) == HAY_OK)
            hay_process_join(process, -1, NULL, NULL);
        hay_process_free(process);
    }
    return arg;
}

static void exit_waits_for_no_child_that_a_thread_starts_meanwhile(void)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(LONG_MS / 1000);
        for (int i = 0; i < 4; i++) {
            pthread_t thread;
            if (pthread_create(&thread, NULL, start_for_ever, NULL))
                _exit(1);
        }
        nanosleep(&(struct timespec){0, 100000000}, NULL); /* they are at it */
        exit(0);
    }
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

static void *open_and_close(void *arg)
{
    struct hay_pipe *left_end, *right_end;
    while (!atomic_load(&leaving))
        if (hay_pipe_new(&left_end, &right_end, NULL) == HAY_OK) {
            hay_pipe_free(left_end);
            hay_pipe_free(right_end);
        }
    return arg;
}

/* By its own fork(2), while other threads are in the library. Its copies of objects are freed, and new ones made. */
static _Noreturn void fork_beside_threads(void)
{
    char program[] = "true", *argv[] = {program, NULL};
    struct hay_pipe *ours, *theirs;
    pthread_t threads[3];
    bool ok = hay_pipe_new(&ours, &theirs, NULL) == HAY_OK;
    for (int i = 0; i < 3; i++)
        ok = ok && !pthread_create(&threads[i], NULL, open_and_close, NULL);
    for (int i = 0; ok && i < 300; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            alarm(LONG_MS / 1000);
            hay_pipe_free(ours);
            hay_pipe_free(theirs);
            hay_process_free(hay_process_new_exec("/bin/true", argv, NULL, NULL));
            _exit(!hay_current_name());
        }
        ok = waitpid(pid, &status, 0) == pid && status == 0;
    }
    atomic_store(&leaving, true);
    for (int i = 0; ok && i < 3; i++)
        pthread_join(threads[i], NULL);
    _exit(!ok);
}

static void a_child_that_was_forked_beside_threads_finds_no_lock_held(void)
{
    int status = -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        fork_beside_threads();
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT_EQUAL(status, 0);
}

int main(void)
{
    atexit(look_late);
    CU_TestInfo tests[] = {
        {"exit() takes no process from a thread", exit_takes_no_process_from_a_thread},
        {"exit() beside a thread ends daemons and needs no descriptor",
         exit_beside_a_thread_ends_daemons_and_needs_no_descriptor},
        {"exit() waits for no child that a thread starts meanwhile", exit_waits_for_no_child_that_a_thread_starts_meanwhile},
        {"a child that was forked beside threads finds no lock held", a_child_that_was_forked_beside_threads_finds_no_lock_held},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process_threads", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
