/* SPDX-License-Identifier: MIT
 *
 * The exec plugin: run a command and capture what it prints.
 *
 * The command starts by a vfork-like clone with default signal dispositions, an empty mask and descriptors 0 to 2 only.
 * It stays in the worker's process group, so it gets the signals that the host sends there, and dies with the worker.
 * Output is read through pipes and discarded beyond a bound: a command that prints without end costs time, not memory.
 * The job ends when the command itself has ended; what it left in the background is not waited for. The command is always reaped.
 */
#include <hayfork/plugin_json.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXEC_OUTPUT_DEFAULT 1048576
#define EXEC_OUTPUT_MAX 8388608
#define EXEC_BLOCK 65536        /* what a pipe holds */
#define EXEC_STACK 32768        /* of the child until it execs */
#define EXEC_TICK_MS 500        /* how often a silent command's job looks whether it is cancelled, signal or not */
#define EXEC_ASK_MS 100         /* how long the host's own SIGTERM may take to arrive */
/* For what runs on the child's stack: it never returns, so marks that AddressSanitizer made there would stay. */
#define EXEC_IN_CHILD __attribute__((no_sanitize("address")))

struct exec_command {
    char **argv;            /* its first slot is kept free for the shell of a script that names none */
    char **envp;
    char **settings;        /* the "NAME=value" texts that envp borrows */
    const char *cwd;        /* NULL: stay */
    const char *shown;      /* the command's name in messages */
    int stdin_fd;
    size_t max_output;
};

struct exec_stream {
    int read_fd;
    int write_fd;           /* kept open until the command has ended, so that no end of file wakes us before */
    char *bytes;
    size_t size;
    size_t capacity;
    bool truncated;
    bool failed;            /* out of memory */
};

enum exec_stage { EXEC_STARTED, EXEC_FDS, EXEC_CWD, EXEC_RUN };

/* Shared with the child, which runs in our memory until it execs. */
struct exec_start {
    char **argv;
    char **envp;
    const char *cwd;
    const char *path;       /* value of PATH for the command */
    int fds[3];
    pid_t parent;
    enum exec_stage stage;  /* where it failed, and errno of that */
    int error;
    char file[PATH_MAX];
};

static int exec_null_fd = -1; /* /dev/null, the stdin of commands without one */

/* A descriptor above 2, so that dup2() in the child never meets a source that it has already replaced. */
static int exec_above_stdio(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    int error = errno;
    close(fd);
    errno = error;
    return higher;
}

static int exec_open_null(void)
{
    if (exec_null_fd < 0)
        exec_null_fd = exec_above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return exec_null_fd < 0;
}

static void exec_close_null(void)
{
    if (exec_null_fd >= 0)
        close(exec_null_fd);
    exec_null_fd = -1;
}

static void exec_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The string under this key as the value, NULL when absent; 0, or -1 after fail(). */
static int exec_string(hay_task *task, json_t *args, const char *key, const char **value)
{
    json_t *found = json_object_get(args, key);
    *value = json_string_value(found);
    if (!found || *value)
        return 0;
    hay_fail(task, "\"%s\" has to be a string", key);
    return -1;
}

static char *exec_writable(const char *text)
{
    return (char *)(uintptr_t)text; /* execve() writes to none of its strings; its prototype is older than const */
}

static int exec_read_argv(hay_task *task, json_t *args, struct exec_command *command)
{
    json_t *argv = json_object_get(args, "argv"), *at;
    const char *shell;
    size_t i, count = 0;
    if (exec_string(task, args, "shell", &shell))
        return -1;
    if (!argv == !shell)
        return hay_fail(task, "args have to be an object with either \"argv\" or \"shell\""), -1;
    if (argv && (!json_is_array(argv) || !json_array_size(argv)))
        return hay_fail(task, "\"argv\" has to be an array of at least one string"), -1;
    command->argv = calloc((argv ? json_array_size(argv) : 4) + 2, sizeof *command->argv);
    if (!command->argv)
        return hay_fail(task, "out of memory"), -1;
    command->argv++;
    if (shell) {
        const char *words[] = { "/bin/sh", "-c", "--", shell };
        for (; count < 4; count++)
            command->argv[count] = exec_writable(words[count]);
    }
    json_array_foreach(argv, i, at) {
        if (!json_is_string(at))
            return hay_fail(task, "\"argv\" has to hold strings only"), -1;
        command->argv[count++] = exec_writable(json_string_value(at));
    }
    command->shown = command->argv[0];
    return 0;
}

