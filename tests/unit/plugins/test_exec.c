/* SPDX-License-Identifier: MIT
 *
 * Tests of the exec plugin: how a command starts (arguments, stdin, environment, directory, signals, descriptors), what is
 * captured of it, and that nothing is left over: no zombie, no descriptor. How it ends before its time: test_exec_end.
 */
#include "support/tap.h"
#include "unit/plugins/exec_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define NOTHING "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"\"}"

static int open_fds(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (directory && readdir(directory))
        count++;
    if (directory)
        closedir(directory);
    return count;
}

static void a_command_gives_exit_stdout_and_stderr(void)
{
    CU_ASSERT(host_returns("run", "{\"argv\":[\"/bin/true\"]}", NOTHING));
    CU_ASSERT(host_returns("run", "{\"argv\":[\"sh\",\"-c\",\"echo out; echo err >&2; exit 7\"]}",
                           "{\"exit\":7,\"signal\":null,\"stderr\":\"err\\n\",\"stdout\":\"out\\n\"}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"echo $0; exit 255\"}",
                           "{\"exit\":255,\"signal\":null,\"stderr\":\"\",\"stdout\":\"/bin/sh\\n\"}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"\"}", NOTHING));
    CU_ASSERT(host_returns("run", "{\"argv\":[\"printf\",\"%s|\",\"\",\"a b\",\"*\"]}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"|a b|*|\"}"));
    CU_ASSERT(!has_children());
}

static void a_shell_text_may_begin_with_a_dash(void)
{
    json_t *value = shell("-no-such-command-");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(value, "exit")), 127);
    json_decref(value);
}

static void a_command_killed_by_a_signal_is_a_result(void)
{
    CU_ASSERT(host_returns("run", "{\"shell\":\"echo a; kill -KILL $$\"}",
                           "{\"exit\":null,\"signal\":9,\"stderr\":\"\",\"stdout\":\"a\\n\"}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"kill -TERM $$\"}",
                           "{\"exit\":null,\"signal\":15,\"stderr\":\"\",\"stdout\":\"\"}"));
    CU_ASSERT(!has_children());
}

static void what_cannot_run_is_an_error(void)
{
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"/no/such\"]}", "cannot run /no/such: No such file or directory"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"no-such-command\"]}", "cannot run no-such-command: No such file or directory"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"\"]}", "No such file or directory"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"ls -l\"]}", "No such file or directory (for a script of the shell: --shell"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"/etc/passwd\"]}", "cannot run /etc/passwd: Permission denied"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"/etc\"]}", "Permission denied"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"],\"cwd\":\"/no/such\"}",
                           "cannot enter /no/such: No such file or directory"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"true\"],\"cwd\":\"/etc/passwd\"}", "Not a directory"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"passwd\"],\"env\":{\"PATH\":\"/etc:/nowhere\"}}",
                           "cannot run passwd: Permission denied"));
    /* what is said of a blank is for a file that is not there */
    CU_ASSERT(host_call_value("run", json_pack("{s:[s]}", "argv", "/etc/passwd/a b")) == NULL);
    CU_ASSERT_STRING_EQUAL(host.error, "cannot run /etc/passwd/a b: Not a directory");
    json_t *argv = json_pack("[s]", "true");
    char *large = malloc(200001);
    CU_ASSERT_FATAL(large != NULL);
    memset(large, 'x', 200000);
    large[200000] = '\0';
    json_array_append_new(argv, json_string(large));
    CU_ASSERT(host_call_value("run", json_pack("{s:o}", "argv", argv)) == NULL);
    CU_ASSERT_STRING_EQUAL(host.error, "cannot run true: Argument list too long");
    free(large);
    CU_ASSERT(!has_children());
}

