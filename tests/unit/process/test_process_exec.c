/* SPDX-License-Identifier: MIT
 *
 * Programs as children: what they get, what they begin with, how a bad one fails, and that threads do not matter. The program
 * is this test itself, called with a role.
 */
#include "unit/process/process_fixture.h"

#include <hayfork/pipe.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

static char self[PATH_MAX];

static struct hay_process *new_role(const char *role, const struct hay_process_options *options)
{
    char name[32];
    snprintf(name, sizeof name, "%s", role);
    char *argv[] = {self, name, NULL};
    struct hay_process *process = hay_process_new_exec(self, argv, options, &error);
    CU_ASSERT_PTR_NOT_NULL_FATAL(process);
    return process;
}

/* Role: three gifts came as 3, 4 and 5; echo what comes by the first to the second, as text with our own name. */
static int play_echo(void)
{
    char text[32] = "", answer[96];
    struct hay_error why;
    CHILD_CHECK(count_fds() == 6);
    CHILD_CHECK(hay_process_given_fd(0, &why) == -1 && why.status == HAY_EUNKNOWN); /* a pipe: it can still be taken as one */
    CHILD_CHECK(hay_process_given_fd(3, &why) == -1 && why.status == HAY_EUNKNOWN);
    struct hay_pipe *in = hay_pipe_given(0, NULL), *out = hay_pipe_given(1, NULL);
    CHILD_CHECK(in && out && hay_pipe_fd(in) == 3 && hay_pipe_fd(out) == 4);
    CHILD_CHECK(!hay_pipe_given(0, &why) && why.status == HAY_ESTATE);
    CHILD_CHECK(!hay_pipe_given(2, &why) && why.status == HAY_EUNKNOWN);
    CHILD_CHECK(!hay_pipe_given(3, &why) && why.status == HAY_EUNKNOWN);
    CHILD_CHECK(!hay_pipe_given(-1, &why) && why.status == HAY_EUNKNOWN);
    CHILD_CHECK(hay_process_given_fd(0, &why) == -1 && why.status == HAY_ESTATE);
    int file = hay_process_given_fd(2, NULL);
    CHILD_CHECK(file == 5 && (fcntl(file, F_GETFD) & FD_CLOEXEC));
    CHILD_CHECK(hay_process_given_fd(2, &why) == -1 && why.status == HAY_ESTATE);
    CHILD_CHECK(write(file, "seen", 4) == 4);
    CHILD_CHECK(hay_parent_alive() && hay_parent_fd(NULL) >= 0);
    CHILD_CHECK(hay_pipe_send(in, "x", 1, 0, &why) == HAY_EINVAL); /* it receives only */
    CHILD_CHECK(hay_pipe_receive_into(in, text, sizeof text, NULL, LONG_MS, NULL) == HAY_OK);
    int size = snprintf(answer, sizeof answer, "%s: %s", hay_current_name(), text);
    CHILD_CHECK(hay_pipe_send(out, answer, (size_t)size, LONG_MS, NULL) == HAY_OK);
    CHILD_CHECK(hay_pipe_next(in, NULL, NULL, LONG_MS, NULL) == HAY_EOF);
    hay_pipe_free(in);
    hay_pipe_free(out);
    return 9;
}

/* Role: what every program begins with. */
static int play_clean(void)
{
    struct sigaction action;
    sigset_t mask;
    struct hay_error why;
    char number[16];
    snprintf(number, sizeof number, "%d", (int)getpid());
    CHILD_CHECK(getenv("HAYFORK_PID") && strcmp(getenv("HAYFORK_PID"), number) == 0);
    CHILD_CHECK(count_fds() == 3 && getchar() == EOF);
    CHILD_CHECK(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHILD_CHECK(sigprocmask(SIG_SETMASK, NULL, &mask) == 0 && sigisemptyset(&mask));
    CHILD_CHECK(!hay_pipe_given(0, &why) && why.status == HAY_EUNKNOWN);
    CHILD_CHECK(getenv("PRESENT") && strcmp(getenv("PRESENT"), "yes") == 0);
    return 0;
}

static void a_program_gets_what_it_was_given_and_nothing_else(void)
{
    struct hay_process_options options = {.name = "Echo"};
    struct hay_pipe *to, *from, *receiver, *sender;
    char text[64] = "";
    int file[2];
    int stray = fcntl(1, F_DUPFD, 300); /* not close-on-exec */
    CU_ASSERT_FATAL(pipe2(file, O_CLOEXEC) == 0 && stray >= 300);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new_one_way(&receiver, &to, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&from, &sender, &error), HAY_OK);
    struct hay_handle file_handle = hay_fd_handle(file[1], 0);
    struct hay_process *process = new_role("echo", &options);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(receiver), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(sender), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_give(process, &file_handle, &error), HAY_OK);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(sender, "x", 1, 0, &error), HAY_ESTATE);
    CU_ASSERT_EQUAL(hay_pipe_send(to, "hello", 5, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_receive_into(from, text, sizeof text, NULL, LONG_MS, &error), HAY_OK);
    CU_ASSERT_STRING_EQUAL(text, "Echo: hello");
    hay_pipe_free(to);
    CU_ASSERT_EQUAL(hay_pipe_next(from, NULL, NULL, LONG_MS, &error), HAY_EOF);
    CU_ASSERT_EQUAL(finish(process), 9);
    CU_ASSERT_EQUAL(read(file[0], text, sizeof text), 4);
    close(file[0]);
    close(stray);
    hay_pipe_free(from);
    hay_pipe_free(receiver);
    hay_pipe_free(sender);
}