/* Does this environment entry set `name`? */
static bool exec_sets(const char *entry, const char *name, size_t size)
{
    return !strncmp(entry, name, size) && entry[size] == '=';
}

/* Our environment without the names that the object has, then its settings. */
static int exec_merge_env(struct exec_command *command, json_t *env)
{
    extern char **environ;
    const char *name;
    json_t *value;
    size_t inherited = 0, kept = 0, set = 0;
    while (environ && environ[inherited])
        inherited++;
    command->envp = calloc(inherited + json_object_size(env) + 1, sizeof *command->envp);
    command->settings = calloc(json_object_size(env) + 1, sizeof *command->settings);
    if (!command->envp || !command->settings)
        return -ENOMEM;
    for (size_t i = 0; i < inherited; i++) {
        size_t size = strcspn(environ[i], "=");
        char stack[256], *copy = size < sizeof stack ? stack : malloc(size + 1);
        if (!copy)
            return -ENOMEM;
        memcpy(copy, environ[i], size);
        copy[size] = '\0';
        if (!json_object_get(env, copy))
            command->envp[kept++] = environ[i];
        if (copy != stack)
            free(copy);
    }
    json_object_foreach(env, name, value) {
        size_t size = strlen(name) + json_string_length(value) + 2;
        if (json_is_null(value))
            continue;
        char *setting = malloc(size);
        if (!setting)
            return -ENOMEM;
        snprintf(setting, size, "%s=%s", name, json_string_value(value));
        command->settings[set++] = setting;
        command->envp[kept++] = setting;
    }
    return 0;
}

static int exec_read_env(hay_task *task, json_t *args, struct exec_command *command)
{
    json_t *env = json_object_get(args, "env"), *value;
    const char *name;
    if (!env)
        return 0;
    if (!json_is_object(env))
        return hay_fail(task, "\"env\" has to be an object"), -1;
    json_object_foreach(env, name, value) {
        if (!*name || strchr(name, '='))
            return hay_fail(task, "\"env\" has a name that is empty or has a '=' in it"), -1;
        if (!json_is_string(value) && !json_is_null(value))
            return hay_fail(task, "\"env\": \"%.200s\" has to be a string or null", name), -1;
    }
    if (!exec_merge_env(command, env))
        return 0;
    return hay_fail(task, "out of memory"), -1;
}