static void bad_args_are_refused(void)
{
    static const char *const bad[][2] = {
        { "null", "\"argv\" or \"shell\"" },
        { "{}", "\"argv\" or \"shell\"" },
        { "{\"argv\":[\"true\"],\"shell\":\"true\"}", "either" },
        { "{\"argv\":[]}", "\"argv\"" },
        { "{\"argv\":\"true\"}", "\"argv\"" },
        { "{\"argv\":[\"true\",7]}", "strings only" },
        { "{\"shell\":7}", "\"shell\" has to be a string" },
        { "{\"shell\":\"a\\u0000b\"}", "refused" },
        { "{\"argv\":[\"true\"],\"stdin\":7}", "\"stdin\" has to be a string" },
        { "{\"argv\":[\"true\"],\"stdin\":\"YQ\",\"stdin_encoding\":\"base64\"}", "\"stdin\" is not base64" },
        { "{\"argv\":[\"true\"],\"stdin_encoding\":\"hex\"}", "\"stdin_encoding\" can be \"base64\" only" },
        { "{\"argv\":[\"true\"],\"cwd\":[]}", "\"cwd\" has to be a string" },
        { "{\"argv\":[\"true\"],\"env\":[]}", "\"env\" has to be an object" },
        { "{\"argv\":[\"true\"],\"env\":{\"A\":1}}", "\"A\" has to be a string or null" },
        { "{\"argv\":[\"true\"],\"env\":{\"\":\"x\"}}", "\"env\"" },
        { "{\"argv\":[\"true\"],\"env\":{\"A=B\":\"x\"}}", "\"env\"" },
        { "{\"argv\":[\"true\"],\"fds\":3}", "\"fds\" has to be an array" },
        { "{\"argv\":[\"true\"],\"fds\":[2]}", "\"fds\" has to hold" },
        { "{\"argv\":[\"true\"],\"fds\":[\"3\"]}", "\"fds\" has to hold" },
        { "{\"argv\":[\"true\"],\"fds\":[1048575]}", "\"fds\" has to hold" },
        { "{\"argv\":[\"true\"],\"max_output\":-1}", "\"max_output\"" },
        { "{\"argv\":[\"true\"],\"max_output\":268435457}", "\"max_output\"" },
        { "{\"argv\":[\"true\"],\"max_output\":\"1\"}", "\"max_output\"" },
        { "{\"argv\":[\"true\"],\"check\":1}", "\"check\"" },
        { "{\"argv\":[\"true\"],\"check\":\"yes\"}", "\"check\"" },
        { "{\"argv\":[\"true\"],\"encoding\":\"hex\"}", "\"encoding\" can be \"base64\" only" },
        { "{\"argv\":[\"true\"],\"argv_encoding\":1}", "\"argv_encoding\" has to be a string" },
        { "{\"argv\":[\"dHJ1\",\"Z\"],\"argv_encoding\":\"base64\"}", "not the base64 of a string" },
        { "{\"argv\":[\"dHJ1\",\"Zm9\"],\"argv_encoding\":\"base64\"}", "not the base64 of a string" },
        { "{\"argv\":[\"dHJ1\",\"Z===\"],\"argv_encoding\":\"base64\"}", "not the base64 of a string" },
        { "{\"argv\":[\"dHJ1\",\"AAAA\"],\"argv_encoding\":\"base64\"}", "not the base64 of a string" },
        { "{\"shell\":\"e=choCg\",\"argv_encoding\":\"base64\"}", "not the base64 of a string" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CU_ASSERT(host_refuses("run", bad[i][0], bad[i][1]));
    /* the number of an open one, but for bits that no descriptor has */
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    CU_ASSERT(fd > 2);
    CU_ASSERT(host_call_value("run", json_pack("{s:[s],s:[I]}", "argv", "true", "fds", (INT64_C(1) << 32) + fd)) == NULL);
    CU_ASSERT(strstr(host.error, "\"fds\" has to hold") != NULL);
    close(fd);
}

static void stdin_is_the_text_or_empty(void)
{
    CU_ASSERT(prints(json_pack("{s:[s],s:s}", "argv", "cat", "stdin", "a\nb"), "a\nb"));
    CU_ASSERT(prints(json_pack("{s:[s]}", "argv", "cat"), ""));
    CU_ASSERT(prints(json_pack("{s:[s],s:s}", "argv", "cat", "stdin", ""), ""));
    CU_ASSERT(prints(json_pack("{s:[s],s:s}", "argv", "true", "stdin", "unread"), ""));
    CU_ASSERT(prints(json_pack("{s:s,s:s,s:s}", "shell", "tr '\\0' n", "stdin", "YQBiAA==", "stdin_encoding", "base64"), "anbn"));
    CU_ASSERT(prints(json_pack("{s:[s],s:s,s:s}", "argv", "cat", "stdin", "", "stdin_encoding", "base64"), ""));
    CU_ASSERT(prints(json_pack("{s:[s],s:s}", "argv", "cat", "stdin_encoding", "base64"), ""));
}

static void a_stdin_over_the_limit_of_files_is_refused(void)
{
    char text[102];
    int status;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    pid_t worker = fork();
    if (!worker) {
        struct rlimit limit;
        char args[200];
        snprintf(args, sizeof args, "{\"argv\":[\"cat\"],\"stdin\":\"%s\"}", text);
        CHILD_CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
        limit.rlim_cur = 100;
        CHILD_CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
        CHILD_CHECK(host_refuses("run", args, "cannot make the command's stdin: File too large"));
        CHILD_CHECK(prints(json_pack("{s:[s],s:s}", "argv", "cat", "stdin", text + 1), text + 1));
        _exit(0);
    }
    CU_ASSERT(waitpid(worker, &status, 0) == worker);
    CU_ASSERT_EQUAL(status, 0);
}

static void a_large_stdin_comes_back_whole(void)
{
    size_t size = 1000000;
    char *text = malloc(size + 1);
    CU_ASSERT_FATAL(text != NULL);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 23);
    text[size] = '\0';
    CU_ASSERT(prints(json_pack("{s:[s],s:s}", "argv", "cat", "stdin", text), text));
    CU_ASSERT(prints(json_pack("{s:[s],s:s}", "argv", "true", "stdin", text), ""));
    free(text);
}

static void env_adds_replaces_and_unsets(void)
{
    setenv("HAYFORK_TEST_KEPT", "kept", 1);
    setenv("HAYFORK_TEST_REPLACED", "old", 1);
    setenv("HAYFORK_TEST_UNSET", "old", 1);
    const char *text = "echo $HAYFORK_TEST_KEPT $HAYFORK_TEST_REPLACED ${HAYFORK_TEST_UNSET-unset} $HAYFORK_TEST_NEW; "
                       "env | grep -c HAYFORK_TEST_";
    CU_ASSERT(prints(json_pack("{s:s,s:{s:s,s:n,s:s}}", "shell", text, "env", "HAYFORK_TEST_REPLACED", "new",
                               "HAYFORK_TEST_UNSET", "HAYFORK_TEST_NEW", "x=y"), "kept new unset x=y\n3\n"));
    CU_ASSERT(prints(json_pack("{s:s,s:{}}", "shell", "echo $HAYFORK_TEST_UNSET", "env"), "old\n"));
    CU_ASSERT_STRING_EQUAL(getenv("HAYFORK_TEST_UNSET"), "old");
}

static void names_of_any_length_are_replaced_and_unset(void)
{
    static const size_t sizes[] = { 254, 255, 256, 257, 600 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char name[601];
        memset(name, 'N', sizes[i]);
        name[sizes[i]] = '\0';
        setenv(name, "old", 1);
        CU_ASSERT(prints(json_pack("{s:s,s:{}}", "shell", "env | grep -c ^NNNN", "env"), "1\n"));
        CU_ASSERT(prints(json_pack("{s:s,s:{s:n}}", "shell", "env | grep -c ^NNNN", "env", name), "0\n"));
        CU_ASSERT(prints(json_pack("{s:s,s:{s:s}}", "shell", "env | sed -n 's/^NNNN*//p'", "env", name, "new"), "=new\n"));
        unsetenv(name);
    }
}

static void cwd_and_path_are_the_commands_own(void)
{
    const char *directory = host_directory();
    char file[4300], expected[4300];
    snprintf(file, sizeof file, "%s/script", directory);
    FILE *script = fopen(file, "we");
    CU_ASSERT_FATAL(script != NULL);
    fprintf(script, "echo \"$1\"; pwd\n"); /* no #! line: the shell runs it, as execvp() would have it */
    fclose(script);
    CU_ASSERT(chmod(file, 0755) == 0);
    snprintf(expected, sizeof expected, "a b\n%s\n", directory);
    CU_ASSERT(prints(json_pack("{s:[s,s],s:s}", "argv", "./script", "a b", "cwd", directory), expected));
    const char *const paths[] = { "/nowhere:.:/bin", "", ":/bin", "/nowhere:", "/etc/passwd:.", directory };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        CU_ASSERT(prints(json_pack("{s:[s,s],s:s,s:{s:s}}", "argv", "script", "a b", "cwd", directory, "env", "PATH", paths[i]),
                         expected));
    CU_ASSERT(prints(json_pack("{s:[s,s],s:{s:n}}", "argv", "echo", "found", "env", "PATH"), "found\n"));
}

static void output_that_is_not_utf8_is_replaced(void)
{
    CU_ASSERT(prints(json_pack("{s:s}", "shell", "printf 'a\\377b\\303'"), "a\xef\xbf\xbd" "b\xef\xbf\xbd"));
    CU_ASSERT(prints(json_pack("{s:s}", "shell", "printf '\\303\\251\\342\\202'"), "\xc3\xa9\xef\xbf\xbd"));
    CU_ASSERT(prints(json_pack("{s:s,s:i}", "shell", "printf 'a\\303\\251'", "max_output", 2), "a"));
    json_t *value = shell("printf 'a\\0b'");
    CU_ASSERT_EQUAL(json_string_length(json_object_get(value, "stdout")), 3);
    json_decref(value);
}

static void output_is_captured_up_to_the_limit(void)
{
    CU_ASSERT(host_returns("run", "{\"shell\":\"printf abc; printf defg >&2\",\"max_output\":3}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"def\",\"stdout\":\"abc\",\"truncated\":true}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"printf abc\",\"max_output\":3}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"abc\"}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"printf abc\",\"max_output\":0}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"\",\"truncated\":true}"));
    json_t *value = shell("head -c 1048576 /dev/zero | tr '\\0' x");
    CU_ASSERT_EQUAL(json_string_length(json_object_get(value, "stdout")), 1048576);
    CU_ASSERT(json_object_get(value, "truncated") == NULL);
    json_decref(value);
}

static void a_bad_end_is_an_error_where_it_is_checked(void)
{
    CU_ASSERT(host_returns("run", "{\"argv\":[\"true\"],\"check\":true}", NOTHING));
    CU_ASSERT(host_refuses("run", "{\"shell\":\"echo a >&2; echo why >&2; echo >&2; exit 3\",\"check\":true}", "exit 3: why"));
    CU_ASSERT(host_refuses("run", "{\"argv\":[\"false\"],\"check\":true}", "exit 1"));
    CU_ASSERT_STRING_EQUAL(host.error, "exit 1");
    CU_ASSERT(host_refuses("run", "{\"shell\":\"kill -KILL $$\",\"check\":true}", "signal 9 (SIGKILL)"));
    CU_ASSERT(host_refuses("run", "{\"shell\":\"printf '\\\\377' >&2; exit 1\",\"check\":true}", "exit 1: \xef\xbf\xbd"));
    CU_ASSERT(host_refuses("run", "{\"shell\":\"echo abc\",\"max_output\":3,\"check\":true}", "it printed more than 3 bytes"));
    host.retried = true;
    CU_ASSERT(host_refuses("run", "{\"shell\":\"exit 3\",\"check\":\"retried\"}", "exit 3"));
    host.retried = false;
    CU_ASSERT(host_returns("run", "{\"shell\":\"exit 3\",\"check\":\"retried\"}",
                           "{\"exit\":3,\"signal\":null,\"stderr\":\"\",\"stdout\":\"\"}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"exit 3\",\"check\":false}",
                           "{\"exit\":3,\"signal\":null,\"stderr\":\"\",\"stdout\":\"\"}"));
}

static void base64_carries_any_bytes(void)
{
    CU_ASSERT(host_returns("run", "{\"shell\":\"printf '\\\\377\\\\000'; printf abc >&2\",\"encoding\":\"base64\"}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"YWJj\",\"stdout\":\"/wA=\"}"));
    CU_ASSERT(host_returns("run", "{\"argv\":[\"cHJpbnRm\",\"JXM=\",\"//4=\"],\"argv_encoding\":\"base64\","
                                  "\"encoding\":\"base64\"}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"//4=\"}"));
    CU_ASSERT(host_returns("run", "{\"shell\":\"ZWNobyBhYg==\",\"argv_encoding\":\"base64\"}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"ab\\n\"}"));
    CU_ASSERT(host_returns("run", "{\"argv\":[\"cHJpbnRm\",\"PCVzPg==\",\"\"],\"argv_encoding\":\"base64\"}",
                           "{\"exit\":0,\"signal\":null,\"stderr\":\"\",\"stdout\":\"<>\"}"));
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

static void endless_output_takes_no_memory(void)
{
    long before_kib = peak_kib();
    json_t *value = host_call_value("run", json_pack("{s:s,s:i}", "shell", "yes | head -c 200000000", "max_output", 1000));
    CU_ASSERT_EQUAL(json_string_length(json_object_get(value, "stdout")), 1000);
    CU_ASSERT(json_is_true(json_object_get(value, "truncated")));
    CU_ASSERT(peak_kib() - before_kib < 16384);
    json_decref(value);
}

static void a_grandchild_that_holds_stdout_is_not_waited_for(void)
{
    int64_t start_ms = host_now_ms();
    json_t *value = shell("sleep 30 & echo $!");
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    int pid = atoi(member_text(value, "stdout"));
    CU_ASSERT(pid > 0 && kill(pid, SIGKILL) == 0);
    json_decref(value);
    /* and one that goes on printing does not keep us reading */
    value = host_call_value("run", json_pack("{s:s,s:i}", "shell", "yes & echo $! >&2", "max_output", 4096));
    CU_ASSERT(host_now_ms() - start_ms < SOON_MS);
    pid = atoi(member_text(value, "stderr"));
    CU_ASSERT(pid > 0);
    if (pid > 0)
        kill(pid, SIGKILL); /* the closed pipe may have ended it */
    json_decref(value);
}

static bool has_default_signals(uint64_t begun)
{
    host.begun = begun;
    json_t *value = host_call_value("run", json_pack("{s:[s,s]}", "argv", "cat", "/proc/self/status"));
    const char *status = member_text(value, "stdout");
    bool is_so = strstr(status, "SigBlk:\t0000000000000000\n") && strstr(status, "SigIgn:\t0000000000000000\n") &&
                 strstr(status, "SigCgt:\t0000000000000000\n");
    json_decref(value);
    return is_so;
}

/* Whatever another function does to them: the worker's eighth job here, or anybody where jobs are not counted. */
static void a_command_starts_with_default_signals(void)
{
    static const uint64_t begun[2][2] = { { 7, 9 }, { 0, 0 } };
    struct sigaction handle = { .sa_handler = on_signal }, ignore = { .sa_handler = SIG_IGN }, before[3];
    const int numbers[3] = { SIGPIPE, SIGUSR1, SIGTERM };
    sigset_t mask, mask_before, mask_after;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGUSR2);
    for (int k = 0; k < 2; k++) {
        CU_ASSERT(has_default_signals(begun[k][0]));
        for (int i = 0; i < 3; i++)
            sigaction(numbers[i], i < 2 ? &ignore : &handle, &before[i]);
        sigprocmask(SIG_BLOCK, &mask, &mask_before);
        CU_ASSERT(has_default_signals(begun[k][1]));
        sigprocmask(SIG_SETMASK, &mask_before, &mask_after);
        for (int i = 0; i < 3; i++)
            sigaction(numbers[i], &before[i], NULL);
        CU_ASSERT(sigismember(&mask_after, SIGUSR2) == 1 && sigismember(&mask_after, SIGINT) == 0);
    }
}

static void a_command_inherits_only_three_descriptors(void)
{
    int leaked = fcntl(0, F_DUPFD, 50); /* not close-on-exec: another plugin's carelessness */
    CU_ASSERT(leaked >= 50);
    CU_ASSERT(prints(json_pack("{s:[s,s]}", "argv", "ls", "/proc/self/fd"), "0\n1\n2\n3\n")); /* 3 is the listing itself */
    close(leaked);
}

static void closed_standard_descriptors_do_no_harm(void)
{
    int kept[3];
    for (int i = 0; i < 3; i++)
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 60);
    for (int i = 0; i < 3; i++)
        close(i);
    json_t *value = host_call_value("run", json_pack("{s:s,s:s}", "shell", "cat; echo err >&2", "stdin", "in"));
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    CU_ASSERT_STRING_EQUAL(member_text(value, "stdout"), "in");
    CU_ASSERT_STRING_EQUAL(member_text(value, "stderr"), "err\n");
    json_decref(value);
}

static void many_runs_leave_nothing_behind(void)
{
    json_decref(shell("true"));
    int before = open_fds();
    for (int i = 0; i < 50; i++) {
        json_decref(host_call("run", "{\"argv\":[\"true\"],\"stdin\":\"text\",\"env\":{\"A\":\"b\"}}"));
        json_decref(host_call("run", "{\"shell\":\"echo x; exit 3\"}"));
        CU_ASSERT(host_call("run", "{\"argv\":[\"/no/such\"],\"stdin\":\"text\"}") == NULL);
        CU_ASSERT(host_call("run", "{\"argv\":[\"true\"],\"cwd\":\"/no/such\",\"max_output\":5}") == NULL);
    }
    CU_ASSERT_EQUAL(open_fds(), before);
    CU_ASSERT(!has_children());
}

/* A process of a user who has two, and may have no more. The user is nobody else's. */
static pid_t fork_as_crowded(void)
{
    struct rlimit two = { 2, 2 };
    uid_t user = 500000000 + (uid_t)getpid();
    pid_t pid = fork();
    if (pid == 0 && (setrlimit(RLIMIT_NPROC, &two) || setresuid(user, user, user)))
        _exit(3);
    return pid;
}

static void a_process_that_is_not_to_be_had_now_is_waited_for(void)
{
    int hold[2], there[2], status;
    char byte;
    if (geteuid() != 0) {
        tap_skip("only root can become another user");
        return;
    }
    CU_ASSERT_FATAL(pipe(hold) == 0 && pipe(there) == 0);
    pid_t other = fork_as_crowded();
    if (other == 0) {
        close(hold[1]);
        _exit(write(there[1], "x", 1) == 1 && read(hold[0], &byte, 1) == 0 ? 0 : 1);
    }
    CU_ASSERT(read(there[0], &byte, 1) == 1);
    for (int i = 0; i < 2; i++) {
        pid_t worker = fork_as_crowded();
        if (worker == 0) {
            close(hold[1]);
            host.checks_before_cancel = i == 0 ? 4 : 0; /* while it waits it asks whether it is cancelled */
            bool ran = prints(json_pack("{s:s}", "shell", "echo whole"), "whole\n");
            _exit(ran == (i == 1) ? 0 : 1);
        }
        if (i == 1) {
            poll(NULL, 0, 100); /* it tries meanwhile, in vain */
            close(hold[1]);
            CU_ASSERT(waitpid(other, &status, 0) == other && status == 0);
        }
        CU_ASSERT(waitpid(worker, &status, 0) == worker && status == 0);
    }
    close(hold[0]);
    close(there[0]);
    close(there[1]);
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "a_command_gives_exit_stdout_and_stderr", a_command_gives_exit_stdout_and_stderr },
        { "a_process_that_is_not_to_be_had_now_is_waited_for", a_process_that_is_not_to_be_had_now_is_waited_for },
        { "a_shell_text_may_begin_with_a_dash", a_shell_text_may_begin_with_a_dash },
        { "a_command_killed_by_a_signal_is_a_result", a_command_killed_by_a_signal_is_a_result },
        { "what_cannot_run_is_an_error", what_cannot_run_is_an_error },
        { "bad_args_are_refused", bad_args_are_refused },
        { "stdin_is_the_text_or_empty", stdin_is_the_text_or_empty },
        { "a_stdin_over_the_limit_of_files_is_refused", a_stdin_over_the_limit_of_files_is_refused },
        { "a_large_stdin_comes_back_whole", a_large_stdin_comes_back_whole },
        { "env_adds_replaces_and_unsets", env_adds_replaces_and_unsets },
        { "names_of_any_length_are_replaced_and_unset", names_of_any_length_are_replaced_and_unset },
        { "cwd_and_path_are_the_commands_own", cwd_and_path_are_the_commands_own },
        { "output_that_is_not_utf8_is_replaced", output_that_is_not_utf8_is_replaced },
        { "output_is_captured_up_to_the_limit", output_is_captured_up_to_the_limit },
        { "a_bad_end_is_an_error_where_it_is_checked", a_bad_end_is_an_error_where_it_is_checked },
        { "base64_carries_any_bytes", base64_carries_any_bytes },
        { "endless_output_takes_no_memory", endless_output_takes_no_memory },
        { "a_grandchild_that_holds_stdout_is_not_waited_for", a_grandchild_that_holds_stdout_is_not_waited_for },
        { "a_command_starts_with_default_signals", a_command_starts_with_default_signals },
        { "a_command_inherits_only_three_descriptors", a_command_inherits_only_three_descriptors },
        { "closed_standard_descriptors_do_no_harm", closed_standard_descriptors_do_no_harm },
        { "many_runs_leave_nothing_behind", many_runs_leave_nothing_behind },
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = { { "exec", NULL, NULL, NULL, NULL, tests }, CU_SUITE_INFO_NULL };
    int status = host_load("exec") ? EXIT_FAILURE : tap_run(suites);
    host_unload();
    host_remove_directory();
    return status;
}
