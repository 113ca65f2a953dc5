/* SPDX-License-Identifier: MIT
 *
 * A plugin for tests: from the future, with members that this host does not know. It includes no header of today.
 */
#include <stddef.h>
#include <stdint.h>

struct future_function {
    const char *name, *summary;
    int (*run)(void *task, const struct future_function *function, const void *args, size_t size);
    void (*data)(void);
    const char *answer;
};

struct future_plugin {
    uint32_t abi, struct_size;
    const char *name, *version, *summary;
    const struct future_function *functions;
    uint32_t function_count, function_size;
    int (*worker_start)(void);
    void (*worker_stop)(void);
    int (*configure)(const char *json);
    uint64_t more[8];
};

struct known_host {
    uint32_t struct_size;
    int (*result)(void *task, const void *bytes, size_t size);
};

/* The answer is behind the members that the host knows: it has to hand over the plugin's own structure, not a copy. */
static int answer(void *task, const struct future_function *function, const void *args, size_t size)
{
    const struct known_host *host = *(const struct known_host *const *)task;
    (void)args;
    (void)size;
    return host->result(task, function->answer, 1);
}

static const struct future_function functions[] = {
    {"one", "First", answer, NULL, "1"},
    {"two", "Second", answer, NULL, "2"},
    {"three", "Third", answer, NULL, "3"},
};

static const struct future_plugin plugin = {
    .abi = 1,
    .struct_size = sizeof plugin,
    .name = "long_struct",
    .version = "9",
    .summary = "From the future",
    .functions = functions,
    .function_count = 3,
    .function_size = sizeof functions[0],
    .more = {~(uint64_t)0},
};

__attribute__((visibility("default"))) const struct future_plugin *hay_plugin_entry(void);

const struct future_plugin *hay_plugin_entry(void)
{
    return &plugin;
}
