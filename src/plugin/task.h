/* SPDX-License-Identifier: MIT
 *
 * The host side of the ABI: runs one function at a time and gathers what it says through its `struct hay_host`. One task serves
 * all jobs of a worker, one after the other:
 *
 *     task_init(&task, &options);
 *     task_begin(&task, number, attempt, is_retried, deadline_ns);
 *     if (task_run(&task, function, args, size) == HAY_OUTCOME_OK) ... task.result ... else ... task.message ...
 *     task_end(&task);
 */
#ifndef PLUGIN_TASK_H
#define PLUGIN_TASK_H

#include "base/buffer.h"

#include <hayfork/jobline.h>
#include <hayfork/plugin.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TASK_MESSAGE_MAX 4096             /* bytes of an error's message, and of a log line */
#define TASK_PROGRESS_MAX (64 * 1024)     /* bytes of one progress value */
#define TASK_KEEP_BYTES (64 * 1024)       /* storage for results that is kept from job to job */

struct task_options {
    uint64_t max_result_bytes;
    uint32_t worker;                /* whose jobs these are */
    /* Holds the number of the job that has to end; NULL: none does. */
    const _Atomic uint64_t *cancel_word;
    /* Where nobody else watches the clock: cancelled() also answers yes once the deadline has passed. */
    bool watch_clock;
    void *context;
    /* What the running function reports; either may be NULL, then it is dropped. A log line is UTF-8 without control characters,
     * at most TASK_MESSAGE_MAX bytes, terminated. */
    void (*on_progress)(void *context, const void *bytes, size_t size);
    void (*on_log)(void *context, const char *line, size_t size);
};

enum task_failure { TASK_FINE, TASK_FAILED, TASK_RESULT_TOO_LARGE, TASK_NO_MEMORY };

struct task {
    struct hay_task hay;            /* first: what the function holds */
    int64_t deadline_ns;
    bool is_retried;                /* an error of this attempt will be tried again */
    struct task_options options;
    enum task_failure failure;
    struct buffer result;           /* outcome ok: the bytes; whether they are JSON is for others to check */
    struct hay_span message;        /* outcome error: why; UTF-8, not terminated by itself */
    char text[TASK_MESSAGE_MAX + 1];
};

void task_init(struct task *task, const struct task_options *options);
void task_release(struct task *task);

void task_begin(struct task *task, uint64_t number, uint32_t attempt, bool is_retried, int64_t deadline_ns);
/* Run the function. HAY_OUTCOME_OK with at least one byte in task->result, or HAY_OUTCOME_ERROR with task->message. Both are good
 * until task_end() or the next task_begin(). */
enum hay_outcome task_run(struct task *task, const struct hay_function *function, const void *args, size_t size);
/* The result has been used: forget it, and give back large storage. */
void task_end(struct task *task);

#endif
