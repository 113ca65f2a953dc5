/* SPDX-License-Identifier: MIT
 *
 * What a function says is taken down while it runs and judged once, when it has returned: a result over the limit beats
 * everything, then the first fail(), then the return value, then a missing result. The calls are made millions of times a second,
 * some of them (jansson writes a result in small pieces) several times a job, so the common way through each has no call but
 * memcpy().
 */
#include "plugin/task.h"

#include "base/clock.h"
#include "plugin/plugin_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

_Static_assert(offsetof(struct task, hay) == 0, "a hay_task is its task");

#define STOCK(text) ((struct hay_span){text, sizeof text - 1})

static struct task *task_of(hay_task *task)
{
    return (struct task *)(void *)task;
}

static const struct task *task_of_const(const hay_task *task)
{
    return (const struct task *)(const void *)task;
}

__attribute__((noinline, cold))
static int result_failed(struct task *task, enum task_failure failure)
{
    if (task->failure == TASK_FINE || task->failure == TASK_FAILED)
        task->failure = failure;
    return task->failure == TASK_NO_MEMORY ? -ENOMEM : -EMSGSIZE;
}

static int host_result(hay_task *hay, const void *bytes, size_t size)
{
    struct task *task = task_of(hay);
    struct buffer *result = &task->result;
    if (task->failure > TASK_FAILED)
        return result_failed(task, task->failure);
    if (size > task->options.max_result_bytes - buffer_size(result))
        return result_failed(task, TASK_RESULT_TOO_LARGE);
    if (!size)
        return 0;
    unsigned char *at = buffer_reserve(result, size);
    if (!at)
        return result_failed(task, TASK_NO_MEMORY);
    memcpy(at, bytes, size);
    buffer_commit(result, size);
    return 0;
}

/* The bytes of a message that are used: a character that the bound would cut in two is left out. */
static size_t message_size(const char *message)
{
    size_t size = strnlen(message, TASK_MESSAGE_MAX);
    if (size == TASK_MESSAGE_MAX && message[size])
        for (int i = 0; i < 3 && (message[size] & 0xc0) == 0x80; i++)
            size--;
    return size;
}

static int host_fail(hay_task *hay, const char *message)
{
    struct task *task = task_of(hay);
    if (task->failure != TASK_FINE)
        return -1;
    task->failure = TASK_FAILED;
    if (message) {
        task->message.at = task->text;
        task->message.size = plugin_text_copy(task->text, sizeof task->text, message, message_size(message), false);
    }
    return -1;
}

static int host_progress(hay_task *hay, const void *bytes, size_t size)
{
    const struct task_options *options = &task_of(hay)->options;
    if (!bytes || !size)
        return -EINVAL;
    if (size > TASK_PROGRESS_MAX)
        return -EMSGSIZE;
    if (options->on_progress)
        options->on_progress(options->context, bytes, size);
    return 0;
}

static int host_cancelled(const hay_task *hay)
{
    const struct task *task = task_of_const(hay);
    const struct task_options *options = &task->options;
    if (options->cancel_word && atomic_load_explicit(options->cancel_word, memory_order_relaxed) == hay->number)
        return 1;
    return options->watch_clock && task->deadline_ns != TIME_NEVER && clock_now_ns() >= task->deadline_ns;
}

static void host_log(hay_task *hay, enum hay_log_level level, const char *text)
{
    const struct task_options *options = &task_of(hay)->options;
    char line[TASK_MESSAGE_MAX + 1];
    (void)level;
    if (!text || !options->on_log)
        return;
    size_t size = plugin_text_copy(line, sizeof line, text, message_size(text), true);
    options->on_log(options->context, line, size);
}

static int64_t host_deadline(const hay_task *hay)
{
    return task_of_const(hay)->deadline_ns;
}

static int host_retried(const hay_task *hay)
{
    return task_of_const(hay)->is_retried;
}

static const struct hay_host host = {
    .struct_size = sizeof host,
    .result = host_result,
    .fail = host_fail,
    .progress = host_progress,
    .cancelled = host_cancelled,
    .log = host_log,
    .deadline = host_deadline,
    .retried = host_retried,
};

void task_init(struct task *task, const struct task_options *options)
{
    task->hay = (struct hay_task){.host = &host};
    task->deadline_ns = TIME_NEVER;
    task->is_retried = false;
    task->options = *options;
    task->failure = TASK_FINE;
    buffer_init(&task->result);
    task->message = (struct hay_span){NULL, 0};
    task->text[0] = '\0';
}

void task_release(struct task *task)
{
    buffer_release(&task->result);
    task->message = (struct hay_span){NULL, 0};
}

void task_begin(struct task *task, uint64_t number, uint32_t attempt, bool is_retried, int64_t deadline_ns)
{
    task_end(task);
    task->hay.host = &host; /* what a job has written there is not the next one's */
    task->hay.number = number;
    task->hay.attempt = attempt;
    task->hay.worker = task->options.worker;
    task->hay.begun = 0;
    task->deadline_ns = deadline_ns;
    task->is_retried = is_retried;
}

/* The function has not simply returned a result. */
__attribute__((noinline, cold))
static enum hay_outcome judge_failure(struct task *task, int code)
{
    if (task->failure == TASK_RESULT_TOO_LARGE) {
        int size = snprintf(task->text, sizeof task->text, "the result is larger than %llu bytes",
                            (unsigned long long)task->options.max_result_bytes);
        task->message = (struct hay_span){task->text, (size_t)size};
    } else if (task->failure == TASK_NO_MEMORY) {
        task->message = STOCK("no memory for the result");
    } else if (!task->message.size) {
        task->message = code || task->failure == TASK_FAILED ? STOCK("the function failed without a message")
                                                             : STOCK("the function returned no result");
    }
    buffer_consume(&task->result, buffer_size(&task->result), TASK_KEEP_BYTES);
    return HAY_OUTCOME_ERROR;
}

enum hay_outcome task_run(struct task *task, const struct hay_function *function, const void *args, size_t size)
{
    int code = function->run(&task->hay, function, args, size);
    if (code || task->failure != TASK_FINE || !buffer_size(&task->result))
        return judge_failure(task, code);
    return HAY_OUTCOME_OK;
}

void task_end(struct task *task)
{
    buffer_consume(&task->result, buffer_size(&task->result), TASK_KEEP_BYTES);
    task->failure = TASK_FINE;
    task->message.size = 0;
}
