/* SPDX-License-Identifier: MIT
 *
 * What a function says, and what becomes of it.
 */
#include "plugin/task.h"
#include "support/tap.h"
#include "unit/plugin/failing_malloc.h"

#include <errno.h>
#include <string.h>

#define LIMIT 100

static _Atomic uint64_t cancel_word;
static char seen[8192]; /* what the callbacks got */
static size_t seen_size;

static void on_progress(void *context, const void *bytes, size_t size)
{
    CU_ASSERT_PTR_EQUAL(context, seen);
    seen_size = size;
    memcpy(seen, bytes, size < sizeof seen ? size : sizeof seen);
}

static void on_log(void *context, const char *line, size_t size)
{
    CU_ASSERT_PTR_EQUAL(context, seen);
    seen_size = size;
    memcpy(seen, line, size + 1);
}

static const struct task_options options = {
    .max_result_bytes = LIMIT,
    .cancel_word = &cancel_word,
    .context = seen,
    .on_progress = on_progress,
    .on_log = on_log,
};

/* Run one function on a fresh task and compare: the result when it ends well, else the message. */
static void expect(hay_run_fn *run, const char *args, enum hay_outcome outcome, const char *text)
{
    const struct hay_function function = {"f", "", run, NULL};
    struct task task;
    task_init(&task, &options);
    for (int again = 0; again < 2; again++) {
        task_begin(&task, 5, 1, false, INT64_MAX);
        CU_ASSERT_EQUAL(task_run(&task, &function, args, strlen(args)), outcome);
        struct hay_span said = task.message;
        if (outcome == HAY_OUTCOME_OK)
            said = (struct hay_span){(const char *)buffer_at(&task.result), buffer_size(&task.result)};
        CU_ASSERT_EQUAL(said.size, strlen(text));
        CU_ASSERT_FATAL(said.at != NULL);
        CU_ASSERT_EQUAL(memcmp(said.at, text, said.size), 0);
        task_end(&task);
    }
    task_release(&task);
}

#define FUNCTION(name, ...) \
    static int name(hay_task *task, const struct hay_function *function, const void *args, size_t size) \
    { \
        const struct hay_host *host = task->host; \
        (void)host; \
        (void)function; \
        (void)args; \
        (void)size; \
        __VA_ARGS__ \
    }

FUNCTION(echo, return host->result(task, args, size);)
FUNCTION(pieces, host->result(task, "[1", 2); host->result(task, "", 0); host->result(task, ",2]", 3); return 0;)
FUNCTION(says_nothing, return 0;)
FUNCTION(only_empty, return host->result(task, "", 0);)
FUNCTION(fails_silently, host->result(task, "1", 1); return 3;)
FUNCTION(fails, return host->fail(task, "no such thing");)
FUNCTION(fails_twice, host->fail(task, "first"); return host->fail(task, "second");)
FUNCTION(fails_and_returns_0,
         host->result(task, "1", 1); host->fail(task, "not that well"); host->result(task, "2", 1); return 0;)
FUNCTION(fails_with_null, host->fail(task, NULL); return 0;)
FUNCTION(fails_with_nothing, host->fail(task, ""); host->result(task, "1", 1); return 0;)

static void a_result_is_gathered(void)
{
    expect(echo, "{\"a\":1}", HAY_OUTCOME_OK, "{\"a\":1}");
    expect(pieces, "", HAY_OUTCOME_OK, "[1,2]");
}

static void without_a_result_it_is_an_error(void)
{
    expect(says_nothing, "", HAY_OUTCOME_ERROR, "the function returned no result");
    expect(only_empty, "", HAY_OUTCOME_ERROR, "the function returned no result");
}

static void the_first_failure_counts_whatever_is_returned(void)
{
    expect(fails, "", HAY_OUTCOME_ERROR, "no such thing");
    expect(fails_twice, "", HAY_OUTCOME_ERROR, "first");
    expect(fails_and_returns_0, "", HAY_OUTCOME_ERROR, "not that well");
}

