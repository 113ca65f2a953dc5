/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: built against a frozen copy of ABI 1. It must load for ever; do not change it with the headers.
 */
#include <stddef.h>
#include <stdint.h>

typedef struct v1_task v1_task;
struct v1_host {
    uint32_t struct_size;
    int (*result)(v1_task *task, const void *bytes, size_t size);
    int (*fail)(v1_task *task, const char *message);
    int (*progress)(v1_task *task, const void *bytes, size_t size);
    int (*cancelled)(const v1_task *task);
    void (*log)(v1_task *task, int level, const char *text);
    int64_t (*deadline)(const v1_task *task);
};

struct v1_task {
    const struct v1_host *host;
    uint64_t number;
    uint32_t attempt, worker;
};

struct v1_function {
    const char *name, *summary;
    int (*run)(v1_task *task, const struct v1_function *function, const void *args, size_t size);
    void (*data)(void);
};

struct v1_plugin {
    uint32_t abi, struct_size;
    const char *name, *version, *summary;
    const struct v1_function *functions;
    uint32_t function_count, function_size;
    int (*worker_start)(void);
    void (*worker_stop)(void);
    int (*configure)(const char *json);
};

/* Uses every member of the host once. */
static int all(v1_task *task, const struct v1_function *function, const void *args, size_t size)
{
    const struct v1_host *host = task->host;
    (void)args;
    (void)size;
    if (host->struct_size < sizeof *host || function->data || task->number != 7 || task->attempt != 2 || task->worker != 1)
        return host->fail(task, "the host is not what it was");
    host->log(task, 1, "a line");
    if (host->progress(task, "1", 1) || host->cancelled(task) || host->deadline(task) != INT64_MAX)
        return host->fail(task, "the host does not do what it did");
    return host->result(task, "\"v1\"", 4);
}

static const struct v1_function functions[] = {{"all", "Every member", all, NULL}};

static const struct v1_plugin plugin = {1,         sizeof plugin, "frozen_v1", "1",  "ABI 1",
                                        functions, 1,             sizeof functions[0], NULL, NULL, NULL};

__attribute__((visibility("default"))) const struct v1_plugin *hay_plugin_entry(void);

const struct v1_plugin *hay_plugin_entry(void)
{
    return &plugin;
}