/* A memory file with the text: unlike a pipe it takes all of it at once, whether the command reads or not. */
static int exec_text_fd(const char *text, size_t size)
{
    int fd = exec_above_stdio(memfd_create("stdin", MFD_CLOEXEC));
    if (fd < 0)
        return -1;
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(fd, text + done, size - done);
        if (wrote < 0 && errno != EINTR) {
            int error = errno;
            close(fd);
            errno = error;
            return -1;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int exec_read_stdin(hay_task *task, json_t *args, struct exec_command *command)
{
    const char *text;
    if (exec_string(task, args, "stdin", &text))
        return -1;
    if (text && *text)
        command->stdin_fd = exec_text_fd(text, strlen(text));
    else if (!exec_open_null())
        command->stdin_fd = exec_null_fd;
    if (command->stdin_fd >= 0)
        return 0;
    return hay_fail(task, "cannot make the command's stdin: %s", strerror(errno)), -1;
}

static void exec_command_free(struct exec_command *command)
{
    for (size_t i = 0; command->settings && command->settings[i]; i++)
        free(command->settings[i]);
    free(command->settings);
    free(command->envp);
    if (command->argv)
        free(command->argv - 1);
    if (command->stdin_fd != exec_null_fd)
        exec_close(&command->stdin_fd);
}

/* 0, or -1 after fail(); exec_command_free() is due either way. */
static int exec_command_read(hay_task *task, json_t *args, struct exec_command *command)
{
    json_t *max = json_object_get(args, "max_output");
    json_int_t limit = max ? json_integer_value(max) : EXEC_OUTPUT_DEFAULT;
    if (exec_read_argv(task, args, command) || exec_read_env(task, args, command))
        return -1;
    if (exec_string(task, args, "cwd", &command->cwd))
        return -1;
    if ((max && !json_is_integer(max)) || limit < 0 || limit > EXEC_OUTPUT_MAX)
        return hay_fail(task, "\"max_output\" has to be an integer from 0 to %d", EXEC_OUTPUT_MAX), -1;
    command->max_output = (size_t)limit;
    return exec_read_stdin(task, args, command);
}

/* In the child: exec one file; a script without a "#!" line goes to the shell, as execvp() does it. */
EXEC_IN_CHILD static void exec_file(struct exec_start *start, const char *file)
{
    execve(file, start->argv, start->envp);
    if (errno != ENOEXEC)
        return;
    char *name = start->argv[0];
    start->argv[-1] = exec_writable("/bin/sh");
    start->argv[0] = exec_writable(file);
    execve("/bin/sh", start->argv - 1, start->envp);
    start->argv[0] = name;
}

/* In the child: exec by the command's own PATH. Returns errno, that of a file without permission before that of no file. */
EXEC_IN_CHILD static int exec_search(struct exec_start *start)
{
    const char *name = start->argv[0];
    size_t name_size = strlen(name);
    int error = ENOENT;
    if (strchr(name, '/')) {
        exec_file(start, name);
        return errno;
    }
    for (const char *at = start->path; name_size; at++) {
        size_t size = strcspn(at, ":");
        if (size + name_size + 2 <= sizeof start->file) {
            memcpy(start->file, at, size);
            start->file[size] = '/';
            memcpy(start->file + size + (size > 0), name, name_size + 1);
            exec_file(start, start->file);
            if (errno == EACCES)
                error = EACCES;
            else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
                return errno;
        }
        at += size;
        if (!*at)
            break;
    }
    return error;
}

/* The child, on a stack of its own in our memory, all signals blocked: system calls only. */
EXEC_IN_CHILD static int exec_child(void *argument)
{
    struct exec_start *start = argument;
    /* The kernel's own structure, all zero: the default, wherever its members are. sigaction() refuses the two signals
     * that libc keeps for itself, and posix_spawn(), which make uses, leaves these ignored. */
    const unsigned long standard[8] = { 0 };
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, standard, NULL, (size_t)(NSIG - 1) / 8);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != start->parent)
        _exit(127);
    start->stage = EXEC_FDS;
    for (int fd = 0; fd < 3; fd++)
        if (dup2(start->fds[fd], fd) < 0)
            goto failed;
#if defined(SYS_close_range)
    syscall(SYS_close_range, 3u, ~0u, 4u /* CLOSE_RANGE_CLOEXEC: what another plugin left open is not for the command */);
#endif
    start->stage = EXEC_CWD;
    if (start->cwd && chdir(start->cwd))
        goto failed;
    start->stage = EXEC_RUN;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    errno = exec_search(start);
failed:
    start->error = errno;
    _exit(127);
}

/* Start the command: its pid, with its pidfd, or -1 after fail(). Returns when the command runs or has failed to. */
static pid_t exec_spawn(hay_task *task, const struct exec_command *command, const struct exec_stream streams[2], int *pidfd)
{
    extern char **environ;
    struct exec_start start;
    char stack[EXEC_STACK] __attribute__((aligned(16)));
    sigset_t all, before;
    start.argv = command->argv;
    start.envp = command->envp ? command->envp : environ;
    start.cwd = command->cwd;
    start.path = "/usr/local/bin:/usr/bin:/bin";
    for (char **at = start.envp; at && *at; at++)
        if (exec_sets(*at, "PATH", 4))
            start.path = *at + 5;
    start.fds[0] = command->stdin_fd;
    start.fds[1] = streams[0].write_fd;
    start.fds[2] = streams[1].write_fd;
    start.parent = getpid();
    start.stage = EXEC_STARTED;
    start.error = 0;
    /* A handler of ours must not run in the child: it would run in our memory. */
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t pid = clone(exec_child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &start, pidfd);
    int error = pid < 0 ? errno : start.error;
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (!error)
        return pid;
    if (pid > 0) {
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        exec_close(pidfd);
    }
    if (pid > 0 && start.stage == EXEC_CWD)
        hay_fail(task, "cannot enter %.800s: %s", command->cwd, strerror(error));
    else
        hay_fail(task, "cannot run %.800s: %s", command->shown, strerror(error));
    return -1;
}