static void a_failure_without_words_gets_stock_ones(void)
{
    expect(fails_silently, "", HAY_OUTCOME_ERROR, "the function failed without a message");
    expect(fails_with_null, "", HAY_OUTCOME_ERROR, "the function failed without a message");
    expect(fails_with_nothing, "", HAY_OUTCOME_ERROR, "the function failed without a message");
}

static int code; /* what host->result() returned last */

FUNCTION(too_large, char bytes[LIMIT + 1]; memset(bytes, 'x', sizeof bytes);
         code = host->result(task, bytes, sizeof bytes); return 0;)
FUNCTION(just_fits, char bytes[LIMIT]; memset(bytes, '1', sizeof bytes);
         code = host->result(task, bytes, sizeof bytes); return 0;)
FUNCTION(one_over, char bytes[LIMIT]; memset(bytes, '1', sizeof bytes); host->result(task, bytes, sizeof bytes);
         code = host->result(task, "1", 1); return 0;)
FUNCTION(wraps, host->result(task, "1", 1); code = host->result(task, "1", SIZE_MAX); return 0;)
FUNCTION(over_then_small,
         host->result(task, "1", SIZE_MAX); code = host->result(task, "1", 1); host->fail(task, "own words"); return 0;)
FUNCTION(fails_then_over, host->fail(task, "own words"); host->result(task, "1", SIZE_MAX); return -1;)

static void a_result_over_the_limit_is_an_error_whatever_else(void)
{
    const char *text = "the result is larger than 100 bytes";
    hay_run_fn *const over[] = {too_large, one_over, wraps, over_then_small};
    for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
        code = 0;
        expect(over[i], "", HAY_OUTCOME_ERROR, text);
        CU_ASSERT_EQUAL(code, -EMSGSIZE);
    }
    expect(fails_then_over, "", HAY_OUTCOME_ERROR, text);

    struct task task;
    const struct hay_function function = {"f", "", just_fits, NULL};
    task_init(&task, &options);
    task_begin(&task, 1, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &function, "", 0), HAY_OUTCOME_OK);
    CU_ASSERT_EQUAL(buffer_size(&task.result), LIMIT);
    task_release(&task);
}

static void no_memory_for_the_result_is_an_error(void)
{
    struct task task;
    const struct hay_function function = {"f", "", echo, NULL};
    task_init(&task, &options);
    task_begin(&task, 1, 1, false, INT64_MAX);
    allocations_left = 0;
    CU_ASSERT_EQUAL(task_run(&task, &function, "1", 1), HAY_OUTCOME_ERROR);
    allocations_left = -1;
    CU_ASSERT_NSTRING_EQUAL(task.message.at, "no memory for the result", task.message.size);
    task_begin(&task, 2, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &function, "1", 1), HAY_OUTCOME_OK);
    task_release(&task);
}

FUNCTION(scribbles, return memset(task, 0xa5, sizeof *task), 0;)

static void what_a_job_writes_over_its_task_is_not_the_next_ones(void)
{
    struct task task;
    const struct hay_function first = {"f", "", scribbles, NULL}, second = {"g", "", echo, NULL};
    task_init(&task, &options);
    task_begin(&task, 1, 1, false, INT64_MAX);
    task_run(&task, &first, "1", 1);
    task_begin(&task, 2, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &second, "1", 1), HAY_OUTCOME_OK);
    CU_ASSERT_EQUAL(task.hay.number, 2);
    task_release(&task);
}

static char message[3 * TASK_MESSAGE_MAX];
FUNCTION(fails_at_length, return host->fail(task, message);)

