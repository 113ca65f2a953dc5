/* SPDX-License-Identifier: MIT
 *
 * A host for the tests of the shipped plugins: loads one built plugin from HAYFORK_PLUGIN_PATH and calls its functions.
 *
 * The host's table is small and strict: it keeps the result, the first error and the log, and says "cancelled" when told to.
 * One plugin in one process; a test program includes this file once.
 */
#ifndef TESTS_UNIT_PLUGINS_HOST_H
#define TESTS_UNIT_PLUGINS_HOST_H

#include <dlfcn.h>
#include <errno.h>
#include <hayfork/plugin.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct {
    const struct hay_plugin *plugin;
    char *result;
    size_t result_size;
    char error[8192];                   /* of the last call, "" without */
    volatile sig_atomic_t cancelled;    /* what the next calls of cancelled() say */
    uint64_t begun;                     /* jobs of this worker, as the next calls see it */
    bool retried;                       /* an error of the next calls is not the last word */
    int checks_before_cancel;           /* over 0: after so many calls of cancelled() it says yes */
    uint32_t attempts_before;           /* of the job, as the next calls see it */
} host;

static int host_result(hay_task *task, const void *bytes, size_t size)
{
    (void)task;
    char *larger = realloc(host.result, host.result_size + size + 1);
    if (!larger)
        return -ENOMEM;
    host.result = larger;
    memcpy(host.result + host.result_size, bytes, size);
    host.result_size += size;
    return 0;
}

static int host_fail(hay_task *task, const char *message)
{
    (void)task;
    if (!host.error[0])
        snprintf(host.error, sizeof host.error, "%s", message);
    return -1;
}

static int host_progress(hay_task *task, const void *bytes, size_t size)
{
    (void)task;
    (void)bytes;
    (void)size;
    return 0;
}

static int host_cancelled(const hay_task *task)
{
    (void)task;
    if (host.checks_before_cancel > 0 && --host.checks_before_cancel == 0)
        host.cancelled = 1;
    return host.cancelled;
}

static void host_log(hay_task *task, enum hay_log_level level, const char *text)
{
    (void)task;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

static int host_retried(const hay_task *task)
{
    (void)task;
    return host.retried;
}

static int64_t host_deadline(const hay_task *task)
{
    (void)task;
    return INT64_MAX;
}

/* Load NAME.so from the first directory of HAYFORK_PLUGIN_PATH that has it. 0, or -1 with a line on stderr. */
static int host_load(const char *name)
{
    const char *path = getenv("HAYFORK_PLUGIN_PATH");
    char file[4096];
    for (const char *at = path ? path : ""; *at;) {
        size_t size = strcspn(at, ":");
        snprintf(file, sizeof file, "%.*s/%s.so", (int)size, at, name);
        if (size && !access(file, R_OK)) {
            void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
            const struct hay_plugin *(*entry)(void) = NULL;
            if (object)
                *(void **)&entry = dlsym(object, "hay_plugin_entry");
            host.plugin = entry ? entry() : NULL;
            if (!host.plugin)
                fprintf(stderr, "%s: %s\n", file, dlerror());
            else if (host.plugin->worker_start && host.plugin->worker_start())
                host.plugin = NULL;
            return host.plugin ? 0 : -1;
        }
        at += size + (at[size] == ':');
    }
    fprintf(stderr, "no %s.so in HAYFORK_PLUGIN_PATH (%s)\n", name, path ? path : "not set");
    return -1;
}

static void host_unload(void)
{
    if (host.plugin && host.plugin->worker_stop)
        host.plugin->worker_stop();
    free(host.result);
    host.result = NULL;
}

/* Call a function with JSON args. The result, or NULL with host.error filled. A broken contract is an error that says so. */
static json_t *host_call_bytes(const char *name, const char *args, size_t size)
{
    static const struct hay_host table = {
        .struct_size = sizeof table, .result = host_result, .fail = host_fail, .progress = host_progress,
        .cancelled = host_cancelled, .log = host_log, .deadline = host_deadline,
        .retried = host_retried,
    };
    struct hay_task task = { .host = &table, .number = 1, .attempt = 1 + host.attempts_before, .begun = host.begun };
    json_error_t error;
    json_t *value = NULL;
    host.error[0] = '\0';
    host.result_size = 0;
    for (uint32_t i = 0; i < host.plugin->function_count; i++) {
        const struct hay_function *function = &host.plugin->functions[i];
        if (strcmp(function->name, name))
            continue;
        int status = function->run(&task, function, args, size);
        if (status && !host.error[0])
            host_fail(NULL, "contract: failed without a message");
        if (!status && host.error[0])
            host_fail(NULL, "contract: a result and an error");
        if (!status) {
            value = json_loadb(host.result, host.result_size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
            if (!value)
                snprintf(host.error, sizeof host.error, "contract: not JSON: %s", error.text);
        }
        return value;
    }
    snprintf(host.error, sizeof host.error, "no function %s", name);
    return NULL;
}

static inline json_t *host_call(const char *name, const char *args)
{
    return host_call_bytes(name, args, strlen(args));
}

/* The same with args made like json_pack()'s value, which is freed. */
static inline json_t *host_call_value(const char *name, json_t *args)
{
    char *text = json_dumps(args, JSON_COMPACT | JSON_ENCODE_ANY);
    json_t *value = text ? host_call(name, text) : NULL;
    free(text);
    json_decref(args);
    return value;
}

/* The call ends in an error whose message has this text in it. */
static inline bool host_refuses(const char *name, const char *args, const char *text)
{
    json_t *value = host_call(name, args);
    bool refused = !value && strstr(host.error, text) && !strstr(host.error, "contract:");
    if (!refused)
        fprintf(stderr, "# %s %.200s: %s\n", name, args, value ? "accepted" : host.error);
    json_decref(value);
    return refused;
}

/* The call's result, compact and with sorted keys, is this text. */
static inline bool host_returns(const char *name, const char *args, const char *expected)
{
    json_t *value = host_call(name, args);
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS) : NULL;
    bool same = text && !strcmp(text, expected);
    if (!same)
        fprintf(stderr, "# %s %.200s: %s\n", name, args, text ? text : host.error);
    free(text);
    json_decref(value);
    return same;
}

static inline int64_t host_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A directory of the test's own, under the current one; removed by host_remove_directory(). */
static inline const char *host_directory(void)
{
    static char path[4200];
    char here[4096];
    if (!path[0] && getcwd(here, sizeof here)) {
        snprintf(path, sizeof path, "%s/plugins-test.XXXXXX", here);
        if (!mkdtemp(path))
            path[0] = '\0';
    }
    return path;
}

static inline void host_remove_directory(void)
{
    char command[4300];
    snprintf(command, sizeof command, "rm -rf '%s'", host_directory());
    if (system(command))
        fprintf(stderr, "# %s remains\n", host_directory());
}

#endif
