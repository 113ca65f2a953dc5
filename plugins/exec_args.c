/* SPDX-License-Identifier: MIT */
#include "exec_args.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXEC_OUTPUT_DEFAULT 1048576
#define EXEC_OUTPUT_MAX 268435456
#define EXEC_SPOOL_MAX (INT64_C(1) << 40)

static int exec_null_fd = -1; /* /dev/null, the stdin of commands without one */

int exec_open_null(void)
{
    if (exec_null_fd < 0)
        exec_null_fd = exec_above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
    return exec_null_fd < 0;
}

void exec_close_null(void)
{
    exec_close(&exec_null_fd);
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

/* The value of a base64 digit; 64: it is none. */
static unsigned exec_digit(char digit)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = digit ? strchr(digits, digit) : NULL;
    return at ? (unsigned)(at - digits) : 64;
}

/* The bytes of a base64 text, and a NUL behind them; NULL with errno: EINVAL when it is no base64. */
static char *exec_decode(const char *text, size_t *decoded)
{
    size_t size = strlen(text), length = 0;
    size_t padding = size && text[size - 1] == '=' ? size > 1 && text[size - 2] == '=' ? 2 : 1 : 0;
    char *out = malloc(size / 4 * 3 + 1);
    bool good = size % 4 == 0;
    for (size_t i = 0; out && good && i < size; i += 4) {
        unsigned group = 0;
        size_t kept = i + 4 == size ? 3 - padding : 3;
        for (size_t k = 0; k < 4; k++) {
            unsigned digit = k <= kept ? exec_digit(text[i + k]) : 0;
            good = good && digit < 64;
            group = group << 6 | (digit & 63);
        }
        for (size_t k = 0; k < kept; k++)
            out[length++] = (char)(group >> (16 - 8 * k) & 255);
    }
    if (out && good) {
        out[length] = '\0';
        *decoded = length;
        return out;
    }
    errno = out ? EINVAL : ENOMEM;
    free(out);
    return NULL;
}

/* One word of the command as it will be passed; NULL after fail(). */
static char *exec_word(hay_task *task, struct exec_command *command, const char *text, size_t at, bool encoded)
{
    size_t size;
    if (!encoded)
        return exec_writable(text);
    char *word = command->owned[at] = exec_decode(text, &size);
    if (word && strlen(word) == size)
        return word;
    hay_fail(task, word || errno == EINVAL ? "\"argv_encoding\": a word is not the base64 of a string" : "out of memory");
    return NULL;
}

/* Is this key there with the value "base64"? -1 after fail(). */
static int exec_wants_base64(hay_task *task, json_t *args, const char *key)
{
    const char *name;
    if (exec_string(task, args, key, &name))
        return -1;
    if (!name || !strcmp(name, "base64"))
        return name != NULL;
    hay_fail(task, "\"%s\" can be \"base64\" only", key);
    return -1;
}

static int exec_read_argv(hay_task *task, json_t *args, struct exec_command *command)
{
    static const char *const shell_words[] = { "/bin/sh", "-c", "--" };
    json_t *argv = json_object_get(args, "argv"), *at;
    const char *shell;
    size_t i, count = 0;
    int encoded = exec_wants_base64(task, args, "argv_encoding");
    if (encoded < 0 || exec_string(task, args, "shell", &shell))
        return -1;
    if (!argv == !shell)
        return hay_fail(task, "args have to be an object with either \"argv\" or \"shell\""), -1;
    if (argv && (!json_is_array(argv) || !json_array_size(argv)))
        return hay_fail(task, "\"argv\" has to be an array of at least one string"), -1;
    command->argv = calloc((argv ? json_array_size(argv) : 4) + 2, sizeof *command->argv);
    command->owned = calloc((argv ? json_array_size(argv) : 1) + 1, sizeof *command->owned);
    if (command->argv)
        command->argv++;
    if (!command->argv || !command->owned)
        return hay_fail(task, "out of memory"), -1;
    for (; shell && count < 3; count++)
        command->argv[count] = exec_writable(shell_words[count]);
    if (shell && !(command->argv[count] = exec_word(task, command, shell, 0, encoded)))
        return -1;
    json_array_foreach(argv, i, at) {
        if (!json_is_string(at))
            return hay_fail(task, "\"argv\" has to hold strings only"), -1;
        if (!(command->argv[i] = exec_word(task, command, json_string_value(at), i, encoded)))
            return -1;
    }
    command->shown = command->argv[0];
    return 0;
}

/* Our environment without the names that the object has, then its settings. */
static int exec_merge_env(struct exec_command *command, json_t *env)
{
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
    int error = fd < 0 ? errno : exec_write(fd, 0, text, size);
    if (error)
        exec_close(&fd);
    else
        lseek(fd, 0, SEEK_SET);
    errno = error;
    return fd;
}

static int exec_read_stdin(hay_task *task, json_t *args, struct exec_command *command)
{
    const char *text;
    char *decoded = NULL;
    int encoded = exec_wants_base64(task, args, "stdin_encoding");
    if (encoded < 0 || exec_string(task, args, "stdin", &text))
        return -1;
    size_t size = text ? strlen(text) : 0;
    if (encoded && text && !(text = decoded = exec_decode(text, &size)))
        return hay_fail(task, errno == EINVAL ? "\"stdin\" is not base64" : "out of memory"), -1;
    if (size)
        command->stdin_fd = exec_text_fd(text, size);
    else if (!exec_open_null())
        command->stdin_fd = exec_null_fd;
    int error = errno;
    free(decoded);
    errno = error;
    if (command->stdin_fd >= 0)
        return 0;
    return hay_fail(task, "cannot make the command's stdin: %s", strerror(errno)), -1;
}