static void a_message_is_bounded_valid_utf8(void)
{
    struct task task;
    const struct hay_function function = {"f", "", fails_at_length, NULL};
    task_init(&task, &options);
    /* The bound falls inside a character: it is left out whole. */
    memset(message, 'x', sizeof message);
    message[sizeof message - 1] = '\0';
    memcpy(message + TASK_MESSAGE_MAX - 2, "\xe2\x82\xac", 3);
    task_begin(&task, 1, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &function, "", 0), HAY_OUTCOME_ERROR);
    CU_ASSERT_EQUAL(task.message.size, TASK_MESSAGE_MAX - 2);
    CU_ASSERT_EQUAL(task.message.at[task.message.size - 1], 'x');
    /* Bad bytes grow, the bound stays. */
    memset(message, '\x80', sizeof message - 1);
    task_begin(&task, 1, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &function, "", 0), HAY_OUTCOME_ERROR);
    CU_ASSERT(task.message.size <= TASK_MESSAGE_MAX && task.message.size % 3 == 0);
    CU_ASSERT_NSTRING_EQUAL(task.message.at, "\xef\xbf\xbd\xef\xbf\xbd", 6);
    /* Lines are kept: the writer of the result line escapes them. */
    memcpy(message, "a\nb\xff", 5);
    task_begin(&task, 1, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &function, "", 0), HAY_OUTCOME_ERROR);
    CU_ASSERT_EQUAL(task.message.size, 6);
    CU_ASSERT_NSTRING_EQUAL(task.message.at, "a\nb\xef\xbf\xbd", 6);
    task_release(&task);
}

static void the_cancel_word_names_a_job(void)
{
    struct task task;
    task_init(&task, &options);
    task_begin(&task, 9, 1, false, 0);
    const struct hay_host *host = task.hay.host;
    cancel_word = 0;
    CU_ASSERT(!host->cancelled(&task.hay)); /* a deadline that passed is for the master to see */
    cancel_word = 8;
    CU_ASSERT(!host->cancelled(&task.hay));
    cancel_word = 9;
    CU_ASSERT(host->cancelled(&task.hay));
    task_begin(&task, 10, 1, false, 0);
    CU_ASSERT(!host->cancelled(&task.hay));
    task_release(&task);
}

static void a_task_can_watch_the_clock_itself(void)
{
    struct task task;
    const struct task_options alone = {.max_result_bytes = LIMIT, .watch_clock = true};
    task_init(&task, &alone);
    const struct hay_host *host = task.hay.host;
    task_begin(&task, 1, 1, false, INT64_MAX);
    CU_ASSERT(!host->cancelled(&task.hay));
    task_begin(&task, 1, 1, false, INT64_MAX - 1);
    CU_ASSERT(!host->cancelled(&task.hay));
    task_begin(&task, 1, 1, false, 1);
    CU_ASSERT(host->cancelled(&task.hay));
    task_release(&task);
}

static void the_function_sees_its_job(void)
{
    struct task task;
    struct task_options of_17 = options;
    of_17.worker = 17;
    task_init(&task, &of_17);
    task_begin(&task, 1, 1, false, 1);
    CU_ASSERT(!task.hay.host->retried(&task.hay));
    task.hay.worker = 3; /* as a job may that writes where it should not */
    task_begin(&task, UINT64_MAX, 3, true, 12345);
    CU_ASSERT(task.hay.host->retried(&task.hay));
    CU_ASSERT_EQUAL(task.hay.number, UINT64_MAX);
    CU_ASSERT_EQUAL(task.hay.attempt, 3);
    CU_ASSERT_EQUAL(task.hay.worker, 17);
    CU_ASSERT_EQUAL(task.hay.host->deadline(&task.hay), 12345);
    CU_ASSERT(HAY_HOST_HAS(task.hay.host, deadline));
    task_release(&task);
}

static void progress_is_handed_on_within_its_bound(void)
{
    static char big[TASK_PROGRESS_MAX + 1];
    struct task task;
    task_init(&task, &options);
    task_begin(&task, 1, 1, false, INT64_MAX);
    const struct hay_host *host = task.hay.host;
    CU_ASSERT_EQUAL(host->progress(&task.hay, "0.5", 3), 0);
    CU_ASSERT_EQUAL(seen_size, 3);
    CU_ASSERT_NSTRING_EQUAL(seen, "0.5", 3);
    CU_ASSERT_EQUAL(host->progress(&task.hay, big, sizeof big), -EMSGSIZE);
    CU_ASSERT_EQUAL(host->progress(&task.hay, "", 0), -EINVAL);
    CU_ASSERT_EQUAL(host->progress(&task.hay, NULL, 1), -EINVAL);
    task_release(&task);
}