static void a_program_begins_clean(void)
{
    char present[] = "PRESENT=yes";
    char *env[] = {present, NULL};
    struct hay_process_options options = {.env = env};
    sigset_t hup;
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hup, NULL);
    int flags = fcntl(STDOUT_FILENO, F_GETFD);
    fcntl(STDOUT_FILENO, F_SETFD, FD_CLOEXEC); /* as of a file that was opened while 1 was closed */
    struct hay_process *process = new_role("clean", &options);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), 0);
    fcntl(STDOUT_FILENO, F_SETFD, flags);
    sigprocmask(SIG_UNBLOCK, &hup, NULL);
    CU_ASSERT(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

/* Role: tell where we are. */
static int play_where(void)
{
    char folder[PATH_MAX];
    CHILD_CHECK(getcwd(folder, sizeof folder) && strcmp(folder, "/usr/bin") == 0);
    return 0;
}

static void a_program_begins_in_its_own_directory(void)
{
    char folder[] = "/usr/bin", name[] = "./env", yes[] = "true", *argv[] = {name, yes, NULL}, before[PATH_MAX], after[PATH_MAX];
    struct hay_process_options options = {.cwd = folder};
    struct hay_process *process = new_role("where", &options);
    memset(folder, 'x', strlen(folder)); /* it is copied */
    CU_ASSERT_PTR_NOT_NULL(getcwd(before, sizeof before));
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), 0);
    options.cwd = "/usr/bin";
    process = hay_process_new_exec(name, argv, &options, &error);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), 0);
    options.cwd = "/no/such/folder";
    process = hay_process_new_exec(self, argv, &options, &error);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.sys_errno, ENOENT);
    CU_ASSERT(strstr(error.text, "cannot enter the directory of") != NULL);
    hay_process_free(process);
    CU_ASSERT_PTR_NOT_NULL(getcwd(after, sizeof after));
    CU_ASSERT_STRING_EQUAL(before, after);
}

static void a_program_that_cannot_run_is_an_error_of_the_start(void)
{
    char none[] = "/no/such/program", folder[] = "/";
    char *argv[] = {none, NULL}, *empty[] = {NULL};
    struct hay_process *process = hay_process_new_exec(none, argv, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.sys_errno, ENOENT);
    CU_ASSERT(strstr(error.text, none) != NULL);
    CU_ASSERT(!hay_process_alive(process));
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    argv[0] = folder;
    process = hay_process_new_exec(folder, argv, NULL, &error);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_ESYSTEM);
    CU_ASSERT_EQUAL(error.sys_errno, EACCES);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    CU_ASSERT_PTR_NULL(hay_process_new_exec(NULL, argv, NULL, &error));
    CU_ASSERT_PTR_NULL(hay_process_new_exec("", argv, NULL, &error));
    CU_ASSERT_PTR_NULL(hay_process_new_exec(folder, NULL, NULL, &error));
    CU_ASSERT_PTR_NULL(hay_process_new_exec(folder, empty, NULL, &error));
    CU_ASSERT_EQUAL(error.status, HAY_EINVAL);
}

static void a_program_is_found_in_path(void)
{
    char name[] = "true";
    char *argv[] = {name, NULL};
    struct hay_process *process = hay_process_new_exec(name, argv, NULL, &error);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), 0);
}

