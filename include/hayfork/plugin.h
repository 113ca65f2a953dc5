/* SPDX-License-Identifier: MIT
 *
 * The plugin ABI: bytes in, bytes out. Depends on stddef.h and stdint.h only.
 *
 * A plugin is a shared object that exports one function, hay_plugin_entry(), which HAY_PLUGIN() writes. A worker loads
 * it with RTLD_NOW | RTLD_LOCAL after its fork; it reaches its host through the table in each task, so it links
 * against nothing of Hayfork. Most authors want <hayfork/plugin_json.h> instead, which hands over jansson values.
 *
 *     HAY_PLUGIN(text, "1.0", "Text statistics",
 *         HAY_FUNCTION(count, "Lines, words and bytes of a file"),
 *         HAY_FUNCTION(grep, "Matching lines"))
 *
 * Growth: members are only ever appended to these structures; each side copies the smaller of the two sizes. HAY_PLUGIN_ABI
 * changes only when an existing member changes its meaning.
 */
#ifndef HAYFORK_PLUGIN_H
#define HAYFORK_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAY_PLUGIN_ABI 1u

typedef struct hay_task hay_task;
struct hay_function;

enum hay_log_level { HAY_LOG_DEBUG, HAY_LOG_INFO, HAY_LOG_WARNING, HAY_LOG_ERROR };

/* What the host offers to a running function. Valid for the whole life of the worker. */
struct hay_host {
    uint32_t struct_size;
    /* Append to the result, which has to be one JSON value without a line break when the function returns. 0, -EMSGSIZE over
     * --max-result, or -ENOMEM; after a failure the job ends as an error, whatever else the function does. */
    int (*result)(hay_task *task, const void *bytes, size_t size);
    /* End the job as an error with this message (UTF-8 text, cut at 4 KiB). The first call counts. Returns -1, so that
     * `return host->fail(task, "…")` reads well. */
    int (*fail)(hay_task *task, const char *message);
    /* Tell the master how far the job is: one JSON value, at most 64 KiB. Dropped where nobody listens, and in a worker within
     * 10 ms of the last. 0 or -errno. */
    int (*progress)(hay_task *task, const void *bytes, size_t size);
    /* Not 0 once the job has passed its timeout or was cancelled: return soon. Cheap enough for an inner loop. */
    int (*cancelled)(const hay_task *task);
    /* A line for the operator; goes where the plugin's stderr goes: to the pool's on_log. This host takes all levels alike. */
    void (*log)(hay_task *task, enum hay_log_level level, const char *text);
    /* CLOCK_MONOTONIC nanoseconds at which the timeout passes, or INT64_MAX. */
    int64_t (*deadline)(const hay_task *task);
    /* Not 0 where an error of this attempt will be tried again, unless the run is stopped before. */
    int (*retried)(const hay_task *task);
};

/* One run of one job, as the function sees it. */
struct hay_task {
    const struct hay_host *host;
    uint64_t number;   /* the job's number in its pool */
    uint32_t attempt;  /* 1 for the first start */
    uint32_t worker;   /* the worker's slot, from 0 */
    uint64_t begun;    /* attempts that this worker has begun, with this one; 0 where a program runs its jobs itself (inline) */
};

/* Runs one job: `args` are its arguments, one valid JSON value (not terminated), good until the return.
 * Return 0 with a result, or anything else after fail(). Returning non-zero without fail() is an error with a stock text. */
typedef int hay_run_fn(hay_task *task, const struct hay_function *function, const void *args, size_t size);

struct hay_function {
    const char *name;     /* [a-z][a-z0-9_]*, without the plugin's name */
    const char *summary;  /* one line for `hayfork info` */
    hay_run_fn *run;
    void (*data)(void);   /* for adapters and the function itself */
};

struct hay_plugin {
    uint32_t abi;          /* HAY_PLUGIN_ABI */
    uint32_t struct_size;  /* sizeof(struct hay_plugin) */
    const char *name;      /* equals the file's name without .so */
    const char *version;
    const char *summary;   /* one line */
    const struct hay_function *functions;
    uint32_t function_count;
    uint32_t function_size;             /* sizeof(struct hay_function) */
    /* The hooks start, stop and configure, each of them optional. */
    int (*worker_start)(void);          /* in each worker before its first job; non-zero refuses to start */
    void (*worker_stop)(void);          /* in each worker that ends in good order */
    /* In each worker before start, with the configuration that the operator gave to this plugin: one valid JSON
     * value, terminated, good until the return; "null" where none was given. Non-zero refuses to start. */
    int (*configure)(const char *json);
};

#if defined(__GNUC__)
#define HAY_PLUGIN_EXPORT __attribute__((visibility("default")))
#else
#define HAY_PLUGIN_EXPORT
#endif

HAY_PLUGIN_EXPORT const struct hay_plugin *hay_plugin_entry(void);

/* A function of type hay_run_fn under its own name. */
#define HAY_FUNCTION(function, text) { #function, text, function, 0 }

#define HAY_PLUGIN_STRUCT(name_text, version_text, summary_text, start, stop, config) \
    static const struct hay_plugin hay_plugin_self = { \
        HAY_PLUGIN_ABI, (uint32_t)sizeof(struct hay_plugin), name_text, version_text, summary_text, hay_plugin_functions, \
        (uint32_t)(sizeof hay_plugin_functions / sizeof hay_plugin_functions[0]), (uint32_t)sizeof(struct hay_function), \
        start, stop, config }; \
    const struct hay_plugin *hay_plugin_entry(void) { return &hay_plugin_self; }

/* The whole plugin: its name as a bare word, its version, one line about it, its functions. Takes no semicolon. */
#define HAY_PLUGIN(plugin, version_text, summary_text, ...) \
    static const struct hay_function hay_plugin_functions[] = { __VA_ARGS__ }; \
    HAY_PLUGIN_STRUCT(#plugin, version_text, summary_text, 0, 0, 0)

/* The same with hooks, any of which may be 0. */
#define HAY_PLUGIN_HOOKS(plugin, version_text, summary_text, start, stop, config, ...) \
    static const struct hay_function hay_plugin_functions[] = { __VA_ARGS__ }; \
    HAY_PLUGIN_STRUCT(#plugin, version_text, summary_text, start, stop, config)

/* True where the host is new enough to have this member: HAY_HOST_HAS(task->host, retried). */
#define HAY_HOST_HAS(table, member) \
    ((table)->struct_size >= offsetof(struct hay_host, member) + sizeof((table)->member))

#ifdef __cplusplus
}
#endif
#endif