static void a_log_line_is_one_line_of_text(void)
{
    struct task task;
    task_init(&task, &options);
    task_begin(&task, 1, 1, false, INT64_MAX);
    const struct hay_host *host = task.hay.host;
    host->log(&task.hay, HAY_LOG_WARNING, "two\nlines \x1b[0m\xff");
    CU_ASSERT_STRING_EQUAL(seen, "two lines  [0m\xef\xbf\xbd");
    memset(message, 'y', sizeof message - 1);
    host->log(&task.hay, (enum hay_log_level)99, message);
    CU_ASSERT_EQUAL(seen_size, TASK_MESSAGE_MAX);
    seen_size = 1;
    host->log(&task.hay, HAY_LOG_INFO, NULL);
    CU_ASSERT_EQUAL(seen_size, 1);
    task_release(&task);
}

static void without_listeners_reports_are_dropped(void)
{
    struct task task;
    const struct task_options quiet = {.max_result_bytes = LIMIT};
    task_init(&task, &quiet);
    task_begin(&task, 1, 1, false, INT64_MAX);
    const struct hay_host *host = task.hay.host;
    CU_ASSERT_EQUAL(host->progress(&task.hay, "1", 1), 0);
    host->log(&task.hay, HAY_LOG_INFO, "x");
    CU_ASSERT(!host->cancelled(&task.hay));
    task_release(&task);
}

FUNCTION(large, static char bytes[1 << 20]; for (int i = 0; i < 4; i++) host->result(task, bytes, sizeof bytes); return 0;)

static void large_storage_is_given_back(void)
{
    struct task task;
    const struct task_options roomy = {.max_result_bytes = 16 << 20};
    const struct hay_function function = {"f", "", large, NULL}, small = {"f", "", echo, NULL};
    task_init(&task, &roomy);
    task_begin(&task, 1, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &function, "", 0), HAY_OUTCOME_OK);
    CU_ASSERT_EQUAL(buffer_size(&task.result), 4 << 20);
    task_end(&task);
    CU_ASSERT_EQUAL(task.result.capacity, 0);
    task_begin(&task, 2, 1, false, INT64_MAX);
    CU_ASSERT_EQUAL(task_run(&task, &small, "1", 1), HAY_OUTCOME_OK);
    size_t kept = task.result.capacity;
    task_end(&task);
    CU_ASSERT(kept > 0 && kept <= TASK_KEEP_BYTES && task.result.capacity == kept);
    task_release(&task);
}

int main(void)
{
    CU_TestInfo tests[] = {
        {"a_result_is_gathered", a_result_is_gathered},
        {"without_a_result_it_is_an_error", without_a_result_it_is_an_error},
        {"the_first_failure_counts_whatever_is_returned", the_first_failure_counts_whatever_is_returned},
        {"a_failure_without_words_gets_stock_ones", a_failure_without_words_gets_stock_ones},
        {"a_result_over_the_limit_is_an_error_whatever_else", a_result_over_the_limit_is_an_error_whatever_else},
        {"no_memory_for_the_result_is_an_error", no_memory_for_the_result_is_an_error},
        {"what_a_job_writes_over_its_task_is_not_the_next_ones", what_a_job_writes_over_its_task_is_not_the_next_ones},
        {"a_message_is_bounded_valid_utf8", a_message_is_bounded_valid_utf8},
        {"the_cancel_word_names_a_job", the_cancel_word_names_a_job},
        {"a_task_can_watch_the_clock_itself", a_task_can_watch_the_clock_itself},
        {"the_function_sees_its_job", the_function_sees_its_job},
        {"progress_is_handed_on_within_its_bound", progress_is_handed_on_within_its_bound},
        {"a_log_line_is_one_line_of_text", a_log_line_is_one_line_of_text},
        {"without_listeners_reports_are_dropped", without_listeners_reports_are_dropped},
        {"large_storage_is_given_back", large_storage_is_given_back},
        CU_TEST_INFO_NULL,
    };
    CU_SuiteInfo suites[] = {{"task", NULL, NULL, NULL, NULL, tests}, CU_SUITE_INFO_NULL};
    return tap_run(suites);
}