static int exec_stream_open(struct exec_stream *stream)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC))
        return -1;
    stream->read_fd = ends[0];
    stream->write_fd = exec_above_stdio(ends[1]);
    return stream->write_fd < 0 ? -1 : 0;
}

static void exec_stream_close(struct exec_stream *stream)
{
    exec_close(&stream->read_fd);
    exec_close(&stream->write_fd);
    free(stream->bytes);
    stream->bytes = NULL;
}

static void exec_stream_append(struct exec_stream *stream, const char *bytes, size_t size, size_t limit)
{
    if (size > limit - stream->size) {
        size = limit - stream->size;
        stream->truncated = true;
    }
    if (size > stream->capacity - stream->size) {
        size_t capacity = stream->capacity * 2 > stream->size + size ? stream->capacity * 2 : stream->size + size;
        char *larger = realloc(stream->bytes, capacity);
        stream->failed |= !larger;
        if (!larger)
            return;
        stream->bytes = larger;
        stream->capacity = capacity;
    }
    if (size)
        memcpy(stream->bytes + stream->size, bytes, size);
    stream->size += size;
}

/* Take at most `most` bytes from a pipe that has some; what is over the limit is discarded. Returns how many, 0 when none. */
static size_t exec_stream_read(struct exec_stream *stream, size_t most, size_t limit)
{
    char block[EXEC_BLOCK];
    ssize_t got;
    do
        got = read(stream->read_fd, block, most < sizeof block ? most : sizeof block);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        exec_stream_append(stream, block, (size_t)got, limit);
    return got > 0 ? (size_t)got : 0;
}

/* The command has ended: take what the pipe holds now, without waiting for those who still have it open. */
static void exec_stream_drain(struct exec_stream *stream, size_t limit)
{
    int held = 0;
    if (ioctl(stream->read_fd, FIONREAD, &held))
        return;
    for (size_t left = held > 0 ? (size_t)held : 0, got; left; left -= got) {
        got = exec_stream_read(stream, left, limit);
        if (!got)
            return;
    }
}

static int64_t exec_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The host cancels a job by SIGTERM to the whole group. The command misses it when it came before the command was there,
 * and in an inline pool none is sent: then the command gets one from here, once. True when that is done. */
static bool exec_ask(pid_t pid, int64_t *ask_at_ms)
{
    int64_t now_ms = exec_now_ms();
    if (!*ask_at_ms)
        *ask_at_ms = now_ms + EXEC_ASK_MS;
    if (now_ms < *ask_at_ms)
        return false;
    kill(pid, SIGTERM);
    return true;
}

/* Read output until the command has ended. */
static void exec_watch(hay_task *task, pid_t pid, int pidfd, struct exec_stream streams[2], size_t limit)
{
    struct pollfd fds[3] = {
        { .fd = pidfd, .events = POLLIN },
        { .fd = streams[0].read_fd, .events = POLLIN },
        { .fd = streams[1].read_fd, .events = POLLIN },
    };
    int64_t ask_at_ms = 0;
    bool asked = false;
    do {
        if (!asked && task->host->cancelled(task))
            asked = exec_ask(pid, &ask_at_ms);
        fds[0].revents = 0;
        if (poll(fds, 3, ask_at_ms && !asked ? EXEC_ASK_MS : EXEC_TICK_MS) < 0) {
            if (errno != EINTR) { /* no memory for the wait itself */
                kill(pid, SIGKILL);
                return;
            }
            asked |= task->host->cancelled(task) != 0;
            continue;
        }
        for (int i = 0; i < 2; i++) {
            if (!(fds[i + 1].revents & POLLIN))
                continue;
            if (fds[0].revents)
                exec_stream_drain(&streams[i], limit);
            else
                exec_stream_read(&streams[i], EXEC_BLOCK, limit);
        }
    } while (!fds[0].revents);
}