static void a_pipe_with_messages_in_memory_is_not_given_to_a_program(void)
{
    struct hay_pipe *left, *right;
    CU_ASSERT_EQUAL_FATAL(hay_pipe_new(&left, &right, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_send(left, "one", 3, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_pipe_next(right, NULL, NULL, LONG_MS, &error), HAY_OK);
    struct hay_process *process = new_role("clean", NULL);
    CU_ASSERT_EQUAL(hay_process_give(process, hay_pipe_handle(right), &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_start(process, &error), HAY_EBUSY);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
    hay_pipe_free(left);
    hay_pipe_free(right);
}

static void *start_in_thread(void *arg)
{
    struct hay_process *process = arg;
    return hay_process_start(process, NULL) == HAY_OK && hay_process_join(process, LONG_MS, NULL, NULL) == HAY_OK ? arg : NULL;
}

static void a_process_with_threads_may_start_programs(void)
{
    char name[] = "true";
    char *argv[] = {name, NULL};
    pthread_t threads[4];
    struct hay_process *processes[4];
    for (int i = 0; i < 4; i++) {
        processes[i] = hay_process_new_exec(name, argv, NULL, &error);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, start_in_thread, processes[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        CU_ASSERT_PTR_EQUAL(result, processes[i]);
        CU_ASSERT_EQUAL(hay_process_exit(processes[i]).kind, HAY_EXIT_CODE);
        CU_ASSERT_EQUAL(hay_process_free(processes[i]), HAY_OK);
    }
}

static void *hold_until_told(void *arg)
{
    pthread_barrier_t *barrier = arg;
    flockfile(stdin);
    pthread_barrier_wait(barrier); /* it is held */
    pthread_barrier_wait(barrier);
    funlockfile(stdin);
    return NULL;
}

/* In a program of its own, which an alarm ends when the start hangs. */
static int play_busy(void)
{
    char name[] = "true";
    char *argv[] = {name, NULL};
    pthread_barrier_t barrier;
    pthread_t thread;
    alarm(LONG_MS / 1000);
    CHILD_CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHILD_CHECK(pthread_create(&thread, NULL, hold_until_told, &barrier) == 0);
    pthread_barrier_wait(&barrier);
    struct hay_process *process = hay_process_new_exec(name, argv, NULL, NULL);
    CHILD_CHECK(hay_process_start(process, NULL) == HAY_OK && hay_process_join(process, -1, NULL, NULL) == HAY_OK);
    CHILD_CHECK(hay_process_free(process) == HAY_OK);
    pthread_barrier_wait(&barrier);
    CHILD_CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}

static void a_thread_that_reads_standard_input_does_not_stop_a_start(void)
{
    struct hay_process *process = new_role("busy", NULL);
    struct hay_exit how;
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(process, -1, &how, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_exit_code(&how), 0);
    CU_ASSERT_EQUAL(hay_process_free(process), HAY_OK);
}

static void a_daemon_program_ends_by_signals_like_any_other(void)
{
    char name[] = "sleep", time[] = "1000";
    char *argv[] = {name, time, NULL};
    struct hay_process_options options = {.daemon = true, .own_group = true};
    struct hay_process *process = hay_process_new_exec(name, argv, &options, &error);
    CU_ASSERT_EQUAL_FATAL(hay_process_start(process, &error), HAY_OK);
    CU_ASSERT_EQUAL(hay_process_join(process, 0, NULL, &error), HAY_ETIMEDOUT);
    CU_ASSERT_EQUAL(hay_process_terminate(process, LONG_MS, &error), HAY_OK);
    CU_ASSERT_EQUAL(finish(process), -SIGTERM);
}

/* Standard input and output are closed: the first descriptors that a start makes would be 0 and 1. */
static int start_without_standard_streams(void)
{
    int zero = 0;
    char role[] = "clean";
    char *argv[] = {self, role, NULL};
    setenv("PRESENT", "yes", 1);
    close(0);
    close(1);
    struct hay_process *child = hay_process_new(return_number, &zero, NULL, NULL);
    CHILD_CHECK(hay_process_start(child, NULL) == HAY_OK && hay_process_fd(child) > 2);
    struct hay_process *first = hay_process_new_exec(self, argv, NULL, NULL);
    CHILD_CHECK(hay_process_start(first, NULL) == HAY_OK && hay_process_fd(first) > 2);
    struct hay_process *second = hay_process_new_exec(self, argv, NULL, NULL);
    CHILD_CHECK(hay_process_start(second, NULL) == HAY_OK);
    struct hay_exit how;
    CHILD_CHECK(hay_process_join(second, LONG_MS, &how, NULL) == HAY_OK && hay_exit_code(&how) == 0);
    return 0;
}

static void a_start_takes_no_number_of_a_standard_stream(void)
{
    CU_ASSERT_EQUAL(run_apart(start_without_standard_streams), 0);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; int (*play)(void); } roles[] = {
        {"echo", play_echo}, {"busy", play_busy}, {"where", play_where}, {"clean", play_clean}};
    for (size_t i = 0; argc == 2 && i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(argv[1], roles[i].name) == 0)
            return roles[i].play();
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = '\0';
    CU_TestInfo tests[] = {
        {"a program gets what it was given and nothing else", a_program_gets_what_it_was_given_and_nothing_else},
        {"a program begins clean", a_program_begins_clean},
        {"a program begins in its own directory", a_program_begins_in_its_own_directory},
        {"a program that cannot run is an error of the start", a_program_that_cannot_run_is_an_error_of_the_start},
        {"a program is found in PATH", a_program_is_found_in_path},
        {"a pipe with messages in memory is not given to a program", a_pipe_with_messages_in_memory_is_not_given_to_a_program},
        {"a process with threads may start programs", a_process_with_threads_may_start_programs},
        {"a thread that reads standard input does not stop a start", a_thread_that_reads_standard_input_does_not_stop_a_start},
        {"a start takes no number of a standard stream", a_start_takes_no_number_of_a_standard_stream},
        {"a daemon program ends by signals like any other", a_daemon_program_ends_by_signals_like_any_other},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"process_exec", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