/* Of a descriptor that is open here and no stdio; -1: it is none. */
static int exec_open_fd(const json_t *number)
{
    json_int_t fd = json_integer_value(number);
    return fd < 3 || fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0 ? -1 : (int)fd;
}

static int exec_read_fds(hay_task *task, json_t *args, struct exec_command *command)
{
    json_t *fds = json_object_get(args, "fds"), *outputs = json_object_get(args, "output_fds"), *at;
    json_t *lock = json_object_get(args, "line_lock");
    size_t i;
    for (i = 0; i < 2; i++)
        if ((command->output_fds[i] = exec_open_fd(json_array_get(outputs, i))) < 0 && outputs)
            return hay_fail(task, "\"output_fds\" has to be an array of two numbers of open descriptors, from 3 up"), -1;
    if ((command->lock_fd = exec_open_fd(lock)) < 0 && lock)
        return hay_fail(task, "\"line_lock\" has to be the number of an open descriptor, from 3 up"), -1;
    if (lock && !outputs)
        return hay_fail(task, "\"line_lock\" is for \"output_fds\""), -1;
    if (!fds)
        return 0;
    if (!json_is_array(fds))
        return hay_fail(task, "\"fds\" has to be an array"), -1;
    command->kept = calloc(json_array_size(fds) + 1, sizeof *command->kept);
    if (!command->kept)
        return hay_fail(task, "out of memory"), -1;
    json_array_foreach(fds, i, at) {
        int fd = exec_open_fd(at);
        if (fd < 0)
            return hay_fail(task, "\"fds\" has to hold numbers of open descriptors, from 3 up"), -1;
        command->kept[command->kept_count++] = fd;
    }
    return 0;
}

/* In front of lines that are passed on, with a tab behind it. Where none are, it may be anything. */
static int exec_read_tag(hay_task *task, json_t *args, struct exec_command *command)
{
    const char *tag = json_string_value(json_object_get(args, "tag"));
    if (command->lock_fd < 0 || !tag)
        return 0;
    command->tag = exec_decode(tag, &command->tag_size);
    if (!command->tag)
        return hay_fail(task, errno == EINVAL ? "\"tag\" is not base64" : "out of memory"), -1;
    command->tag[command->tag_size++] = '\t';
    return 0;
}

static void exec_free_all(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++)
        free(strings[i]);
    free(strings);
}

void exec_command_free(struct exec_command *command)
{
    exec_free_all(command->settings);
    exec_free_all(command->owned);
    free(command->envp);
    free(command->kept);
    free(command->tag);
    if (command->argv)
        free(command->argv - 1);
    if (command->stdin_fd != exec_null_fd)
        exec_close(&command->stdin_fd);
}

static int exec_read_wish(hay_task *task, json_t *args, struct exec_wish *wish)
{
    json_t *check = json_object_get(args, "check");
    int base64 = exec_wants_base64(task, args, "encoding");
    if (base64 < 0)
        return -1;
    bool retried = json_is_string(check) && !strcmp(json_string_value(check), "retried");
    if (check && !json_is_boolean(check) && !retried)
        return hay_fail(task, "\"check\" has to be true, false or \"retried\""), -1;
    wish->base64 = base64;
    wish->checked = retried ? HAY_HOST_HAS(task->host, retried) && task->host->retried(task) : json_is_true(check);
    return 0;
}

/* Where output is kept, and how much of it. */
static int exec_read_output(hay_task *task, json_t *args, struct exec_command *command)
{
    json_t *max = json_object_get(args, "max_output");
    json_int_t limit = max ? json_integer_value(max) : EXEC_OUTPUT_DEFAULT;
    if (exec_string(task, args, "spool", &command->spool))
        return -1;
    if (command->spool && !*command->spool)
        return hay_fail(task, "\"spool\" has to be the start of the names of files"), -1;
    json_int_t most = command->spool ? EXEC_SPOOL_MAX : EXEC_OUTPUT_MAX;
    if ((max && !json_is_integer(max)) || limit < 0 || limit > most)
        return hay_fail(task, "\"max_output\" has to be an integer from 0 to %" JSON_INTEGER_FORMAT, most), -1;
    command->max_output = (size_t)limit;
    return 0;
}

/* Into our own environment, which the command has too. */
static int exec_tell_worker(hay_task *task)
{
    static int64_t told = -1;
    char digits[12];
    if (told == task->worker)
        return 0;
    snprintf(digits, sizeof digits, "%" PRIu32, task->worker);
    if (setenv("HAYFORK_WORKER", digits, 1))
        return hay_fail(task, "out of memory"), -1;
    told = task->worker;
    return 0;
}

int exec_command_read(hay_task *task, json_t *args, struct exec_command *command, struct exec_wish *wish)
{
    if (exec_tell_worker(task) || exec_read_argv(task, args, command) || exec_read_env(task, args, command))
        return -1;
    if (exec_read_wish(task, args, wish) || exec_string(task, args, "cwd", &command->cwd) || exec_read_fds(task, args, command) ||
        exec_read_tag(task, args, command))
        return -1;
    return exec_read_output(task, args, command) || exec_read_stdin(task, args, command) ? -1 : 0;
}