/* Length of the UTF-8 sequence at `at`, or of the bytes that one replacement character stands for. */
static size_t exec_sequence(const unsigned char *at, size_t left, bool *valid)
{
    unsigned char lead = at[0], low = 0x80, high = 0xbf;
    size_t size, i;
    *valid = lead < 0x80;
    if (lead < 0xc2 || lead > 0xf4)
        return 1;
    size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead == 0xe0 || lead == 0xf0)
        low = lead == 0xe0 ? 0xa0 : 0x90;
    if (lead == 0xed || lead == 0xf4)
        high = lead == 0xed ? 0x9f : 0x8f;
    for (i = 1; i < size && i < left && at[i] >= low && at[i] <= high; i++) {
        low = 0x80;
        high = 0xbf;
    }
    *valid = i == size;
    return i;
}

/* Captured bytes as a JSON string; what is not UTF-8 becomes U+FFFD, a character cut in two by the limit is left out. */
static json_t *exec_text(const struct exec_stream *stream)
{
    json_t *text = json_stringn(stream->bytes ? stream->bytes : "", stream->size);
    if (text)
        return text;
    char *clean = malloc(stream->size * 3);
    size_t length = 0;
    for (size_t at = 0; clean && at < stream->size;) {
        bool valid;
        size_t left = stream->size - at;
        size_t step = exec_sequence((const unsigned char *)stream->bytes + at, left, &valid);
        if (!valid && stream->truncated && step == left && left < 4 && (unsigned char)stream->bytes[at] >= 0xc2)
            break;
        const char *from = valid ? stream->bytes + at : "\xef\xbf\xbd";
        size_t size = valid ? step : 3;
        memcpy(clean + length, from, size);
        length += size;
        at += step;
    }
    if (clean)
        text = json_stringn_nocheck(clean, length);
    free(clean);
    return text;
}

static json_t *exec_result(hay_task *task, int status, const struct exec_stream streams[2])
{
    json_t *result = json_pack("{s:o,s:o,s:o,s:o}", "exit", WIFEXITED(status) ? json_integer(WEXITSTATUS(status)) : json_null(),
                               "signal", WIFSIGNALED(status) ? json_integer(WTERMSIG(status)) : json_null(),
                               "stdout", exec_text(&streams[0]), "stderr", exec_text(&streams[1]));
    if (result && (streams[0].truncated || streams[1].truncated) && json_object_set_new(result, "truncated", json_true())) {
        json_decref(result);
        result = NULL;
    }
    if (result && !streams[0].failed && !streams[1].failed)
        return result;
    json_decref(result);
    return hay_fail(task, "out of memory");
}

static json_t *exec_supervise(hay_task *task, const struct exec_command *command, struct exec_stream streams[2])
{
    int pidfd = -1, status = 0;
    pid_t reaped, pid = exec_spawn(task, command, streams, &pidfd);
    if (pid < 0)
        return NULL;
    exec_watch(task, pid, pidfd, streams, command->max_output);
    do
        reaped = waitpid(pid, &status, 0);
    while (reaped < 0 && errno == EINTR);
    close(pidfd);
    if (task->host->cancelled(task))
        return hay_fail(task, "cancelled");
    if (reaped < 0)
        return hay_fail(task, "the exit of %.800s is lost: %s", command->shown, strerror(errno));
    return exec_result(task, status, streams);
}

static json_t *run(hay_task *task, json_t *args)
{
    struct exec_command command = { .stdin_fd = -1 };
    struct exec_stream streams[2] = { { .read_fd = -1, .write_fd = -1 }, { .read_fd = -1, .write_fd = -1 } };
    json_t *result = NULL;
    if (!exec_command_read(task, args, &command)) {
        if (task->host->cancelled(task))
            hay_fail(task, "cancelled");
        else if (exec_stream_open(&streams[0]) || exec_stream_open(&streams[1]))
            hay_fail(task, "cannot make a pipe: %s", strerror(errno));
        else
            result = exec_supervise(task, &command, streams);
    }
    exec_stream_close(&streams[0]);
    exec_stream_close(&streams[1]);
    exec_command_free(&command);
    return result;
}

HAY_PLUGIN_HOOKS(exec, "1.0", "Run commands", exec_open_null, exec_close_null, 0,
    HAY_JSON(run, "Run a command: {\"argv\"} or {\"shell\"}, with \"stdin\", \"env\", \"cwd\", \"max_output\""))
